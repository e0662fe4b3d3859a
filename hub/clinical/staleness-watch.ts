import { type Clock, type Instant, systemClock } from '../../shared/clock.ts';
import type { Service } from '../../shared/lifecycle.ts';
import type { Feed } from '../feed.ts';
import type { Currency } from '../store/store.ts';
import { type Dated, freshAt, staleAfterMs } from './staleness.ts';

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
  /** All current rows at the start. */
  currencies: () => AsyncIterable<Currency> | Iterable<Currency>;
  feed: Feed;
  clock?: Clock;
  timer?: Timer;
}

/** What the watch must know of a stored row. */
export interface WatchedRow extends Omit<Dated, 'storedAt'> {
  patient: string;
  device: string;
}

interface Watched {
  tenant: string;
  patient: string;
  vital: string;
  freshAt: Instant;
  limitMs: number;
  /** When the heap holds it for; undefined once its silence was told. */
  due: Instant | undefined;
}

/** The wall clock may be set while the timer sleeps; after a second at most that is noticed. */
const LONGEST_SLEEP_MS = 1000;

/**
 * Tells the feed (kind `stale`) when the current value of a (patient, vital, device) reaches its limit of age, once until a newer one
 * comes. A heap holds when each row is next to be looked at; a row that was renewed in the meantime only goes back into it, so the
 * cost of a stored row is one look-up, and there is one timer for all.
 */
export class StalenessWatch implements Service {
  readonly name = 'staleness';
  readonly #options: Required<StalenessWatchOptions>;
  readonly #rows = new Map<string, Watched>();
  readonly #heap = new DueHeap();
  #sleep: Disposable | undefined;
  #running = false;

  constructor(options: StalenessWatchOptions) {
    this.#options = { clock: systemClock, timer: systemTimer, ...options };
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#running = true;
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    for await (const { tenant, ...row } of this.#options.currencies()) this.#see(tenant, row, freshAt(row));
    this.#wake();
  }

  /** Rows that were just stored at `storedAt`. */
  arrived(tenant: string, rows: readonly WatchedRow[], storedAt: Instant): void {
    for (const row of rows) this.#see(tenant, row, freshAt({ ...row, storedAt }));
    if (this.#running && this.#sleep === undefined) this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
  }

  #see(tenant: string, { patient, vital, device }: Omit<WatchedRow, 'sortTime'>, fresh: Instant): void {
    const key = JSON.stringify([tenant, patient, vital, device]);
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { tenant, patient, vital, freshAt: fresh, limitMs: staleAfterMs(vital), due: undefined };
      this.#rows.set(key, row);
    } else if (fresh <= row.freshAt) return;
    row.freshAt = fresh;
    // What arrives stale was never shown as current, so there is no silence to tell of.
    if (row.due === undefined && fresh + row.limitMs > this.#options.clock.now()) {
      row.due = fresh + row.limitMs;
      this.#heap.push(row, row.due);
    }
  }

  #wake(): void {
    this.#sleep?.[Symbol.dispose]();
    this.#sleep = undefined;
    if (!this.#running) return;
    const now = this.#options.clock.now();
    const silent = new Map<string, { tenant: string; patient: string; vitals: Set<string> }>();
    for (let row = this.#heap.popUntil(now); row !== undefined; row = this.#heap.popUntil(now)) {
      const due = row.freshAt + row.limitMs;
      row.due = due > now ? due : undefined;
      if (row.due !== undefined) this.#heap.push(row, row.due);
      else {
        const key = JSON.stringify([row.tenant, row.patient]);
        const told = silent.get(key) ?? { tenant: row.tenant, patient: row.patient, vitals: new Set() };
        silent.set(key, told);
        told.vitals.add(row.vital);
      }
    }
    for (const { tenant, patient, vitals } of silent.values())
      this.#options.feed.publish({ tenant, patient, kind: 'stale', vitals: [...vitals], at: now });
    const next = this.#heap.nextDue();
    if (next !== undefined) this.#sleep = this.#options.timer.set(() => this.#wake(), Math.min(Math.max(next - now, 0), LONGEST_SLEEP_MS));
  }

  #stop(): void {
    this.#running = false;
    this.#sleep?.[Symbol.dispose]();
    this.#sleep = undefined;
  }
}

/** A binary heap of rows by when they are due. */
class DueHeap {
  readonly #items: { row: Watched; due: Instant }[] = [];

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
  popUntil(now: Instant): Watched | undefined {
    const [top] = this.#items;
    if (top === undefined || top.due > now) return undefined;
    const last = this.#items.pop();
    if (last !== undefined && last !== top) this.#sink(last);
    return top.row;
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
