import { type Clock, type Instant, systemClock } from '../../shared/clock.ts';
import type { Service } from '../../shared/lifecycle.ts';
import type { Feed } from '../feed.ts';
import type { Currency, CurrencyChange, Store } from '../store/store.ts';
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
}

interface Watched extends Currency {
  /** When the heap holds it for; undefined once its silence was told. */
  due: Instant | undefined;
}

/** The wall clock may be set while the timer sleeps; after a second at most that is noticed. */
const LONGEST_SLEEP_MS = 1000;
/** By so much the wall clock must have moved against the monotonic one to have been set. Slewing moves it by half a thousandth. */
const JUMP_MS = 100;

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
  readonly #options: Required<StalenessWatchOptions>;
  readonly #rows = new Map<string, Watched>();
  #heap = new DueHeap();
  #sleep: Disposable | undefined;
  #running = false;
  /** Wall clock minus monotonic clock when last looked at. */
  #ahead: number;
  /** After what the store must still be told to distrust. */
  #distrustAfter: Instant | undefined;

  constructor(options: StalenessWatchOptions) {
    this.#options = { clock: systemClock, timer: systemTimer, ...options };
    this.#ahead = this.#wallAhead();
  }

  /** Throws STORAGE-* when the store cannot be read. */
  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    await this.#options.store.distrust(this.#options.clock.now() + STEP_MS);
    for await (const row of this.#options.store.currencies()) this.#see(row);
    this.#running = !signal.aborted;
    this.#wake();
  }

  /** Rows of `latest` that a batch changed. */
  changed(changes: readonly CurrencyChange[]): void {
    for (const change of changes) {
      if ('gone' in change) this.#forget(change);
      else this.#see(change);
    }
    if (this.#running && this.#sleep === undefined) this.#wake();
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

  #see(currency: Currency): void {
    const key = keyOf(currency);
    const row: Watched = Object.assign(this.#rows.get(key) ?? { due: undefined }, currency);
    this.#rows.set(key, row);
    // What arrives stale was never shown as current, so there is no silence to tell of.
    if (row.due === undefined && isStale(row, this.#options.clock.now())) return;
    const due = dueOf(row);
    if (row.due === undefined || due < row.due) this.#push(row, due);
  }

  #forget(change: Pick<Currency, 'tenant' | 'patient' | 'vital' | 'device'>): void {
    const key = keyOf(change);
    const row = this.#rows.get(key);
    if (row === undefined) return;
    row.due = undefined;
    this.#rows.delete(key);
  }

  /** An item that was due later stays in the heap and means nothing; when those are most of it, it is made anew. */
  #push(row: Watched, due: Instant): void {
    row.due = due;
    this.#heap.push(row, due);
    if (this.#heap.size <= 2 * this.#rows.size + 64) return;
    this.#heap = new DueHeap();
    for (const watched of this.#rows.values()) if (watched.due !== undefined) this.#heap.push(watched, watched.due);
  }

  #wake(): void {
    this.#sleep?.[Symbol.dispose]();
    this.#sleep = undefined;
    if (!this.#running) return;
    const now = this.#options.clock.now();
    const silent = [...this.#afterJump(now), ...this.#overdue(now)];
    this.#tell(silent, now);
    if (this.#rows.size === 0) return;
    // It never sleeps longer, even when nothing is due: a clock that was set back makes rows current again.
    const next = this.#heap.nextDue() ?? Number.POSITIVE_INFINITY;
    this.#sleep = this.#options.timer.set(() => this.#wake(), Math.min(Math.max(next - now, 0), LONGEST_SLEEP_MS));
  }

  #overdue(now: Instant): Watched[] {
    const silent: Watched[] = [];
    for (let item = this.#heap.popUntil(now); item !== undefined; item = this.#heap.popUntil(now)) {
      const { row } = item;
      if (row.due !== item.due) continue;
      row.due = undefined;
      const due = dueOf(row);
      if (due > now) this.#push(row, due);
      else silent.push(row);
    }
    return silent;
  }

  /** Where the wall clock was set, looks at every row again; gives those that were current and are no longer. */
  #afterJump(now: Instant): Watched[] {
    const ahead = this.#wallAhead();
    const jump = ahead - this.#ahead;
    this.#ahead = ahead;
    if (jump <= -STEP_MS) this.#distrustAfter = now + STEP_MS;
    if (this.#distrustAfter !== undefined) void this.#distrust(this.#distrustAfter);
    if (Math.abs(jump) < JUMP_MS) return [];
    const silent: Watched[] = [];
    this.#heap = new DueHeap();
    for (const row of this.#rows.values()) {
      const wasTold = row.due === undefined;
      row.due = undefined;
      if (row.storedAt > now + STEP_MS) row.freshAt = AGE_UNKNOWN;
      if (!isStale(row, now)) this.#push(row, dueOf(row));
      else if (!wasTold) silent.push(row);
    }
    return silent;
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

  #tell(silent: readonly Watched[], at: Instant): void {
    const patients = new Map<string, { tenant: string; patient: string; vitals: Set<string> }>();
    for (const { tenant, patient, vital } of silent) {
      const key = JSON.stringify([tenant, patient]);
      const told = patients.get(key) ?? { tenant, patient, vitals: new Set() };
      patients.set(key, told);
      told.vitals.add(vital);
    }
    for (const { tenant, patient, vitals } of patients.values())
      this.#options.feed.publish({ tenant, patient, kind: 'stale', vitals: [...vitals], at });
  }

  #wallAhead(): number {
    return this.#options.clock.now() - this.#options.clock.monotonicMs();
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

function dueOf({ freshAt, vital, place }: Currency): Instant {
  return freshAt + staleAfterMs(vital, place);
}

/** A binary heap of rows by when they are due. */
class DueHeap {
  readonly #items: { row: Watched; due: Instant }[] = [];

  get size(): number {
    return this.#items.length;
  }

  nextDue(): Instant | undefined {
    return this.#items[0]?.due;
  }

  push(row: Watched, due: Instant): void {
    const items = this.#items;
    const item = { row, due };
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent];
      if (above === undefined || above.due <= due) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  /** Takes out the first row that is due at or before `now`. */
  popUntil(now: Instant): { row: Watched; due: Instant } | undefined {
    const [top] = this.#items;
    if (top === undefined || top.due > now) return undefined;
    const last = this.#items.pop();
    if (last !== undefined && last !== top) this.#sink(last);
    return top;
  }

  /** Puts an item in the place of the top and lets it sink to its own. */
  #sink(item: { row: Watched; due: Instant }): void {
    const items = this.#items;
    let at = 0;
    for (;;) {
      const left = items[2 * at + 1];
      const right = items[2 * at + 2];
      const child = right !== undefined && left !== undefined && right.due < left.due ? right : left;
      if (child === undefined || child.due >= item.due) break;
      items[at] = child;
      at = child === left ? 2 * at + 1 : 2 * at + 2;
    }
    items[at] = item;
  }
}
