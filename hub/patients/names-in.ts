/** Identifiers (`system|value`) by which a resource names somebody, as it was received: an Observation's subject, and the parties of a movement. */
export function namesIn(resource: unknown): string[] {
  const { subject, extension } = fieldsOf(resource);
  return [...nameOf(fieldsOf(subject).identifier), ...named(extension)];
}

function named(extensions: unknown): string[] {
  if (!Array.isArray(extensions)) return [];
  return extensions.flatMap((one) => {
    const { valueIdentifier, extension } = fieldsOf(one);
    return [...nameOf(valueIdentifier), ...named(extension)];
  });
}

/** What stands for a place, a device or a visit is no name of a person. */
const OF_OTHERS = /^urn:vitalmesh:(?:bed|gateway-device|visit)\b/;

function nameOf(identifier: unknown): string[] {
  const { system = '', value } = fieldsOf(identifier);
  if (typeof value !== 'string' || value === '' || typeof system !== 'string' || OF_OTHERS.test(system)) return [];
  return [`${system}|${value}`];
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
