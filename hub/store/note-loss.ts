import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { StorePosition } from '../../shared/uplink/lineage.ts';
import type { UnknownStretch } from '../registry/bindings.ts';
import { lineageOf } from './lineage.ts';
import { lossBegins, lossIn } from './loss.ts';
import { SQL } from './statements.ts';

/** Notes once, within the transaction of the caller, that no binding is known since what the store lost of `told`; see `Store.noticeLoss`. */
export function noteLoss(database: Pick<Database, 'prepare'>, told: readonly StorePosition[], at: Instant, uncertain: Set<number>): void {
  const loss = lossIn(lineageOf(database, -1), told);
  if (loss === undefined || (!loss.isCertain && uncertain.has(loss.to))) return;
  const evidenceAt = (seq: number): Instant | undefined => database.prepare<[number], { at: Instant }>(SQL.evidenceAt).get(seq)?.at;
  const noted = loss.isCertain ? database.prepare<[], UnknownStretch>(SQL.unknown).all() : [];
  const times = { at: evidenceAt(loss.to), next: evidenceAt(loss.to + 1) };
  const start = lossBegins(
    times,
    noted.map(({ from }) => from),
  );
  if (start === undefined) return;
  database.prepare<[Instant, Instant, Instant | null]>(SQL.addUnknown).run(start, at, null);
  if (!loss.isCertain) uncertain.add(loss.to);
}
