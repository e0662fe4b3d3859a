import type { Database } from '../../../shared/storage/database.ts';
import { type Origin, type ReadingRow, readingOf } from '../observation-row.ts';
import { SQL } from '../statements.ts';
import type { StoredReading } from '../store.ts';
import { turn } from '../walks.ts';
import { DOUBTFUL_KINDS, type DoubtfulPage, type DoubtfulQuery, newestWithTies } from './doubtful.ts';
import { IDENTITY_SQL } from './statements.ts';

type Row = Omit<ReadingRow, 'tenant' | 'patientId' | 'gateway'>;

/** `AmendStore.doubtful` of an SQLite store, each patient in a turn. */
export async function doubtfulReadings(
  database: Database,
  tenant: string,
  { patients, before, most }: DoubtfulQuery,
): Promise<DoubtfulPage> {
  const statement = database.prepare<(string | number)[], Row>(IDENTITY_SQL.doubtfulBefore);
  let found: StoredReading[] = [];
  let isMore = false;
  for (const patientId of patients) {
    const rows = database.read(() => {
      const key = database.prepare<[string, string], { key: number }>(SQL.findPatient).get(tenant, patientId)?.key;
      if (key === undefined) return [];
      return DOUBTFUL_KINDS.flatMap((kind) => statement.all(key, ...kind, before, key, ...kind, before, most));
    });
    if (rows.length > 0) {
      const read = rows.map((row) => readingOf(row, originOf(row, tenant, patientId), row.agent));
      const page = newestWithTies([...found, ...read], most);
      found = [...page.readings];
      isMore ||= page.isMore;
    }
    await turn();
  }
  return { readings: found, isMore };
}

function originOf({ agent, epoch }: Row, tenant: string, patientId: string): Origin {
  return { tenant, patientId, agent, epoch };
}
