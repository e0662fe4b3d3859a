import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { GapSource } from './places.ts';
import type { QuarantineLimits } from './quarantine.ts';
import type { OutboxLimits } from './upkeep.ts';

export interface OutboxOptions {
  path: string;
  /** Made at the first start, together with the outbox; must be there from then on. */
  keyFile: string;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** How long delivered rows are kept, in milliseconds; 7 days unless told. They are there for a hub that was restored from a backup. */
  keepDeliveredMs?: number;
  /** How many delivered rows are kept at most; 1,000,000 (about 1 GB) unless told. */
  keepDeliveredRows?: number;
  /** How large the file may become, and how long rows wait; 2 GiB and for ever unless told. */
  limits?: Partial<OutboxLimits>;
  /** Of which a gap tells when the file was damaged; none unless told. */
  sources?: readonly GapSource[];
  /** How much quarantine keeps; 100,000 rows and 1,000 undecodable parts unless told. The oldest are dropped, counted and logged. */
  quarantineLimits?: QuarantineLimits;
}
