import type { Instant } from '../../../shared/clock.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import type { RetentionOrder } from '../retention.ts';
import type { ArrivedBatch } from '../store.ts';
import type { Commit } from './commits.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';
import { weekOf } from './week.ts';

/** Sees to it within a commit that there are partitions for what a batch brings. `known` are weeks of which they are on disk. */
export async function makeWeeks(commit: Commit, { at, arrivals }: ArrivedBatch, known: Set<number>): Promise<void> {
  if (arrivals.length === 0) return;
  const wanted = new Set([at, ...arrivals.map(({ sortTime }) => sortTime)].map(weekOf));
  for (const week of [...wanted].filter((one) => !known.has(one)).sort((a, b) => a - b)) {
    await commit.query(PG.makeWeek, [week]);
    commit.afterwards(() => known.add(week));
  }
}

/** First in a transaction that reads: no partition goes under it. A lock takes no snapshot, so all it sees is of after it. */
export const HOLD_WEEKS = 'LOCK TABLE ONLY observation, ONLY packed, ONLY event IN ACCESS SHARE MODE';

/** While it waits for its lock everybody else waits behind it. */
const LOCK_MS = 100;

/** What lends transactions to whoever drops partitions. */
export interface WeeksPlace {
  read<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** A transaction beside the commits, in which nothing waits for a lock any longer than this. Rejects with STORAGE-BUSY. */
  apart<T>(lockMs: number, work: (transaction: Transaction) => Promise<T>): Promise<T>;
}

/**
 * Drops the oldest partition in which nothing is left of a week that the retention has wholly passed; true when it did. While anybody reads, it
 * is left for another time.
 */
export async function dropEmptyWeek(place: WeeksPlace, order: RetentionOrder): Promise<boolean> {
  const passed = passedBy(order);
  if (passed === undefined) return false;
  const [empty] = await place.read((transaction) => transaction.query<{ parent: string; week: number }>(PG.emptyWeek, [weekOf(passed)]));
  if (empty === undefined) return false;
  try {
    const [done] = await place.apart(LOCK_MS, (transaction) =>
      transaction.query<{ dropped: boolean }>(PG.dropWeek, [empty.parent, empty.week]),
    );
    return done?.dropped ?? false;
  } catch (thrown) {
    const error = asVitalmeshError(thrown);
    if (error.code === 'STORAGE-BUSY') return false;
    throw error;
  }
}

/** What was stored before this is due in one class at least; undefined where everything is kept for ever. */
function passedBy({ policy, now }: RetentionOrder): Instant | undefined {
  const keptMs = Object.values(policy).filter((keepMs) => keepMs !== null);
  return keptMs.length === 0 ? undefined : now - Math.min(...keptMs);
}
