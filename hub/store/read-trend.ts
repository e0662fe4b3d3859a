import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Database } from '../../shared/storage/database.ts';
import { panel } from '../../shared/vitals.ts';
import { staleAfterMs } from '../clinical/staleness.ts';
import type { Point } from './cell.ts';
import { readGaps } from './read-gaps.ts';
import { cellOf, type RollupRow } from './rollup-row.ts';
import type { StoredComponent } from './store.ts';
import { MAX_TREND_BUCKETS, MAX_TREND_DEVICES, type Trend, type TrendQuery, type TrendSeries } from './trend.ts';
import { deviceChanges, type Frame, type Readings, type Rollup, Strand, seriesOf } from './trend-series.ts';
import { ROWS_A_TURN, TREND_SQL } from './trend-statements.ts';

type Reader = Pick<Database, 'prepare'>;

/**
 * Reads a trend; gives way (`yield`) after every few thousand readings. Each turn is a read of its own: what is stored meanwhile may be in
 * it or not, and nothing may be removed. Throws INTERNAL for edges that are not ascending, or too many.
 */
export function* readTrend(database: Reader, tenant: string, query: TrendQuery): Generator<void, Trend> {
  checkEdges(query.edges);
  const { vital, edges, place, now } = query;
  const gaps = readGaps(database, tenant, query);
  const patient = database.prepare<[string, string], { key: number }>(TREND_SQL.trendPatient).get(tenant, query.patient)?.key;
  if (patient === undefined) return { series: [], changes: [], gaps, omittedDevices: 0 };
  const rolled = new Set(devicesOf(database, 'rolledDevices', patient, vital));
  const known = query.device === undefined ? [...new Set([...devicesOf(database, 'devices', patient, vital), ...rolled])] : [query.device];
  const reading = new TrendReading(database, patient, vital, { edges, now, reachMs: staleAfterMs(vital, place) });
  const series: TrendSeries[] = [];
  for (const device of known.sort().slice(0, MAX_TREND_DEVICES)) series.push(...(yield* reading.of(device, rolled.has(device))));
  return { series, changes: deviceChanges(series), gaps, omittedDevices: Math.max(0, known.length - MAX_TREND_DEVICES) };
}

/** Throws INTERNAL for edges that are not ascending, or too many. */
export function checkEdges(edges: readonly Instant[]): void {
  const ascending = edges.every((edge, i) => i === 0 || edge > (edges[i - 1] ?? edge));
  if (edges.length >= 2 && edges.length <= MAX_TREND_BUCKETS + 1 && ascending) return;
  throw new VitalmeshError('INTERNAL', { detail: 'edges of a trend' });
}

function devicesOf(database: Reader, name: 'devices' | 'rolledDevices', patient: number, vital: string): string[] {
  return database
    .prepare<(string | number)[], { device: string }>(TREND_SQL[name])
    .all(patient, vital, patient, vital)
    .map(({ device }) => device);
}

/** One vital sign, or the parts of one panel, of a patient. */
class TrendReading {
  readonly #database: Reader;
  readonly #patient: number;
  readonly #vital: string;
  /** Keys of the parts of a panel. */
  readonly #parts: readonly string[];
  readonly #frame: Frame;
  #rows = 0;

  constructor(database: Reader, patient: number, vital: string, frame: Frame) {
    this.#database = database;
    this.#patient = patient;
    this.#vital = vital;
    this.#parts = Object.values(panel(vital)?.parts ?? {});
    this.#frame = frame;
  }

  /** The series of a device, each part its own; `rolled` says whether any of it was rolled up. */
  *of(device: string, rolled: boolean): Generator<void, TrendSeries[]> {
    const keys = this.#parts.length > 0 ? this.#parts : [this.#vital];
    const strands = keys.map((key) => ({ key, real: new Strand(this.#frame), test: new Strand(this.#frame) }));
    const { edges, reachMs } = this.#frame;
    const end = edges.at(-1) ?? 0;
    let widthMs = end - (edges[0] ?? 0) + reachMs;
    for (let from = end - widthMs; from < end; ) {
      const to = Math.min(from + widthMs, end);
      const real = this.#slice(device, { test: 0, from, to, rolled });
      const test = this.#slice(device, { test: 1, from, to, rolled });
      if (real && test) {
        for (const [i, strand] of strands.entries()) {
          strand.real.add(real[i] ?? NONE);
          strand.test.add(test[i] ?? NONE);
        }
        from = to;
        widthMs *= 2;
      } else widthMs = Math.max(1, Math.floor((to - from) / 2));
      if (this.#rows < ROWS_A_TURN) continue;
      this.#rows = 0;
      yield;
    }
    return strands.map(({ key, real, test }) => seriesOf(device, key, real, test)).filter((series) => series !== undefined);
  }

  /** What lies in one stretch of time, by part; undefined when that is too much for one turn. */
  #slice(device: string, { test, from, to, rolled }: Slice): Readings[] | undefined {
    const all = to - from === 1;
    const which = [this.#patient, this.#vital, device];
    const standing = this.#points(all ? 'allStanding' : 'standing', [...which, test, from, to]);
    const setAside = this.#points(all ? 'allSetAside' : 'setAside', [...which, test, from, to]);
    const isPanel = this.#parts.length > 0;
    const rollups = (isPanel ? this.#parts : ['']).map((part) => (rolled ? this.#rollups(all, [...which, part, test, from, to]) : []));
    if (!all && [standing, setAside, ...rollups].some(({ length }) => length >= ROWS_A_TURN)) return undefined;
    if (!isPanel) return [{ standing: standing as Point[], setAside: setAside as Point[], rollups: rollups[0] ?? [] }];
    const [stood, aside] = [standing.map(panelOf), setAside.map(panelOf)];
    return this.#parts.map((part, i) => ({
      standing: pointsOf(stood, part),
      setAside: pointsOf(aside, part),
      rollups: rollups[i] ?? [],
    }));
  }

  #points(which: PointsName, values: readonly (string | number)[]): Row[] {
    const sql = TREND_SQL[this.#parts.length > 0 ? (`${which}Panel` as const) : which];
    const found = this.#database
      .prepare<(string | number)[]>(sql)
      .raw()
      .all(...values) as Row[];
    this.#rows += found.length;
    return found;
  }

  #rollups(all: boolean, values: readonly (string | number)[]): Rollup[] {
    const sql = TREND_SQL[all ? 'allRollups' : 'rollups'];
    const found = this.#database.prepare<(string | number)[], RollupRow>(sql).all(...values);
    this.#rows += found.length;
    return found.map((row) => ({ start: row.start, cell: cellOf(row) }));
  }
}

interface Slice {
  test: number;
  from: Instant;
  to: Instant;
  rolled: boolean;
}

/** Sort time, value or components, flags. */
export type Row = readonly [Instant, unknown, string | null];
type PointsName = 'standing' | 'setAside' | 'allStanding' | 'allSetAside';

export interface PanelPoint {
  at: Instant;
  components: readonly StoredComponent[];
  flags: string | null;
}

export const NONE: Readings = { standing: [], setAside: [], rollups: [] };

/** A reading of a panel, with the column components in the place of the value. */
export function panelOf([at, components, flags]: Row): PanelPoint {
  return { at, components: typeof components === 'string' ? (JSON.parse(components) as StoredComponent[]) : [], flags };
}

/** One part of each panel that has it. */
export function pointsOf(points: readonly PanelPoint[], part: string): Point[] {
  return points.flatMap(({ at, components, flags }): Point[] => {
    const found = components.find(({ vital }) => vital === part);
    return found ? [[at, found.value, flags]] : [];
  });
}
