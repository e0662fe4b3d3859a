import { VitalmeshError } from '../../../shared/errors.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { AMEND_SQL } from '../amend/statements.ts';
import { SQL } from '../statements.ts';
import { type AmendWanted, BEGINNING, type OthersKeys } from './due.ts';
import type { NamedOthers, Placed, Reassignment } from './placing.ts';
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
  keepDue(
    database,
    tenant,
    changes.filter((change) => change.number === undefined || keepMerged(database, tenant, change.number, change.is)),
  );
}

/** By whom a number goes from now on; true where people gave anything to it. */
function keepMerged(database: Writing, tenant: string, number: string, is: string): boolean {
  if (number === is) database.prepare<[string, string]>(AMEND_SQL.dropGoesBy).run(tenant, number);
  else database.prepare<[string, string, string]>(AMEND_SQL.setGoesBy).run(tenant, number, is);
  return database.prepare<[string, string, number]>(AMEND_SQL.nextGivenTo).get(tenant, number, 0) !== undefined;
}

/** Whom a number goes by: who survived, where it was merged. */
export function goesBy(database: Writing, tenant: string, patient: string): string {
  return database.prepare<[string, string], { goesBy: string }>(AMEND_SQL.goesBy).get(tenant, patient)?.goesBy ?? patient;
}

/** Keeps what is to be carried out, in this order, of all that is stored by now. */
export function keepDue(database: Writing, tenant: string, orders: readonly (Reassignment | AmendWanted)[]): void {
  if (orders.length === 0) return;
  const last = [SQL.lastObservation, SQL.lastEvent].map((sql) => database.prepare<[], { key: number }>(sql).get()?.key ?? 0);
  const add = database.prepare<(string | number)[]>(PLACING_SQL.addDue);
  for (const wanted of orders) add.run(tenant, JSON.stringify(wanted), ...last, JSON.stringify(BEGINNING));
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

/** `NamedOthers` of an order as keys. */
export function othersKeys(database: Writing, tenant: string, others: NamedOthers | undefined): { others?: OthersKeys } {
  if (others === undefined) return {};
  const find = database.prepare<[number], { authority: string | null }>(PLACING_SQL.authorityOf);
  const known = new Map<number, string | null>();
  const authorityOf = (person: number): string | null => {
    const authority = known.has(person) ? (known.get(person) ?? null) : (find.get(person)?.authority ?? null);
    known.set(person, authority);
    return authority;
  };
  const but = new Set(others.but.flatMap((id) => personKey(database, tenant, id) ?? []));
  return { others: { compared: new Set(others.compared), whole: new Set(others.whole), but, authorityOf } };
}

/** Of one of whom nothing was stored a new one is made. */
export function patientKey(database: Writing, tenant: string, id: string): number {
  const found = database.prepare<[string, string], { key: number }>(SQL.findPatient).get(tenant, id);
  return found?.key ?? Number(database.prepare<[string, string]>(SQL.addPatient).run(tenant, id).lastInsertRowid);
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
