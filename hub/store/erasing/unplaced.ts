import type { AssignedId } from '../../../shared/movement.ts';
import { identifierOf } from '../../../shared/observation-code.ts';
import { BEGINNING, type Due } from '../placing/due.ts';
import { nobodyIn } from '../placing/placing.ts';
import type { IsTheirs } from './movement-parties.ts';

/** How far the rows under nobody were gone through that name a person who is being erased. In memory alone: after a restart it begins anew, and finds what is left. */
export interface Unplaced {
  /** Public ids of all numbers that are surely theirs. */
  ids: readonly string[];
  /** Beds that are still to be gone through, the last one first, and how far the one at hand is. */
  beds: readonly string[];
  progress: Due['progress'];
}

/** Whether a number is surely a person's who is being erased; `isTheirs`: by the marks of the erasure. Pure. */
export function isNumberOf(number: AssignedId, isTheirs: IsTheirs): boolean {
  const { system = '', value = '' } = identifierOf(number);
  return isTheirs(`${system}|${value}`);
}

/** The order that makes rows of nobody in a bed the person's, with whom they are erased; undefined once no bed is left. */
export function gathering(tenant: string, patient: string, { ids, beds, progress }: Unplaced): Due | undefined {
  const bed = beds.at(-1);
  if (bed === undefined) return undefined;
  const which = { from: Number.MIN_SAFE_INTEGER, to: null, was: nobodyIn(bed), is: patient, unnamed: false, stating: ids };
  return {
    key: 0,
    tenant,
    wanted: { bed, ...which },
    lastObservation: Number.MAX_SAFE_INTEGER,
    lastEvent: Number.MAX_SAFE_INTEGER,
    progress,
  };
}

/** Behind the bed at hand. */
export function nextBed({ ids, beds }: Unplaced): Unplaced {
  return { ids, beds: beds.slice(0, -1), progress: BEGINNING };
}
