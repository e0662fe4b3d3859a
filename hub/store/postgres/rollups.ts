import { type Cell, emptyCell } from '../cell.ts';
import { doubt } from '../doubt.ts';
import { type RollupKey, reachOf } from '../roll.ts';
import { cellOf, columnsOf, type RollupRow } from '../rollup-row.ts';
import { addRolled } from '../stretches.ts';
import type { Commit } from './commits.ts';
import { RETENTION_PG } from './retention-statements.ts';
import type { Bound } from './transaction.ts';

export interface KeyedCell {
  key: RollupKey;
  cell: Cell;
}

/** The columns of keys, as the statements take them. */
export function keyColumns(keys: readonly RollupKey[]): Bound[] {
  return [
    keys.map(({ patient }) => patient),
    keys.map(({ vital }) => vital),
    keys.map(({ device }) => device),
    keys.map(({ part }) => part),
    keys.map(({ test }) => test === 1),
    keys.map(({ start }) => start),
    keys.map(({ width }) => width),
  ];
}

/** Adds cells to what is kept of their stretches. */
export async function writeRollups(commit: Commit, tenant: string, cells: readonly KeyedCell[]): Promise<void> {
  if (cells.length === 0) return;
  const which = keyColumns(cells.map(({ key }) => key));
  const found = await commit.query<RollupRow & { i: number }>(RETENTION_PG.rollups, which);
  const kept = new Map(found.map((row) => [row.i - 1, row]));
  const rows = cells.map(({ key, cell }, index) => {
    const before = kept.get(index);
    const whole = before ? cellOf(before) : emptyCell();
    addRolled(whole, cell, reachOf(key.vital));
    return columnsOf(whole);
  });
  const columns = (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? null));
  await commit.query(RETENTION_PG.putRollups, [...which, ...columns, tenant]);
}

/** Casts doubt on those of these rollups that are kept and in which a value counts. */
export async function doubtRollups(commit: Commit, tenant: string, keys: readonly RollupKey[]): Promise<void> {
  const found = await commit.query<RollupRow & { i: number }>(RETENTION_PG.rollups, keyColumns(keys));
  const counted = new Set(found.filter(({ n }) => n > 0).map(({ i }) => i - 1));
  await writeRollups(
    commit,
    tenant,
    keys.filter((_, i) => counted.has(i)).map((key) => ({ key, cell: doubt() })),
  );
}
