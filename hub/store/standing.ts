import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { ObservationKey } from '../../shared/uplink/key.ts';
import { isRevision, isSettled, isWithdrawal, mayBeCurrent } from '../clinical/sort-time.ts';
import { isVoid } from './amend/amended.ts';
import { doubtRollups, rollupsAt } from './doubt.ts';
import { Judging } from './identity/judging-sqlite.ts';
import { Currencies, LatestRows } from './latest-rows.ts';
import { isKeptOut, type KeptVersion } from './placing/standing-again.ts';
import { PLACING_SQL } from './placing/statements.ts';
import { startsRolledFrom } from './rolled-from.ts';
import { SQL } from './statements.ts';
import type { Arrival, ArrivedBatch, CurrencyChange } from './store.ts';

/** An arrival on its way into the store: the key of its observation, who wrote it, and its row and part. */
export interface Version {
  key: number;
  arrival: Arrival;
  /** What people decided about what it is a version of (`amended.ts`). */
  amended: number;
  writer: number;
  id: ObservationKey;
}

type Writing = Pick<Database, 'prepare'>;

/** While a batch is written: which version of a measurement stands, and which is the current one. */
export class StandingVersions {
  readonly #database: Writing;
  readonly #batch: ArrivedBatch;
  readonly #currencies = new Currencies();
  readonly #doubts: { patient: string; vital: string }[] = [];

  constructor(database: Writing, batch: ArrivedBatch) {
    this.#database = database;
    this.#batch = batch;
  }

  /** Of one patient: the key, and the id. */
  of(key: number, id: string): VersionsOfPatient {
    const { tenant, at } = this.#batch;
    const latest = new LatestRows(this.#database, { tenant, key, id, at }, this.#currencies.changed);
    const doubted = (vitals: readonly string[]): void => void this.#doubts.push(...vitals.map((vital) => ({ patient: id, vital })));
    return new VersionsOfPatient(this.#database, { key, latest, at, doubted });
  }

  /** Vital signs of which a reading became doubtful, or is not any more. */
  get doubts(): readonly { patient: string; vital: string }[] {
    return this.#doubts;
  }

  /** The rows of `latest` that changed, each once. */
  currencies(): CurrencyChange[] {
    return this.#currencies.list();
  }
}

interface OfPatient {
  key: number;
  latest: LatestRows;
  /** `storedAt` of the batch. */
  at: Instant;
  /** Told of the vital signs of which the doubt about any reading changed. */
  doubted: (vitals: readonly string[]) => void;
}

class VersionsOfPatient {
  readonly #database: Writing;
  readonly #of: OfPatient;
  readonly #judging: Judging;
  #hasRevision: boolean;
  #hasPreliminary: boolean;
  #isRevised = false;
  #mayStand = false;
  /** Whether it would stand if nobody had decided that it is void: then it takes the place of others all the same. */
  #wouldStand = false;

  constructor(database: Writing, of: OfPatient) {
    this.#database = database;
    this.#of = of;
    this.#judging = new Judging(database, of.key);
    this.#hasRevision = database.prepare<[number]>(SQL.hasRevision).get(of.key) !== undefined;
    this.#hasPreliminary = database.prepare<[number, number]>(SQL.hasPreliminary).get(of.key, of.key) !== undefined;
  }

  /** Whether a version stands beside what is stored so far. To be called before it is stored, and `stored` behind that. */
  mayStand(version: Version): boolean {
    const { arrival, amended } = version;
    this.#isRevised = this.#hasRevision && this.#revisionOf(version);
    const isReplaced = this.#isRevised || (arrival.status === 'preliminary' && this.#isSettled(version));
    this.#wouldStand = mayBeCurrent(arrival.flags, arrival.status) && !isReplaced;
    this.#mayStand = this.#wouldStand && !isVoid(amended);
    return this.#mayStand;
  }

  /** Does what follows from the version that `mayStand` was last asked of. */
  stored(version: Version): void {
    const { key, arrival: a, writer, id } = version;
    if (this.#mayStand) this.#of.latest.put(a, { ...a, test: a.test ? 1 : 0, storedAt: this.#of.at, key });
    // A correction leaves what the same sender sent after it; what takes back takes back all.
    if (isWithdrawal(a.status)) this.#withdraw(a, [key, 0, 0, 0]);
    else if (isRevision(a.status) && !this.#isRevised) this.#withdraw(a, [key, writer, id.seq, id.index]);
    const settles = this.#wouldStand && this.#hasPreliminary && isSettled(a.status);
    if (settles) this.#settle(version);
    this.#judging.stored(key, a, !settles && !isRevision(a.status));
    // What they concern may stand behind them in the same batch.
    this.#hasRevision ||= isRevision(a.status);
    this.#hasPreliminary ||= a.status === 'preliminary';
  }

  /** Decides whose readings of personal devices are, and keeps `latest` of the patient bounded; the observations stay. */
  finish(): void {
    this.#of.doubted(this.#judging.settle(this.#of.latest));
    this.#of.latest.trim();
  }

  /** Sets aside what the arrival takes back or replaces. `by`: the key, writer, row and part of the arrival. */
  #withdraw(arrival: Arrival, by: readonly [key: number, writer: number, seq: number, part: number]): void {
    const which = this.#measurement(arrival);
    const inOrder = this.#database.prepare<(string | number)[]>(SQL.withdraw).run(...which, arrival.effective, ...by);
    const setAside = this.#database.prepare<(string | number)[]>(SQL.withdrawSetAside).run(...which, ...by);
    // Not kept any more, it may still be in a rollup.
    if (inOrder.changes + setAside.changes === 0) this.#doubt(arrival, 'any');
    this.#of.latest.replaceGone(arrival);
  }

  /** Sets aside the preliminary values whose place the arrival takes. */
  #settle({ arrival, writer, id }: Version): void {
    const settled = this.#database.prepare<(string | number)[]>(SQL.settle).run(...this.#measurement(arrival), writer, id.seq);
    if (settled.changes === 0) this.#doubt(arrival, 'preliminary');
    this.#of.latest.replaceGone(arrival);
  }

  /** Whether the final one of a preliminary value is there. */
  #isSettled({ arrival, writer, id }: Version): boolean {
    const which = this.#measurement(arrival);
    const inOrder = this.#database.prepare<(string | number)[]>(SQL.isSettled).get(...which, arrival.effective, writer, id.seq);
    if (inOrder !== undefined) return true;
    if (this.#database.prepare<(string | number)[]>(SQL.isSettledAside).get(...which, writer, id.seq) !== undefined) return true;
    const kept = this.#database
      .prepare<(string | number)[], KeptVersion>(PLACING_SQL.versionsOf)
      .all(...which, arrival.effective, ...which);
    return isKeptOut(kept, { writer, seq: id.seq, part: id.index });
  }

  /** Whether its sender had taken it back, or sent a better one. */
  #revisionOf({ arrival, writer, id }: Version): boolean {
    const which = [...this.#measurement(arrival), writer, id.seq, id.index];
    return this.#database.prepare<(string | number)[]>(SQL.isRevised).get(...which) !== undefined;
  }

  /** Casts doubt on the rollups in which a value of the same time of its device may be: `any`, or a preliminary one. */
  #doubt({ vital, device, test, effective }: Arrival, which: 'any' | 'preliminary'): void {
    const of = { patient: this.#of.key, vital, device, test: test ? 1 : 0 };
    const starts: Instant[] = startsRolledFrom(this.#database, of, effective, which);
    if (which === 'any') starts.push(effective);
    for (const start of starts) doubtRollups(this.#database, rollupsAt(of, start));
  }

  /** As the statements take it. */
  #measurement({ vital, device, test, effective }: Arrival): [number, string, string, number, Instant] {
    return [this.#of.key, vital, device, test ? 1 : 0, effective];
  }
}
