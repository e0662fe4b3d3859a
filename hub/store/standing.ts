import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { ObservationKey } from '../../shared/uplink/key.ts';
import { isRevision, isSettled, isWithdrawal, MAX_AHEAD_MS, mayBeCurrent } from '../clinical/sort-time.ts';
import { AGE_UNKNOWN, type Place, STEP_MS } from '../clinical/staleness.ts';
import { doubtRollups, rollupsAt } from './doubt.ts';
import { startsRolledFrom } from './rolled-from.ts';
import { MAX_LATEST, SQL } from './statements.ts';
import type { Arrival, ArrivedBatch, CurrencyChange } from './store.ts';

/** An arrival on its way into the store: the key of its observation, who wrote it, and its row and part. */
export interface Version {
  key: number;
  arrival: Arrival;
  writer: number;
  id: ObservationKey;
}

/** What may stand in `latest`, with the key of its observation. */
interface Standing {
  key: number;
  test: number;
  sortTime: number;
  storedAt: number;
  freshAt: number;
  place: Place;
}

/** What takes the place of a row from ahead of the hub's clock was measured within this time: it comes live. */
const LIVE_MS = 60_000;

type Writing = Pick<Database, 'prepare'>;

/** While a batch is written: which version of a measurement stands, and which is the current one. */
export class StandingVersions {
  readonly #database: Writing;
  readonly #batch: ArrivedBatch;
  readonly #currencies = new Map<string, CurrencyChange>();

  constructor(database: Writing, batch: ArrivedBatch) {
    this.#database = database;
    this.#batch = batch;
  }

  /** Of one patient: the key, and the id. */
  of(key: number, id: string): VersionsOfPatient {
    const changed = (change: CurrencyChange): void => {
      this.#currencies.set(JSON.stringify([change.patient, change.vital, change.device]), change);
    };
    return new VersionsOfPatient({ database: this.#database, batch: this.#batch, key, id, changed });
  }

  /** The rows of `latest` that changed, each once. */
  currencies(): CurrencyChange[] {
    return [...this.#currencies.values()];
  }
}

interface OfPatient {
  database: Writing;
  batch: ArrivedBatch;
  key: number;
  id: string;
  changed: (change: CurrencyChange) => void;
}

class VersionsOfPatient {
  readonly #database: Writing;
  readonly #of: OfPatient;
  #hasRevision: boolean;
  #hasPreliminary: boolean;
  #isRevised = false;
  #mayStand = false;

  constructor(of: OfPatient) {
    this.#database = of.database;
    this.#of = of;
    this.#hasRevision = of.database.prepare<[number]>(SQL.hasRevision).get(of.key) !== undefined;
    this.#hasPreliminary = of.database.prepare<[number, number]>(SQL.hasPreliminary).get(of.key, of.key) !== undefined;
  }

  /** Whether a version stands beside what is stored so far. To be called before it is stored, and `stored` behind that. */
  mayStand(version: Version): boolean {
    const { arrival } = version;
    this.#isRevised = this.#hasRevision && this.#revisionOf(version);
    const isReplaced = this.#isRevised || (arrival.status === 'preliminary' && this.#isSettled(version));
    this.#mayStand = mayBeCurrent(arrival.flags, arrival.status) && !isReplaced;
    return this.#mayStand;
  }

  /** Does what follows from the version that `mayStand` was last asked of. */
  stored(version: Version): void {
    const { key, arrival: a, writer, id } = version;
    if (this.#mayStand) this.#setLatest(a, { ...a, test: a.test ? 1 : 0, storedAt: this.#of.batch.at, key });
    // A correction leaves what the same sender sent after it; what takes back takes back all.
    if (isWithdrawal(a.status)) this.#withdraw(a, [key, 0, 0, 0]);
    else if (isRevision(a.status) && !this.#isRevised) this.#withdraw(a, [key, writer, id.seq, id.index]);
    if (this.#mayStand && this.#hasPreliminary && isSettled(a.status)) this.#settle(version);
    // What they concern may stand behind them in the same batch.
    this.#hasRevision ||= isRevision(a.status);
    this.#hasPreliminary ||= a.status === 'preliminary';
  }

  /** Keeps `latest` of the patient bounded; the observations stay. */
  finish(): void {
    const { key } = this.#of;
    const rows = this.#database.prepare<[number], { rows: number }>(SQL.countLatest).get(key)?.rows ?? 0;
    if (rows <= MAX_LATEST) return;
    const drop = this.#database.prepare<[number, string, string]>(SQL.dropLatest);
    const oldest = this.#database.prepare<[number, number], { vital: string; device: string }>(SQL.oldestLatest);
    for (const row of oldest.all(key, rows - MAX_LATEST)) {
      drop.run(key, row.vital, row.device);
      this.#gone(row);
    }
  }

  #setLatest({ vital, device }: LatestRow, { test, sortTime, storedAt, key, freshAt, place }: Standing): void {
    const { key: patient, id, batch, changed } = this.#of;
    const { changes } = this.#database
      .prepare<(string | number)[]>(SQL.setLatest)
      .run(patient, vital, device, test, sortTime, storedAt, key, freshAt, place, MAX_AHEAD_MS, STEP_MS, LIVE_MS);
    if (changes > 0) changed({ tenant: batch.tenant, patient: id, vital, device, freshAt, storedAt, place });
  }

  /** Sets aside what the arrival takes back or replaces. `by`: the key, writer, row and part of the arrival. */
  #withdraw(arrival: Arrival, by: readonly [key: number, writer: number, seq: number, part: number]): void {
    const which = this.#measurement(arrival);
    const inOrder = this.#database.prepare<(string | number)[]>(SQL.withdraw).run(...which, arrival.effective, ...by);
    const setAside = this.#database.prepare<(string | number)[]>(SQL.withdrawSetAside).run(...which, ...by);
    // Not kept any more, it may still be in a rollup.
    if (inOrder.changes + setAside.changes === 0) this.#doubt(arrival, 'any');
    this.#replaceWithdrawn(arrival);
  }

  /** Sets aside the preliminary values whose place the arrival takes. */
  #settle({ arrival, writer, id }: Version): void {
    const settled = this.#database.prepare<(string | number)[]>(SQL.settle).run(...this.#measurement(arrival), writer, id.seq);
    if (settled.changes === 0) this.#doubt(arrival, 'preliminary');
    this.#replaceWithdrawn(arrival);
  }

  /** Whether the final one of a preliminary value is there. */
  #isSettled({ arrival, writer, id }: Version): boolean {
    const which = this.#measurement(arrival);
    const inOrder = this.#database.prepare<(string | number)[]>(SQL.isSettled).get(...which, arrival.effective, writer, id.seq);
    if (inOrder !== undefined) return true;
    return this.#database.prepare<(string | number)[]>(SQL.isSettledAside).get(...which, writer, id.seq) !== undefined;
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

  /** Where the current row was set aside, puts in its place what remains. */
  #replaceWithdrawn(row: LatestRow): void {
    const { key, batch } = this.#of;
    const { vital, device } = row;
    if (this.#database.prepare<[number, string, string]>(SQL.dropWithdrawn).run(key, vital, device).changes === 0) return;
    this.#gone(row);
    const best = this.#database.prepare<[number, string, string], Standing>(SQL.bestOf).get(key, vital, device);
    if (best === undefined) return;
    const isAhead = best.storedAt > batch.at + STEP_MS;
    this.#setLatest(row, isAhead ? { ...best, freshAt: AGE_UNKNOWN } : best);
  }

  #gone({ vital, device }: LatestRow): void {
    const { batch, id, changed } = this.#of;
    changed({ tenant: batch.tenant, patient: id, vital, device, gone: true });
  }

  /** As the statements take it. */
  #measurement({ vital, device, test, effective }: Arrival): [number, string, string, number, Instant] {
    return [this.#of.key, vital, device, test ? 1 : 0, effective];
  }
}

type LatestRow = Pick<Arrival, 'vital' | 'device'>;
