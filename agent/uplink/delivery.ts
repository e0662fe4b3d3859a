import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode } from '../../shared/errors.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { bundleText } from '../../shared/uplink/kinds.ts';
import type { StorePosition } from '../../shared/uplink/lineage.ts';
import type { EntryOutcome } from '../../shared/uplink/protocol.ts';
import type { BatchLink } from './contract.ts';
import type { Entry } from './flight.ts';
import type { LaneName } from './share.ts';

/** Entries with what became of them, and where they were committed. */
export interface Delivered {
  entries: readonly Entry[];
  outcomes: readonly EntryOutcome[];
  at?: StorePosition | undefined;
}

export interface DeliveryOptions {
  clock: Clock;
  metrics: Metrics;
  /** Called at each batch that was answered, with the code of what is wrong at the other end, if anything. */
  onAnswer(trouble: ErrorCode | null): void;
  /** The other end can take nothing at present. */
  onUnavailable(code: ErrorCode): void;
}

/** Refusals of a whole batch that one of its entries may have caused: it is sent again in halves, until that one stands alone. */
const DIVIDED: ReadonlySet<ErrorCode> = new Set(['UPLINK-BUNDLE', 'UPLINK-TOO-LARGE', 'FHIR-REFUSED', 'INTERNAL']);

/** The other end can take nothing at all now: everything waits. */
const HELD: ReadonlySet<ErrorCode> = new Set(['INGEST-UNAVAILABLE', 'INGEST-BUSY', 'FHIR-BUSY']);

/** Sends a batch, if need be in parts. Rejects when the connection, or this gateway on it, is at its end. */
export async function deliver(link: BatchLink, lane: LaneName, entries: readonly Entry[], options: DeliveryOptions): Promise<Delivered[]> {
  const { metrics, clock } = options;
  const ids = entries.map(({ id }) => id);
  const all = (status: EntryOutcome['status'], code: ErrorCode): Delivered[] => [
    { entries, outcomes: ids.map((id) => ({ id, status, code })) },
  ];
  try {
    const bundle = bundleText(
      entries.map(({ text }) => text),
      clock.now(),
    );
    const { outcomes, at } = await link.post(bundle, ids, lane);
    metrics.count('uplink_batches_sent');
    options.onAnswer(null);
    return [{ entries, outcomes, at }];
  } catch (thrown) {
    const { code } = asVitalmeshError(thrown);
    metrics.count('uplink_batches_refused', code);
    if (HELD.has(code)) {
      options.onUnavailable(code);
      return all(503, code);
    }
    if (!DIVIDED.has(code)) throw thrown;
    // A defect at the hub says nothing about the entry: it stays pending.
    if (ids.length === 1) return all(code === 'INTERNAL' ? 503 : 422, code);
    const half = entries.length >> 1;
    return [...(await deliver(link, lane, entries.slice(0, half), options)), ...(await deliver(link, lane, entries.slice(half), options))];
  }
}
