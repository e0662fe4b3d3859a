import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { panel } from '../../shared/vitals.ts';
import { addCell, type Cell, emptyCell } from './cell.ts';
import { RETENTION_SQL } from './retention-statements.ts';
import { HOUR_MS, MINUTE_MS, type RollupKey } from './roll.ts';
import { cellOf, columnsOf, type RollupRow } from './rollup-row.ts';

/** The rollups in which a measurement of this time may be, of a panel each part. Those of its hour too: its minute may have become part of it. */
export function rollupsAt(of: Pick<RollupKey, 'patient' | 'vital' | 'device' | 'test'>, at: Instant): RollupKey[] {
  const parts = Object.values(panel(of.vital)?.parts ?? { none: '' });
  return [MINUTE_MS, HOUR_MS].flatMap((width) =>
    parts.map((part): RollupKey => ({ ...of, part, start: Math.floor(at / width) * width, width })),
  );
}

/**
 * What is added to a rollup when one of its values is taken back or corrected: which one it is can no longer be told, nor taken out of least,
 * greatest and sum. No value that counts has this flag of its own (`NOT_A_MEASUREMENT`).
 */
export function doubt(): Cell {
  return { ...emptyCell(), flags: new Set(['questionable']) };
}

/** Casts doubt on those of these rollups that are kept and in which a value counts, within the transaction of the caller. */
export function doubtRollups(database: Pick<Database, 'prepare'>, keys: readonly RollupKey[]): void {
  for (const { patient, vital, device, part, test, start, width } of keys) {
    const which = [patient, vital, device, part, test, start, width];
    const kept = database.prepare<(string | number)[], RollupRow>(RETENTION_SQL.rollup).get(...which);
    if (kept === undefined || kept.n === 0) continue;
    const whole = cellOf(kept);
    addCell(whole, doubt(), 0);
    database.prepare<(string | number | null)[]>(RETENTION_SQL.putRollup).run(...which, ...columnsOf(whole));
  }
}
