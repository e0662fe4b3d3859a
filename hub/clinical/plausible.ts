import type { Flag } from '../../shared/reading.ts';
import { isPlausible, vital } from '../../shared/vitals.ts';

/** A value under its key of the parameter table, in the table's unit. */
interface Measured {
  vital: string;
  value: number | null;
}

/**
 * The flags with `out-of-range` where the value, or a part of the panel, is outside the plausible range of the parameter table: what
 * the sender forgot to mark is marked here. Nothing is removed: its table may be a newer one.
 */
export function withRange(reading: Measured & { components: readonly Measured[]; flags: readonly Flag[] }): readonly Flag[] {
  const { flags } = reading;
  if (flags.includes('out-of-range') || ![reading, ...reading.components].some(isOutside)) return flags;
  return [...flags, 'out-of-range'];
}

function isOutside({ vital: key, value }: Measured): boolean {
  const row = vital(key);
  return row !== undefined && !isPlausible(row, value);
}
