import type { Database } from '../../shared/storage/database.ts';
import { MAX_AHEAD_MS } from '../clinical/sort-time.ts';
import { STEP_MS } from '../clinical/staleness.ts';
import type { Findings } from './findings.ts';
import { behind } from './first-behind.ts';
import { PLACING_SQL } from './placing/statements.ts';
import { MAX_LATEST, SQL } from './statements.ts';
import { VERIFY_SQL } from './verify-statements.ts';

interface Current {
  vital: string;
  device: string;
  test: number;
  sortTime: number;
  observation: number;
  /** Of the observation itself; null when there is none of this patient, vital sign and device. */
  standing: number | null;
  ownSortTime: number | null;
  ownTest: number | null;
}

interface Best {
  key: number;
  sortTime: number;
  storedAt: number;
}

/** Compares the rows of `latest` of one patient with what its observations say; gives how many there are. */
export function verifyLatest(database: Pick<Database, 'prepare'>, patient: number, findings: Findings): number {
  const rows = database.prepare<[number], Current>(VERIFY_SQL.currentOf).all(patient);
  const wrong = (key: number | undefined): void => findings.add('VERIFY-LATEST', `patient ${patient}, observation ${key ?? 'none'}`);
  const current = new Map(rows.map((row) => [JSON.stringify([row.vital, row.device]), row]));
  for (const row of rows) {
    if (row.standing !== 1 || row.ownSortTime !== row.sortTime || row.ownTest !== row.test) wrong(row.observation);
  }
  for (const { vital, device } of seriesOf(database, patient)) {
    const best = database.prepare<[number, string, string], Best>(SQL.bestOf).get(patient, vital, device);
    const row = current.get(JSON.stringify([vital, device]));
    if (best === undefined || row?.observation === best.key) continue;
    if (row === undefined ? rows.length < MAX_LATEST : !isFromAhead(database, [patient, vital, device], best)) wrong(best.key);
  }
  return rows.length;
}

function* seriesOf(database: Pick<Database, 'prepare'>, patient: number): Generator<{ vital: string; device: string }> {
  const next = database.prepare<(string | number)[], { vital: string; device: string }>(PLACING_SQL.nextSeries);
  for (let at = next.get(...behind([patient], ['', ''])); at !== undefined; at = next.get(...behind([patient], [at.vital, at.device])))
    yield at;
}

/** Whether the best by its time was stored while the hub's clock was ahead, so that what came later takes its place (`setLatest`). */
function isFromAhead(
  database: Pick<Database, 'prepare'>,
  series: readonly (number | string)[],
  { key, sortTime, storedAt }: Best,
): boolean {
  const found = database
    .prepare<(number | string)[]>(VERIFY_SQL.steppedBack)
    .get(...series, key, sortTime - MAX_AHEAD_MS, storedAt - STEP_MS);
  return found !== undefined;
}
