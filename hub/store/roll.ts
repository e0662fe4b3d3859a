import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { panel } from '../../shared/vitals.ts';
import { staleAfterMs } from '../clinical/staleness.ts';
import { addReading, addSetAside, type Cell, emptyCell } from './cell.ts';
import { RETENTION_SQL } from './retention-statements.ts';
import { cellOf, columnsOf, type RollupRow } from './rollup-row.ts';
import type { StoredComponent } from './store.ts';
import { addRolled } from './stretches.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** The beginning of the minute in which a time lies. */
export function minuteOf(time: Instant): Instant {
  return Math.floor(time / MINUTE_MS) * MINUTE_MS;
}

/** Whose stretch of what series a rollup is of. */
export interface RollupKey {
  patient: number;
  vital: string;
  device: string;
  /** Part of a panel, '' for what is none. */
  part: string;
  test: number;
  start: Instant;
  /** Milliseconds. */
  width: number;
}

/** What of an observation goes into a rollup. */
export interface Rolled {
  patient: number;
  vital: string;
  device: string;
  value: number | null;
  components: string | null;
  flags: string | null;
  sortTime: Instant;
  test: number;
  standing: number;
}

/** Collects what goes into rollups in one commit, so that each is read and written once. */
export class Rolling {
  readonly #cells = new Map<string, { key: RollupKey; cell: Cell }>();

  /** Into its minute. What takes another back is no measurement and leaves nothing. */
  reading({ patient, vital, device, value, components, flags, sortTime, test, standing }: Rolled): void {
    if (standing < 0) return;
    const start = minuteOf(sortTime);
    const parts = components === null ? [] : (JSON.parse(components) as StoredComponent[]);
    const values = panel(vital) ? parts.map((part) => ({ part: part.vital, value: part.value })) : [{ part: '', value }];
    for (const { part, value: measured } of values) {
      const cell = this.#cell({ patient, vital, device, part, test, start, width: MINUTE_MS });
      if (standing === 0) addSetAside(cell, flags);
      else addReading(cell, [sortTime, measured, flags]);
      // Every limit of age is a minute at least, so within one there is no time uncovered between its first value and its last.
      if (cell.firstAt !== null && cell.lastAt !== null) cell.coveredMs = cell.lastAt - cell.firstAt;
    }
  }

  /** A rollup into the wider one that it lies in. */
  rollup(key: RollupKey, cell: Cell, width: number): void {
    const into = { ...key, start: Math.floor(key.start / width) * width, width };
    addRolled(this.#cell(into), cell, reachOf(key.vital));
  }

  /** What was collected, to be added to what is kept of each. */
  collected(): Iterable<{ key: RollupKey; cell: Cell }> {
    return this.#cells.values();
  }

  write(database: Pick<Database, 'prepare'>): void {
    const put = database.prepare<(string | number | null)[]>(RETENTION_SQL.putRollup);
    for (const { key, cell } of this.#cells.values()) {
      const which = [key.patient, key.vital, key.device, key.part, key.test, key.start, key.width];
      const kept = database.prepare<(string | number)[], RollupRow>(RETENTION_SQL.rollup).get(...which);
      const whole = kept ? cellOf(kept) : emptyCell();
      addRolled(whole, cell, reachOf(key.vital));
      put.run(...which, ...columnsOf(whole));
    }
  }

  #cell(key: RollupKey): Cell {
    const name = JSON.stringify(key);
    const known = this.#cells.get(name);
    if (known) return known.cell;
    const cell = emptyCell();
    this.#cells.set(name, { key, cell });
    return cell;
  }
}

/** How long a value is current, in milliseconds. In a bed: at home only what is measured now and then lasts longer, and that lasts longer than an hour here too. */
export function reachOf(vital: string): number {
  return staleAfterMs(vital, 'bed');
}
