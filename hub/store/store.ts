import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { EventKind } from '../../shared/event.ts';
import type { Observation, Resource } from '../../shared/fhir.ts';
import type { AbsentReason, Flag } from '../../shared/reading.ts';
import type { Copied, CopyOptions } from '../../shared/storage/copy.ts';
import type { Lineage, StoreEpoch, StorePosition } from '../../shared/uplink/lineage.ts';
import type { AuditEvent } from '../access/access.ts';
import type { Anchor } from '../audit/anchors.ts';
import type { ChainedEntry, StoredCheckpoint } from '../audit/chain.ts';
import type { EvidenceFilter, EvidenceRecord, UnreadEntry } from '../audit/evidence.ts';
import type { FeedPlaces } from '../audit/feed/place.ts';
import type { IndexedSubject } from '../audit/indexed.ts';
import type { EvidenceOrder, EvidenceStep } from '../audit/retention.ts';
import type { KeptUsage, UsageSince } from '../audit/usage.ts';
import type { ByHand } from '../clinical/by-hand.ts';
import type { Place } from '../clinical/staleness.ts';
import type { Binding, KeptBinding, UnknownStretch } from '../registry/bindings.ts';
import type { AmendStore } from './amend/amend.ts';
import type { ErasingStore } from './erasing/erasing.ts';
import type { BatchPlacing, Placed, PlacingStore } from './placing/placing.ts';
import type { RetentionOrder, RetentionStep } from './retention.ts';
import type { Trend, TrendQuery } from './trend.ts';
import type { StoreVerdict, VerifyProgress } from './verdict.ts';

/** A part of a panel (`nibp_s` of `nibp`). */
export interface StoredComponent {
  vital: string;
  value: number | null;
  unit: string;
  absent: AbsentReason | null;
}

/** What the store keeps of an observation beside its resource, so that it can be ordered and read without parsing. */
export interface ObservationFacts {
  /** Opaque patient id, set by the hub. */
  patient: string;
  /** Key of the parameter table or of a panel. */
  vital: string;
  device: string;
  value: number | null;
  unit: string;
  absent: AbsentReason | null;
  components: readonly StoredComponent[];
  flags: readonly Flag[];
  /** The device's time; not to be trusted when `flags` has `clock`. */
  effective: Instant;
  /** Offset of the device's time from UTC in minutes, for display. */
  offsetMin: number;
  receivedAt: Instant;
  /** By what readings are ordered: architecture §3.10. */
  sortTime: Instant;
  /** From when its age counts; `AGE_UNKNOWN` once nobody knows. */
  freshAt: Instant;
  /** Where the patient was. */
  place: Place;
  test: boolean;
}

/** One observation as it is read where its resource is not needed. */
export interface StoredReading extends ObservationFacts {
  /** FHIR id, made by the agent. */
  id: string;
  tenant: string;
  /** Identity id of the gateway that sent it. */
  gateway: string;
  storedAt: Instant;
  /** There where a person has said that it is this patient's; of what `latest` gives as current alone. */
  byHand?: ByHand;
}

/** One observation with its resource. */
export interface StoredObservation extends StoredReading {
  /** As received, but with the hub's patient as its subject and without the hints about whom it may be of. */
  resource: Observation;
}

/** One observation that passed every check, on its way into the store. */
export interface Arrival extends ObservationFacts {
  id: string;
  status: Observation['status'];
  /** Canonical JSON of the resource as received: what is kept, and by whose hash "already held" is told from "key used again". */
  received: string;
  /** Where its patient follows from movements. */
  placed?: Placed;
  /** Of a device at home that others may use: whether it is this person's is looked at (`hub/clinical/doubt/`). */
  judged?: true;
}

/** An alert, wave or movement that passed every check, on its way into the store. */
export interface EventArrival {
  kind: EventKind;
  id: string;
  /** Opaque patient id, set by the hub; null for a movement, which says itself whose it is. */
  patient: string | null;
  device: string;
  effective: Instant;
  offsetMin: number;
  receivedAt: Instant;
  /** By what events are ordered: architecture §3.10. Of a gap, as `effective`, its beginning. */
  sortTime: Instant;
  /** Of a gap: its end, in the time of `sortTime`. */
  until?: Instant;
  test: boolean;
  /** Canonical JSON of the resource as received. */
  received: string;
  /** Where its patient follows from movements. */
  placed?: Placed;
}

/** One event as it is read back; its resource without hints about who it may be of, except in a movement. */
export interface StoredEvent extends Omit<EventArrival, 'received' | 'placed'> {
  tenant: string;
  gateway: string;
  storedAt: Instant;
  resource: Resource;
}

export interface EventFilter extends ObservationFilter {
  kind?: EventKind;
}

/** A part that was refused and is kept with its reason. */
export interface Refusal {
  /** FHIR id where it has one, else ''. */
  id: string;
  code: ErrorCode;
  /** The rule that was broken, for an operator; no patient data. */
  rule: string;
  /** JSON as received. */
  received: string;
}

/** What one gateway sent in one request. All of it is stored in one commit, or nothing. */
export interface ArrivedBatch {
  tenant: string;
  gateway: string;
  /** When the hub has it: `storedAt` of all its observations. */
  at: Instant;
  /** The sender's clock at sending, where it said so: the offset of both clocks can be told from it later. */
  sentAt: Instant | null;
  arrivals: readonly (Arrival | EventArrival)[];
  refusals: readonly Refusal[];
  /** How much is kept of this gateway in quarantine, as it was received; beyond that the oldest goes. Everything is kept unless given. */
  quarantine?: { rows: number; bytes: number };
  /** Where it tells of movements, or holds rows of followed beds. */
  placing?: BatchPlacing;
  /** The epoch of the store that its sender was told of: in another one nothing of it is stored, and UPLINK-EPOCH thrown. Any unless given. */
  epoch?: string;
  /** The evidence to be written in the same commit, from what became of the arrivals; at least one entry. What it throws undoes the batch. */
  evidence: (results: readonly ArrivalResult[]) => readonly AuditEvent[];
}

/**
 * `held`: the same key with the same content was stored before. `reused`: with other content; it is in quarantine. `erased`: of somebody who was erased; that
 * it came is in quarantine, and nothing of what it was.
 */
export type ArrivalResult = 'stored' | 'held' | 'reused' | 'erased';

export interface ObservationFilter {
  patient?: string;
  /** Stored at or after. */
  since?: Instant;
}

/** Which measurement: what a device measured at one time of its own. */
export interface HistoryQuery {
  patient: string;
  vital: string;
  device: string;
  /** The device's time, as `ObservationFacts.effective`. */
  effective: Instant;
}

/** Most versions of one measurement that are shown, the oldest of them. */
export const MAX_VERSIONS = 200;

/** One version of a measurement: as it first came, corrected, or that it was taken back. */
export interface StoredVersion extends StoredObservation {
  status: Observation['status'];
  /** True for what counts: not taken back, not replaced, and not itself a taking back. */
  stands: boolean;
}

export interface StoreCounts {
  /** That are kept; what the retention removed is not among them. */
  observations: number;
  /** Alerts, waves and movements. */
  events: number;
  duplicates: number;
  quarantined: number;
  patients: number;
  /** Of the observations those that are nobody's for sure (`nobodyIn`). */
  unplaced: number;
}

/** A patient as the store knows it. */
export interface StoredPatient {
  patient: string;
  lastStoredAt: Instant | null;
  /** Vital signs that have a current row, in order of key. */
  vitals: readonly string[];
}

/** How current a row of `latest` is; without its value. */
export interface Currency {
  tenant: string;
  patient: string;
  vital: string;
  device: string;
  freshAt: Instant;
  storedAt: Instant;
  place: Place;
}

/** What became of a row of `latest`: its currency, or that it is gone. */
export type CurrencyChange = Currency | (Pick<Currency, 'tenant' | 'patient' | 'vital' | 'device'> & { gone: true });

/** What became of a batch: one result an arrival, in order, the rows of `latest` that it changed, each once, and where it was committed. */
export interface BatchOutcome {
  results: ArrivalResult[];
  currencies: CurrencyChange[];
  /** Vital signs of which a reading became doubtful, or is not any more, whether or not anything current changed. */
  doubts: readonly { patient: string; vital: string }[];
  /** How many parts left quarantine to make room. */
  dropped: number;
  committed: StorePosition;
}

/** The evidence of a read, from how many rows it gave, and which; written in the same commit. What it throws undoes the read. */
export type Evidence<T = unknown> = (rows: number, read: T) => AuditEvent;

/**
 * Reads of one tenant; a row of another tenant is never given out, whatever is asked. What is nobody's for sure (`nobodyIn`) is given out where it is asked for by
 * that name alone. Each resolves after the commit that holds its evidence. Errors: STORAGE-*.
 */
export interface StoreReader {
  /**
   * The current row of every (vital, device) of a patient, newest first: a real one before a test one, then the greatest (sortTime,
   * storedAt, order of storing) of what was not taken back, and is not doubtful. Of more than 512 the newest. Besides, of each vital sign the newest doubtful one
   * (flag `identity-doubtful`), where it is newer than what is current.
   */
  latest(tenant: string, patient: string, evidence: Evidence<StoredReading[]>): Promise<StoredReading[]>;
  /** In order of storing, up to what was stored when it was asked for; read in parts while it is walked. */
  observations(tenant: string, filter: ObservationFilter, evidence: Evidence): Promise<AsyncIterable<StoredObservation>>;
  /**
   * One vital sign of a patient over time, a series a device, in buckets: what was stored late or out of order stands where its sort time
   * puts it, and what was rolled up counts beside what is still there row by row. The evidence counts values. Throws INTERNAL for edges
   * that are not ascending or too many.
   */
  trend(tenant: string, query: TrendQuery, evidence: Evidence<Trend>): Promise<Trend>;
  /** Every version that is kept of one measurement, in order of storing; of more than `MAX_VERSIONS` the oldest. */
  history(tenant: string, query: HistoryQuery, evidence: Evidence<StoredVersion[]>): Promise<StoredVersion[]>;
  /** As `observations`, for alerts, waves and movements. */
  events(tenant: string, filter: EventFilter, evidence: Evidence): Promise<AsyncIterable<StoredEvent>>;
  patients(tenant: string, evidence: Evidence<StoredPatient[]>): Promise<StoredPatient[]>;
  counts(tenant: string, evidence: Evidence<StoreCounts>): Promise<StoreCounts>;
}

export function isEvent(arrival: Arrival | EventArrival): arrival is EventArrival {
  return 'kind' in arrival;
}

/** Every engine keeps this contract and passes test/contract/store.ts. */
export interface Store extends StoreReader, AsyncDisposable {
  /** Random at the making of the store: hubs of one service must share one. */
  readonly storeId: string;
  /** What it does for and about one person. */
  readonly erasing: ErasingStore;
  /** How its rows follow their patients. */
  readonly placing: PlacingStore;
  /** How people correct its readings. */
  readonly amend: AmendStore;
  /** How far each receiver of the live feed of the evidence is. */
  readonly feedPlaces: FeedPlaces;
  /**
   * Stores a batch. Resolves after the commit; rejects when nothing was stored, with STORAGE-*, or INGEST-PLACES-CHANGED where it was decided by another version of
   * who lies where than the store has.
   */
  storeBatch(batch: ArrivedBatch): Promise<BatchOutcome>;
  /**
   * Where the life of the store stands, as of what is on disk: a gateway can tell by it what the store does not hold any more after it went
   * back to a backup. The position of a commit is greater than that of every commit before it, and a backup holds all up to its own.
   */
  lineage(): Promise<Lineage>;
  /**
   * Compares what a gateway was told of commits, in the order in which their epochs were met, with what the store holds. What it lost since makes
   * a stretch of which no binding is known, from the last commit that is held until the next `rebind`, once for each loss. Resolves with
   * whether there is one that awaits that, to be called before anything of the gateway is taken. `at`: hub's clock.
   */
  noticeLoss(told: readonly StorePosition[], at: Instant): Promise<boolean>;
  /** Begins a new epoch. To be called by whoever restored the store from a backup, before anything else is written to it. */
  beginStoreEpoch(): Promise<StoreEpoch>;
  /**
   * Copies the store as of one commit, while it is in use, to a new file with the same key; only where the engine is a file. Throws
   * STORAGE-COPY, STORAGE-CLOSED.
   */
  copyTo?(path: string, options?: CopyOptions): Promise<Copied>;
  /** Makes the age unknown of every row of `latest` that was stored after `storedAfter`: the hub's clock was set back since. */
  distrust(storedAfter: Instant): Promise<void>;
  /** Writes evidence of what has no other effect on the store. */
  record(events: readonly AuditEvent[]): Promise<void>;
  /**
   * Keeps which tools the clients of a tenant are served from now on. Where the last start served others, or none, what `evidence` makes of their fingerprint (null: none) is written
   * in the same commit; otherwise nothing.
   */
  serveTools(tenant: string, fingerprint: string, evidence: (was: string | null) => AuditEvent): Promise<void>;
  /** All rows of `latest`, for the watch over staleness. */
  currencies(): AsyncIterable<Currency>;
  /** Tenants of whom anything was stored or refused, in order; a tenant stays when the registry no longer names it. */
  tenants(): readonly string[];
  /**
   * Compares the bindings of a registry with those kept and keeps what `bindingsFrom` makes of them at `at` (hub's clock), in one commit;
   * resolves with that. To be called before the registry comes into force. While the hub does not know the time (`isTimeKnown`), stretches of which
   * no binding is known have no end: to be called again once it does.
   */
  rebind(next: readonly Binding[], at: Instant, isTimeKnown?: boolean): Promise<readonly KeptBinding[]>;
  /** When no binding is known, oldest first, as of the last `rebind` or loss; for whoever reads a store without bringing a registry into force. */
  unknownBindings(): Promise<readonly UnknownStretch[]>;
  /** The chain of evidence from its beginning, for `verifyAudit`. */
  audit(): AsyncIterable<ChainedEntry>;
  /**
   * The entries of a tenant that the filter names, opened: those of one patient in order of the chain, others in order of when it was done. To be
   * decided and recorded by whoever shows them. `unread` is told of what is no entry of a known form between `fromSeq` and `toSeq`.
   */
  evidence(tenant: string, filter: EvidenceFilter, unread?: (entry: UnreadEntry) => void): AsyncIterable<EvidenceRecord>;
  /** What the evidence counted of a principal (`AuditEvent.usage`), as far as limits look back. */
  usage(tenant: string, principal: string, since: UsageSince): Promise<KeptUsage>;
  /** The last entry of the chain, as it is on disk; number 0 before the first. */
  auditHead(): Promise<Pick<ChainedEntry, 'seq' | 'hash'>>;
  /** All that the index of patients says from one number to another, both included, of a tenant's patients and of those whose keys are gone. */
  auditSubjects(tenant: string, fromSeq: number, toSeq: number): Promise<readonly IndexedSubject[]>;
  /** The hash of one entry of the chain; undefined where there is none of that number. */
  auditHash(seq: number): Promise<Uint8Array | undefined>;
  /** Entries of the chain behind a number, in order, so many at most; for whoever goes along with it. */
  auditBehind(after: number, limit: number): Promise<readonly ChainedEntry[]>;
  /** Keeps a signed note of how far the chain had come; one of an entry that is noted already, or lies before one, is left out. */
  keepCheckpoint(checkpoint: StoredCheckpoint): Promise<void>;
  /** The notes, in order. */
  checkpoints(): AsyncIterable<StoredCheckpoint>;
  /** Up to where the retention of the evidence may have removed something; whether the hub said so is to be verified (`isSigned`). */
  anchors(): Promise<readonly Anchor[]>;
  /**
   * Removes some of the evidence that is older than the policy keeps it, in one short commit with the anchor that covers it and the entries that tell of it. Nothing while
   * it is held. To be called again while it says `more`. Rejects with AUDIT-NOT-REMOVED where the evidence is not as it was written: then it stays.
   */
  retainEvidence(order: EvidenceOrder): Promise<EvidenceStep>;
  /** Until it is disposed, this process removes no evidence: whoever compares parts of it with each other sees one state. */
  holdEvidence(): Disposable;
  /**
   * Removes some of what is older than the policy keeps it, in one short commit (20 ms at most), with everything that must happen together: rollups
   * are written, resources packed together stay readable, the keys stay known ("held", whatever the content), totals follow. What is
   * current (`latest`, the newest of each device) is never removed, and the newest of all need not be. To be called again while it says `more`.
   */
  retain(order: RetentionOrder): Promise<RetentionStep>;
  /**
   * Recomputes what the store keeps twice and compares: totals, `latest`, keys seen, batches and their resources, the chain of evidence,
   * the lineage. Reads in parts, so that others have their turn; takes minutes for a large store. Rejects with STORAGE-* when it cannot be read.
   */
  verify(progress?: (at: VerifyProgress) => void): Promise<StoreVerdict>;
}
