import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Resource } from '../../shared/fhir.ts';
import type { Service } from '../../shared/lifecycle.ts';
import type { Lineage, StorePosition } from '../../shared/uplink/lineage.ts';
import type { EntryOutcome } from '../../shared/uplink/protocol.ts';
import type { BatchLimits } from './flight.ts';
import type { LaneName } from './share.ts';

/** What became of a batch at the other end. */
export interface BatchAnswer {
  /** One an entry, in order. */
  outcomes: EntryOutcome[];
  /** Where it was committed, as far as the other end says so: by this it can be told later whether it still holds the batch. */
  at?: StorePosition;
}

/** What `Pump` needs of a connection. */
export interface BatchLink {
  /** Resolves when the connection is gone, with the reason. */
  readonly closed: Promise<VitalmeshError>;
  /** JSON text of a resource's entry in a batch Bundle. The entry's id in outcomes is the resource's. Pure. */
  entryText(resource: Resource): string;
  /**
   * Sends a batch Bundle (`bundleText`) of the entries `ids`, within the limits of `greet`; resolves once the other end has said what it
   * holds, entry by entry. Outcomes: 200 and 201 held, 409 without a code or with UPLINK-KEY-REUSED takes new keys, other 409 and 422
   * quarantined, 503 sent again. Rejects with INGEST-UNAVAILABLE, INGEST-BUSY and FHIR-BUSY (everything waits and is sent again), UPLINK-BUNDLE,
   * UPLINK-TOO-LARGE, FHIR-REFUSED and INTERNAL (sent again in halves), anything else ends the connection. The batches of a lane are to be
   * stored in the order of the calls, as far as the other end can do that.
   */
  post(bundle: string, ids: readonly string[], lane: LaneName): Promise<BatchAnswer>;
}

/** What the other end says of itself. Null: it does not say. */
export interface Greeting {
  limits: BatchLimits;
  /** Its clock, UTC ms. */
  now: Instant | null;
  storeId: string | null;
  configRevision: string | null;
  /** Only with a store id. */
  lineage: Lineage | null;
}

/** One connection to what takes the data: a hub, or a FHIR server. */
export interface Link extends BatchLink {
  /** Who the other end is: the hub's identity id out of its certificate, or the server's address. */
  readonly peer: string;
  /** Tells a hub what it `told` of commits before. Errors: UPLINK-VERSION, -ANSWER, and the code with which the other end refuses. */
  greet(told: readonly StorePosition[]): Promise<Greeting>;
  /** Ends the connection in order, within the limit. */
  close(limitMs: number): Promise<void>;
  /** Lets go of the connection at once. */
  destroy(): void;
}

/** Makes a connection, or rejects with the reason. `Courier` calls it again and again. */
export type Connect = (signal: AbortSignal) => Promise<Link>;

/** `waiting`: not connected, tried again by itself; everything stays in the outbox. */
export type UplinkState = 'stopped' | 'connecting' | 'connected' | 'waiting';

export interface UplinkStatus {
  /** Id of the store that was refused last, because the data go to another; left out where none was since. */
  refusedStore?: string;
  state: UplinkState;
  /** UTC ms of the last change of `state`. */
  since: Instant;
  /** Why it waits, or what is wrong at the hub although it is connected. */
  code: ErrorCode | null;
  /** With UPLINK-PEER and UPLINK-STORE: who answered instead, by the ids that the log has too. */
  detail?: string;
  /** The other end of the present or last connection; its clock against ours, in milliseconds, positive when it is ahead. Null: it does not say. */
  hub: { identity: string; storeId: string | null; configRevision: string | null; clockOffsetMs: number | null } | null;
  /** Until when it was connected before; null before a connection has ended. */
  lastConnectedAt: Instant | null;
  /** Rows on their way. */
  inFlight: number;
  lastAnswerAt: Instant | null;
}

export interface Uplink extends Service {
  status(): UplinkStatus;
  /** Goes over to a new connection, which is made before the old one ends: that one shows a certificate which was renewed meanwhile. */
  moveOver(): void;
}
