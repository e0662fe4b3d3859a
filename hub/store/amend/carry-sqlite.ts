import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { panel } from '../../../shared/vitals.ts';
import { doubtRollups } from '../doubt.ts';
import { behind } from '../first-behind.ts';
import type { Currencies } from '../latest-rows.ts';
import { type After, type AmendDue, followed, isFirstPart } from '../placing/due.ts';
import { goesBy, patientKey } from '../placing/keep-sqlite.ts';
import { type MovedReading, MovingReadings, type Side } from '../placing/moving-sqlite.ts';
import { PLACING_SQL } from '../placing/statements.ts';
import { HOUR_MS } from '../roll.ts';
import { SQL } from '../statements.ts';
import type { AmendDone } from './amend.ts';
import { addMeasurement } from './arrivals-sqlite.ts';
import { type ConfirmVersion, confirmedOf } from './confirm.ts';
import { type AmendmentRow, bitOf, isOfSeries, type Rule } from './rules.ts';
import { AMEND_SQL, AMENDED_A_PAGE } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;

interface Series {
  vital: string;
  device: string;
}

/** `patient`: of whose readings it is. */
type KeptRule = Rule & { key: number; patient: string };

type Found = Omit<MovedReading, keyof Series> & { bed: number | null; sortTime: Instant };

/** A row to be set right again; the columns of the observation are null once it is not kept any more. */
interface RowBack {
  key: number;
  backTo: number | null;
  backBed: number | null;
  owner: number | null;
  ownerId: string | null;
  vital: string | null;
  device: string | null;
  effective: Instant | null;
  test: number | null;
  revises: number | null;
  preliminary: number | null;
}

const NEVER = Number.MIN_SAFE_INTEGER;

/** An amendment, or its undoing, of which a little is done at a time, within the transaction of the caller. */
export class AmendOrder {
  readonly #database: Writing;
  readonly #due: AmendDue;
  readonly #row: AmendmentRow & { patient: string };
  /** Whose readings become theirs: whom it names goes by another number once that was merged. */
  readonly #to: string;
  readonly #at: Instant;
  readonly #currencies: Currencies;
  /** By the keys from whom to whom. */
  readonly #moving = new Map<string, { was: Side; is: Side; readings: MovingReadings }>();
  isDone = false;

  /** Undefined where one of both was erased: nothing is left to be done. */
  static of(database: Writing, due: AmendDue, at: Instant, currencies: Currencies): AmendOrder | undefined {
    const row = database.prepare<[number], AmendmentRow>(AMEND_SQL.byKey).get(due.amend.amendment);
    if (row === undefined || row.patient === null || (row.kind === 'reassign' && row.toPatient === null)) return undefined;
    return new AmendOrder(database, due, { ...row, patient: due.amend.of ?? row.patient }, at, currencies);
  }

  private constructor(database: Writing, due: AmendDue, row: AmendmentRow & { patient: string }, at: Instant, currencies: Currencies) {
    this.#database = database;
    this.#due = due;
    this.#row = row;
    this.#to = goesBy(database, row.tenant, row.toPatient ?? '');
    this.#at = at;
    this.#currencies = currencies;
  }

  /** Whose rows it changed, so far in this step. */
  get parties(): readonly string[] {
    return [...this.#moving.values()].flatMap(({ was, is }) => [was.id, is.id]);
  }

  get done(): AmendDone {
    const { tenant, id, kind, patient, reason } = this.#row;
    const { moved: rows, rolledUp } = this.#due.progress;
    return { tenant, id, kind, isUndone: this.#due.amend.undo, patient, to: kind === 'reassign' ? this.#to : null, reason, rows, rolledUp };
  }

  /** Does a page of it; false once nothing is left to be done. */
  goOn(): boolean {
    const { part, after } = this.#due.progress;
    const behind = this.#page(part, after);
    const next = followed(this.#due.progress, behind);
    this.#due.progress = next ?? this.#due.progress;
    this.isDone = next === undefined;
    return !this.isDone;
  }

  #page(part: AmendDue['progress']['part'], after: After): After | undefined {
    if (part === 'readings') return this.#due.amend.undo ? this.#undo(after) : this.#amend(after);
    if (part === 'rollups' && !this.#due.amend.undo && this.#row.kind !== 'confirm') return this.#rollups(after);
    return undefined;
  }

  /** Sees to what is current; gives the vital signs of what changed, undefined where nothing did. */
  finish(): readonly string[] | undefined {
    const vitals = new Set<string>();
    for (const { readings } of this.#moving.values()) {
      readings.finish();
      for (const vital of readings.vitals) vitals.add(vital);
    }
    return vitals.size === 0 ? undefined : [...vitals].sort();
  }

  /** A page of a rule: of one measurement, or of one vital sign and device, the newest first. */
  #amend([at = 0, vital = '', device = '', sortTime, key = 0]: After): After | undefined {
    const rule = this.#ruleFrom(Number(at));
    if (rule === undefined) return undefined;
    // Of a measurement: whose it was, and whose movements would have made it since.
    const whose = rule.effective === 1 && this.#due.amend.of === undefined ? rule.patient : this.#row.patient;
    const owner = this.#keyOf(whose);
    if (owner === undefined) return [rule.key + 1];
    if (rule.effective === 1) {
      const of = { key: owner, id: whose };
      const keys = this.#row.kind === 'confirm' ? this.#confirmedKeys(owner, rule) : this.#versionKeys(owner, rule);
      this.#change(of, { vital: rule.vital ?? '', device: rule.device ?? '' }, keys);
      return [rule.key + 1];
    }
    const isNew = rule.key !== Number(at);
    const series = isNew ? { vital: '', device: '' } : { vital: String(vital), device: String(device) };
    if (isNew || sortTime === undefined) {
      const next = this.#database
        .prepare<(string | number)[], Series>(PLACING_SQL.nextSeries)
        .get(...behind([owner], [series.vital, series.device]));
      if (next === undefined) return [rule.key + 1];
      return [rule.key, next.vital, next.device, ...(isOfSeries(rule, next) ? [rule.until, 0] : [])];
    }
    const page = this.#pageOf(owner, series, rule, [Number(sortTime), Number(key)]);
    const odd = this.#change(
      { key: owner, id: whose },
      series,
      page.map((row) => row.key),
    );
    // What comes as a version of one whose sort time is not its device's time may lie outside of the stretch.
    for (const { test, effective, sortTime: sorted } of odd)
      if (sorted !== effective) addMeasurement(this.#database, this.#row, { patient: this.#row.patient, ...series, test, effective });
    const last = page.at(-1);
    const isWhole = last === undefined || page.length < AMENDED_A_PAGE;
    return isWhole ? [rule.key, series.vital, series.device] : [rule.key, series.vital, series.device, last.sortTime, last.key];
  }

  #ruleFrom(key: number): KeptRule | undefined {
    return this.#database.prepare<[number, number], KeptRule>(AMEND_SQL.nextRule).get(this.#row.key, key);
  }

  #versionKeys(owner: number, { vital, device, test, start }: Rule): number[] {
    const which = [owner, vital, device, test, start] as (string | number)[];
    const found = this.#database.prepare<(string | number)[], { key: number }>(PLACING_SQL.versionsOf).all(...which, start, ...which);
    return found.map(({ key }) => key);
  }

  #confirmedKeys(owner: number, { vital, device, test, start, meant = null }: Rule): number[] {
    const which = [owner, vital, device, test, start] as (string | number)[];
    const versions = this.#database.prepare<(string | number)[], ConfirmVersion>(AMEND_SQL.toConfirm);
    const found = versions.all(this.#row.key, this.#row.key, ...which, start, ...which);
    return confirmedOf(vital ?? '', found, { meant, last: this.#due.lastObservation }).map(({ key }) => key);
  }

  #pageOf(
    owner: number,
    { vital, device }: Series,
    { start }: Rule,
    before: readonly [number, number],
  ): { sortTime: number; key: number }[] {
    const page = this.#database.prepare<(string | number)[], { sortTime: number; key: number }>(PLACING_SQL.seriesPage);
    const rows = STANDINGS.flatMap((standing) => page.all(owner, vital, device, ...standing, start, ...before));
    return rows.sort((a, b) => b.sortTime - a.sortTime || b.key - a.key).slice(0, AMENDED_A_PAGE);
  }

  /** Does to rows of somebody, of one vital sign and device, what was decided; gives those that it had not been done to. */
  #change(own: Side, series: Series, keys: readonly number[]): readonly Found[] {
    const { key: amendment, kind } = this.#row;
    const rows = this.#database.prepare<[string, number, number], Found>(AMEND_SQL.ofKeys).all(JSON.stringify(keys), amendment, amendment);
    if (rows.length === 0) return rows;
    const add = this.#database.prepare<(number | null)[]>(AMEND_SQL.addRow);
    for (const { key, bed } of rows) add.run(key, amendment, ...(kind === 'reassign' ? [own.key, bed] : [null, null]));
    const readings = rows.map((row): MovedReading => ({ ...series, ...row }));
    if (kind === 'reassign') this.#between(own, this.#side(this.#to)).move(readings, null);
    else {
      this.#database.prepare<[number, string]>(AMEND_SQL.addBit).run(bitOf(kind), JSON.stringify(rows.map(({ key }) => key)));
      this.#between(own, own).amended(readings);
    }
    this.#count(rows.length);
    return rows;
  }

  /** A page of the rows that it was done to. */
  #undo([after = 0]: After): After | undefined {
    const { key: amendment, kind } = this.#row;
    const page = this.#database.prepare<[number, number], RowBack>(AMEND_SQL.rowPage).all(amendment, Number(after));
    const setUndone = this.#database.prepare<[number, number]>(AMEND_SQL.setRowUndone);
    for (const row of page) {
      setUndone.run(row.key, amendment);
      const reading = readingOf(row);
      if (reading === undefined) continue;
      const isChanged = kind === 'reassign' ? this.#giveBack(row, reading) : this.#clear(row, reading);
      if (isChanged) this.#count(1);
    }
    const last = page.at(-1);
    return last && [last.key];
  }

  /** One that became yet another's since goes back to whose it would be once that is undone too. */
  #giveBack({ key, backTo, backBed, owner, ownerId }: RowBack, reading: MovedReading): boolean {
    if (backTo === null || owner === null || ownerId === null) return false;
    const next = this.#database.prepare<[number, number], { amendment: number }>(AMEND_SQL.nextGiven).get(key, this.#row.key);
    if (next !== undefined) {
      this.#database.prepare<(number | null)[]>(AMEND_SQL.setGivenBy).run(backTo, backBed, key, next.amendment);
      return false;
    }
    const id = this.#database.prepare<[number], { id: string }>(AMEND_SQL.patientId).get(backTo)?.id;
    if (id === undefined) return false;
    this.#between({ key: owner, id: ownerId }, { key: backTo, id }).move([reading], backBed);
    return true;
  }

  #clear({ key, owner, ownerId }: RowBack, reading: MovedReading): boolean {
    const { kind } = this.#row;
    if (owner === null || ownerId === null) return false;
    if (this.#database.prepare<[number, string]>(AMEND_SQL.hasOther).get(key, kind) !== undefined) return false;
    this.#database.prepare<[number, number]>(AMEND_SQL.clearBit).run(bitOf(kind), key);
    const side = { key: owner, id: ownerId };
    this.#between(side, side).amended([reading]);
    return true;
  }

  /** Flags what was rolled up, of one vital sign and device: single values cannot be told apart in it any more. */
  #rollups([at = 0, vital = '', device = '', part = '', test = -1, start]: After): After | undefined {
    const rule = this.#stretchFrom(Number(at));
    const owner = this.#keyOf(this.#row.patient);
    if (rule === undefined || owner === undefined) return undefined;
    type Row = Series & { part: string; test: number };
    if (start === undefined) {
      const next = this.#database
        .prepare<(string | number)[], Row>(PLACING_SQL.nextRolled)
        .get(...behind([owner], [vital, device, part, test]));
      if (next === undefined) return undefined;
      return [
        rule.key,
        next.vital,
        next.device,
        next.part,
        next.test,
        ...(isOfSeries(rule, next) ? [Math.max(rule.start - HOUR_MS, NEVER)] : []),
      ];
    }
    const of = [owner, vital, device, part, test, start] as const;
    const page = this.#database
      .prepare<(string | number)[], { start: number; width: number }>(AMEND_SQL.rollupPage)
      .all(...of, rule.until, rule.start);
    const which = { patient: owner, vital: String(vital), device: String(device), part: String(part), test: Number(test) };
    doubtRollups(
      this.#database,
      page.map((one) => ({ ...which, ...one })),
    );
    const last = page.at(-1);
    if (last !== undefined) return [rule.key, vital, device, part, test, last.start];
    if (isFirstPart(which.part, panel(which.vital)?.parts)) this.#countRolledUp(of, rule);
    return [rule.key, vital, device, part, test];
  }

  #countRolledUp([owner, vital, device, part, test]: readonly (string | number)[], { start, until }: Rule): void {
    const { rows = 0 } =
      this.#database
        .prepare<(string | number | undefined)[], { rows: number }>(PLACING_SQL.rolledUp)
        .get(owner, vital, device, part, test, Math.max(start - HOUR_MS, NEVER), until, start) ?? {};
    this.#due.progress = { ...this.#due.progress, rolledUp: this.#due.progress.rolledUp + rows };
  }

  #stretchFrom(key: number): KeptRule | undefined {
    let rule = this.#ruleFrom(key);
    while (rule?.effective === 1) rule = this.#ruleFrom(rule.key + 1);
    return rule;
  }

  #between(was: Side, is: Side): MovingReadings {
    const name = `${was.key} ${is.key}`;
    const known = this.#moving.get(name);
    if (known !== undefined) return known.readings;
    const readings = new MovingReadings(this.#database, { tenant: this.#row.tenant, was, is, at: this.#at }, this.#currencies);
    this.#moving.set(name, { was, is, readings });
    return readings;
  }

  #side(id: string): Side {
    return { key: patientKey(this.#database, this.#row.tenant, id), id };
  }

  #keyOf(id: string): number | undefined {
    return this.#database.prepare<[string, string], { key: number }>(SQL.findPatient).get(this.#row.tenant, id)?.key;
  }

  #count(rows: number): void {
    this.#due.progress = { ...this.#due.progress, moved: this.#due.progress.moved + rows };
  }
}

function readingOf({ key, vital, device, effective, test, revises, preliminary }: RowBack): MovedReading | undefined {
  if (vital === null || device === null || effective === null || test === null) return undefined;
  return { key, vital, device, effective, test, revises: revises ?? 0, preliminary: preliminary ?? 0 };
}

/** As the index has them: standing, and real or test. */
const STANDINGS = [-1, 0, 1].flatMap((standing) => [0, 1].map((test) => [standing, test] as const));
