import type { Instant } from '../../shared/clock.ts';
import type { Principal, Purpose, Role } from '../access/access.ts';
import type { AdoptedDevice } from './adopted.ts';
import type { Binding, BoundSince } from './bindings.ts';
import type { IssuedToken, Revocation, TokenSubject } from './client-credentials.ts';
import type { GatewayLimits } from './gateway-limits.ts';

/** What a gateway may speak for. Exactly the listed; default deny. */
export interface GatewayEntry {
  /** Overlay identity id. */
  identity: string;
  tenant: string;
  /** The one patient of a home gateway (opaque id), or undefined. */
  patient?: string;
  /** Beds of an ICU gateway, each with the opaque id of who lies there; null while empty. */
  beds: Readonly<Record<string, string | null>>;
  /** Devices bound straight to a patient, by device id. */
  devices: Readonly<Record<string, string>>;
  /** The devices of a home that count, besides those of `devices`; all that the gateway hears where it is not given. */
  adopted?: readonly AdoptedDevice[];
  /** Beds of which movements say who lies there; none of them is among `beds`. */
  followed?: ReadonlySet<string>;
  /** Names under which a FHIR client knows its patients, each with the opaque id of whom it means: a reference without version, or `system|value`. */
  subjects?: Readonly<Record<string, string>>;
  /** May tell who lies where. */
  movements?: boolean;
  /** Milliseconds without a movement after which who lies in followed beds is no longer sure; never unless given. */
  silentAfterMs?: number;
  notAfter?: Instant;
  /** Where they are not those of `GATEWAY_LIMITS`. */
  limits?: Partial<GatewayLimits>;
  /** When somebody confirmed that they held before the store began, and through every restore of it up to then. */
  confirmed?: Instant;
  /** Since when each of these bindings holds; only the registry in force knows. */
  since?: BoundSince;
}

/** Who an AI client is and what it may see. One credential stands in one row. */
export interface ClientEntry {
  /** Overlay identity id. */
  identity?: string;
  token?: TokenSubject;
  tenant: string;
  kind: 'person' | 'software';
  role: Role;
  patients: readonly string[] | 'all';
  wards?: readonly string[];
  panels?: readonly string[];
  purpose?: Purpose;
  notAfter?: Instant;
}

/** Where a patient is. */
export interface PatientPlace {
  /** Opaque id. */
  patient: string;
  /** Bed, or null for somebody at home. */
  bed: string | null;
  /** The ward that the bed is in. */
  ward?: string;
  /** The panels that the patient is on, in order of name. */
  panels?: readonly string[];
  /** Since when somebody is here who was here before and was discharged: what was measured in a bed before that is of a former stay. */
  admitted?: Instant;
  /** Since when somebody who lay in a followed bed was discharged, whom no row of the registry binds: nothing of them is current. */
  discharged?: Instant;
  /**
   * Since when somebody who lay in a followed bed lies in none, though they are still a patient: they were moved to where nobody follows, or were discharged and a row of the registry binds
   * them, as that of their home does. What was measured in a bed before is not current; what comes by the row is.
   */
  leftBed?: Instant;
  /** They left the followed beds and no row of the registry binds them: on no list, as whoever was discharged. */
  elsewhere?: true;
  /** They lie in no followed bed for sure, though they may lie in one, or nobody but movements knows of them; and they left none as far as is known. */
  unplaced?: true;
  /** Where whoever lies in no bed for sure may lie, in order of bed; empty where nobody said. */
  possible?: readonly { bed: string; ward?: string }[];
  /** A panel names them, but no gateway speaks for them: nothing of them can come. */
  withoutGateway?: true;
  /** The id that was asked for, where it was merged into this one. */
  mergedFrom?: string;
  /** A row of the registry binds this id, so it stays, but the hospital merged it into another: what is measured in the bed of that one stands there. */
  alsoKnownAs?: AlsoKnownAs;
}

/** The other id of somebody who has two, and where they lie by it; null for no followed bed for sure. */
export interface AlsoKnownAs {
  patient: string;
  bed: string | null;
  ward?: string;
}

/** Who is who. Keyed by overlay identity *ids*, because names can be used again. */
export interface Registry {
  gateway(identityId: string): GatewayEntry | undefined;
  gateways(): readonly GatewayEntry[];
  clients(): readonly ClientEntry[];
  clientByIdentity(identityId: string): ClientEntry | undefined;
  /** By the name of an issuer in hub.yaml, and its subject. */
  clientByToken(issuer: string, subject: string): ClientEntry | undefined;
  revocations(): readonly Revocation[];
  /** True for a token that is good by itself and not taken any more. */
  isRevoked(token: IssuedToken): boolean;
  /** The principal of the row with this identity, as if that alone had to be proven, which is for `whoIs` to say. Checks no dates: `decide` does. */
  principal(identityId: string): Principal | undefined;
  /** Every patient id named in the registry, with its bed or null for home, within a tenant; in order of id. */
  patients(tenant: string): readonly PatientPlace[];
  /** One patient of a tenant; undefined when this tenant has no such patient. */
  patient(tenant: string, patient: string): PatientPlace | undefined;
  /** From when to when a patient was here by what movements told, in order; UTC ms. */
  stays?(tenant: string, patient: string): readonly { from: Instant; to: Instant | null }[];
  /** Since when a patient who lies in a bed now does by what movements told, UTC ms; undefined where they do not say. */
  bedSince?(tenant: string, patient: string, bed: string): Instant | undefined;
  /** True for a patient id of any tenant: for telling a stated patient of ours from somebody else's record number. */
  isPatient(patient: string): boolean;
  /** Who lies in a bed of a tenant, null while it is empty; undefined for a bed that no gateway of the tenant has. */
  inBed(tenant: string, bed: string): string | null | undefined;
  /** Every binding of every gateway, empty beds too; never none. */
  bindings(): readonly Binding[];
  tenants(): readonly string[];
  /** Whether nobody of this tenant is in care: then test data are taken, and each answer says so. */
  isSandbox(tenant: string): boolean;
  /** Of all tenants. */
  readonly gatewayCount: number;
  /** SHA-256 of the file, first 12 hex digits. */
  readonly revision: string;
}
