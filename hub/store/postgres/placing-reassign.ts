import type { Instant } from '../../../shared/clock.ts';
import { panel } from '../../../shared/vitals.ts';
import { isVoid } from '../amend/amended.ts';
import type { Measurement } from '../amend/rules.ts';
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
} from '../placing/due.ts';
import type { NamedOthers, ReassignStep } from '../placing/placing.ts';
import { EVENTS_A_PAGE, READINGS_A_PAGE } from '../placing/statements.ts';
import type { CurrencyChange } from '../store.ts';
import { addMeasurement } from './amend-arrivals.ts';
import { AmendOrder } from './amend-carry.ts';
import { MergeOrder } from './amend-merged.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { erasedOf } from './erase.ts';
import { bedKeys, keepDue, patientKeys, personKeys } from './placing-keep.ts';
import { type MovedReading, MovingReadings, type Side } from './placing-moving.ts';
import { PLACING_PG } from './placing-statements.ts';
import { PG } from './statements.ts';

/** A step ends with the page in which it passes this, so that others do not wait for the head for long. */
const STEP_MS = 15;

const ALWAYS = Number.MAX_SAFE_INTEGER;

/** For how long others may still want to hear of it. */
const TOLD_FOR_MS = 7 * 24 * 3_600_000;

/** Moves some rows of a tenant that are due, within a commit of it. */
export async function reassignSome(commit: Commit, tenant: string, at: Instant): Promise<ReassignStep> {
  const endMs = performance.now() + STEP_MS;
  const currencies = new Map<string, CurrencyChange>();
  const changed = new ChangedRows();
  const done: ReassignStep['done'][number][] = [];
  const amended: ReassignStep['amended'][number][] = [];
  let moved = 0;
  let due = await oldestDue(commit, tenant);
  for (; due !== undefined && performance.now() < endMs; due = await oldestDue(commit, tenant)) {
    const before = due.progress.moved;
    const order = await orderOf(commit, due, at, currencies);
    if (order !== undefined) {
      while ((await order.goOn()) && performance.now() < endMs);
      const vitals = await order.finish();
      changed.add(due.tenant, order.parties, vitals);
      moved += due.progress.moved - before;
      if (!order.isDone) {
        await commit.query(PLACING_PG.setProgress, [due.key, JSON.stringify(due.progress)]);
        break;
      }
    }
    await commit.query(PLACING_PG.dropDue, [due.key]);
    if (!('amend' in due)) done.push(doneOf(due, order === undefined));
    else if (order instanceof AmendOrder) amended.push(order.done);
  }
  const step = { moved, currencies: [...currencies.values()], changed: changed.list(), done, amended };
  await tell(commit, tenant, at, step);
  return { ...step, more: (await oldestDue(commit, tenant)) !== undefined };
}

/** Undefined for one that is to be left, because one of both was erased. */
async function orderOf(
  commit: Commit,
  due: Due | AmendDue,
  at: Instant,
  currencies: Map<string, CurrencyChange>,
): Promise<Order | AmendOrder | MergeOrder | undefined> {
  if ('amend' in due) return await AmendOrder.of(commit, due, at, currencies);
  if (await isOfErased(commit, due)) return undefined;
  const { number } = due.wanted;
  return number === undefined ? await Order.of(commit, due, at, currencies) : await MergeOrder.of(commit, { due, number }, at, currencies);
}

async function oldestDue(commit: Commit, tenant: string): Promise<Due | AmendDue | undefined> {
  const [row] = await commit.query<DueRow>(PLACING_PG.oldestDue, [tenant]);
  return row && dueOf(row);
}

/** As with the other engine. */
async function isOfErased(commit: Commit, { tenant, wanted }: Due): Promise<boolean> {
  if (commit.erasures === 0) return false;
  const { people } = await erasedOf(commit, tenant);
  return [wanted.was, wanted.is].some((id) => people.isPatient(id));
}

/** Notes whose rows changed, for the other hubs of the database, which read by position: what was moved without an entry of its own is read with the next one. */
async function tell(commit: Commit, tenant: string, at: Instant, { changed, currencies }: Omit<ReassignStep, 'more'>): Promise<void> {
  if (changed.length === 0) return;
  await commit.query(PLACING_PG.dropReassigned, [tenant, at - TOLD_FOR_MS]);
  const keys = await patientKeys(
    commit,
    tenant,
    changed.map(({ patient }) => patient),
  );
  for (const { patient, vitals } of changed) {
    const gone = currencies.flatMap((one) => ('gone' in one && one.patient === patient ? [[one.vital, one.device]] : []));
    const { position } = commit.position;
    const what = [keys.get(patient) ?? 0, at, JSON.stringify(vitals), JSON.stringify(gone)];
    await commit.query(PLACING_PG.addReassigned, [tenant, position + 1, commit.hub, ...what]);
  }
  commit.tells = true;
}

/** Which rows a gateway stored, where it is one gateway's that are meant. */
async function writtenBy(commit: Commit, gateway: string | undefined): Promise<Pick<WantedKeys, 'writers'>> {
  if (gateway === undefined) return {};
  const writers = await commit.query<{ key: number }>(PLACING_PG.writersOf, [gateway]);
  return { writers: new Set(writers.map(({ key }) => key)) };
}

async function othersKeys(
  commit: Commit,
  tenant: string,
  others: NamedOthers | undefined,
  authorities: ReadonlyMap<number, string | null>,
): Promise<Pick<WantedKeys, 'others'>> {
  if (others === undefined) return {};
  const but = new Set((await personKeys(commit, tenant, others.but)).values());
  const authorityOf = (person: number): string | null => authorities.get(person) ?? null;
  return { others: { compared: new Set(others.compared), whole: new Set(others.whole), but, authorityOf } };
}

interface SeriesRow {
  vital: string;
  device: string;
}

/** A version of a measurement about which something was decided. */
interface DecidedRow extends SeriesRow {
  amendment: number;
  test: boolean;
  effective: Instant;
}

/** `authorities`: what is known of by whom numbers were assigned, by the keys of people. */
type Wanted = WantedKeys & { toBed: number; authorities: Map<number, string | null> };

/** One order, of which a little is done at a time; as with the other engine. */
export class Order {
  readonly #commit: Commit;
  readonly #due: Due;
  readonly #at: Instant;
  readonly #currencies: Map<string, CurrencyChange>;
  readonly #was: Side | undefined;
  readonly #rows: Wanted;
  #readings: MovingReadings | undefined;
  #events = 0;
  isDone = false;

  static async of(commit: Commit, due: Due, at: Instant, currencies: Map<string, CurrencyChange>): Promise<Order> {
    const { tenant, wanted } = due;
    const [was] = await commit.query<{ key: number }>(PG.findPatients, [tenant, [wanted.was]]);
    const toBed = wanted.toBed ?? wanted.bed;
    const beds = await bedKeys(commit, tenant, [wanted.bed, toBed]);
    const stating = await personKeys(commit, tenant, wanted.stating);
    const rows = {
      bed: beds.get(wanted.bed) ?? 0,
      toBed: beds.get(toBed) ?? 0,
      unnamed: wanted.unnamed,
      ...(await writtenBy(commit, wanted.gateway)),
    };
    const authorities = new Map<number, string | null>();
    const others = await othersKeys(commit, tenant, wanted.others, authorities);
    const side = was && { key: was.key, id: wanted.was };
    return new Order(commit, due, at, currencies, side, { ...rows, ...others, stating: new Set(stating.values()), authorities });
  }

  private constructor(commit: Commit, due: Due, at: Instant, currencies: Map<string, CurrencyChange>, was: Side | undefined, rows: Wanted) {
    this.#commit = commit;
    this.#due = due;
    this.#at = at;
    this.#currencies = currencies;
    this.#was = was;
    this.#rows = rows;
  }

  /** From whom to whom. */
  get parties(): readonly string[] {
    return [this.#due.wanted.was, this.#due.wanted.is];
  }

  /** Does a page of it; false once nothing is left to be done. */
  async goOn(): Promise<boolean> {
    const { part, after } = this.#due.progress;
    const behind = await PAGES[part].call(this, after);
    const next = followed(this.#due.progress, behind);
    this.#due.progress = next ?? this.#due.progress;
    this.isDone = next === undefined;
    return !this.isDone;
  }

  /** Sees to what is current; gives the vital signs of what moved, undefined where nothing did. */
  async finish(): Promise<readonly string[] | undefined> {
    await this.#readings?.finish();
    const vitals = this.#readings?.vitals ?? [];
    return vitals.length === 0 && this.#events === 0 ? undefined : vitals;
  }

  /** A page of one vital sign and device, the newest first whatever it stands as: that may change meanwhile. Undefined once there is no more. */
  async readings([vital = '', device = '', sortTime, key = 0]: After): Promise<After | undefined> {
    if (this.#was === undefined) return undefined;
    const series = { vital: String(vital), device: String(device) };
    if (sortTime === undefined) return await this.#nextSeries(this.#was, series);
    type Row = Omit<MovedReading, keyof SeriesRow> & PlacedKeys & { amended: number };
    const window = [this.#due.wanted.from, sortTime, key];
    const page = await this.#commit.query<Row>(PLACING_PG.page, [this.#was.key, vital, device, ...window]);
    await this.#know(page);
    const rows = page.filter((row) => row.key <= this.#due.lastObservation && isWanted(row, this.#rows));
    if (rows.length > 0) {
      const moving = await this.#moving(this.#was);
      await moving.move(
        rows.map((row) => ({ ...series, ...row })),
        this.#rows.toBed,
      );
    }
    await this.#followVoid(rows.filter(({ amended }) => isVoid(amended)).map((row) => ({ ...series, ...row })));
    this.#count(rows.length);
    const last = page.at(-1);
    return last === undefined || page.length < READINGS_A_PAGE ? [vital, device] : [vital, device, last.sortTime, last.key];
  }

  /** Whoever they come to is known to the store from the first of them on. */
  /** By whom the numbers that rows name were assigned, where the order asks for it. */
  async #know(page: readonly PlacedKeys[]): Promise<void> {
    const { others, authorities } = this.#rows;
    if (others === undefined) return;
    const unknown = page.flatMap(({ stated }) => (stated === null || authorities.has(stated) ? [] : [stated]));
    if (unknown.length === 0) return;
    const found = await this.#commit.query<{ key: number; authority: string | null }>(PLACING_PG.authoritiesOf, [
      this.#due.tenant,
      [...new Set(unknown)],
    ]);
    for (const { key, authority } of found) authorities.set(key, authority);
  }

  async #moving(was: Side): Promise<MovingReadings> {
    const { tenant, wanted } = this.#due;
    if (this.#readings === undefined) {
      const keys = await patientKeys(this.#commit, tenant, [wanted.is]);
      const is = { key: keys.get(wanted.is) ?? 0, id: wanted.is };
      this.#readings = new MovingReadings(this.#commit, { tenant, was, is, at: this.#at }, this.#currencies);
    }
    return this.#readings;
  }

  async #nextSeries(was: Side, { vital, device }: SeriesRow): Promise<After | undefined> {
    const { wanted } = this.#due;
    const [series] = await this.#commit.query<SeriesRow>(PLACING_PG.nextSeries, [was.key, vital, device]);
    if (series === undefined) return undefined;
    const isOther = wanted.device !== undefined && series.device !== wanted.device;
    return isOther ? [series.vital, series.device] : [series.vital, series.device, wanted.to ?? ALWAYS, 0];
  }

  /** A page of those that people gave to others: where they were is where they go back to. */
  async byHand([after = 0]: After): Promise<After | undefined> {
    const { tenant, wanted } = this.#due;
    type Row = PlacedKeys & DecidedRow & { observation: number; sortTime: number };
    const page = await this.#commit.query<Row>(AMEND_PG.byHandPage, [
      ...[this.#was?.key ?? 0, this.#rows.bed, after, this.#due.lastObservation],
    ]);
    await this.#know(page);
    const rows = page.filter((row) => isWanted(row, this.#rows) && isWithin(wanted, row));
    if (rows.length > 0) {
      const keys = await patientKeys(this.#commit, tenant, [wanted.is]);
      const which = [rows.map(({ observation }) => observation), rows.map(({ amendment }) => amendment)];
      await this.#commit.query(AMEND_PG.setGivenBy, [keys.get(wanted.is) ?? 0, this.#rows.toBed, ...which]);
      await this.#follow(rows);
    }
    const last = page.at(-1);
    return last && [last.observation];
  }

  async #followVoid(rows: readonly (Omit<DecidedRow, 'amendment'> & { key: number })[]): Promise<void> {
    if (rows.length === 0) return;
    type Found = { observation: number; amendment: number };
    const found = await this.#commit.query<Found>(AMEND_PG.voidsOf, [rows.map(({ key }) => key)]);
    const amendmentsOf = Map.groupBy(found, ({ observation }) => observation);
    await this.#follow(rows.flatMap((row) => (amendmentsOf.get(row.key) ?? []).map(({ amendment }) => ({ ...row, amendment }))));
  }

  /** What people decided about a measurement is of its other versions, too, which movements make that of the same one: of those that come, and of those that came before. */
  async #follow(rows: readonly DecidedRow[]): Promise<void> {
    const { tenant, wanted } = this.#due;
    const again = new Set<number>();
    for (const { amendment, vital, device, test, effective } of rows) {
      const measurement = { patient: wanted.is, vital, device, test: Number(test), effective };
      const isNew = await addMeasurement(this.#commit, { key: amendment, tenant }, measurement);
      if (isNew && (await this.#hasOthers(measurement, amendment))) again.add(amendment);
    }
    await keepDue(
      this.#commit,
      tenant,
      [...again].map((amendment) => ({ amendment, undo: false })),
    );
  }

  /** Whether there are versions of it to which that was not done yet. */
  async #hasOthers({ patient, vital, device, test, effective }: Measurement, amendment: number): Promise<boolean> {
    const [key] = await this.#commit.query<{ key: number }>(PG.findPatients, [this.#due.tenant, [patient]]);
    const which = [key?.key ?? 0, vital, device, test === 1, effective];
    const versions = await this.#commit.query<{ key: number; sortTime: Instant }>(PLACING_PG.versionsOf, which);
    const keys = [versions.map((one) => one.key), versions.map(({ sortTime }) => sortTime)];
    return (await this.#commit.query(AMEND_PG.ofKeys, [...keys, amendment])).length > 0;
  }

  /** Counts what is not kept row by row any more, of one vital sign and device: whose it was cannot be told. */
  async rollups(after: After): Promise<After | undefined> {
    const { from, to, device: only } = this.#due.wanted;
    const key = this.#was?.key ?? 0;
    type Row = SeriesRow & { part: string; test: number };
    const [vital = '', device = '', part = '', test] = after;
    const [next] =
      test === undefined
        ? await this.#commit.query<Row>(PLACING_PG.firstRolled, [key])
        : await this.#commit.query<Row>(PLACING_PG.nextRolled, [key, vital, device, part, test === 1]);
    if (next === undefined) return undefined;
    if ((only === undefined || next.device === only) && isFirstPart(next.part, panel(next.vital)?.parts)) {
      const which = [key, next.vital, next.device, next.part, next.test === 1];
      const [counted] = await this.#commit.query<{ rows: number }>(PLACING_PG.rolledUp, [...which, from, to ?? ALWAYS]);
      this.#due.progress = { ...this.#due.progress, rolledUp: this.#due.progress.rolledUp + (counted?.rows ?? 0) };
    }
    return [next.vital, next.device, next.part, next.test];
  }

  async events([kind = 'alert', sortTime = this.#due.wanted.to ?? ALWAYS, key = 0]: After): Promise<After | undefined> {
    const { tenant, wanted } = this.#due;
    type Row = PlacedKeys & { key: number; sortTime: number; device: string };
    const page = await this.#commit.query<Row>(PLACING_PG.eventPage, [tenant, wanted.was, kind, wanted.from, sortTime, key]);
    await this.#know(page);
    const rows = page.filter(
      (row) => row.key <= this.#due.lastEvent && isWanted(row, this.#rows) && (wanted.device === undefined || row.device === wanted.device),
    );
    if (rows.length > 0)
      await this.#commit.query(PLACING_PG.moveEvents, [
        wanted.is,
        this.#rows.toBed,
        rows.map((row) => row.key),
        rows.map((row) => row.sortTime),
      ]);
    this.#events += rows.length;
    this.#count(rows.length);
    const last = page.at(-1);
    return last === undefined || page.length < EVENTS_A_PAGE ? behindKind(String(kind)) : [kind, last.sortTime, last.key];
  }

  #count(moved: number): void {
    this.#due.progress = { ...this.#due.progress, moved: this.#due.progress.moved + moved };
  }
}

const PAGES = {
  readings: Order.prototype.readings,
  byHand: Order.prototype.byHand,
  rollups: Order.prototype.rollups,
  events: Order.prototype.events,
};
