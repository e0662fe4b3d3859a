import type { Resource } from '../../../shared/fhir.ts';
import { type IsTheirs, isNamed, PARTY, type Part, partsOf } from '../../patients/movement-parts.ts';

export type { IsTheirs };

/** Events that move a visit or an account from one person to another: who is named as the prior one is somebody else. */
const GIVEN = new Set(['A44', 'A45']);

/**
 * A movement without the person whose identifiers these are (`isTheirs`): undefined where nobody else has a part in it. What is said of the others stays as it
 * was said. Of a visit that was theirs and was given to somebody else their number goes. Pure.
 */
export function withoutParties(resource: Resource, isTheirs: IsTheirs): Resource | undefined {
  const all = partsOf(resource);
  const isGiven = all.some(({ valueCode }) => typeof valueCode === 'string' && GIVEN.has(valueCode));
  const kept = all.flatMap((part) => {
    if (part.url !== PARTY) return [part];
    const isOf = ({ url }: Part): boolean => !isGiven || url !== 'priorPatient';
    const parts = partsOf(part);
    if (isNamed(parts.filter(isOf), isTheirs)) return [];
    return [{ ...part, extension: parts.filter((one) => isOf(one) || !isNamed([one], isTheirs)) }];
  });
  if (!kept.some(({ url }) => url === PARTY)) return undefined;
  return { ...resource, extension: kept } as Resource;
}
