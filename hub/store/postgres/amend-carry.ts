import type { Instant } from '../../../shared/clock.ts';
import { panel } from '../../../shared/vitals.ts';
import type { AmendDone } from '../amend/amend.ts';
import { type ConfirmVersion, confirmedOf } from '../amend/confirm.ts';
import { type AmendmentRow, bitOf, isOfSeries, type Rule } from '../amend/rules.ts';
import { AMENDED_A_PAGE } from '../amend/statements.ts';
import { type After, type AmendDue, followed, isFirstPart } from '../placing/due.ts';
import type { CurrencyChange } from '../store.ts';
import { addMeasurement } from './amend-arrivals.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { goesBy, patientKeys } from './placing-keep.ts';
import { type MovedReading, MovingReadings, type Side } from './placing-moving.ts';
import { PLACING_PG } from './placing-statements.ts';
import { doubtRollups } from './rollups.ts';
import { PG } from './statements.ts';

interface Series {
  vital: string;
  device: string;
}

/** `patient`: of whose readings it is. */
type KeptRule = Rule & { key: number; patient: string };

type Found = Omit<MovedReading, keyof Series> & { bed: number | null };

/** A row to be set right again; `vital` and what else the observation says is null once it is not kept any more. */
interface RowBack {
  key: number;
  sortTime: Instant;
  backTo: number | null;
  backBed: number | null;
  backId: string | null;
  owner: number | null;
  ownerId: string | null;
  vital: string | null;
  device: string | null;
  effective: Instant | null;
  test: boolean | null;
  storedAt: Instant | null;
  hasOther: boolean;
  next: number | null;
}

type Kept = RowBack & MovedReading & { owner: number; ownerId: string };

interface Given {
  was: Side;
  is: Side;
  bed: number | null;
  rows: Kept[];
}

/** As `AmendOrder` of an SQLite store, within a commit of the tenant. */
export class AmendOrder {
  readonly #commit: Commit;
  readonly #due: AmendDue;
  readonly #row: AmendmentRow & { patient: string };
  /** Whose readings become theirs: whom it names goes by another number once that was merged. */
  readonly #to: string;
  readonly #at: Instant;
  readonly #currencies: Map<string, CurrencyChange>;
  /** By the keys from whom to whom. */
  readonly #moving = new Map<string, { was: Side; is: Side; readings: MovingReadings }>();
  isDone = false;

  /** Undefined where one of both was erased: nothing is left to be done. */
  static async of(commit: Commit, due: AmendDue, at: Instant, currencies: Map<string, CurrencyChange>): Promise<AmendOrder | undefined> {
    const [row] = await commit.query<AmendmentRow>(AMEND_PG.byKey, [due.amend.amendment]);
    if (row === undefined || row.patient === null || (row.kind === 'reassign' && row.toPatient === null)) return undefined;
    const to = await goesBy(commit, row.tenant, row.toPatient ?? '');
    return new AmendOrder(commit, due, { row: { ...row, patient: due.amend.of ?? row.patient }, to }, at, currencies);
  }

  private constructor(
    commit: Commit,
    due: AmendDue,
    { row, to }: { row: AmendmentRow & { patient: string }; to: string },
    at: Instant,
    currencies: Map<string, CurrencyChange>,
  ) {
    this.#commit = commit;
    this.#due = due;
    this.#row = row;
    this.#to = to;
    this.#at = at;
    this.#currencies = currencies;
  }

  get parties(): readonly string[] {
    return [...this.#moving.values()].flatMap(({ was, is }) => [was.id, is.id]);
  }

  get done(): AmendDone {
    const { tenant, id, kind, patient, reason } = this.#row;
    const { moved: rows, rolledUp } = this.#due.progress;
    return { tenant, id, kind, isUndone: this.#due.amend.undo, patient, to: kind === 'reassign' ? this.#to : null, reason, rows, rolledUp };
  }

  /** Does a page of it; false once nothing is left to be done. */
  async goOn(): Promise<boolean> {
    const { part, after } = this.#due.progress;
    const behind = await this.#page(part, after);
    const next = followed(this.#due.progress, behind);
    this.#due.progress = next ?? this.#due.progress;
    this.isDone = next === undefined;
    return !this.isDone;
  }

  async #page(part: AmendDue['progress']['part'], after: After): Promise<After | undefined> {
    if (part === 'readings') return await (this.#due.amend.undo ? this.#undo(after) : this.#amend(after));
    if (part === 'rollups' && !this.#due.amend.undo && this.#row.kind !== 'confirm') return await this.#rollups(after);
    return undefined;
  }

  /** Sees to what is current; gives the vital signs of what changed, undefined where nothing did. */
  async finish(): Promise<readonly string[] | undefined> {
    const vitals = new Set<string>();
    for (const { readings } of this.#moving.values()) {
      await readings.finish();
      for (const vital of readings.vitals) vitals.add(vital);
    }
    return vitals.size === 0 ? undefined : [...vitals].sort();
  }

  /** A page of a rule: of one measurement, or of one vital sign and device, the newest first. */
  async #amend([at = 0, vital = '', device = '', sortTime, key = 0]: After): Promise<After | undefined> {
    const rule = await this.#ruleFrom(Number(at));
    if (rule === undefined) return undefined;
    // Of a measurement: whose it was, and whose movements would have made it since.
    const whose = rule.effective === 1 && this.#due.amend.of === undefined ? rule.patient : this.#row.patient;
    const owner = await this.#keyOf(whose);
    if (owner === undefined) return [rule.key + 1];
    const own = { key: owner, id: whose };
    if (rule.effective === 1) {
      const series = { vital: rule.vital ?? '', device: rule.device ?? '' };
      const which = [owner, series.vital, series.device, rule.test === 1, rule.start];
      await this.#change(
        own,
        series,
        await (this.#row.kind === 'confirm' ? this.#confirmed(which, rule.meant ?? null) : this.#versions(which)),
      );
      return [rule.key + 1];
    }
    const isNew = rule.key !== Number(at);
    const series = isNew ? { vital: '', device: '' } : { vital: String(vital), device: String(device) };
    if (isNew || sortTime === undefined) {
      const [next] = await this.#commit.query<Series>(PLACING_PG.nextSeries, [owner, series.vital, series.device]);
      if (next === undefined) return [rule.key + 1];
      return [rule.key, next.vital, next.device, ...(isOfSeries(rule, next) ? [rule.until, 0] : [])];
    }
    const window = [rule.start, Number(sortTime), Number(key)];
    const page = await this.#commit.query<{ key: number; sortTime: Instant }>(PLACING_PG.page, [owner, vital, device, ...window]);
    // What comes as a version of one whose sort time is not its device's time may lie outside of the stretch.
    for (const { test, effective, sortTime: sorted } of await this.#change(own, series, page))
      if (sorted !== effective)
        await addMeasurement(this.#commit, this.#row, { patient: this.#row.patient, ...series, test: Number(test), effective });
    const last = page.at(-1);
    const isWhole = last === undefined || page.length < AMENDED_A_PAGE;
    return isWhole ? [rule.key, series.vital, series.device] : [rule.key, series.vital, series.device, last.sortTime, last.key];
  }

  #versions(which: readonly (number | string | boolean)[]): Promise<{ key: number; sortTime: Instant }[]> {
    return this.#commit.query<{ key: number; sortTime: Instant }>(PLACING_PG.versionsOf, [...which]);
  }

  async #confirmed(which: readonly (number | string | boolean)[], meant: number | null): Promise<{ key: number; sortTime: Instant }[]> {
    const found = await this.#commit.query<ConfirmVersion & { sortTime: Instant }>(AMEND_PG.toConfirm, [...which, this.#row.key]);
    return confirmedOf(String(which[1]), found, { meant, last: this.#due.lastObservation });
  }

  async #ruleFrom(key: number): Promise<KeptRule | undefined> {
    return (await this.#commit.query<KeptRule>(AMEND_PG.nextRule, [this.#row.key, key]))[0];
  }

  /** Does to rows of somebody, of one vital sign and device, what was decided; gives those that it had not been done to. */
  async #change(own: Side, series: Series, given: readonly { key: number; sortTime: Instant }[]): Promise<readonly Found[]> {
    const { key: amendment, kind, tenant } = this.#row;
    const wanted = [given.map(({ key }) => key), given.map(({ sortTime }) => sortTime)];
    const rows = await this.#commit.query<Found>(AMEND_PG.ofKeys, [...wanted, amendment]);
    if (rows.length === 0) return rows;
    const isGiven = kind === 'reassign';
    const keys = [rows.map(({ key }) => key), rows.map(({ sortTime }) => sortTime)];
    await this.#commit.query(AMEND_PG.addRows, [
      ...[tenant, rows.map(() => amendment), ...keys],
      ...[rows.map(() => (isGiven ? own.key : null)), rows.map(({ bed }) => (isGiven ? bed : null))],
    ]);
    const readings = rows.map((row): MovedReading => ({ ...series, ...row }));
    if (isGiven) await this.#between(own, await this.#side(this.#to)).move(readings, null);
    else {
      await this.#commit.query(AMEND_PG.addBit, [bitOf(kind), ...keys]);
      await this.#between(own, own).amended(readings);
    }
    this.#count(rows.length);
    return rows;
  }

  /** A page of the rows that it was done to. */
  async #undo([after = 0]: After): Promise<After | undefined> {
    const { key: amendment, kind } = this.#row;
    const page = await this.#commit.query<RowBack>(AMEND_PG.rowPage, [amendment, Number(after), kind]);
    await this.#commit.query(AMEND_PG.setRowsUndone, [amendment, page.map(({ key }) => key)]);
    const kept = page.filter(isKept);
    await (kind === 'reassign' ? this.#giveBack(kept) : this.#clear(kept));
    const last = page.at(-1);
    return last && [last.key];
  }

  /** One that became yet another's since goes back to whose it would be once that is undone too. */
  async #giveBack(kept: readonly Kept[]): Promise<void> {
    const given = new Map<string, Given>();
    for (const row of kept) {
      const { key, backTo, backBed, backId, owner, ownerId, next, vital, device } = row;
      if (backTo === null || backId === null) continue;
      if (next !== null) {
        await this.#commit.query(AMEND_PG.setGivenBy, [backTo, backBed, [key], [next]]);
        continue;
      }
      const name = JSON.stringify([owner, backTo, backBed, vital, device]);
      const of = given.get(name) ?? { was: { key: owner, id: ownerId }, is: { key: backTo, id: backId }, bed: backBed, rows: [] };
      given.set(name, of);
      of.rows.push(row);
    }
    for (const { was, is, bed, rows } of given.values()) {
      await this.#between(was, is).move(rows, bed);
      this.#count(rows.length);
    }
  }

  async #clear(kept: readonly Kept[]): Promise<void> {
    const rows = kept.filter(({ hasOther }) => !hasOther);
    const keys = [rows.map(({ key }) => key), rows.map(({ sortTime }) => sortTime)];
    if (rows.length > 0) await this.#commit.query(AMEND_PG.clearBit, [bitOf(this.#row.kind), ...keys]);
    for (const of of Map.groupBy(rows, ({ owner, vital, device }) => JSON.stringify([owner, vital, device])).values()) {
      const [first] = of;
      if (first === undefined) continue;
      const side = { key: first.owner, id: first.ownerId };
      await this.#between(side, side).amended(of);
    }
    this.#count(rows.length);
  }

  /** Flags what was rolled up, of one vital sign and device: single values cannot be told apart in it any more. */
  async #rollups([at = 0, vital = '', device = '', part = '', test, start]: After): Promise<After | undefined> {
    const rule = await this.#stretchFrom(Number(at));
    const owner = await this.#keyOf(this.#row.patient);
    if (rule === undefined || owner === undefined) return undefined;
    if (start === undefined) return await this.#nextRolled(owner, rule, [vital, device, part, test]);
    const of = [owner, vital, device, part, test === 1] as const;
    const page = await this.#commit.query<{ start: number; width: number }>(AMEND_PG.rollupPage, [...of, start, rule.until, rule.start]);
    const which = { patient: owner, vital: String(vital), device: String(device), part: String(part), test: Number(test) };
    if (page.length > 0)
      await doubtRollups(
        this.#commit,
        this.#row.tenant,
        page.map((one) => ({ ...which, ...one })),
      );
    const last = page.at(-1);
    if (last !== undefined) return [rule.key, vital, device, part, Number(test), last.start];
    if (isFirstPart(which.part, panel(which.vital)?.parts)) {
      const [counted] = await this.#commit.query<{ rows: number }>(PLACING_PG.rolledUp, [...of, rule.start, rule.until]);
      this.#due.progress = { ...this.#due.progress, rolledUp: this.#due.progress.rolledUp + (counted?.rows ?? 0) };
    }
    return [rule.key, vital, device, part, Number(test)];
  }

  async #nextRolled(
    owner: number,
    rule: Rule & { key: number },
    [vital = '', device = '', part = '', test]: readonly (string | number | undefined)[],
  ): Promise<After | undefined> {
    type Row = Series & { part: string; test: number };
    const [next] =
      test === undefined
        ? await this.#commit.query<Row>(PLACING_PG.firstRolled, [owner])
        : await this.#commit.query<Row>(PLACING_PG.nextRolled, [owner, vital, device, part, test === 1]);
    if (next === undefined) return undefined;
    return [rule.key, next.vital, next.device, next.part, next.test, ...(isOfSeries(rule, next) ? [Number.MIN_SAFE_INTEGER] : [])];
  }

  async #stretchFrom(key: number): Promise<KeptRule | undefined> {
    let rule = await this.#ruleFrom(key);
    while (rule?.effective === 1) rule = await this.#ruleFrom(rule.key + 1);
    return rule;
  }

  #between(was: Side, is: Side): MovingReadings {
    const name = `${was.key} ${is.key}`;
    const known = this.#moving.get(name);
    if (known !== undefined) return known.readings;
    const readings = new MovingReadings(this.#commit, { tenant: this.#row.tenant, was, is, at: this.#at }, this.#currencies);
    this.#moving.set(name, { was, is, readings });
    return readings;
  }

  async #side(id: string): Promise<Side> {
    return { key: (await patientKeys(this.#commit, this.#row.tenant, [id])).get(id) ?? 0, id };
  }

  async #keyOf(id: string): Promise<number | undefined> {
    return (await this.#commit.query<{ key: number }>(PG.findPatients, [this.#row.tenant, [id]]))[0]?.key;
  }

  #count(rows: number): void {
    this.#due.progress = { ...this.#due.progress, moved: this.#due.progress.moved + rows };
  }
}

function isKept(row: RowBack): row is Kept {
  return (
    row.vital !== null && row.device !== null && row.effective !== null && row.test !== null && row.owner !== null && row.ownerId !== null
  );
}
