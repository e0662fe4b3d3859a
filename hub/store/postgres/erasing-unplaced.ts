import { type ErasureRow, isTheirsBy } from '../erasing/erase-sqlite.ts';
import { gathering, isNumberOf, nextBed, type Unplaced } from '../erasing/unplaced.ts';
import { BEGINNING } from '../placing/due.ts';
import type { Person } from '../placing/placing.ts';
import type { Commit } from './commits.ts';
import { keyOf } from './erase.ts';
import type { ErasingPlace } from './erasing.ts';
import { ERASING_PG } from './erasing-statements.ts';
import { Order } from './placing-reassign.ts';
import { PLACING_PG } from './placing-statements.ts';

/** A step ends with the page in which it passes this. */
const STEP_MS = 15;

/** As of an SQLite store. */
export async function unplaced(place: Pick<ErasingPlace, 'read'>, row: ErasureRow): Promise<Unplaced> {
  const { tenant } = row;
  const patient = row.patient ?? '';
  const isTheirs = isTheirsBy(row);
  const ids = [patient];
  for (let after = 0; ; ) {
    const page = await place.read(
      (transaction) => transaction.query<Person & { key: number }>(PLACING_PG.persons, [tenant, after]),
      tenant,
    );
    for (const person of page) if (person.patient !== patient && isNumberOf(person, isTheirs)) ids.push(person.patient);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.key;
  }
  const beds = await place.read((transaction) => transaction.query<{ bed: string }>(PLACING_PG.beds, [tenant]), tenant);
  return { ids, beds: beds.map(({ bed }) => bed), progress: BEGINNING };
}

/** As of an SQLite store, within a commit of the tenant. Of one that another hub ended meanwhile nothing is left to be found. */
export async function gatherSome(commit: Commit, row: ErasureRow, from: Unplaced): Promise<Unplaced> {
  const endMs = performance.now() + STEP_MS;
  const { tenant, at } = row;
  const patient = row.patient ?? '';
  let state = from;
  for (let due = gathering(tenant, patient, state); due && performance.now() < endMs; due = gathering(tenant, patient, state)) {
    const order = await Order.of(commit, due, at, new Map());
    while ((await order.goOn()) && performance.now() < endMs);
    await order.finish();
    state = order.isDone ? nextBed(state) : { ...state, progress: due.progress };
  }
  await commit.query(ERASING_PG.dropLatest, [await keyOf(commit, tenant, patient)]);
  return state;
}
