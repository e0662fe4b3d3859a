import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { behind } from '../first-behind.ts';
import type { After, PlacedKeys } from './due.ts';
import type { MovedReading } from './moving-sqlite.ts';
import { PLACING_SQL, READINGS_A_SLICE } from './statements.ts';

/** Whose rows, from when on and until before when (null: all since), and of which device alone. */
export interface Sliced {
  patient: number;
  from: Instant;
  to: Instant | null;
  device: string | undefined;
}

export interface Slice {
  /** In any order. */
  rows: readonly SlicedRow[];
  /** Where the next one goes on. */
  behind: After;
}

export type SlicedRow = MovedReading & PlacedKeys & { sortTime: Instant; amended: number };

/** What was measured before this time, or at it and stored before this key, comes next; of so much time at once. */
type Before = readonly [sortTime: Instant, key: number, widthMs: number];

const ALWAYS = Number.MAX_SAFE_INTEGER;
/** How much time the first slice takes; one that is full halves it, one that is half empty doubles it. */
const WIDTH_MS = 15 * 60_000;
/** What comes behind sparse rows may be dense, and all rows of a slice are sorted. */
const MAX_WIDTH_MS = 3_600_000;

/**
 * Walks over rows of one patient by time, the newest first, all vital signs and devices together: what was measured together was stored together, so a
 * page of the table is written once, and not once for each device. Rows may be moved, or stand otherwise, behind each slice.
 */
export class Slices {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #sliced: Sliced;
  readonly #series: readonly (readonly [vital: string, device: string])[];

  constructor(database: Pick<Database, 'prepare'>, sliced: Sliced) {
    this.#database = database;
    this.#sliced = sliced;
    this.#series = seriesOf(database, sliced);
  }

  /** Goes on behind what was done, as the one before says it; undefined where nothing is left. */
  next(after: After): Slice | undefined {
    const before = beforeOf(after, this.#sliced.to);
    const [top, , widthMs] = before;
    const near = this.#slice(top, before);
    if (near.rows.length > 0) return near;
    const newest = this.#newest(before);
    return newest === undefined ? undefined : this.#slice(newest, [top, before[1], widthMs]);
  }

  #slice(top: Instant, [sortTime, key, widthMs]: Before): Slice {
    const { patient, from } = this.#sliced;
    const start = Math.max(from, top - widthMs);
    const rows = this.#database
      .prepare<(string | number)[], SlicedRow>(PLACING_SQL.slice)
      .all(JSON.stringify(this.#series), patient, start, sortTime, key);
    if (rows.length >= READINGS_A_SLICE) return { rows, behind: [...oldestOf(rows), Math.max(1, Math.floor(widthMs / 2))] };
    const next = rows.length < READINGS_A_SLICE / 2 ? Math.min(2 * widthMs, MAX_WIDTH_MS) : widthMs;
    return { rows, behind: [start, 0, next] };
  }

  #newest([sortTime, key]: Before): Instant | undefined {
    const { patient, from } = this.#sliced;
    const find = this.#database.prepare<(string | number)[], { sortTime: Instant }>(PLACING_SQL.newestBefore);
    let newest: Instant | undefined;
    for (const series of this.#series)
      for (const standing of STANDINGS) {
        const at = find.get(patient, ...series, ...standing, from, sortTime, key)?.sortTime;
        if (at !== undefined && at > (newest ?? from - 1)) newest = at;
      }
    return newest;
  }
}

/** Of equal times the one that was stored first. */
function oldestOf(rows: readonly SlicedRow[]): [sortTime: Instant, key: number] {
  let [sortTime, key] = [ALWAYS, 0];
  for (const row of rows)
    if (row.sortTime < sortTime || (row.sortTime === sortTime && row.key < key)) [sortTime, key] = [row.sortTime, row.key];
  return [sortTime, key];
}

/** Orders that another version began go on from the start: what they moved is no longer there. */
function beforeOf([sortTime, key, widthMs]: After, to: Instant | null): Before {
  if (typeof sortTime !== 'number' || typeof key !== 'number' || typeof widthMs !== 'number') return [to ?? ALWAYS, 0, WIDTH_MS];
  return [sortTime, key, widthMs];
}

function seriesOf(database: Pick<Database, 'prepare'>, { patient, device }: Sliced): (readonly [vital: string, device: string])[] {
  const next = database.prepare<(string | number)[], { vital: string; device: string }>(PLACING_SQL.nextSeries);
  const all: (readonly [string, string])[] = [];
  for (let at = next.get(...behind([patient], ['', ''])); at !== undefined; at = next.get(...behind([patient], [at.vital, at.device])))
    if (device === undefined || at.device === device) all.push([at.vital, at.device]);
  return all;
}

/** As the index has them: standing, and real or test. */
const STANDINGS = [-1, 0, 1].flatMap((standing) => [0, 1].map((test) => [standing, test] as const));
