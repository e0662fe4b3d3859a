import { MAX_AHEAD_MS } from '../../clinical/sort-time.ts';
import { type Place, STEP_MS } from '../../clinical/staleness.ts';

/** What may stand in `latest`, with the key of its observation. */
export interface Standing {
  key: number;
  test: boolean;
  sortTime: number;
  storedAt: number;
  freshAt: number;
  place: Place;
}

/** What takes the place of a row from ahead of the hub's clock was measured within this time: it comes live. */
const LIVE_MS = 60_000;

/**
 * Whether a reading takes the place of the current one: a real one before every test one, then the greatest (sort time, time of storing,
 * order of storing). What was stored before the hub's clock was set back does not keep out what is measured now.
 */
export function supersedes(next: Standing, current: Standing): boolean {
  const isAhead = current.sortTime > next.storedAt + MAX_AHEAD_MS || current.storedAt > next.storedAt + STEP_MS;
  if (isAhead && Number(next.test) <= Number(current.test) && next.freshAt > next.storedAt - LIVE_MS) return true;
  const [a, b] = [orderOf(next), orderOf(current)];
  const differs = a.findIndex((value, i) => value !== b[i]);
  return differs >= 0 && (a[differs] ?? 0) > (b[differs] ?? 0);
}

function orderOf({ test, sortTime, storedAt, key }: Standing): readonly number[] {
  return [test ? 0 : 1, sortTime, storedAt, key];
}
