import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { panel } from '../../../shared/vitals.ts';
import { isVoid } from '../amend/amended.ts';
import { addMeasurement } from '../amend/arrivals-sqlite.ts';
import { AmendOrder } from '../amend/carry-sqlite.ts';
import { MergeOrder } from '../amend/merged-sqlite.ts';
import type { Measurement } from '../amend/rules.ts';
import { AMEND_SQL } from '../amend/statements.ts';
import { erasedPeople } from '../erasing/erased-sqlite.ts';
import { behind } from '../first-behind.ts';
import { Currencies } from '../latest-rows.ts';
import { HOUR_MS } from '../roll.ts';
import { SQL } from '../statements.ts';
import {
  type After,
  type AmendDue,
  behindKind,
  ChangedRows,
  type Due,
  type DueRow,
  doneOf,
  dueOf,
  followed,
  isFirstPart,
  isWanted,
  isWithin,
  type PlacedKeys,
  type WantedKeys,
} from './due.ts';
import { bedKey, keepDue, othersKeys, patientKey, personKey } from './keep-sqlite.ts';
import { MovingReadings, type Side } from './moving-sqlite.ts';
import type { ReassignStep } from './placing.ts';
import { Slices } from './slices-sqlite.ts';
import { PLACING_SQL } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;

/** A step ends with the page in which it passes this: with what is current and its fsync, it stays below 20 ms. */
const STEP_MS = 6;

/** Before everything, and behind it. */
const NEVER = Number.MIN_SAFE_INTEGER;
const ALWAYS = Number.MAX_SAFE_INTEGER;

/** Moves some rows that are due within the transaction of the caller. `monotonicMs` is a clock that is never set. */
export function reassignSome(database: Writing, at: Instant, monotonicMs: () => number): ReassignStep {
  const endMs = monotonicMs() + STEP_MS;
  const currencies = new Currencies();
  const changed = new ChangedRows();
  const done: ReassignStep['done'][number][] = [];
  const amended: ReassignStep['amended'][number][] = [];
  let moved = 0;
  let due = oldestDue(database);
  for (; due !== undefined && monotonicMs() < endMs; due = oldestDue(database)) {
    const before = due.progress.moved;
    const order = orderOf(database, due, at, currencies);
    if (order !== undefined) {
      while (order.goOn() && monotonicMs() < endMs);
      changed.add(due.tenant, order.parties, order.finish());
      moved += due.progress.moved - before;
      if (!order.isDone) {
        database.prepare<[string, number]>(PLACING_SQL.setProgress).run(JSON.stringify(due.progress), due.key);
        break;
      }
    }
    database.prepare<[number]>(PLACING_SQL.dropDue).run(due.key);
    if (!('amend' in due)) done.push(doneOf(due, order === undefined));
    else if (order instanceof AmendOrder) amended.push(order.done);
  }
  return { moved, currencies: currencies.list(), changed: changed.list(), done, amended, more: oldestDue(database) !== undefined };
}

/** Undefined for one that is to be left, because one of both was erased. */
function orderOf(database: Writing, due: Due | AmendDue, at: Instant, currencies: Currencies): Order | AmendOrder | MergeOrder | undefined {
  if ('amend' in due) return AmendOrder.of(database, due, at, currencies);
  if (isOfErased(database, due)) return undefined;
  const { number } = due.wanted;
  return number === undefined ? new Order(database, due, at, currencies) : new MergeOrder(database, { due, number }, at, currencies);
}

function oldestDue(database: Writing): Due | AmendDue | undefined {
  const row = database.prepare<[], DueRow>(PLACING_SQL.oldestDue).get();
  return row && dueOf(row);
}

/** Nobody's rows become those of somebody who was erased, and of theirs none is to be left to become another's. */
function isOfErased(database: Writing, { tenant, wanted }: Due): boolean {
  const erased = erasedPeople(database, tenant);
  return erased !== undefined && [wanted.was, wanted.is].some((id) => erased.isPatient(id));
}

interface SeriesRow {
  vital: string;
  device: string;
}

/** A version of a measurement about which something was decided. */
interface DecidedRow extends SeriesRow {
  amendment: number;
  test: number;
  effective: Instant;
}

/** One order, of which a little is done at a time. */
export class Order {
  readonly #database: Writing;
  readonly #due: Due;
  readonly #at: Instant;
  readonly #currencies: Currencies;
  readonly #was: Side | undefined;
  #slices: Slices | undefined;
  #readings: MovingReadings | undefined;
  readonly #rows: WantedKeys;
  readonly #toBed: number;
  #events = 0;
  isDone = false;

  constructor(database: Writing, due: Due, at: Instant, currencies: Currencies) {
    this.#database = database;
    this.#due = due;
    this.#at = at;
    this.#currencies = currencies;
    const { tenant, wanted } = due;
    const was = database.prepare<[string, string], { key: number }>(SQL.findPatient).get(tenant, wanted.was);
    this.#was = was && { key: was.key, id: wanted.was };
    const bed = bedKey(database, tenant, wanted.bed);
    const stating = new Set(wanted.stating.flatMap((id) => personKey(database, tenant, id) ?? []));
    const others = othersKeys(database, tenant, wanted.others);
    this.#rows = { bed, unnamed: wanted.unnamed, stating, ...others, ...writtenBy(database, wanted.gateway) };
    this.#toBed = wanted.toBed === undefined ? bed : bedKey(database, tenant, wanted.toBed);
  }

  /** From whom to whom. */
  get parties(): readonly string[] {
    return [this.#due.wanted.was, this.#due.wanted.is];
  }

  /** Does a page of it; false once nothing is left to be done. */
  goOn(): boolean {
    const { part, after } = this.#due.progress;
    const behind = PAGES[part].call(this, after);
    const next = followed(this.#due.progress, behind);
    this.#due.progress = next ?? this.#due.progress;
    this.isDone = next === undefined;
    return !this.isDone;
  }

  /** Sees to what is current; gives the vital signs of what moved, undefined where nothing did. */
  finish(): readonly string[] | undefined {
    this.#readings?.finish();
    const vitals = this.#readings?.vitals ?? [];
    return vitals.length === 0 && this.#events === 0 ? undefined : vitals;
  }

  /** A slice of time, the newest first, of all vital signs and devices. Undefined once there is no more. */
  readings(after: After): After | undefined {
    if (this.#was === undefined) return undefined;
    const { from, to, device } = this.#due.wanted;
    this.#slices ??= new Slices(this.#database, { patient: this.#was.key, from, to, device });
    const slice = this.#slices.next(after);
    if (slice === undefined) return undefined;
    const rows = slice.rows.filter((row) => row.key <= this.#due.lastObservation && isWanted(row, this.#rows));
    if (rows.length > 0) this.#moving(this.#was).move(rows, this.#toBed);
    const voids = this.#database.prepare<[number], { amendment: number }>(AMEND_SQL.voidsOf);
    this.#follow(
      rows.filter(({ amended }) => isVoid(amended)).flatMap((row) => voids.all(row.key).map(({ amendment }) => ({ ...row, amendment }))),
    );
    this.#count(rows.length);
    return slice.behind;
  }

  /** Whoever they come to is known to the store from the first of them on. */
  #moving(was: Side): MovingReadings {
    const { tenant, wanted } = this.#due;
    const is = (): Side => ({ key: patientKey(this.#database, tenant, wanted.is), id: wanted.is });
    this.#readings ??= new MovingReadings(this.#database, { tenant, was, is: is(), at: this.#at }, this.#currencies);
    return this.#readings;
  }

  /** A page of those that people gave to others: where they were is where they go back to. */
  byHand([after = 0]: After): After | undefined {
    type Row = PlacedKeys & DecidedRow & { observation: number; sortTime: number };
    const page = this.#database
      .prepare<(string | number)[], Row>(AMEND_SQL.byHandPage)
      .all(this.#was?.key ?? 0, this.#rows.bed, after, this.#due.lastObservation);
    const set = this.#database.prepare<(string | number)[]>(AMEND_SQL.setGivenBy);
    const rows = page.filter((row) => isWanted(row, this.#rows) && isWithin(this.#due.wanted, row));
    for (const row of rows)
      set.run(patientKey(this.#database, this.#due.tenant, this.#due.wanted.is), this.#toBed, row.observation, row.amendment);
    this.#follow(rows);
    const last = page.at(-1);
    return last && [last.observation];
  }

  /** What people decided about a measurement is of its other versions, too, which movements make that of the same one: of those that come, and of those that came before. */
  #follow(rows: readonly DecidedRow[]): void {
    const { tenant, wanted } = this.#due;
    const again = new Set<number>();
    for (const { amendment, vital, device, test, effective } of rows) {
      const measurement = { patient: wanted.is, vital, device, test, effective };
      const isNew = addMeasurement(this.#database, { key: amendment, tenant }, measurement);
      if (isNew && this.#hasOthers(measurement, amendment)) again.add(amendment);
    }
    keepDue(
      this.#database,
      tenant,
      [...again].map((amendment) => ({ amendment, undo: false })),
    );
  }

  /** Whether there are versions of it to which that was not done yet. */
  #hasOthers({ patient, vital, device, test, effective }: Measurement, amendment: number): boolean {
    const key = this.#database.prepare<[string, string], { key: number }>(SQL.findPatient).get(this.#due.tenant, patient)?.key ?? 0;
    const which = [key, vital, device, test, effective] as const;
    const versions = this.#database
      .prepare<(string | number)[], { key: number }>(PLACING_SQL.versionsOf)
      .all(...which, effective, ...which);
    const keys = JSON.stringify(versions.map((one) => one.key));
    return this.#database.prepare<[string, number, number]>(AMEND_SQL.ofKeys).get(keys, amendment, amendment) !== undefined;
  }

  /** Counts what is not kept row by row any more, of one vital sign and device: whose it was cannot be told. */
  rollups([vital = '', device = '', part = '', test = -1]: After): After | undefined {
    const { from, to, device: only } = this.#due.wanted;
    const key = this.#was?.key ?? 0;
    type Row = SeriesRow & { part: string; test: number };
    const next = this.#database
      .prepare<(string | number)[], Row>(PLACING_SQL.nextRolled)
      .get(...behind([key], [vital, device, part, test]));
    if (next === undefined) return undefined;
    const of = [next.vital, next.device, next.part, next.test] as const;
    if ((only === undefined || next.device === only) && isFirstPart(next.part, panel(next.vital)?.parts)) {
      const { rows = 0 } =
        this.#database
          .prepare<(string | number)[], { rows: number }>(PLACING_SQL.rolledUp)
          .get(key, ...of, Math.max(from - HOUR_MS, NEVER), to ?? ALWAYS, from) ?? {};
      this.#due.progress = { ...this.#due.progress, rolledUp: this.#due.progress.rolledUp + rows };
    }
    return of;
  }

  events([kind, sortTime = this.#due.wanted.to ?? ALWAYS, key = 0]: After): After | undefined {
    const { tenant, wanted } = this.#due;
    const of = kind ?? 'alert';
    type Row = PlacedKeys & { key: number; sortTime: number; device: string };
    const page = this.#database
      .prepare<(string | number)[], Row>(PLACING_SQL.eventPage)
      .all(tenant, wanted.was, of, wanted.from, sortTime, key);
    const move = this.#database.prepare<[string, number, number]>(PLACING_SQL.moveEvent);
    for (const row of page) {
      if (row.key > this.#due.lastEvent || !isWanted(row, this.#rows)) continue;
      if (wanted.device !== undefined && row.device !== wanted.device) continue;
      move.run(wanted.is, this.#toBed, row.key);
      this.#events += 1;
      this.#count(1);
    }
    const last = page.at(-1);
    if (last !== undefined) return [of, last.sortTime, last.key];
    return behindKind(String(of));
  }

  #count(moved: number): void {
    this.#due.progress = { ...this.#due.progress, moved: this.#due.progress.moved + moved };
  }
}

/** Which rows a gateway stored, where it is one gateway's that are meant. */
function writtenBy(database: Writing, gateway: string | undefined): Pick<WantedKeys, 'writers'> {
  if (gateway === undefined) return {};
  const writers = database.prepare<[string], { key: number }>(PLACING_SQL.writersOf).all(gateway);
  return { writers: new Set(writers.map(({ key }) => key)) };
}

const PAGES = {
  readings: Order.prototype.readings,
  byHand: Order.prototype.byHand,
  rollups: Order.prototype.rollups,
  events: Order.prototype.events,
};
