import type { AssignedId } from '../../shared/movement.ts';
import { authorityOfSystem } from '../../shared/observation-code.ts';
import { type RecordKey, recordKey } from '../patients/stays/statement.ts';
import { isLate } from '../store/erasing/hushed.ts';
import type { ErasedPeople } from '../store/erasing/tombstone.ts';
import type { Admitted } from './admit.ts';

/** What becomes of numbers of which nobody has heard and that a batch names. */
export interface Heard {
  /** They get a public id. */
  kept: Map<RecordKey, AssignedId>;
  /** Of somebody who was erased, in what was measured before that: what names them is nobody's, and the store refuses it. */
  late: RecordKey[];
}

/** Decides that: a number that stands in nothing but what is refused is kept nowhere, for every one is kept for good. Pure. */
export function heardIn(parts: readonly Admitted[], unheard: ReadonlyMap<RecordKey, AssignedId>, erased?: ErasedPeople): Heard {
  const [refused, late, stored] = [new Set<RecordKey>(), new Set<RecordKey>(), new Set<RecordKey>()];
  for (const part of parts) {
    const key = namedBy('arrival' in part ? part.arrival.received : part.refusal.received);
    if (key === undefined) continue;
    if (!('arrival' in part)) refused.add(key);
    else if (erased && isLate(part.arrival, erased)) late.add(key);
    else stored.add(key);
  }
  const isLeft = (key: RecordKey): boolean => !stored.has(key) && (late.has(key) || refused.has(key));
  return {
    kept: new Map([...unheard].filter(([key]) => !isLeft(key))),
    late: [...unheard.keys()].filter((key) => late.has(key) && isLeft(key)),
  };
}

/** The number of a resource's subject, as it is read. */
function namedBy(received: string): RecordKey | undefined {
  if (received === '') return undefined;
  const resource = JSON.parse(received) as { subject?: { identifier?: { system?: unknown; value?: unknown } } } | null;
  const { system, value } = resource?.subject?.identifier ?? {};
  if (typeof value !== 'string') return undefined;
  return recordKey({ value, authority: authorityOfSystem(typeof system === 'string' ? system : undefined) });
}
