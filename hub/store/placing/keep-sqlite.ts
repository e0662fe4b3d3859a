import { VitalmeshError } from '../../../shared/errors.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { SQL } from '../statements.ts';
import { BEGINNING } from './due.ts';
import type { Placed, Reassignment } from './placing.ts';
import { PLACING_SQL } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;

/** Of a tenant; 0 at first. */
export function placingVersion(database: Writing, tenant: string): number {
  return database.prepare<[string], { version: number }>(PLACING_SQL.version).get(tenant)?.version ?? 0;
}

/** Throws INGEST-PLACES-CHANGED where something was decided by another version than the store has. */
export function refuseOld(database: Writing, tenant: string, version: number): void {
  if (placingVersion(database, tenant) !== version) throw new VitalmeshError('INGEST-PLACES-CHANGED');
}

/** Keeps orders as due for all that is stored by now, and raises the version; nothing where there was no change. */
export function keepChanges(database: Writing, tenant: string, changes: readonly Reassignment[] | undefined): void {
  if (changes === undefined) return;
  database.prepare<[string]>(PLACING_SQL.raiseVersion).run(tenant);
  if (changes.length === 0) return;
  const last = [SQL.lastObservation, SQL.lastEvent].map((sql) => database.prepare<[], { key: number }>(sql).get()?.key ?? 0);
  const add = database.prepare<(string | number)[]>(PLACING_SQL.addDue);
  for (const wanted of changes) add.run(tenant, JSON.stringify(wanted), ...last, JSON.stringify(BEGINNING));
}

/** The key of a bed, which is made where it is new. */
export function bedKey(database: Writing, tenant: string, bed: string): number {
  const found = database.prepare<[string, string], { key: number }>(PLACING_SQL.findBed).get(tenant, bed);
  return found?.key ?? Number(database.prepare<[string, string]>(PLACING_SQL.addBed).run(tenant, bed).lastInsertRowid);
}

/** The key of a person; undefined for one that was never heard of. */
export function personKey(database: Writing, tenant: string, id: string): number | undefined {
  return database.prepare<[string, string], { key: number }>(PLACING_SQL.findPerson).get(id, tenant)?.key;
}

/** The keys by which the rows of one batch are placed, each looked up once. */
export class PlacedRows {
  readonly #database: Writing;
  readonly #tenant: string;
  readonly #beds = new Map<string, number>();
  readonly #persons = new Map<string, number>();

  constructor(database: Writing, tenant: string) {
    this.#database = database;
    this.#tenant = tenant;
  }

  /** As the columns take them. Throws INTERNAL for one that states somebody of whom the store never heard. */
  keysOf(placed: Placed | undefined): readonly [bed: number | null, stated: number | null] {
    if (placed === undefined) return NOT_PLACED;
    return [this.#bed(placed.bed), placed.stated === null ? null : this.#person(placed.stated)];
  }

  #bed(bed: string): number {
    const key = this.#beds.get(bed) ?? bedKey(this.#database, this.#tenant, bed);
    this.#beds.set(bed, key);
    return key;
  }

  #person(id: string): number {
    const key = this.#persons.get(id) ?? personKey(this.#database, this.#tenant, id);
    if (key === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a row states somebody of whom the store never heard' });
    this.#persons.set(id, key);
    return key;
  }
}

const NOT_PLACED = [null, null] as const;
