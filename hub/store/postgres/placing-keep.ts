import { VitalmeshError } from '../../../shared/errors.ts';
import { type AmendWanted, BEGINNING } from '../placing/due.ts';
import type { Placed, Reassignment } from '../placing/placing.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { PLACING_PG } from './placing-statements.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

/** Of the tenant of the transaction; 0 at first. */
export async function placingVersion(transaction: Transaction, tenant: string): Promise<number> {
  return (await transaction.query<{ version: number }>(PLACING_PG.version, [tenant]))[0]?.version ?? 0;
}

/** Throws INGEST-PLACES-CHANGED where something was decided by another version than the store has. The commit is of the tenant. */
export async function refuseOld(commit: Commit, tenant: string, version: number): Promise<void> {
  if ((await placingVersion(commit, tenant)) !== version) throw new VitalmeshError('INGEST-PLACES-CHANGED');
}

/** As `keepChanges` of an SQLite store. The commit is of the tenant. */
export async function keepChanges(commit: Commit, tenant: string, changes: readonly Reassignment[] | undefined): Promise<void> {
  if (changes === undefined) return;
  await commit.query(PLACING_PG.raiseVersion, [tenant]);
  const due: Reassignment[] = [];
  for (const change of changes)
    if (change.number === undefined || (await keepMerged(commit, tenant, change.number, change.is))) due.push(change);
  await keepDue(commit, tenant, due);
}

/** By whom a number goes from now on; true where people gave anything to it. */
async function keepMerged(commit: Commit, tenant: string, number: string, is: string): Promise<boolean> {
  if (number === is) await commit.query(AMEND_PG.dropGoesBy, [tenant, number]);
  else await commit.query(AMEND_PG.setGoesBy, [tenant, number, is]);
  return (await commit.query(AMEND_PG.nextGivenTo, [tenant, number, 0])).length > 0;
}

/** Whom a number goes by: who survived, where it was merged. */
export async function goesBy(commit: Commit, tenant: string, patient: string): Promise<string> {
  return (await commit.query<{ goesBy: string }>(AMEND_PG.goesBy, [tenant, patient]))[0]?.goesBy ?? patient;
}

/** As `keepDue` of an SQLite store. */
export async function keepDue(commit: Commit, tenant: string, orders: readonly (Reassignment | AmendWanted)[]): Promise<void> {
  const last = [commit.last('lastObservation'), commit.last('lastEvent')];
  for (const wanted of orders) await commit.query(PLACING_PG.addDue, [tenant, JSON.stringify(wanted), ...last, JSON.stringify(BEGINNING)]);
}

/** The keys of beds, which are made where they are new. */
export async function bedKeys(commit: Commit, tenant: string, beds: Iterable<string>): Promise<Map<string, number>> {
  const keys = new Map<string, number>();
  for (const sql of [PLACING_PG.findBeds, PLACING_PG.addBeds]) {
    const unknown = [...new Set(beds)].filter((bed) => !keys.has(bed));
    if (unknown.length === 0) break;
    for (const { key, bed } of await commit.query<{ key: number; bed: string }>(sql, [tenant, unknown])) keys.set(bed, key);
  }
  return keys;
}

/** The keys of patients; of one of whom nothing was stored a new one is made. */
export async function patientKeys(commit: Commit, tenant: string, ids: readonly string[]): Promise<Map<string, number>> {
  const keys = new Map<string, number>();
  for (const sql of [PG.findPatients, PG.addPatients]) {
    const unknown = ids.filter((id) => !keys.has(id));
    if (unknown.length === 0) break;
    for (const { key, id } of await commit.query<{ key: number; id: string }>(sql, [tenant, unknown])) keys.set(id, key);
  }
  return keys;
}

/** The keys of those of these persons of whom the store ever heard. */
export async function personKeys(commit: Commit, tenant: string, ids: Iterable<string>): Promise<Map<string, number>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const found = await commit.query<{ key: number; id: string }>(PLACING_PG.findPersons, [tenant, wanted]);
  return new Map(found.map(({ key, id }) => [id, key]));
}

/** Columns `bed` and `stated` of rows of one batch. Throws INTERNAL for one that states somebody of whom the store never heard. */
export async function placedColumns(
  commit: Commit,
  tenant: string,
  rows: readonly { placed?: Placed }[],
): Promise<[beds: (number | null)[], stated: (number | null)[]]> {
  const placed = rows.flatMap((row) => row.placed ?? []);
  const beds = await bedKeys(
    commit,
    tenant,
    placed.map(({ bed }) => bed),
  );
  const persons = await personKeys(
    commit,
    tenant,
    placed.flatMap(({ stated }) => stated ?? []),
  );
  const statedBy = ({ stated }: Placed): number | null => {
    if (stated === null) return null;
    const key = persons.get(stated);
    if (key === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a row states somebody of whom the store never heard' });
    return key;
  };
  return [
    rows.map((row) => (row.placed ? (beds.get(row.placed.bed) ?? null) : null)),
    rows.map((row) => (row.placed ? statedBy(row.placed) : null)),
  ];
}
