import type { Instant } from '../../../shared/clock.ts';
import type { StoreEpoch, StorePosition } from '../../../shared/uplink/lineage.ts';
import type { UnknownStretch } from '../../registry/bindings.ts';
import { lossBegins, lossIn } from '../loss.ts';
import type { Commit } from './commits.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

/** Above every number of epochs. */
const ALL = 1_000_000_000;

/** Notes once that no binding is known since what the database lost of `told`; see `Store.noticeLoss`. `uncertain`: as of an opening. */
export async function noteLoss(commit: Commit, told: readonly StorePosition[], at: Instant, uncertain: Set<number>): Promise<void> {
  const newest = await commit.query<StoreEpoch>(PG.epochs, [ALL]);
  const loss = lossIn({ epochs: newest.reverse(), position: commit.position.position }, told);
  if (loss === undefined || (!loss.isCertain && uncertain.has(loss.to))) return;
  const noted = loss.isCertain ? await commit.query<UnknownStretch>(PG.unknown) : [];
  await commit.query(PG.allEvidence);
  const times = { at: await evidenceAt(commit, loss.to), next: await evidenceAt(commit, loss.to + 1) };
  // What else is in this transaction sees the evidence of its own tenant alone.
  await commit.query(PG.ownEvidence);
  const start = lossBegins(
    times,
    noted.map(({ from }) => from),
  );
  if (start === undefined) return;
  await commit.query(PG.addUnknownStretch, [start, at, null]);
  if (!loss.isCertain) uncertain.add(loss.to);
}

/** Whether there is a stretch that the next reading of a registry ends. */
export async function isUnknownOpen(transaction: Transaction): Promise<boolean> {
  return (await transaction.query(PG.isUnknownOpen)).length > 0;
}

async function evidenceAt(transaction: Transaction, seq: number): Promise<Instant | undefined> {
  const [entry] = await transaction.query<{ at: Instant }>(PG.evidenceAt, [seq]);
  return entry?.at;
}
