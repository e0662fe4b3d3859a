import { AccessLimit } from './access-limit.ts';
import type { Limits } from './limits.ts';

/** What a request is counted as: a tool's call, a read of what its caller has subscribed to, or anything else. */
export type Spent = { as: 'call' | 'read' } | { as: 'followed'; resource: string };

export interface Account {
  /** Of the principal, and its limits. */
  id: string;
  limits: Pick<Limits, 'callsPerMinute' | 'readsPerMinute'>;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

const MINUTE_MS = 60_000;
/** Reads that a notification may bring about: of whoever reads twice, or over two connections. */
const READS_A_NOTIFICATION = 4;

/**
 * How often each caller may ask, minute by minute: a bucket a kind of request that fills evenly. What it has subscribed to has a bucket a
 * resource, which fills as fast as notifications of it come, so that whoever reads what it is told of waits for nothing. Pure: it is
 * told the time, in milliseconds of a clock that never goes back. Memory is bounded by `sweep`.
 */
export class Rates {
  readonly #notifyMs: number;
  readonly #buckets = new Map<string, Bucket>();

  /** `notifyMs`: at most one notification of a resource in this time. */
  constructor(notifyMs: number) {
    this.#notifyMs = notifyMs;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Counts a request. Throws AccessLimit when its caller has to wait. */
  spend(account: Account, spent: Spent, nowMs: number): void {
    const { id, limits } = account;
    if (spent.as === 'followed') {
      const key = `${id} followed ${spent.resource}`;
      if (this.#take(key, READS_A_NOTIFICATION, READS_A_NOTIFICATION / this.#notifyMs, nowMs) === 0) return;
    }
    const limit = spent.as === 'call' ? 'callsPerMinute' : 'readsPerMinute';
    const waitMs = this.#take(`${id} ${limit}`, limits[limit], limits[limit] / MINUTE_MS, nowMs);
    if (waitMs > 0) throw new AccessLimit(limit, waitMs);
  }

  /** Forgets whoever did not ask for a minute: their buckets are full. */
  sweep(nowMs: number): void {
    for (const [key, { filledMs }] of this.#buckets) if (nowMs - filledMs >= MINUTE_MS) this.#buckets.delete(key);
  }

  /** Returns 0 where there was one to take, else how long until there is, ms. */
  #take(key: string, capacity: number, perMs: number, nowMs: number): number {
    const { tokens, filledMs } = this.#buckets.get(key) ?? { tokens: capacity, filledMs: nowMs };
    const filled = Math.min(capacity, tokens + (nowMs - filledMs) * perMs);
    if (filled < 1) return (1 - filled) / perMs;
    this.#buckets.set(key, { tokens: filled - 1, filledMs: nowMs });
    return 0;
  }
}
