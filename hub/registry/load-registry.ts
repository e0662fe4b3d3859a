import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseConfig } from '../../shared/config.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import type { Principal, Role } from '../access/access.ts';
import { clientPrincipal } from '../access/principals.ts';
import { refuseUnplain } from '../plain-yaml.ts';
import { type Binding, bindingsOf } from './bindings.ts';
import { careGroupsOf } from './care-groups.ts';
import { type IssuedToken, type Revocation, Revocations, subjectKey } from './client-credentials.ts';
import type { ClientEntry, GatewayEntry, PatientPlace, Registry } from './registry.ts';
import { boundTo, type RegistryFile, registrySchema } from './schema.ts';

/**
 * Reads `registry.yaml`. A file with any error is refused whole: REGISTRY-INVALID, with every problem on a line of its own
 * (`registry.yaml:12: gateways[0].beds.*: …`). Nothing of the file is repeated in it, names of beds and devices neither. `roles` are those of
 * the policy in force, the built-in one unless given; `issuers` the names of those in hub.yaml, where they are known.
 */
export function loadRegistry(path: string, roles?: readonly Role[], issuers?: readonly string[]): ListedRegistry {
  return parseRegistry(readRegistryText(path), basename(path), roles, issuers);
}

/** What registry.yaml holds. Throws REGISTRY-INVALID when it cannot be read. */
export function readRegistryText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('REGISTRY-INVALID', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
}

/** A registry from the text of its file; errors as of `loadRegistry`. */
export function parseRegistry(text: string, name = 'registry.yaml', roles?: readonly Role[], issuers?: readonly string[]): ListedRegistry {
  return registryFrom(checkRegistry(text, name, roles, issuers));
}

/** What a registry is made of, checked: plain data, which can go from one thread to another. */
export interface CheckedRegistry {
  file: RegistryFile;
  revision: string;
}

export function registryFrom({ file, revision }: CheckedRegistry): ListedRegistry {
  return new FileRegistry(file, revision);
}

/** The long part of `parseRegistry`: some half a millisecond a gateway. Errors as of `loadRegistry`. */
export function checkRegistry(text: string, name: string, roles?: readonly Role[], issuers?: readonly string[]): CheckedRegistry {
  try {
    const file = parseConfig(registrySchema(roles, issuers), text, { name, code: 'REGISTRY-INVALID', hideKeys: true });
    refuseUnplain(text, { name, code: 'REGISTRY-INVALID', quotedKeys: true });
    return { file, revision: revisionOf(text) };
  } catch (cause) {
    const error = asVitalmeshError(cause);
    if (error.code !== 'CONFIG-YAML') throw error;
    throw new VitalmeshError('REGISTRY-INVALID', { cause, ...(error.detail === undefined ? {} : { detail: error.detail }) });
  }
}

/** By which a file is known: first 12 hexadecimal digits of its SHA-256. */
export function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** A registry as a file lists it. */
export interface ListedRegistry extends Registry {
  /** The same, with more that is revoked. */
  revoking(more: readonly Revocation[]): ListedRegistry;
  /** Whether movements say who lies in a bed of a tenant. */
  isFollowed(tenant: string, bed: string): boolean;
  /** The ward and the panels of whoever lies in a bed, or at home. */
  careGroups(tenant: string, place: Pick<PatientPlace, 'patient' | 'bed'>): Pick<PatientPlace, 'ward' | 'panels'>;
  /** Everybody whom a panel of the tenant names. */
  onPanels(tenant: string): ReadonlySet<string>;
  /** Names of all wards, or of all panels. */
  groupNames(kind: 'wards' | 'panels'): ReadonlySet<string>;
}

const NOBODY: ReadonlySet<string> = new Set();

class FileRegistry implements ListedRegistry {
  readonly revision: string;
  readonly #file: RegistryFile;
  readonly #gateways: ReadonlyMap<string, GatewayEntry>;
  readonly #clients: readonly ClientEntry[];
  readonly #byIdentity: ReadonlyMap<string, ClientEntry>;
  readonly #byToken: ReadonlyMap<string, ClientEntry>;
  readonly #revoked: Revocations;
  readonly #places = new Map<string, Map<string, PatientPlace>>();
  readonly #ordered = new Map<string, readonly PatientPlace[]>();
  readonly #beds = new Map<string, Map<string, string | null>>();
  readonly #followed = new Map<string, ReadonlySet<string>>();
  readonly #groups: ReturnType<typeof careGroupsOf>;
  readonly #onPanels = new Map<string, ReadonlySet<string>>();
  readonly #bindings: readonly Binding[];
  readonly #tenants: readonly string[];

  constructor(file: RegistryFile, revision: string) {
    this.revision = revision;
    this.#file = file;
    this.#tenants = [...new Set([...file.gateways, ...file.clients].map(({ tenant }) => tenant))].sort();
    this.#gateways = new Map(file.gateways.map((row) => [row.identity, row]));
    this.#clients = file.clients;
    this.#byIdentity = new Map(file.clients.flatMap((row) => (row.identity === undefined ? [] : [[row.identity, row]])));
    this.#byToken = new Map(file.clients.flatMap((row) => (row.token ? [[subjectKey(row.token.issuer, row.token.subject), row]] : [])));
    this.#revoked = new Revocations(file.revoked);
    this.#bindings = file.gateways.flatMap(bindingsOf);
    for (const row of file.gateways) {
      const beds = this.#beds.get(row.tenant) ?? new Map<string, string | null>();
      this.#beds.set(row.tenant, beds);
      for (const [bed, patient] of Object.entries(row.beds)) beds.set(bed, patient);
      // Whoever movements put there is not known to the file.
      for (const bed of row.followed ?? []) beds.set(bed, null);
      if (row.followed) this.#followed.set(row.tenant, new Set([...(this.#followed.get(row.tenant) ?? []), ...row.followed]));
      const places = this.#places.get(row.tenant) ?? new Map<string, PatientPlace>();
      this.#places.set(row.tenant, places);
      for (const { patient, bed } of boundTo(row)) places.set(patient, { patient, bed: bed ?? places.get(patient)?.bed ?? null });
    }
    for (const { tenant, patients } of Object.values(file.panels))
      this.#onPanels.set(tenant, new Set([...(this.#onPanels.get(tenant) ?? []), ...patients]));
    this.#groups = careGroupsOf(file);
    for (const [tenant, places] of this.#places)
      for (const place of places.values()) places.set(place.patient, { ...place, ...this.#groups(tenant, place) });
    for (const [tenant, places] of this.#places)
      this.#ordered.set(
        tenant,
        [...places.values()].sort((a, b) => (a.patient < b.patient ? -1 : 1)),
      );
  }

  get gatewayCount(): number {
    return this.#gateways.size;
  }

  gateway(identityId: string): GatewayEntry | undefined {
    return this.#gateways.get(identityId);
  }

  /** The same list while this file is in force. */
  gateways(): readonly GatewayEntry[] {
    return this.#file.gateways;
  }

  clients(): readonly ClientEntry[] {
    return this.#clients;
  }

  clientByIdentity(identityId: string): ClientEntry | undefined {
    return this.#byIdentity.get(identityId);
  }

  clientByToken(issuer: string, subject: string): ClientEntry | undefined {
    return this.#byToken.get(subjectKey(issuer, subject));
  }

  revocations(): readonly Revocation[] {
    return this.#revoked.list;
  }

  revoking(more: readonly Revocation[]): ListedRegistry {
    return new FileRegistry({ ...this.#file, revoked: [...this.#file.revoked, ...more] }, this.revision);
  }

  isRevoked(token: IssuedToken): boolean {
    return this.#revoked.include(token);
  }

  principal(identityId: string): Principal | undefined {
    const row = this.#byIdentity.get(identityId);
    return row && clientPrincipal(row, { overlay: identityId });
  }

  patients(tenant: string): readonly PatientPlace[] {
    return this.#ordered.get(tenant) ?? [];
  }

  patient(tenant: string, patient: string): PatientPlace | undefined {
    return this.#places.get(tenant)?.get(patient);
  }

  isPatient(patient: string): boolean {
    return this.#tenants.some((tenant) => this.#places.get(tenant)?.has(patient));
  }

  inBed(tenant: string, bed: string): string | null | undefined {
    return this.#beds.get(tenant)?.get(bed);
  }

  isFollowed(tenant: string, bed: string): boolean {
    return this.#followed.get(tenant)?.has(bed) ?? false;
  }

  careGroups(tenant: string, place: Pick<PatientPlace, 'patient' | 'bed'>): Pick<PatientPlace, 'ward' | 'panels'> {
    return this.#groups(tenant, place);
  }

  onPanels(tenant: string): ReadonlySet<string> {
    return this.#onPanels.get(tenant) ?? NOBODY;
  }

  groupNames(kind: 'wards' | 'panels'): ReadonlySet<string> {
    return new Set(Object.keys(this.#file[kind]));
  }

  bindings(): readonly Binding[] {
    return this.#bindings;
  }

  tenants(): readonly string[] {
    return this.#tenants;
  }

  isSandbox(tenant: string): boolean {
    return Object.hasOwn(this.#file.tenants, tenant) && this.#file.tenants[tenant]?.kind === 'sandbox';
  }
}
