import type { Instant } from '../../shared/clock.ts';
import type { Observation } from '../../shared/fhir.ts';
import type { AbsentReason, Flag } from '../../shared/reading.ts';
import type { ByHand } from '../clinical/by-hand.ts';
import type { Group } from '../clinical/group.ts';
import type { LimitSetter } from '../clinical/limits/limits.ts';
import type { Disagreement, PreferredBecause } from '../clinical/preferred.ts';
import type { SourceKind, SourceState } from '../clinical/sources/source.ts';
import type { Change } from '../feed.ts';
import type { AlsoKnownAs } from '../registry/registry.ts';
import type { EventFilter, HistoryQuery, StoreCounts, StoredEvent, StoredObservation } from '../store/store.ts';
import type { Action, AuditDetail, Principal, Withheld } from './access.ts';
import type { AlertsView } from './alert-views.ts';
import type { ConcernedRow } from './callers.ts';
import type { DoubtfulAsked } from './door/doubtful-reads.ts';
import type { DoubtfulListView } from './doubtful-views.ts';
import type { FleetView, HealthView } from './fleet-views.ts';
import type { GapsView } from './gap-views.ts';
import type { TrendView, VersionView } from './history-views.ts';
import type { Masked, MaskProfile } from './masking/contract.ts';

/** How a call reaches the hub; part of the evidence. */
export interface CallContext {
  channel: 'mcp-2025' | 'mcp-2026' | 'uplink' | 'operator';
  /** A read of what the caller has subscribed to, or a subscription beside others that were counted: it takes no call out of the caller's day. */
  followed?: boolean;
}

export interface PatientSummary {
  /** Opaque id. */
  patient: string;
  /** Bed, or null for somebody at home, or where it is masked. */
  bed: string | null;
  /** Ward, where the registry knows one and it is not masked. */
  ward?: string;
  /** UTC ms of the newest that is stored, or null; null also where that may be something that is not shown. */
  lastStoredAt: Instant | null;
  /** Seconds since then, where it is masked and its time need not be a real one. */
  ageSeconds?: number;
  vitals: readonly string[];
  /** What the caller's token is not for, where there is any; that none of it is here says nothing about the patient. */
  withheld?: readonly Withheld[];
  masked?: Masked;
}

/** One vital sign as a reader gets it. Once stale, `value` is null and the number stands in `lastKnown` alone. */
export interface VitalView {
  vital: string;
  name: string;
  value: number | null;
  unit: string;
  absent: AbsentReason | null;
  components: readonly { vital: string; name: string; value: number | null; unit: string; absent: AbsentReason | null }[];
  /** ISO 8601 with offset. */
  at: string;
  ageSeconds: number;
  stale: boolean;
  /** From which age on it is stale, and by whose word: the built-in table of classes, or a line of the site's file. */
  limit: { seconds: number; by: LimitSetter };
  lastKnown: { value: number | null; components: readonly { vital: string; value: number | null }[]; at: string } | null;
  /** True where it was measured in a bed before the patient was discharged, and they are here again: then it is shown as stale, however new. */
  formerStay?: true;
  /** There where a person has said that it is this patient's, and since when, ISO 8601 with the offset of the measurement; who that was is for operators alone. */
  byHand?: { kind: ByHand['kind']; since: string };
  /** There where a newer one of its vital sign, of whatever device, is doubtful (`identity-doubtful`). */
  doubtful?: DoubtfulView;
  flags: readonly Flag[];
  /** What it measures: a group of vital signs (`heart-rate`), or its own key. Of those of one group exactly one is preferred; none is merged with another. */
  measurand: string;
  preferred: boolean;
  /** Null where it is not preferred. */
  preferredBecause: PreferredBecause | null;
  /** Null where no current value of its measurand differs by more than the table of measurands says. */
  disagreement: Disagreement | null;
  /** Its device has said since that it is in demonstration mode: then it is shown as stale. */
  demo: boolean;
  device: string;
  gateway: string;
  test: boolean;
  observation: string;
  receivedAt: Instant;
  storedAt: Instant;
}

/** A newer reading that may be somebody else's: it is not the current one until it is repeated or confirmed, and stands beside that. */
export interface DoubtfulView {
  value: number | null;
  components: readonly { vital: string; value: number | null }[];
  /** ISO 8601 with offset. */
  at: string;
  device: string;
  observation: string;
}

/** Where something comes from, and whether it does: a probe that is off is told from a gateway that is gone. */
export interface SourceView {
  kind: SourceKind;
  /** Device, gateway; null of movements. */
  id: string | null;
  state: SourceState;
  /** ISO 8601; since when it is so, of a silent device when it was last heard; null where that is not known. */
  since: string | null;
}

/** Whose a view is, and where they are, as the reader is shown it. */
export interface ShownPatient {
  patient: string;
  /** The id that was asked for, where it was merged into this one. */
  mergedFrom?: string;
  /** Another id of the same person, by which the hospital goes, and where they lie by it: what is measured there is shown under that one. Absent where it is masked. */
  alsoKnownAs?: AlsoKnownAs;
  /** Null at home, and where it is masked. */
  bed: string | null;
  ward?: string;
  /** Since when the patient is here, who was here before and was discharged. ISO 8601. */
  admitted?: string;
  /** Since when the patient, who lay in a bed, lies in none: then nothing is current. ISO 8601. */
  discharged?: string;
  /** Since when the patient, who lay in a bed that follows movements, is somewhere else and no stranger: what was measured in a bed before is not current. ISO 8601. */
  leftBed?: string;
  /** They lie in no bed for sure: what is measured where they may lie is shown under nobody. */
  unplaced?: true;
  /** IANA; the patient's, in which times are shown and days begin. Absent where it is masked. */
  zone?: string;
}

export interface LatestView extends ShownPatient {
  /** ISO 8601. */
  asOf: string;
  vitals: readonly VitalView[];
  sources: readonly SourceView[];
  /** Devices that said that they are in demonstration mode: nothing of what they send is kept, and nothing before it is current. ISO 8601. */
  demo: readonly { device: string; since: string; lastAt: string }[];
  /** Of the site's file of limits; null where there is none. */
  limitsVersion: string | null;
  /** As in `PatientSummary`. */
  withheld?: readonly Withheld[];
  notice: string;
  /** Where identifiers were replaced or left out. */
  masked?: Masked;
}

/** The end of what was subscribed to, of one patient, one group or one device; a patient of null and neither of both for the list of patients. */
export interface Ended {
  patient: string | null;
  group?: Group;
  /** By the name that its reader has for it. */
  device?: string;
  /** Notifications of it that were sent. */
  delivered: number;
}

/**
 * What is subscribed to beside patients: groups, and devices by the names that the reader has for them. `vitals`: keys of those of which something is followed by itself; the
 * caller's token must cover each.
 */
export interface SubscribedBeside {
  groups?: readonly Group[];
  devices?: readonly string[];
  vitals?: readonly string[];
}

export interface TrendAsked {
  /** Key of the parameter table or of a panel. */
  vital: string;
  device?: string | undefined;
  /** UTC ms; the beginning of the first bucket, and the end of the last. */
  from: Instant;
  to: Instant;
  /** 1 to `MAX_TREND_BUCKETS`. */
  points: number;
}

/** Who lay where (in one bed, if one was named), as of a time. */
export interface ReadFor {
  bed?: string | undefined;
  at: Instant;
}

/**
 * The one door to the store. Each call decides (`decide`), records the evidence in the same commit as the effect, and resolves
 * after that commit; a refusal is recorded too and rejects with ACCESS-DENIED or ACCESS-EXPIRED. A patient the caller may not
 * see and one that does not exist look the same: NOT-FOUND. Who has used up what it may gets ACCESS-LIMIT (`AccessLimit`). Whoever is
 * masked knows patients and devices by its own pseudonyms, and times as they were shown to it: it names them so, and by nothing else.
 */
export interface Door {
  listPatients(principal: Principal, context: CallContext): Promise<readonly PatientSummary[]>;
  latest(principal: Principal, patient: string, context: CallContext): Promise<LatestView>;
  /** One vital sign over time, in at most `points` buckets of a usual width that begin where the hospital's clock does. Throws USAGE besides. */
  trend(principal: Principal, patient: string, query: TrendAsked, context: CallContext): Promise<TrendView>;
  /** What devices told of alerts, relayed: open ones and those that ended within a day, and which sources can tell of any. */
  alerts(principal: Principal, patient: string, context: CallContext): Promise<AlertsView>;
  /** What was measured and will never arrive, as far as it became known within thirty days. */
  gaps(principal: Principal, patient: string, context: CallContext): Promise<GapsView>;
  /** One observation by the id that answers give for it, as the hub holds it, masked like an export. Whose it is decides; NOT-FOUND as for a patient. */
  observation(principal: Principal, id: string, context: CallContext): Promise<Observation>;
  /**
   * Readings of personal devices that may be somebody else's, newest first, a page at a time: of one patient, or of all whom the principal may see, for who is not masked. Throws USAGE
   * for whoever is masked and names no patient.
   */
  doubtful(principal: Principal, asked: DoubtfulAsked, context: CallContext): Promise<DoubtfulListView>;
  /** How many gateways and devices live, are silent or lost, for whoever may open a session; of nobody in particular. */
  health(principal: Principal, context: CallContext): Promise<HealthView>;
  /** The same one by one, for whoever may read the status. */
  fleet(principal: Principal, context: CallContext): Promise<FleetView>;
  /** Whether the principal may do this at all, whomever it is about; for lists of what there is to do. As pure as `maySee`. */
  may(principal: Principal, action: Action): boolean;
  /** Of whom among those that the principal may see this device gave what is current: by the names that it has for them and for the device. As pure as `maySee`. */
  devicePatients(principal: Principal, device: string): readonly string[];
  /** Every version of one measurement, in order of storing. */
  history(
    principal: Principal,
    patient: string,
    query: Omit<HistoryQuery, 'patient'>,
    context: CallContext,
  ): Promise<readonly VersionView[]>;
  /** Which device the principal means by a name, where it may see anybody of whom it gave what is current. As pure as `maySee`. */
  deviceBehind(principal: Principal, name: string): string | undefined;
  /** The devices that gave what is current of a patient; for the hub itself, and as pure. */
  devicesOf(tenant: string, patient: string): readonly string[];
  /**
   * Opens a subscription: decided and recorded once at opening, checked again at each change by `maySee`. Of a group the evidence has its name and no patient; one of which the
   * principal may see nobody, or is masked, looks like one that does not exist: NOT-FOUND. Of a device likewise, by its id and by whom it gave what is current.
   */
  openSubscription(principal: Principal, patients: readonly string[], context: CallContext, beside?: SubscribedBeside): Promise<void>;
  closeSubscription(principal: Principal, ended: readonly Ended[], context: CallContext): Promise<void>;
  /**
   * Pure check without evidence, for filtering each change of an open subscription: by where the patient is now, or as of `place`, where the
   * patient was.
   */
  maySee(principal: Principal, change: Pick<Change, 'tenant' | 'patient'>, place?: Change['was']): boolean;
  /** Likewise, and that the principal knows this device of the patient by this name. */
  maySeeDevice(principal: Principal, change: Pick<Change, 'tenant' | 'patient'>, device: { id: string; name: string }): boolean;
  /**
   * Whom of the tenant the principal means by a name, where it may see them: undefined for a name that is nobody's, and for whoever is masked by
   * a patient's own id. As pure as `maySee`.
   */
  patientBehind(principal: Principal, name: string): string | undefined;
  /** The ward and the panels of a patient now, by which a change is one of theirs; for the hub itself, and as pure. */
  groupsOf(tenant: string, patient: string): NonNullable<Change['was']>;
  /** Whether the principal, not masked, may see anybody of a group. As pure as `maySee`. */
  maySeeAnyOf(principal: Principal, group: Group): boolean;
  /**
   * How many may lie in a ward, or where none is named in any, in which the principal, not masked, would see them, and are not shown to it because they lie in no bed for sure. A number and
   * no more: who they are is not its to know. As pure as `maySee`.
   */
  placeNotKnown(principal: Principal, ward?: string): number;
  /** How what it subscribes to is masked, without regard to one patient. As pure as `maySee`. */
  maskOf(principal: Principal): MaskProfile;
  /**
   * Refuses what the caller's token is not for, before anything of it is looked at: records it, and rejects with ACCESS-SCOPE. Whatever else
   * there is to be said of the action is said when it is done.
   */
  requireScope(principal: Principal, action: Action, context: CallContext): Promise<void>;
  /** Records that somebody was not let in at all, in the evidence of each of these tenants. `args`: what the hub itself says of it beside. */
  turnAway(rows: readonly ConcernedRow[], reason: string, context: CallContext, args?: AuditDetail['args']): Promise<void>;
  /**
   * In order of storing; for whoever is deidentified, of all patients, patient by patient in the order of their names, and of each in that of
   * storing: what was stored beside what would tell how their times are shifted.
   */
  export(
    principal: Principal,
    filter: { patient?: string; since?: Instant },
    context: CallContext,
  ): Promise<AsyncIterable<StoredObservation>>;
  /** As `export`, for alerts, waves and movements. Where they are read for an answer of one's own, one entry says so, with what was asked. */
  exportEvents(principal: Principal, filter: EventFilter, context: CallContext, readFor?: ReadFor): Promise<AsyncIterable<StoredEvent>>;
  counts(principal: Principal, context: CallContext): Promise<StoreCounts>;
}
