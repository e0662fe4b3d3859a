import { VitalmeshError } from '../../shared/errors.ts';
import type { Database } from '../../shared/storage/database.ts';
import { type ByHandRow, byHandOf } from '../clinical/by-hand.ts';
import { AMEND_SQL } from './amend/statements.ts';
import { DOUBTFUL, newestDoubtable, ODD_DOUBTFUL } from './identity/judged.ts';
import { IDENTITY_SQL } from './identity/statements.ts';
import { type Origin, type ReadingRow, readingOf } from './observation-row.ts';
import { SQL } from './statements.ts';
import type { StoredReading } from './store.ts';

/** `decision`: key of the newest by which a person said that it is this patient's; not looked for of what is doubtful. */
type LatestRow = Omit<ReadingRow, keyof Origin | 'gateway'> & { writer: number; decision?: number | null };

/** The current rows of a patient, newest first. Throws STORAGE-DAMAGED. */
export function readLatest(database: Pick<Database, 'prepare'>, tenant: string, patient: string): StoredReading[] {
  const rows = database.prepare<[string, string], LatestRow>(SQL.latest).all(tenant, patient);
  let key: number | undefined;
  let origin: Origin | undefined;
  const known = new Map<number, Origin>();
  const readings = [...rows, ...doubtfulBeside(database, { tenant, patient }, rows)].map((row) => {
    if (origin === undefined || row.writer !== key) {
      key = row.writer;
      origin = known.get(key) ?? { tenant, patientId: patient, ...writerOf(database, key) };
      known.set(key, origin);
    }
    // Ids are made by whoever sends them, so their agent part is the gateway: its batch need not be looked up.
    return decided(database, row, readingOf(row, origin, origin.agent));
  });
  return readings.sort(newestFirst);
}

/** Of each vital sign that may be doubted the newest doubtful row, where it is newer than all that is current. */
function doubtfulBeside(
  database: Pick<Database, 'prepare'>,
  { tenant, patient }: { tenant: string; patient: string },
  rows: readonly LatestRow[],
): LatestRow[] {
  return newestDoubtable(rows).flatMap(({ vital, test, sortTime }) => {
    const newest = database.prepare<(string | number)[], LatestRow>(IDENTITY_SQL.doubtful);
    const of = (judged: number): LatestRow | undefined => newest.get(tenant, patient, vital, test, judged, sortTime);
    return of(DOUBTFUL) ?? of(ODD_DOUBTFUL) ?? [];
  });
}

/** Looked up anew for each read: what was added and undone leaves its key to another. */
function writerOf(database: Pick<Database, 'prepare'>, key: number): Pick<Origin, 'agent' | 'epoch'> {
  const writer = database.prepare<[number], Pick<Origin, 'agent' | 'epoch'>>(SQL.writer).get(key);
  if (writer === undefined) throw new VitalmeshError('STORAGE-DAMAGED', { detail: 'an observation of nobody' });
  return writer;
}

/** A reading with what a person has said of whose it is; mostly nobody has. */
function decided(database: Pick<Database, 'prepare'>, { decision = null }: LatestRow, reading: StoredReading): StoredReading {
  const row = decision === null ? undefined : database.prepare<[number], ByHandRow>(AMEND_SQL.byHand).get(decision);
  return row === undefined ? reading : { ...reading, byHand: byHandOf(row) };
}

function newestFirst(a: StoredReading, b: StoredReading): number {
  return b.sortTime - a.sortTime || compared(a.vital, b.vital) || compared(a.device, b.device);
}

function compared(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
