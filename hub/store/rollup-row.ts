import { type Cell, flagsOf, inOrder } from './cell.ts';
import { stretchesFrom, textOf } from './stretches.ts';

/** What a row of the rollup table says of its stretch. */
export interface RollupRow {
  start: number;
  n: number;
  least: number | null;
  greatest: number | null;
  sum: number;
  last: number | null;
  firstAt: number | null;
  lastAt: number | null;
  coveredMs: number;
  flags: string | null;
  absent: number;
  withdrawn: number;
  undated: number;
  doubtful: number;
  stretches: string | null;
}

export function cellOf({ start: _, least, greatest, flags, stretches, ...row }: RollupRow): Cell {
  const lay = stretchesFrom(row.firstAt, stretches);
  return { ...row, min: least, max: greatest, flags: flags === null ? undefined : new Set(flagsOf(flags)), ...(lay && { stretches: lay }) };
}

/** The columns of a cell, in the order in which the table has them from `n` on. */
export function columnsOf(cell: Cell): (number | string | null)[] {
  const { n, min, max, sum, last, firstAt, lastAt, coveredMs, flags, absent, withdrawn, undated, doubtful, stretches } = cell;
  const text = flags === undefined ? null : inOrder(flags).join(' ');
  return [n, min, max, sum, last, firstAt, lastAt, coveredMs, text, absent, withdrawn, undated, doubtful, textOf(stretches)];
}
