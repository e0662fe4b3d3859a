import type { Clock } from '../../shared/clock.ts';
import { TooOften } from './errors.ts';
import type { McpLimits } from './limits.ts';

interface Bucket {
  tokens: number;
  filledMs: number;
}

/** How often each caller may open something that costs evidence: so many at once, and so many a minute. */
export class Opens {
  readonly #clock: Clock;
  readonly #limits: Pick<McpLimits, 'opensPerMinute' | 'opensBurst'>;
  /** By identity of callers that the registry knows, which bounds their number. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, limits: Pick<McpLimits, 'opensPerMinute' | 'opensBurst'>) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Counts an opening. Throws TooOften (MCP-LIMIT) when the caller has to wait. */
  count(identityId: string): void {
    const { opensPerMinute, opensBurst } = this.#limits;
    const perMs = opensPerMinute / 60_000;
    const nowMs = this.#clock.monotonicMs();
    const { tokens, filledMs } = this.#buckets.get(identityId) ?? { tokens: opensBurst, filledMs: nowMs };
    const filled = Math.min(opensBurst, tokens + (nowMs - filledMs) * perMs);
    if (filled < 1) throw new TooOften(Math.ceil((1 - filled) / perMs));
    this.#buckets.set(identityId, { tokens: filled - 1, filledMs: nowMs });
  }
}
