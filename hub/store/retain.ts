import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { EventKind } from '../../shared/event.ts';
import type { Database } from '../../shared/storage/database.ts';
import { countDue, newestOf, type StoredAt } from '../due.ts';
import { type ReadingClass, readingClassOf } from './due-reading.ts';
import { type BatchRow, ReadingRemoval } from './retain-readings.ts';
import { RETAINED, RETAINED_EVENTS, type Retained, type RetentionOrder, type RetentionStep } from './retention.ts';
import { RETENTION_SQL } from './retention-statements.ts';
import { HOUR_MS, MINUTE_MS, Rolling, type RollupKey } from './roll.ts';
import { cellOf, type RollupRow } from './rollup-row.ts';
import { addToRanges } from './seen-ranges.ts';

/** A step ends with the batch or page in which it passes this: with what that costs, and its fsync, it stays below 20 ms. */
const STEP_MS = 5;

/** Of the statement. */
const KEPT_BACK_PAGE = 100;

/** What one class had in one step. */
interface Turn {
  removed: number;
  more: boolean;
}

/** Does one step of the retention within the transaction of the caller. `monotonicMs` is a clock that is never set. */
export function retainSome(database: Pick<Database, 'prepare'>, order: RetentionOrder, monotonicMs: () => number): RetentionStep {
  const step = new Step(database, order, monotonicMs() + STEP_MS, monotonicMs);
  for (const name of RETAINED) {
    const { removed, more } = step.of(name);
    if (removed > 0 || more) return { removed: removed > 0 ? { [name]: removed } : {}, more: true };
  }
  return step.keptBack();
}

interface EventRow extends StoredAt {
  tenant: string;
  gateway: string;
  device: string;
  receivedAt: Instant;
  sortTime: Instant;
  writer: number;
  seq: number;
  part: number;
}

class Step {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #order: RetentionOrder;
  readonly #endMs: number;
  readonly #monotonicMs: () => number;

  constructor(database: Pick<Database, 'prepare'>, order: RetentionOrder, endMs: number, monotonicMs: () => number) {
    this.#database = database;
    this.#order = order;
    this.#endMs = endMs;
    this.#monotonicMs = monotonicMs;
  }

  of(name: Retained): Turn {
    const keepMs = this.#order.policy[name];
    if (keepMs === null) return { removed: 0, more: false };
    const cutoff = this.#order.now - keepMs;
    if (name === 'spot' || name === 'continuous') return this.#readings(name, cutoff);
    if (name === 'minute') return this.#minutes(cutoff);
    if (name === 'hour') return this.#hours(cutoff);
    if (name === 'quarantine') return this.#quarantine(cutoff);
    const kind = RETAINED_EVENTS.find((one) => one === name);
    return kind ? this.#events(kind, cutoff) : { removed: 0, more: false };
  }

  /** What was due and current in an earlier step, and may no longer be current. */
  keptBack(): RetentionStep {
    const removal = new ReadingRemoval(this.#database);
    const after = this.#upTo('keptBack');
    const rows = this.#database.prepare<[number], { observation: number }>(RETENTION_SQL.keptBack).all(after);
    const lastBatch = this.#database.prepare<[], { key: number }>(RETENTION_SQL.lastBatch).get()?.key;
    const removed: Partial<Record<ReadingClass, number>> = {};
    let last = 0;
    for (const { observation } of rows) {
      last = observation;
      const found = this.#database
        .prepare<[number, number], { batch: number; vital: string }>(RETENTION_SQL.batchRows)
        .get(observation, observation);
      const batch = found && this.#database.prepare<[number], BatchRow>(RETENTION_SQL.batch).get(found.batch);
      if (found === undefined || batch === undefined)
        throw new VitalmeshError('STORAGE-DAMAGED', { detail: 'a row that was kept back is gone' });
      const name = readingClassOf(found.vital);
      // The policy may keep it longer than when it was noted.
      if (batch.key !== lastBatch && this.#isDue(name, batch) && removal.keptBack(batch, observation))
        removed[name] = (removed[name] ?? 0) + 1;
      if (this.#isLate()) break;
    }
    removal.finish();
    const more = rows.length === KEPT_BACK_PAGE || last !== (rows.at(-1)?.observation ?? 0);
    this.#setUpTo('keptBack', more ? last : 0);
    return { removed, more };
  }

  #isDue(name: ReadingClass, { storedAt }: BatchRow): boolean {
    const keepMs = this.#order.policy[name];
    return keepMs !== null && storedAt < this.#order.now - keepMs;
  }

  #readings(name: ReadingClass, cutoff: Instant): Turn {
    const page = this.#database.prepare<[number], BatchRow>(RETENTION_SQL.batches).all(this.#upTo(name));
    const due = this.#due(name, page, cutoff);
    const removal = new ReadingRemoval(this.#database);
    let removed = 0;
    let done = 0;
    for (const batch of due) {
      removed += removal.ofClass(batch, name);
      done += 1;
      if (this.#isLate()) break;
    }
    removal.finish();
    this.#passed(name, due.slice(0, done));
    return { removed, more: done < due.length || (done > 0 && done === page.length) };
  }

  #minutes(cutoff: Instant): Turn {
    const rows = this.#rollups(MINUTE_MS, cutoff);
    const rolling = new Rolling();
    for (const row of rows) rolling.rollup(row, cellOf(row), HOUR_MS);
    rolling.write(this.#database);
    return this.#dropRollups(rows);
  }

  #hours(cutoff: Instant): Turn {
    const rows = this.#rollups(HOUR_MS, cutoff);
    const drop = this.#database.prepare<(string | number)[]>(RETENTION_SQL.dropRolledFrom);
    for (const { patient, vital, device, test, start } of rows) drop.run(patient, vital, device, test, start, start + HOUR_MS);
    return this.#dropRollups(rows);
  }

  #rollups(width: number, cutoff: Instant): (RollupKey & RollupRow)[] {
    return this.#database.prepare<[number, number], RollupKey & RollupRow>(RETENTION_SQL.oldRollups).all(width, cutoff - width);
  }

  #dropRollups(rows: readonly RollupKey[]): Turn {
    const drop = this.#database.prepare<(string | number)[]>(RETENTION_SQL.dropRollup);
    for (const { patient, vital, device, part, test, start, width } of rows) drop.run(patient, vital, device, part, test, start, width);
    return { removed: rows.length, more: rows.length > 0 };
  }

  #events(kind: EventKind, cutoff: Instant): Turn {
    const page = this.#database.prepare<[string, number], EventRow>(RETENTION_SQL.oldEvents).all(kind, this.#upTo(kind));
    const due = this.#due(kind, page, cutoff);
    const drop = this.#database.prepare<[number]>(RETENTION_SQL.dropEvent);
    const dropSeen = this.#database.prepare<[number, number, number]>(RETENTION_SQL.dropSeen);
    const less = this.#database.prepare<[number, number, number, string]>(RETENTION_SQL.lessTotals);
    let removed = 0;
    for (const { key, tenant, writer, seq, part, receivedAt, ...row } of due) {
      // What a device is made of now stays, however long ago it was said.
      if (kind === 'device' && !this.#isReplaced({ key, tenant, ...row })) continue;
      drop.run(key);
      dropSeen.run(writer, seq, part);
      addToRanges(this.#database, [{ writer, seq, parts: [part], receivedAt }]);
      less.run(0, 1, 0, tenant);
      removed += 1;
    }
    const more = due.length > 0 && due.length === page.length;
    // Devices are gone through from the beginning again: what is the newest of one now need not be so later.
    if (kind === 'device' && !more) this.#restart(kind);
    else this.#passed(kind, due);
    return { removed, more };
  }

  #isReplaced({ key, tenant, gateway, device, sortTime }: Pick<EventRow, 'key' | 'tenant' | 'gateway' | 'device' | 'sortTime'>): boolean {
    const newer = this.#database.prepare<(string | number)[]>(RETENTION_SQL.newerDevice);
    return newer.get(tenant, gateway, device, sortTime, key) !== undefined;
  }

  #quarantine(cutoff: Instant): Turn {
    const page = this.#database.prepare<[number], StoredAt & { tenant: string }>(RETENTION_SQL.oldQuarantine).all(0);
    const due = this.#due('quarantine', page, cutoff);
    const drop = this.#database.prepare<[number]>(RETENTION_SQL.dropQuarantine);
    const less = this.#database.prepare<[number, number, number, string]>(RETENTION_SQL.lessTotals);
    for (const { key, tenant } of due) {
      drop.run(key);
      less.run(0, 0, 1, tenant);
    }
    this.#passed('quarantine', due);
    return { removed: due.length, more: due.length > 0 && due.length === page.length };
  }

  #due<T extends StoredAt>(name: Retained, page: readonly T[], cutoff: Instant): readonly T[] {
    return page.slice(0, countDue(page, { cutoff, now: this.#order.now, since: this.#upTo(`${name}At`) }));
  }

  /** Notes how far a class has come: the key, and the newest date of what went. */
  #passed(name: Retained, rows: readonly StoredAt[]): void {
    const last = rows.at(-1);
    if (last === undefined) return;
    this.#setUpTo(name, last.key);
    this.#setUpTo(`${name}At`, newestOf(rows, this.#order.now, this.#upTo(`${name}At`)));
  }

  #restart(name: Retained): void {
    this.#setUpTo(name, 0);
    this.#setUpTo(`${name}At`, 0);
  }

  #isLate(): boolean {
    return this.#monotonicMs() >= this.#endMs;
  }

  #upTo(name: string): number {
    return this.#database.prepare<[string], { upTo: number }>(RETENTION_SQL.upTo).get(name)?.upTo ?? 0;
  }

  #setUpTo(name: string, key: number): void {
    this.#database.prepare<[string, number]>(RETENTION_SQL.setUpTo).run(name, key);
  }
}
