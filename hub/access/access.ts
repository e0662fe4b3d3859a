import type { Instant } from '../../shared/clock.ts';
import type { ObservationCategory } from '../../shared/vitals.ts';
import type { ShownBeside } from '../clinical/surroundings.ts';
import type { MaskProfile } from './masking/contract.ts';
import type { Policy } from './policy.ts';

/** Somebody or something that reaches data, from whatever credential it came. One credential, one tenant, one role. */
export interface Principal {
  /** Overlay identity id, `oauth:<issuer's name in hub.yaml>:<subject>`, or `local:<uid>` at the operator's socket. */
  id: string;
  tenant: string;
  kind: 'gateway' | 'person' | 'software' | 'operator';
  role: Role;
  /** Patients it may see, as opaque ids; `all` within its tenant. Besides them those of `wards` and `panels`. */
  patients: readonly string[] | 'all';
  /** Wards of the registry: whoever lies there now. */
  wards?: readonly string[];
  /** Panels of the registry: whoever is on the list. */
  panels?: readonly string[];
  /** Of a gateway: the beds and devices it may speak for. */
  beds?: readonly string[];
  devices?: readonly string[];
  /** Why it reaches for data; `TREAT` unless told. */
  purpose?: Purpose;
  /** What its access token is for; absent without one, and then nothing is narrowed. */
  scopes?: readonly Scope[];
  /** Until when the registry, or its token, lets it; the earlier of both. */
  notAfter?: Instant;
  /** By what it was told who it is; of an overlay identity unless given. */
  credential?: Credential;
  /** What it says of itself; never part of a decision. */
  claimed?: Claimed;
}

/** A name of `policy.yaml`; that of a registry row must be one of them. */
export type Role = string;

/** HL7 v3 ActReason, PurposeOfUse (terminology.hl7.org/ValueSet/v3-PurposeOfUse). */
export const PURPOSES = ['TREAT', 'ETREAT', 'HOPERAT', 'HRESCH', 'PATRQT', 'HSYSADMIN'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** SMART App Launch 2.2, scopes v2: `<context>/<resource>.<cruds>?category=…`. */
export interface Scope {
  context: 'patient' | 'user' | 'system';
  /** FHIR resource type, or `*`. */
  resource: string;
  /** Letters out of `cruds`. */
  may: string;
  /** Code of the category it is narrowed to. */
  category?: string;
}

export interface Credential {
  kind: 'overlay' | 'oauth' | 'both' | 'local';
  /** Overlay identity id, where there is one: of `oauth`, that of the connection the token came over, whosever it is. */
  overlay?: string;
  /** Name of the issuer in hub.yaml, its subject, and the id of the token (`jti`), where it has one. */
  oauth?: { issuer: string; subject: string; jti?: string };
}

/** What a client says of itself: shown to auditors, marked as claimed. */
export interface Claimed {
  client?: string;
  version?: string;
  model?: string;
}

export const ACTIONS = [
  'patients.list',
  'vitals.read',
  'vitals.subscribe',
  'observations.write',
  'observations.export',
  'status.read',
  'store.backup',
  'store.restore',
  'store.rekey',
  'store.verify',
  'audit.read',
  'audit.export',
  'audit.verify',
  'audit.retain',
  'audit.acknowledge',
  'patient.export',
  'patient.erase',
  'patient.hold',
  'patients.place',
  'readings.amend',
  'registry.change',
  'session.open',
  'access.explain',
] as const;
export type Action = (typeof ACTIONS)[number];

export interface AccessResource {
  tenant: string;
  /** Opaque patient id, where the action is about one. */
  patient?: string;
  /** The ward in which the patient is now, where it is in one. */
  ward?: string;
  /** The panels that the patient is on. */
  panels?: readonly string[];
  /** Of a write: the bed or the device by which it is this patient's. */
  bed?: string;
  device?: string;
  /** FHIR type and category of what is read or written; of vital signs unless given. `ANY_CATEGORY` asks whether there is any at all. */
  type?: string;
  category?: string;
}

/** What is then shown is looked at row by row: by `inScope`. */
export const ANY_CATEGORY = '*';

/** What a token can keep from its caller: categories of the parameter table, and `other`, which is in none of them. */
export const WITHHOLDABLE = ['vital-signs', 'laboratory', 'activity', 'exam', 'procedure', 'other'] as const satisfies readonly (
  | ObservationCategory
  | 'other'
)[];
export type Withheld = (typeof WITHHOLDABLE)[number];

/** What a decision hangs on beside who, what and whose. */
export interface AccessContext {
  at: Instant;
  policy: Policy;
}

/** What must be done where a decision allows. */
export interface Obligations {
  /** How what is shown is masked. */
  mask: MaskProfile;
  /** Somebody else must approve first; nothing grants that yet, so whoever needs it is refused. */
  approve: boolean;
  /** Everything is recorded; `full` keeps what was shown as well, so that it can be rebuilt. */
  audit: 'full' | 'brief';
}

/** Of the first that did not hold, in this order. */
export type DecisionReason =
  | 'granted'
  | 'expired'
  | 'role'
  | 'tenant'
  | 'scope'
  | 'purpose'
  | 'patient'
  | 'binding'
  | 'forbidden'
  | 'approval';

export interface Decision {
  allow: boolean;
  reason: DecisionReason;
  obligations: Obligations;
  /** The rules of the policy that decided, by id; for `access explain`. */
  rules: readonly string[];
}

/** One line of the evidence: who did what to whose data, why, and whether it was allowed. */
export interface AuditEvent {
  at: Instant;
  tenant: string;
  principal: string;
  role: string;
  action: Action;
  patient: string | null;
  /** Of what showed many at once: each of whom there was a row. */
  patients?: readonly string[];
  outcome: 'allowed' | 'denied' | 'failed';
  reason: string;
  /** How many rows were shown or written. */
  count: number;
  /** Where it came from: `mcp-2025`, `mcp-2026`, `uplink`, `operator`. */
  channel: string;
  detail?: AuditDetail;
  /** What the store counts against its caller's limits in the same commit; no part of the entry. `other`: its patient is in none of the caller's wards and panels. */
  usage?: { calls: number; other: boolean };
}

/** What is known of an access beside. */
export interface AuditDetail {
  credential?: Credential;
  claimed?: Claimed;
  purpose?: Purpose;
  /** `Policy.version`. */
  policy?: string;
  mask?: MaskProfile;
  /** What the token kept from its caller. */
  withheld?: readonly Withheld[];
  /** From the call to the writing of this, ms. */
  latencyMs?: number;
  /** Of the canonical JSON of what was shown. */
  bytes?: number;
  /** SHA-256 of that, hex. */
  response?: string;
  /**
   * What was asked for; nothing in it but what the hub knows itself: keys of vital signs, numbers, its own ids. Of `readings.amend`, whose entries are of one patient each,
   * the note of whoever decided as well.
   */
  args?: Readonly<Record<string, string | number | boolean | null>>;
  /**
   * Of an erasure: its code, the mark (hex) by which the person's tombstone is found, how many numbers were included by whoever asked, and how many were left out
   * as perhaps somebody else's; nothing of who it was.
   */
  erasure?: { reason: string; mark: string; included?: number; ambiguous?: number };
  /** What was known beside them then. */
  beside?: ShownBeside;
  /** What was shown: ids of observations, each with its version (`storedAt`, UTC ms). */
  shown?: readonly (readonly [observation: string, storedAt: Instant])[];
}
