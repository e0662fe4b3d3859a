import type { Database } from '../../shared/storage/database.ts';
import type { Trend, TrendQuery } from './trend.ts';
import { type TrendAnswers, type TrendQuestion, trendReading } from './trend-reading.ts';
import { ROWS_A_TURN, TREND_SQL } from './trend-statements.ts';

type Reader = Pick<Database, 'prepare'>;
type Values = readonly (string | number)[];
type Rows = readonly TrendAnswers[keyof TrendAnswers][];

/**
 * Reads a trend; gives way (`yield`) after every few thousand readings. Each turn is a read of its own: what is stored meanwhile may be in
 * it or not, and nothing may be removed. Throws INTERNAL for edges that are not ascending, or too many.
 */
export function* readTrend(database: Reader, tenant: string, query: TrendQuery): Generator<void, Trend> {
  const reading = trendReading(query);
  let rows = 0;
  for (let step = reading.next(); ; ) {
    if (step.done) return step.value;
    if (step.value.ask === 'pause' && rows >= ROWS_A_TURN) {
      rows = 0;
      yield;
    }
    const found = answerTo(step.value, tenant, database);
    rows += found.length;
    step = reading.next(found);
  }
}

function answerTo(question: TrendQuestion, tenant: string, database: Reader): Rows {
  const all = (sql: string, ...values: Values): Rows => database.prepare<(string | number)[], Rows[number]>(sql).all(...values);
  switch (question.ask) {
    case 'gaps':
      return all(TREND_SQL.gaps, tenant, question.patient, question.from, question.to);
    case 'patient':
      return all(TREND_SQL.trendPatient, tenant, question.patient);
    case 'devices':
    case 'rolledDevices': {
      const { ask, patient, vital } = question;
      return all(TREND_SQL[ask], patient, vital, patient, vital);
    }
    case 'points': {
      const { patient, vital, device, test, from, to } = question;
      const points = database.prepare<(string | number)[]>(statementOf(question)).raw();
      return points.all(patient, vital, device, test, from, to) as Rows;
    }
    case 'rollups': {
      const { patient, vital, device, part, test, from, to, limit } = question;
      return all(limit === null ? TREND_SQL.allRollups : TREND_SQL.rollups, patient, vital, device, part, test, from, to);
    }
    case 'pause':
      return [];
  }
}

function statementOf({ column, standing, limit }: Extract<TrendQuestion, { ask: 'points' }>): string {
  if (column === 'value') {
    if (limit === null) return standing ? TREND_SQL.allStanding : TREND_SQL.allSetAside;
    return standing ? TREND_SQL.standing : TREND_SQL.setAside;
  }
  if (limit === null) return standing ? TREND_SQL.allStandingPanel : TREND_SQL.allSetAsidePanel;
  return standing ? TREND_SQL.standingPanel : TREND_SQL.setAsidePanel;
}
