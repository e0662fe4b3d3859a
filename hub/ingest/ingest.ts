import type { StorePosition } from '../../shared/uplink/lineage.ts';
import type { EntryOutcome, UplinkHello } from '../../shared/uplink/protocol.ts';
import type { GatewayEntry } from '../registry/registry.ts';

/** The answer to a batch. */
export interface Answered {
  /** One an entry, in order. */
  outcomes: EntryOutcome[];
  /** Where it was committed; undefined when there was nothing to commit. */
  committed?: StorePosition;
}

/** What became of an entry of a foreign client; `rule` says for people why it was refused, and repeats nothing that was sent. */
export interface RuledOutcome extends EntryOutcome {
  rule?: string;
}

/** The answer to a Bundle of a foreign client. Of a transaction that is refused nothing is stored; null stands for entries that are good. */
export type ForeignAnswer =
  | { type: 'batch' | 'transaction'; outcomes: RuledOutcome[] }
  | { type: 'transaction'; refused: (RuledOutcome | null)[] };

/**
 * What an uplink session may ask of the hub. `batch` takes the parsed JSON of a batch Bundle from a gateway whose identity the inner
 * TLS proved; it checks, stores or quarantines each entry, commits once, publishes the changes, and only then resolves with one
 * outcome an entry, in order. It rejects with UPLINK-BUNDLE (not a batch Bundle), UPLINK-TOO-LARGE, UPLINK-UNKNOWN-GATEWAY,
 * ACCESS-EXPIRED, ACCESS-DENIED, or INGEST-UNAVAILABLE (nothing was stored; send again).
 */
export interface Ingest {
  gateway(identityId: string): GatewayEntry | undefined;
  readonly limits: UplinkHello['limits'];
  /** `told`: what this gateway was told of commits before. Rejects with INGEST-UNAVAILABLE. */
  hello(identityId: string, told: readonly StorePosition[]): Promise<Omit<UplinkHello, 'versions'>>;
  /** `epoch`: of the store, as the gateway was told of it; rejects with UPLINK-EPOCH, and stores nothing, where it is another by now. */
  batch(identityId: string, bundle: unknown, epoch?: string): Promise<Answered>;
  /** As `batch`, for a batch or transaction Bundle of Observations of any FHIR client: they are mapped into ours, or refused with a rule. */
  foreign(identityId: string, bundle: unknown): Promise<ForeignAnswer>;
}
