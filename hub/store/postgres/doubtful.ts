import { DOUBTFUL_KINDS, type DoubtfulPage, type DoubtfulQuery, newestWithTies } from '../identity/doubtful.ts';
import { type ReadingRow, readingOf } from '../observation-row.ts';
import { IDENTITY_PG } from './identity-statements.ts';
import type { Transaction } from './transaction.ts';

const VITALS = [...new Set(DOUBTFUL_KINDS.map(([vital]) => vital))];

/** `AmendStore.doubtful` of a store in PostgreSQL. */
export async function doubtfulReadings(
  transaction: Transaction,
  tenant: string,
  { patients, before, most }: DoubtfulQuery,
): Promise<DoubtfulPage> {
  type Row = ReadingRow & { total: number };
  const rows = await transaction.query<Row>(IDENTITY_PG.doubtfulBefore, [tenant, patients, VITALS, before, most]);
  const { readings } = newestWithTies(
    rows.map((row) => readingOf(row, row, row.gateway)),
    most,
  );
  return { readings, isMore: (rows[0]?.total ?? 0) > rows.length };
}
