import type { Database } from '../../../shared/storage/database.ts';
import { ERASING_SQL } from './statements.ts';
import { ErasedPeople } from './tombstone.ts';

interface Remembered {
  last: string;
  people: Map<string, ErasedPeople>;
}

/** By the connection's owner. Rows are never removed, and the last of them says which there are. */
const REMEMBERED = new WeakMap<Pick<Database, 'prepare'>, Remembered>();

/** The people of a tenant who were erased; undefined where there are none. Within a transaction. */
export function erasedPeople(database: Pick<Database, 'prepare'>, tenant: string): ErasedPeople | undefined {
  const newest = database.prepare<[], { key: number; mark: Buffer }>(ERASING_SQL.lastErasure).get();
  if (newest === undefined) return undefined;
  const last = `${newest.key} ${newest.mark.toString('hex')}`;
  let remembered = REMEMBERED.get(database);
  if (remembered?.last !== last) remembered = { last, people: new Map() };
  let people = remembered.people.get(tenant);
  if (people === undefined) {
    people = new ErasedPeople(tenant, rowsOf(database, tenant));
    remembered.people.set(tenant, people);
  }
  // What one of them is known by grows while it is under way.
  const isUnderWay = database.prepare<[]>(ERASING_SQL.erasuresUnderWay).get() !== undefined;
  if (isUnderWay) REMEMBERED.delete(database);
  else REMEMBERED.set(database, remembered);
  return people.isEmpty ? undefined : people;
}

function rowsOf(database: Pick<Database, 'prepare'>, tenant: string) {
  type Row = { secret: Buffer; mark: Buffer; at: number; others: string };
  return database
    .prepare<[string], Row>(ERASING_SQL.erasedOf)
    .all(tenant)
    .map(({ others, ...row }) => ({ ...row, others: JSON.parse(others) as string[] }));
}

/** Of whom the evidence must not speak any more: those erased people of a tenant whose key is gone. Undefined where nobody was erased. */
export function isForgotten(database: Pick<Database, 'prepare'>, tenant: string): ((patient: string) => boolean) | undefined {
  const erased = erasedPeople(database, tenant);
  if (erased === undefined) return undefined;
  const key = database.prepare<[string, string]>(ERASING_SQL.hasKey);
  return (patient) => erased.isPatient(patient) && key.get(tenant, patient) === undefined;
}
