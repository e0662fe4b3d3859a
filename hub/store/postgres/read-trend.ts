import { type ObservationRow, observationOf, unpackReceived } from '../observation-row.ts';
import type { HistoryQuery, StoredVersion } from '../store.ts';
import type { Trend, TrendQuery } from '../trend.ts';
import { type PointRow, type TrendAnswers, type TrendQuestion, trendReading } from '../trend-reading.ts';
import type { Transaction } from './transaction.ts';
import { TREND_PG } from './trend-statements.ts';

type Rows = readonly TrendAnswers[keyof TrendAnswers][];

/** Reads a trend in a transaction of its tenant that sees one state throughout. Throws INTERNAL for edges that are not ascending, or too many. */
export async function readTrend(transaction: Transaction, tenant: string, query: TrendQuery): Promise<Trend> {
  const reading = trendReading(query);
  for (let step = reading.next(); ; step = reading.next(await answerTo(step.value, tenant, transaction))) if (step.done) return step.value;
}

async function answerTo(question: TrendQuestion, tenant: string, transaction: Transaction): Promise<Rows> {
  switch (question.ask) {
    case 'gaps':
      return await transaction.query<TrendAnswers['gaps']>(TREND_PG.gaps, [tenant, question.patient, question.from, question.to]);
    case 'patient':
      return await transaction.query<TrendAnswers['patient']>(TREND_PG.trendPatient, [tenant, question.patient]);
    case 'devices':
    case 'rolledDevices':
      return await transaction.query<TrendAnswers['devices']>(TREND_PG[question.ask], [question.patient, question.vital]);
    case 'points': {
      const { patient, vital, device, standing, test, from, to, limit } = question;
      const sql = question.column === 'value' ? TREND_PG.points : TREND_PG.panels;
      const rows = await transaction.query<MeasuredRow>(sql, [patient, vital, device, standing, test === 1, from, to, limit]);
      return rows.map(({ sort_time, measured, flags }): PointRow => [sort_time, measured, flags]);
    }
    case 'rollups': {
      const { patient, vital, device, part, test, from, to, limit } = question;
      return await transaction.query<TrendAnswers['rollups']>(TREND_PG.rollups, [
        ...[patient, vital, device, part],
        ...[test === 1, from, to, limit],
      ]);
    }
    case 'pause':
      return [];
  }
}

interface MeasuredRow {
  sort_time: number;
  measured: unknown;
  flags: string | null;
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
