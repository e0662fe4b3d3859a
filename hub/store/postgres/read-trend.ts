import type { Instant } from '../../../shared/clock.ts';
import { panel } from '../../../shared/vitals.ts';
import { staleAfterMs } from '../../clinical/staleness.ts';
import type { Point } from '../cell.ts';
import { type ObservationRow, observationOf, unpackReceived } from '../observation-row.ts';
import { type GapRow, gapsOf } from '../read-gaps.ts';
import { checkEdges, NONE, panelOf, pointsOf, type Row } from '../read-trend.ts';
import { cellOf, type RollupRow } from '../rollup-row.ts';
import type { HistoryQuery, StoredVersion } from '../store.ts';
import { MAX_TREND_DEVICES, type Trend, type TrendQuery, type TrendSeries } from '../trend.ts';
import { deviceChanges, type Frame, type Readings, type Rollup, Strand, seriesOf } from '../trend-series.ts';
import { ROWS_A_TURN } from '../trend-statements.ts';
import type { Transaction } from './transaction.ts';
import { TREND_PG } from './trend-statements.ts';

/** Reads a trend in a transaction of its tenant that sees one state throughout. Throws INTERNAL for edges that are not ascending, or too many. */
export async function readTrend(transaction: Transaction, tenant: string, query: TrendQuery): Promise<Trend> {
  checkEdges(query.edges);
  const { vital, edges, place, now, device } = query;
  const [from = 0, to = 0] = [edges[0], edges.at(-1)];
  const gaps = gapsOf(await transaction.query<GapRow>(TREND_PG.gaps, [tenant, query.patient, from, to]), query);
  const [patient] = await transaction.query<{ key: number }>(TREND_PG.trendPatient, [tenant, query.patient]);
  if (patient === undefined) return { series: [], changes: [], gaps, omittedDevices: 0 };
  const devicesOf = async (sql: string): Promise<string[]> =>
    (await transaction.query<{ device: string }>(sql, [patient.key, vital])).map((row) => row.device);
  const rolled = new Set(await devicesOf(TREND_PG.rolledDevices));
  const known = device === undefined ? [...new Set([...(await devicesOf(TREND_PG.devices)), ...rolled])] : [device];
  const reading = new TrendReading(transaction, patient.key, vital, { edges, now, reachMs: staleAfterMs(vital, place) });
  const series: TrendSeries[] = [];
  for (const one of known.sort().slice(0, MAX_TREND_DEVICES)) series.push(...(await reading.of(one, rolled.has(one))));
  return { series, changes: deviceChanges(series), gaps, omittedDevices: Math.max(0, known.length - MAX_TREND_DEVICES) };
}

interface Slice {
  test: boolean;
  from: Instant;
  to: Instant;
  rolled: boolean;
}

interface PointRow {
  sort_time: number;
  measured: unknown;
  flags: string | null;
}

/** One vital sign, or the parts of one panel, of a patient; in stretches of time, so that a year of it is never in memory at once. */
class TrendReading {
  readonly #transaction: Transaction;
  readonly #patient: number;
  readonly #vital: string;
  /** Keys of the parts of a panel. */
  readonly #parts: readonly string[];
  readonly #frame: Frame;

  constructor(transaction: Transaction, patient: number, vital: string, frame: Frame) {
    this.#transaction = transaction;
    this.#patient = patient;
    this.#vital = vital;
    this.#parts = Object.values(panel(vital)?.parts ?? {});
    this.#frame = frame;
  }

  /** The series of a device, each part its own; `rolled` says whether any of it was rolled up. */
  async of(device: string, rolled: boolean): Promise<TrendSeries[]> {
    const keys = this.#parts.length > 0 ? this.#parts : [this.#vital];
    const strands = keys.map((key) => ({ key, real: new Strand(this.#frame), test: new Strand(this.#frame) }));
    const { edges, reachMs } = this.#frame;
    const end = edges.at(-1) ?? 0;
    let widthMs = end - (edges[0] ?? 0) + reachMs;
    for (let from = end - widthMs; from < end; ) {
      const to = Math.min(from + widthMs, end);
      const real = await this.#slice(device, { test: false, from, to, rolled });
      const test = real && (await this.#slice(device, { test: true, from, to, rolled }));
      if (real && test) {
        for (const [i, strand] of strands.entries()) {
          strand.real.add(real[i] ?? NONE);
          strand.test.add(test[i] ?? NONE);
        }
        from = to;
        // Where there is little, few questions are enough.
        widthMs *= 2;
      } else widthMs = Math.max(1, Math.floor((to - from) / 2));
    }
    return strands.map(({ key, real, test }) => seriesOf(device, key, real, test)).filter((series) => series !== undefined);
  }

  /** What lies in one stretch of time, by part; undefined when that is too much for one part. */
  async #slice(device: string, { test, from, to, rolled }: Slice): Promise<Readings[] | undefined> {
    // One millisecond cannot be parted any further.
    const limit = to - from === 1 ? null : ROWS_A_TURN;
    const which = [this.#patient, this.#vital, device];
    const isPanel = this.#parts.length > 0;
    const rowsOf = async (standing: number): Promise<Row[]> => {
      const sql = isPanel ? TREND_PG.panels : TREND_PG.points;
      const rows = await this.#transaction.query<PointRow>(sql, [...which, standing, test, from, to, limit]);
      return rows.map(({ sort_time, measured, flags }) => [sort_time, measured, flags]);
    };
    const [standing, setAside] = [await rowsOf(1), await rowsOf(0)];
    const rollups: Rollup[][] = [];
    for (const part of isPanel ? this.#parts : ['']) {
      const sent = [...which, part, test, from, to, limit];
      const rows = rolled ? await this.#transaction.query<RollupRow>(TREND_PG.rollups, sent) : [];
      rollups.push(rows.map((row) => ({ start: row.start, cell: cellOf(row) })));
    }
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

/** Every version of a measurement in order of storing. Throws STORAGE-DAMAGED. */
export async function readVersions(transaction: Transaction, tenant: string, query: HistoryQuery): Promise<StoredVersion[]> {
  const { vital, device, effective } = query;
  const [patient] = await transaction.query<{ key: number }>(TREND_PG.trendPatient, [tenant, query.patient]);
  if (patient === undefined) return [];
  const found = await transaction.query<ObservationRow & { standing: number; received: Buffer }>(TREND_PG.versions, [
    ...[patient.key, vital, device, effective],
  ]);
  return found.map(({ standing, received, ...row }) => {
    const observation = observationOf(row, unpackReceived(received));
    return { ...observation, status: observation.resource.status, stands: standing === 1 };
  });
}
