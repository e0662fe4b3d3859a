import type { Identifier, LogicalReference } from '../../../shared/fhir.ts';
import { fields, text } from './fields.ts';

/** A literal reference: `Patient/1`, `https://example.org/fhir/Patient/1`, the same with a version. */
const LITERAL = /^(?:(https?:\/\/[^?#|]+)\/)?([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const URN = /^urn:(?:uuid|oid):[A-Za-z0-9.-]+$/;
/** FHIR R4 datatypes, Identifier: the system of a value that is itself a URI. */
const URI_SYSTEM = 'urn:ietf:rfc:3986';

/**
 * A reference by identifier alone, in the place of one that points into a server: an identifier if there is one, else what the literal reference says,
 * as an identifier of its server. `type` is what it has to point at. Undefined where it says nothing, null where it points at something else.
 */
export function logicalReference(value: unknown, type: string): LogicalReference | undefined | null {
  if (value === undefined) return undefined;
  const { identifier, reference, type: stated } = fields(value);
  if (stated !== undefined && stated !== type) return null;
  const literal = reference === undefined ? undefined : identifierOfLiteral(reference, type);
  if (literal === null) return null;
  const found = identifier === undefined ? literal : identifierOf(identifier);
  return found && { identifier: found };
}

/** An identifier; undefined where it says nothing, null where its text could be that of another one. */
export function identifierOf(value: unknown): Identifier | undefined | null {
  const { system, value: number } = fields(value);
  const [given, name] = [text(number), text(system)];
  if (given === undefined) return undefined;
  if ((name ?? given).includes('|')) return null;
  return name === undefined ? { value: given } : { system: name, value: given };
}

/** As the registry has it: `system|value` (FHIR R4 search, token), or the value alone where there is no system. */
export function identifierText({ system, value }: Identifier): string {
  return system === undefined ? value : `${system}|${value}`;
}

/** A literal reference without its version. */
export function unversioned(reference: string): string {
  return reference.replace(/\/_history\/[^/]*$/, '');
}

function identifierOfLiteral(reference: unknown, type: string): Identifier | undefined | null {
  const given = text(reference);
  if (given === undefined || given.startsWith('#')) return null;
  if (URN.test(given)) return { system: URI_SYSTEM, value: given };
  const [, server, of, id = ''] = LITERAL.exec(given) ?? [];
  if (of !== type) return null;
  return server === undefined ? { value: id } : { system: `${server}/${type}`, value: id };
}
