import { type Clock, type Instant, systemClock } from '../../shared/clock.ts';
import type { Service } from '../../shared/lifecycle.ts';
import type { Feed } from '../feed.ts';
import type { Currency, CurrencyChange, Store } from '../store/store.ts';
import { ClockJumps } from './clock-jumps.ts';
import type { DueWatch } from './due/due-watch.ts';
import { DueHeap } from './due-heap.ts';
import type { WatchedDevice } from './sources/device-silence.ts';
import type { DeviceRow } from './sources/source.ts';
import type { SourceWatch } from './sources/source-watch.ts';
import { AGE_UNKNOWN, isStale, STEP_MS, staleAfterMs } from './staleness.ts';

/** One timer at a time; a test hands in its own. */
export interface Timer {
  set(fire: () => void, delayMs: number): Disposable;
}

const systemTimer: Timer = {
  set(fire, delayMs) {
    const timeout = setTimeout(fire, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timeout) };
  },
};

export interface StalenessWatchOptions {
  store: { currencies(): AsyncIterable<Currency> | Iterable<Currency> } & Pick<Store, 'distrust'>;
  feed: Feed;
  clock?: Clock;
  timer?: Timer;
  /** After how long a row is stale, ms; by the table of classes unless given. Asked again after `relimit`. */
  limitOf?: (row: Currency) => number;
  /** What else is looked after with the same timer. */
  sources?: SourceWatch;
  /** Likewise. */
  due?: Pick<DueWatch, 'look' | 'again' | 'nextDue'>;
}

interface Watched extends Currency, DeviceRow {
  /** When the heap holds it for; undefined once its silence was told. */
  due: Instant | undefined;
  source: WatchedDevice | undefined;
}

/** Rows that were current and are no longer, and rows that are again. */
interface Judged {
  silent: Watched[];
  again: Watched[];
}

/** The wall clock may be set while the timer sleeps; after a second at most that is noticed. */
const LONGEST_SLEEP_MS = 1000;

/**
 * Tells the feed (kind `stale`) when the current value of a (patient, vital, device) reaches its limit of age, once until it is
 * current again. A heap holds when each row is next to be looked at; a row that was renewed in the meantime only goes back into it, so
 * the cost of a stored row is one look-up, and there is one timer for all.
 *
 * When the wall clock was set, what each row is due at means another moment: all are looked at again. What was stored ahead of a clock
 * that was set back is of unknown age, and stays so when the clock comes to that time again.
 */
export class StalenessWatch implements Service {
  readonly name = 'staleness';
  readonly #options: Required<Omit<StalenessWatchOptions, 'sources' | 'due'>>;
  readonly #sources: SourceWatch | undefined;
  readonly #due: StalenessWatchOptions['due'];
  readonly #rows = new Map<string, Watched>();
  #heap = new DueHeap<Watched>();
  #sleep: Disposable | undefined;
  #running = false;
  readonly #jumps: ClockJumps;
  /** After what the store must still be told to distrust. */
  #distrustAfter: Instant | undefined;

  constructor({ sources, due, ...options }: StalenessWatchOptions) {
    this.#options = { clock: systemClock, timer: systemTimer, limitOf: ({ vital, place }) => staleAfterMs(vital, place), ...options };
    this.#sources = sources;
    this.#due = due;
    this.#jumps = new ClockJumps(this.#options.clock);
  }

  /** Throws STORAGE-* when the store cannot be read. */
  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    await this.#options.store.distrust(this.#options.clock.now() + STEP_MS);
    for await (const row of this.#options.store.currencies()) this.#see(row, true);
    this.#running = !signal.aborted;
    this.#wake();
  }

  /** Rows of `latest` that a batch changed. */
  changed(changes: readonly CurrencyChange[]): void {
    for (const change of changes) {
      if ('gone' in change) this.#forget(change);
      else this.#see(change);
    }
    this.#sources?.tell(this.#options.clock.now());
    if (this.#running && this.#sleep === undefined) this.#wake();
  }

  /** A device gave something that is nobody's for sure; `at`: when it was measured. To be told before `changed`. */
  ofNobody(tenant: string, device: string, at: Instant): void {
    this.#sources?.devices.heardOfNobody(tenant, device, at);
  }

  /** Limits are others, of everybody or of one patient: what is stale by now is told, and what is current again as well. */
  relimit(of?: { tenant: string; patient: string }): void {
    const now = this.#options.clock.now();
    const changed: Judged = { silent: [], again: [] };
    for (const row of this.#rows.values()) {
      if (of !== undefined && (row.tenant !== of.tenant || row.patient !== of.patient)) continue;
      const limitMs = this.#options.limitOf(row);
      if (limitMs === row.limitMs) continue;
      row.limitMs = limitMs;
      this.#judge(row, now, changed);
    }
    this.#tell('stale', changed.silent, now);
    this.#tell('stored', changed.again, now);
    this.#sources?.again(now);
    this.#sources?.tell(now);
  }

  /** What is current of a tenant, of patients whom `isWanted` names. */
  currentOf(tenant: string, isWanted: (patient: string) => boolean): Currency[] {
    const asked = new Map<string, boolean>();
    return [...this.#rows.values()].filter((row) => {
      if (row.tenant !== tenant) return false;
      const known = asked.get(row.patient) ?? isWanted(row.patient);
      asked.set(row.patient, known);
      return known;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
  }

  #see(currency: Currency, isFirst = false): void {
    const row = this.#watched(currency);
    const now = this.#options.clock.now();
    if (row.source) this.#sources?.devices.heard(row.source, row, now, isFirst);
    // What arrives stale was never shown as current, so there is no silence to tell of.
    if (row.due === undefined && isStale(row, now, row.limitMs)) return;
    const due = dueOf(row);
    if (row.due === undefined || due < row.due) this.#push(row, due);
  }

  #watched(currency: Currency): Watched {
    const key = keyOf(currency);
    const known = this.#rows.get(key);
    const limitMs = known?.place === currency.place ? known.limitMs : this.#options.limitOf(currency);
    if (known) return Object.assign(known, currency, { limitMs });
    const row: Watched = { ...currency, limitMs, due: undefined, source: undefined };
    this.#rows.set(key, row);
    row.source = this.#sources?.devices.enlist(row, row);
    return row;
  }

  #forget(change: Pick<Currency, 'tenant' | 'patient' | 'vital' | 'device'>): void {
    const key = keyOf(change);
    const row = this.#rows.get(key);
    if (row === undefined) return;
    row.due = undefined;
    this.#rows.delete(key);
    this.#sources?.devices.forget(row, row);
  }

  /** An item that was due later stays in the heap and means nothing; when those are most of it, it is made anew. */
  #push(row: Watched, due: Instant): void {
    this.#heap.push(row, due);
    if (!this.#heap.isCrowded(this.#rows.size)) return;
    this.#heap = new DueHeap();
    for (const watched of this.#rows.values()) if (watched.due !== undefined) this.#heap.push(watched, watched.due);
  }

  #wake(): void {
    this.#sleep?.[Symbol.dispose]();
    this.#sleep = undefined;
    if (!this.#running) return;
    const now = this.#options.clock.now();
    const { silent, again } = this.#afterJump(now);
    this.#tell('stale', [...silent, ...this.#overdue(now)], now);
    this.#tell('stored', again, now);
    this.#sources?.look(now);
    this.#due?.look(now);
    if (this.#rows.size === 0 && this.#sources === undefined) return;
    // It never sleeps longer, even when nothing is due: a clock that was set back makes rows current again.
    const moments = [this.#heap.nextDue(), this.#sources?.nextDue(), this.#due?.nextDue()].filter((at) => at !== undefined);
    this.#sleep = this.#options.timer.set(() => this.#wake(), Math.min(Math.max(Math.min(...moments) - now, 0), LONGEST_SLEEP_MS));
  }

  #overdue(now: Instant): Watched[] {
    const silent: Watched[] = [];
    for (let row = this.#heap.popUntil(now); row !== undefined; row = this.#heap.popUntil(now)) {
      const due = dueOf(row);
      if (due > now) this.#push(row, due);
      else silent.push(row);
    }
    return silent;
  }

  /** Where the wall clock was set, looks at every row again; gives those that were current and are no longer, and those that are again. */
  #afterJump(now: Instant): Judged {
    const jump = this.#jumps.take();
    if (jump <= -STEP_MS) this.#distrustAfter = now + STEP_MS;
    if (this.#distrustAfter !== undefined) void this.#distrust(this.#distrustAfter);
    const changed: Judged = { silent: [], again: [] };
    if (jump === 0) return changed;
    this.#heap = new DueHeap();
    for (const row of this.#rows.values()) {
      if (row.storedAt > now + STEP_MS) row.freshAt = AGE_UNKNOWN;
      this.#judge(row, now, changed);
    }
    this.#sources?.again(now);
    this.#due?.again(now);
    return changed;
  }

  #judge(row: Watched, now: Instant, { silent, again }: Judged): void {
    const wasCurrent = row.due !== undefined;
    row.due = undefined;
    if (!isStale(row, now, row.limitMs)) this.#push(row, dueOf(row));
    if (wasCurrent !== (row.due !== undefined)) (wasCurrent ? silent : again).push(row);
  }

  /** Until the store has taken it, it is tried again at each waking; meanwhile `isStale` holds back what is far ahead. */
  async #distrust(after: Instant): Promise<void> {
    this.#distrustAfter = undefined;
    try {
      await this.#options.store.distrust(after);
    } catch {
      this.#distrustAfter ??= after;
    }
  }

  #tell(kind: 'stale' | 'stored', silent: readonly Watched[], at: Instant): void {
    const patients = new Map<string, { tenant: string; patient: string; vitals: Set<string>; devices: Set<string> }>();
    for (const { tenant, patient, vital, device } of silent) {
      const key = JSON.stringify([tenant, patient]);
      const told = patients.get(key) ?? { tenant, patient, vitals: new Set(), devices: new Set() };
      patients.set(key, told);
      told.vitals.add(vital);
      told.devices.add(device);
    }
    for (const { tenant, patient, vitals, devices } of patients.values())
      this.#options.feed.publish({ tenant, patient, kind, vitals: [...vitals], devices: [...devices], at });
  }

  #stop(): void {
    this.#running = false;
    this.#sleep?.[Symbol.dispose]();
    this.#sleep = undefined;
  }
}

function keyOf({ tenant, patient, vital, device }: Pick<Currency, 'tenant' | 'patient' | 'vital' | 'device'>): string {
  return JSON.stringify([tenant, patient, vital, device]);
}

function dueOf({ freshAt, limitMs }: Watched): Instant {
  return freshAt + limitMs;
}
