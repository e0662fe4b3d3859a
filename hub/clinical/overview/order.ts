import type { VitalView } from '../../access/door.ts';
import { classOf } from '../staleness.ts';

/** What is asked for first of anybody. */
const FIRST = [
  'oxygen-saturation',
  'heart-rate',
  'respiratory-rate',
  'blood-pressure',
  'temperature',
  'glucose',
  'end-tidal-co2',
  'weight',
];

/** The rows that answer for each measurand, in an order in which whoever reads only the first loses least: what is asked for first, what else is measured, and what is set. Pure. */
export function inOrder(rows: readonly VitalView[]): VitalView[] {
  return rows
    .filter(({ preferred }) => preferred)
    .map((row) => ({ row, rank: rankOf(row) }))
    .sort((a, b) => a.rank - b.rank || (a.row.measurand < b.row.measurand ? -1 : 1))
    .map(({ row }) => row);
}

function rankOf({ vital, measurand }: VitalView): number {
  const first = FIRST.indexOf(measurand);
  if (first >= 0) return first;
  return FIRST.length + (classOf(vital) === 'setting' ? 1 : 0);
}
