import { AccessLimit } from './access-limit.ts';
import type { Limits } from './limits.ts';

/** What a request is counted as: a tool's call, a read of what its caller has subscribed to, subscribing to it, or anything else. */
export type Spent = { as: 'call' | 'read' } | { as: 'followed' | 'subscribed'; resource: string };

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
/** So many reads of one resource at once, of whoever reads over several connections; and so many subscriptions to it in a minute. */
const BURST = 4;
/**
 * Of all resources of one caller together: reads of what it follows, at once as many as it may follow and then so many a second; and subscriptions, all of them
 * twice in a minute.
 */
const IN_ALL = { followed: { capacity: 2048, perMs: 256 / 1000 }, subscribed: { capacity: 4096, perMs: 4096 / MINUTE_MS } } as const;

/**
 * How often each caller may ask, minute by minute: a bucket a kind of request that fills evenly. What it has subscribed to has a bucket a
 * resource, which fills as fast as notifications of it come, so that whoever reads what it is told of waits for nothing; subscribing has one as
 * well, so that nobody with many patients waits for that. Each of both has a bucket for all resources together. What is above them is counted as any other request. Pure: it is told the
 * time, in milliseconds of a clock that never goes back. Memory is bounded by `sweep`.
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
    if ('resource' in spent) {
      const perMs = spent.as === 'followed' ? 1 / this.#notifyMs : BURST / MINUTE_MS;
      const inAll = IN_ALL[spent.as];
      const isWithin =
        this.#take(`${id} ${spent.as} ${spent.resource}`, BURST, perMs, nowMs) === 0 &&
        this.#take(`${id} ${spent.as}`, inAll.capacity, inAll.perMs, nowMs) === 0;
      if (isWithin) return;
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
