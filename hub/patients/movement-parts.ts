import type { Resource } from '../../shared/fhir.ts';
import { namesIn } from './names-in.ts';

/** Extension of a movement that holds one person's part in it. */
export const PARTY = 'https://vitalmesh.org/fhir/StructureDefinition/movement-party';

/** Whether an identifier (`system|value`) is the person's. */
export type IsTheirs = (name: string) => boolean;

/** A part of a movement as it was received, of which nothing is known for sure. */
export interface Part {
  url?: unknown;
  valueCode?: unknown;
  extension?: unknown;
}

/** The parts of a movement, or of one of its parts. */
export function partsOf(value: object): Part[] {
  const { extension } = value as Part;
  return Array.isArray(extension) ? (extension as Part[]) : [];
}

/** Whether any of these names the person. */
export function isNamed(extension: readonly Part[], isTheirs: IsTheirs): boolean {
  return namesIn({ extension }).some(isTheirs);
}

/**
 * A movement as a copy for the person whose identifiers these are: without the parts of others, and in a part of theirs without the numbers of somebody else. Undefined
 * where they have no part in it. Pure.
 */
export function onlyParties(resource: Resource, isTheirs: IsTheirs): Resource | undefined {
  const kept = partsOf(resource).flatMap((part) => {
    if (part.url !== PARTY) return [part];
    const parts = partsOf(part);
    if (!isNamed(parts, isTheirs)) return [];
    return [{ ...part, extension: parts.filter((one) => namesIn({ extension: [one] }).every(isTheirs)) }];
  });
  if (!kept.some(({ url }) => url === PARTY)) return undefined;
  return { ...resource, extension: kept } as Resource;
}
