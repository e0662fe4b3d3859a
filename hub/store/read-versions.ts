import type { Database } from '../../shared/storage/database.ts';
import { type ObservationRow, observationOf, unpackReceived } from './observation-row.ts';
import type { HistoryQuery, StoredVersion } from './store.ts';
import { TREND_SQL } from './trend-statements.ts';

interface VersionRow extends ObservationRow {
  standing: number;
  received: Buffer;
}

/** Every version of a measurement in order of storing. Throws STORAGE-DAMAGED. */
export function readVersions(database: Pick<Database, 'prepare'>, tenant: string, query: HistoryQuery): StoredVersion[] {
  const { patient: id, vital, device, effective } = query;
  const patient = database.prepare<[string, string], { key: number }>(TREND_SQL.trendPatient).get(tenant, id)?.key;
  if (patient === undefined) return [];
  const which = [patient, vital, device] as const;
  const keys = database
    .prepare<(string | number)[], { key: number }>(TREND_SQL.versions)
    .all(...which, effective, effective, ...which, effective);
  return keys.flatMap(({ key }): StoredVersion[] => {
    const row = database.prepare<[number], VersionRow>(TREND_SQL.version).get(key);
    if (row === undefined) return [];
    const observation = observationOf(row, unpackReceived(row.received));
    return [{ ...observation, status: observation.resource.status, stands: row.standing === 1 }];
  });
}
