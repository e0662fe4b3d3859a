import type { Database } from '../../shared/storage/database.ts';
import { Amounts } from './amounts.ts';
import * as sql from './statements.ts';

/** Rows and their bytes as they are after the last commit that was answered. */
export interface Tally {
  pending: Amounts;
  delivered: Amounts;
  quarantined: number;
}

/** What a commit changed: rows that came, left, became delivered, or went after they were delivered; entries of quarantine. */
export interface Changed {
  came?: Amounts;
  left?: Amounts;
  delivered?: Amounts;
  pruned?: Amounts;
  quarantined?: number;
}

/** Looks through all rows: once an opening. */
export function countRows(database: Database): Tally {
  const tally: Tally = { pending: new Amounts(), delivered: new Amounts(), quarantined: 0 };
  const counts = database.prepare<[], { class: number; delivered: number; rows: number; bytes: number }>(sql.COUNT_ROWS).all();
  for (const { class: rowClass, delivered, rows, bytes } of counts) {
    (delivered === 1 ? tally.delivered : tally.pending).add(rowClass, bytes, rows);
  }
  tally.quarantined = database.prepare<[], { n: number }>(sql.COUNT_QUARANTINED).get()?.n ?? 0;
  return tally;
}

export function applyChange(tally: Tally, { came, left, delivered, pruned, quarantined = 0 }: Changed): void {
  if (came) tally.pending.plus(came);
  if (left) tally.pending.minus(left);
  if (delivered) {
    tally.pending.minus(delivered);
    tally.delivered.plus(delivered);
  }
  if (pruned) tally.delivered.minus(pruned);
  tally.quarantined += quarantined;
}
