import type { Database } from '../../shared/storage/database.ts';
import { Amounts } from './amounts.ts';
import { PART_NUMBER } from './schema.ts';
import * as sql from './statements.ts';

/** Rows and their bytes as they are after the last commit that was answered. */
export interface Tally {
  pending: Amounts;
  delivered: Amounts;
  /** Parts under `PART_NUMBER`. */
  quarantined: Amounts;
}

/** What a commit changed: rows that came, left, became delivered, or went after they were delivered; what came into quarantine, and what left it. */
export interface Changed {
  came?: Amounts;
  left?: Amounts;
  delivered?: Amounts;
  pruned?: Amounts;
  quarantined?: Amounts;
  unquarantined?: Amounts;
}

/** Looks through all rows: once an opening. */
export function countRows(database: Database): Tally {
  const tally: Tally = { pending: new Amounts(), delivered: new Amounts(), quarantined: new Amounts() };
  const counts = database.prepare<[], { class: number; delivered: number; rows: number; bytes: number }>(sql.COUNT_ROWS).all();
  for (const { class: rowClass, delivered, rows, bytes } of counts) {
    (delivered === 1 ? tally.delivered : tally.pending).add(rowClass, bytes, rows);
  }
  const aside = database.prepare<[], { class: number | null; rows: number; bytes: number }>(sql.COUNT_QUARANTINED).all();
  for (const { class: rowClass, bytes, rows } of aside) tally.quarantined.add(rowClass ?? PART_NUMBER, bytes, rows);
  return tally;
}

export function applyChange(tally: Tally, { came, left, delivered, pruned, quarantined, unquarantined }: Changed): void {
  if (came) tally.pending.plus(came);
  if (left) tally.pending.minus(left);
  if (delivered) {
    tally.pending.minus(delivered);
    tally.delivered.plus(delivered);
  }
  if (pruned) tally.delivered.minus(pruned);
  if (quarantined) tally.quarantined.plus(quarantined);
  if (unquarantined) tally.quarantined.minus(unquarantined);
}
