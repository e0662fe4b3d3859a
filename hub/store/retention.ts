import type { Instant } from '../../shared/clock.ts';
import type { EventKind } from '../../shared/event.ts';

/** What is kept for how long. `minute` and `hour` are the rollups that remain of readings. The evidence has lengths of its own (audit/retention.ts). */
export const RETAINED = ['spot', 'continuous', 'minute', 'hour', 'alert', 'wave', 'movement', 'gap', 'device', 'quarantine'] as const;
export type Retained = (typeof RETAINED)[number];

/** How long each is kept after it was stored, in milliseconds; null for ever. */
export type RetentionPolicy = Readonly<Record<Retained, number | null>>;

/** What one step of the retention did. */
export interface RetentionStep {
  /** Rows that went, by what they were; `minute` and `hour` by the beginning of their stretch. */
  removed: Readonly<Partial<Record<Retained, number>>>;
  /** True while more is due now. */
  more: boolean;
}

/** Events and quarantine go as they are; readings leave rollups behind. */
export const RETAINED_EVENTS: readonly EventKind[] = ['alert', 'wave', 'movement', 'gap', 'device'];

/** What a step of the retention goes by. */
export interface RetentionOrder {
  policy: RetentionPolicy;
  /** By which ages are reckoned; never ahead of the hub's clock. `retentionNow` holds it back where the clock leapt. */
  now: Instant;
}
