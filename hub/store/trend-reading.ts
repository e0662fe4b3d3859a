import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { panel } from '../../shared/vitals.ts';
import type { Point } from './cell.ts';
import { type GapRow, gapsOf } from './read-gaps.ts';
import { cellOf, type RollupRow } from './rollup-row.ts';
import type { StoredComponent } from './store.ts';
import { MAX_TREND_BUCKETS, MAX_TREND_DEVICES, type Trend, type TrendQuery, type TrendSeries } from './trend.ts';
import { deviceChanges, type Frame, type Readings, type Rollup, Strand, seriesOf } from './trend-series.ts';
import { ROWS_A_TURN } from './trend-statements.ts';

/** One vital sign of a patient (its key) from one device, real (0) or test (1), in one stretch of sort times; the end is not included. */
interface Stretch {
  patient: number;
  vital: string;
  device: string;
  test: 0 | 1;
  from: Instant;
  to: Instant;
  /** The oldest so many; null for all of them. */
  limit: typeof ROWS_A_TURN | null;
}

/** What the reading of a trend asks an engine for; each is answered by rows. `pause`: nothing, and others may have their turn. */
export type TrendQuestion =
  | { ask: 'gaps'; patient: string; from: Instant; to: Instant }
  | { ask: 'patient'; patient: string }
  | { ask: 'devices' | 'rolledDevices'; patient: number; vital: string }
  /** Of equal times in order of storing; `column`: of a panel `components` takes the place of the value. */
  | ({ ask: 'points'; column: 'value' | 'components'; standing: 0 | 1 } & Stretch)
  /** `part` of a panel, '' for what is none. */
  | ({ ask: 'rollups'; part: string } & Stretch)
  | { ask: 'pause' };

/** The rows that answer each. */
export interface TrendAnswers {
  gaps: GapRow;
  patient: { key: number };
  devices: { device: string };
  rolledDevices: { device: string };
  points: PointRow;
  rollups: RollupRow;
  pause: never;
}

/** Sort time, value or components, flags. */
export type PointRow = readonly [Instant, unknown, string | null];

type Asking<T> = Generator<TrendQuestion, T, readonly TrendAnswers[keyof TrendAnswers][]>;

/**
 * Reads a trend of one tenant: yields what it wants to know and is handed the rows, whole before the next `pause`. What is stored at a
 * pause may be in it or not, and nothing may be removed meanwhile. Throws INTERNAL for edges that are not ascending, or too many.
 */
export function* trendReading(query: TrendQuery): Asking<Trend> {
  checkEdges(query.edges);
  const { vital, edges, reachMs, now } = query;
  const [from = 0, to = 0] = [edges[0], edges.at(-1)];
  const gaps = gapsOf(yield* asked({ ask: 'gaps', patient: query.patient, from, to }), query);
  const [patient] = yield* asked({ ask: 'patient', patient: query.patient });
  if (patient === undefined) return { series: [], changes: [], gaps, omittedDevices: 0 };
  const of = { patient: patient.key, vital };
  const rolled = new Set((yield* asked({ ask: 'rolledDevices', ...of })).map(({ device }) => device));
  const known =
    query.device === undefined
      ? [...new Set([...(yield* asked({ ask: 'devices', ...of })).map(({ device }) => device), ...rolled])]
      : [query.device];
  const reading = new SeriesReading(of, { edges, now, reachMs });
  const series: TrendSeries[] = [];
  for (const device of known.sort().slice(0, MAX_TREND_DEVICES)) series.push(...(yield* reading.of(device, rolled.has(device))));
  return { series, changes: deviceChanges(series), gaps, omittedDevices: Math.max(0, known.length - MAX_TREND_DEVICES) };
}

function* asked<Q extends TrendQuestion>(question: Q): Asking<readonly TrendAnswers[Q['ask']][]> {
  return (yield question) as readonly TrendAnswers[Q['ask']][];
}

/** Throws INTERNAL for edges that are not ascending, or too many. */
function checkEdges(edges: readonly Instant[]): void {
  let ascending = true;
  for (let i = 1; i < edges.length; i += 1) ascending &&= (edges[i] ?? 0) > (edges[i - 1] ?? 0);
  if (edges.length >= 2 && edges.length <= MAX_TREND_BUCKETS + 1 && ascending) return;
  throw new VitalmeshError('INTERNAL', { detail: 'edges of a trend' });
}

/** One vital sign, or the parts of one panel, of a patient. */
class SeriesReading {
  readonly #of: { patient: number; vital: string };
  /** Keys of the parts of a panel. */
  readonly #parts: readonly string[];
  readonly #frame: Frame;

  constructor(of: { patient: number; vital: string }, frame: Frame) {
    this.#of = of;
    this.#parts = Object.values(panel(of.vital)?.parts ?? {});
    this.#frame = frame;
  }

  /** The series of a device, each part its own, in stretches of time that hold a few thousand rows at most; `rolled`: any of it was rolled up. */
  *of(device: string, rolled: boolean): Asking<TrendSeries[]> {
    const keys = this.#parts.length > 0 ? this.#parts : [this.#of.vital];
    const strands = keys.map((key) => ({ key, real: new Strand(this.#frame), test: new Strand(this.#frame) }));
    const { edges, reachMs } = this.#frame;
    const end = edges.at(-1) ?? 0;
    let widthMs = end - (edges[0] ?? 0) + reachMs;
    for (let from = end - widthMs; from < end; ) {
      const to = Math.min(from + widthMs, end);
      // One millisecond cannot be parted any further.
      const stretch = { ...this.#of, device, from, to, limit: to - from === 1 ? null : ROWS_A_TURN } as const;
      const real = yield* this.#stretch({ ...stretch, test: 0 }, rolled);
      const test = real && (yield* this.#stretch({ ...stretch, test: 1 }, rolled));
      if (real && test) {
        for (const [i, strand] of strands.entries()) {
          strand.real.add(real[i] ?? NONE);
          strand.test.add(test[i] ?? NONE);
        }
        from = to;
        // Where there is little, few questions are enough.
        widthMs *= 2;
      } else widthMs = Math.max(1, Math.floor((to - from) / 2));
      yield* asked({ ask: 'pause' });
    }
    return strands.map(({ key, real, test }) => seriesOf(device, key, real, test)).filter((series) => series !== undefined);
  }

  /** What lies in one stretch of time, by part; undefined when that is too much for one turn. */
  *#stretch(of: Stretch, rolled: boolean): Asking<Readings[] | undefined> {
    const isPanel = this.#parts.length > 0;
    const points = { ask: 'points', column: isPanel ? 'components' : 'value', ...of } as const;
    const standing = yield* asked({ ...points, standing: 1 });
    const setAside = yield* asked({ ...points, standing: 0 });
    const rollups: Rollup[][] = [];
    for (const part of isPanel ? this.#parts : ['']) rollups.push(rolled ? yield* rollupsOf(of, part) : []);
    const { limit } = of;
    if (limit !== null && [standing, setAside, ...rollups].some(({ length }) => length >= limit)) return undefined;
    if (!isPanel) return [{ standing: standing as Point[], setAside: setAside as Point[], rollups: rollups[0] ?? [] }];
    const [stood, aside] = [standing.map(panelOf), setAside.map(panelOf)];
    return this.#parts.map((part, i) => ({
      standing: pointsOf(stood, part),
      setAside: pointsOf(aside, part),
      rollups: rollups[i] ?? [],
    }));
  }
}

function* rollupsOf(stretch: Stretch, part: string): Asking<Rollup[]> {
  const rows = yield* asked({ ask: 'rollups', part, ...stretch });
  return rows.map((row) => ({ start: row.start, cell: cellOf(row) }));
}

interface PanelPoint {
  at: Instant;
  components: readonly StoredComponent[];
  flags: string | null;
}

const NONE: Readings = { standing: [], setAside: [], rollups: [] };

/** A reading of a panel, with the column components in the place of the value. */
function panelOf([at, components, flags]: PointRow): PanelPoint {
  return { at, components: typeof components === 'string' ? (JSON.parse(components) as StoredComponent[]) : [], flags };
}

/** One part of each panel that has it. */
function pointsOf(points: readonly PanelPoint[], part: string): Point[] {
  return points.flatMap(({ at, components, flags }): Point[] => {
    const found = components.find(({ vital }) => vital === part);
    return found ? [[at, found.value, flags]] : [];
  });
}
