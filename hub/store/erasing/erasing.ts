import type { Instant } from '../../../shared/clock.ts';
import type { AuditEvent } from '../../access/access.ts';
import type { CurrencyChange, StoredEvent } from '../store.ts';
import type { ErasedPeople, IsErased, Tombstone } from './tombstone.ts';

/** Of whom something is to be kept whatever an erasure asks. */
export interface LegalHold {
  tenant: string;
  patient: string;
  /** A code or a ticket. */
  reason: string;
  principal: string;
  at: Instant;
}

/** Whose data are to go. */
export interface ErasureOrder {
  tenant: string;
  patient: string;
  reason: string;
  principal: string;
  at: Instant;
  /** Identifiers (`system|value`) that are surely the person's: what movements say under them goes. Kept as marks alone. */
  names?: readonly string[];
  /** Public ids of whoever may not be under legal hold either: the same person under other numbers, and who had before what is theirs now. */
  kin?: readonly string[];
  /** Written in the commit that begins it. */
  evidence: (tombstone: Tombstone) => AuditEvent;
}

export interface ErasureBegun {
  tombstone: Tombstone;
  /** The rows of `latest` that are gone, as `BatchOutcome.currencies` has them. */
  gone: readonly CurrencyChange[];
}

/** What was removed of one person, in rows. `quarantine`: of gateways that spoke for them, for what is there is of nobody that the hub knows. */
export type Removed = Readonly<Record<'observations' | 'rollups' | 'events' | 'movements' | 'quarantine', number>>;

export const NOTHING_REMOVED: Removed = { observations: 0, rollups: 0, events: 0, movements: 0, quarantine: 0 };

export interface ErasureEnd {
  tombstone: Tombstone;
  patient: string;
  removed: Removed;
}

export interface ErasureStep {
  /** What was finished in this step. */
  ended?: ErasureEnd;
  /** True while anything is left to be done. */
  more: boolean;
}

/** What the retention left of readings: a stretch of one vital sign (or a part of a panel) of one device. */
export interface StoredRollup {
  vital: string;
  device: string;
  /** '' for the vital sign itself. */
  part: string;
  test: boolean;
  start: Instant;
  widthMs: number;
  n: number;
  least: number | null;
  greatest: number | null;
  sum: number;
  last: number | null;
}

export interface ErasureCounts {
  erased: number;
  /** Of those, not finished. */
  underWay: number;
  held: number;
}

/**
 * What a store can do for and about one person. An erasure is begun in one commit, from which on nothing is stored for the person, and goes on in
 * short ones; how far it came is in the store. Its last one destroys the key of the person's evidence. Errors besides: STORAGE-*.
 */
export interface ErasingStore {
  /** Nobody erases the person until it is released, and every other one, too: holds of different reasons stand beside each other. */
  hold(hold: LegalHold, evidence: AuditEvent): Promise<void>;
  /** Every hold of a tenant, in order of patient and time. */
  holds(tenant: string): Promise<readonly LegalHold[]>;
  /** Ends the hold of this reason. Throws PATIENT-NOT-HELD where there is none. */
  release(tenant: string, patient: string, reason: string, evidence: AuditEvent): Promise<void>;
  /**
   * Begins to erase a person; one whose erasure is under way already is not begun anew. Of one who was erased already, with `names`, what
   * stands under these identifiers is erased. Throws PATIENT-HELD, PATIENT-ERASED, and PATIENT-UNKNOWN where the store holds
   * nothing of a patient of this id.
   */
  beginErasure(order: ErasureOrder): Promise<ErasureBegun>;
  /** One step of what is under way; `evidence` is written with the last one of each. To be called again while it says `more`. */
  eraseSome(evidence: (end: ErasureEnd) => AuditEvent): Promise<ErasureStep>;
  /** Of all tenants, in order. */
  tombstones(): Promise<readonly Tombstone[]>;
  /**
   * Takes over tombstones that the store does not have: it was put back to a state of before. What it holds of these people is begun to be erased. Gives
   * how many were new. Throws PATIENT-TOMBSTONES, and takes over nothing, where one of them is under legal hold.
   */
  adoptTombstones(tombstones: readonly Tombstone[], evidence: (tombstone: Tombstone, patient: string) => AuditEvent): Promise<number>;
  /** Who was erased, or is being erased, as of now. */
  whoWasErased(): Promise<IsErased>;
  /** The same of one tenant, by which it is asked what arrives; undefined where nobody was erased. */
  erasedPeople(tenant: string): Promise<ErasedPeople | undefined>;
  erasureCounts(): Promise<ErasureCounts>;
  /** True for a person of whom anything is stored, or stands in the evidence. */
  knows(tenant: string, patient: string): Promise<boolean>;
  /** True for a person whose erasure was begun, or is done. */
  isErased(tenant: string, patient: string): Promise<boolean>;
  rollupsOf(tenant: string, patient: string): AsyncIterable<StoredRollup>;
  /** Every movement of a tenant, in order of storing: whose each is, only its identifiers say. */
  movements(tenant: string): AsyncIterable<StoredEvent>;
  /** The identifiers (`system|value`) that stand in what is stored of a person, movements aside, each with how many rows it stands in. */
  namesOf(tenant: string, patient: string): Promise<ReadonlyMap<string, number>>;
  /** Those of these identifiers that stand in what is stored of somebody else. Looks at everything that is stored of the tenant. */
  namesOfOthers(tenant: string, patient: string, names: ReadonlySet<string>): Promise<ReadonlySet<string>>;
}
