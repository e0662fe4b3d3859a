import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { DueReading } from './due-reading.ts';
import { RETENTION_SQL } from './retention-statements.ts';
import { minuteOf } from './roll.ts';

/** What one device measures of one vital sign (or panel) of a patient; real (0) or test (1). */
export interface Series {
  patient: number;
  vital: string;
  device: string;
  test: number;
}

/** In which rollup a value went that is to be found by its device's time once it is taken back or replaced; times are the beginnings of minutes. */
export interface RolledFrom extends Series {
  effective: Instant;
  preliminary: number;
  start: Instant;
}

/** What has to be noted when readings are removed: those that count, and lie in another minute than their device says or are preliminary. Pure. */
export function rolledFrom(readings: readonly DueReading[]): RolledFrom[] {
  const noted = new Map<string, RolledFrom>();
  for (const { patient, vital, device, test, standing, effective, sortTime, preliminary } of readings) {
    const [from, start] = [minuteOf(effective), minuteOf(sortTime)];
    if (standing !== 1 || (from === start && preliminary === 0)) continue;
    const row = { patient, vital, device, test, effective: from, preliminary, start };
    noted.set(JSON.stringify(row), row);
  }
  return [...noted.values()];
}

/** The minutes that hold values of this time of their device, beside that minute itself; of the preliminary ones alone, that too. */
export function startsRolledFrom(
  database: Pick<Database, 'prepare'>,
  { patient, vital, device, test }: Series,
  effective: Instant,
  which: 'any' | 'preliminary',
): Instant[] {
  return database
    .prepare<(string | number)[], { start: number }>(RETENTION_SQL.rolledFrom)
    .all(patient, vital, device, test, minuteOf(effective), which === 'any' ? 0 : 1)
    .map(({ start }) => start);
}
