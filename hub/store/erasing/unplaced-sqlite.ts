import type { Database } from '../../../shared/storage/database.ts';
import { Currencies } from '../latest-rows.ts';
import { BEGINNING } from '../placing/due.ts';
import type { Person } from '../placing/placing.ts';
import { Order } from '../placing/reassign-sqlite.ts';
import { PLACING_SQL } from '../placing/statements.ts';
import { turn } from '../walks.ts';
import { type ErasureRow, isTheirsBy, keyOf } from './erase-sqlite.ts';
import { ERASING_SQL } from './statements.ts';
import { gathering, isNumberOf, nextBed, type Unplaced } from './unplaced.ts';

/** A step ends with the page in which it passes this. */
const STEP_MS = 5;

/** What is to be gone through for an erasure. */
export async function unplaced(database: Database, row: ErasureRow): Promise<Unplaced> {
  const { tenant } = row;
  const patient = row.patient ?? '';
  const isTheirs = isTheirsBy(row);
  const ids = [patient];
  for (let after = 0; ; ) {
    const page = database.read(() => database.prepare<[number], Person & { key: number }>(PLACING_SQL.persons).all(after));
    for (const person of page)
      if (person.tenant === tenant && person.patient !== patient && isNumberOf(person, isTheirs)) ids.push(person.patient);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.key;
    await turn();
  }
  const beds = database.read(() => database.prepare<[string], { bed: string }>(PLACING_SQL.beds).all(tenant));
  return { ids, beds: beds.map(({ bed }) => bed), progress: BEGINNING };
}

/** Makes some rows of nobody the person's within the transaction of the caller, for about 5 ms (`monotonicMs`: a clock that is never set); gives how far that came. */
export function gatherSome(database: Pick<Database, 'prepare'>, row: ErasureRow, from: Unplaced, monotonicMs: () => number): Unplaced {
  const endMs = monotonicMs() + STEP_MS;
  const { tenant, at } = row;
  const patient = row.patient ?? '';
  let state = from;
  for (let due = gathering(tenant, patient, state); due && monotonicMs() < endMs; due = gathering(tenant, patient, state)) {
    const order = new Order(database, due, at, new Currencies());
    while (order.goOn() && monotonicMs() < endMs);
    order.finish();
    state = order.isDone ? nextBed(state) : { ...state, progress: due.progress };
  }
  // Nothing of the person is current, not even until it is removed.
  database.prepare<[number]>(ERASING_SQL.dropCurrent).run(keyOf(database, tenant, patient) ?? 0);
  return state;
}
