import type { Principal } from '../access/access.ts';
import { type Binding, type BoundSince, type KeptBinding, sinceByGateway } from './bindings.ts';
import type { IssuedToken, Revocation } from './client-credentials.ts';
import type { ClientEntry, GatewayEntry, PatientPlace, Registry } from './registry.ts';

/**
 * The registry in force. `replace` puts another in its place at once, for all callers; whoever made the new one has checked it, so a
 * file with errors (REGISTRY-INVALID while loading) leaves the last good one in force.
 */
export class LiveRegistry implements Registry {
  #current: Registry;
  #since: ReadonlyMap<string, BoundSince>;

  /** `bindings` are those that the store keeps of it; of what is not among them nothing is taken. */
  constructor(first: Registry, bindings: readonly KeptBinding[]) {
    this.#current = first;
    this.#since = sinceByGateway(bindings);
  }

  /**
   * `bindings` are those that the store has kept of `next`. Returns the patients of whom a reader of the list is told something new:
   * come, gone, or in another bed, ward or panel; with where they were.
   */
  replace(next: Registry, bindings: readonly KeptBinding[]): { tenant: string; patient: string; was?: PatientPlace }[] {
    const before = this.#current;
    this.#since = sinceByGateway(bindings);
    this.#current = next;
    const moved: { tenant: string; patient: string; was?: PatientPlace }[] = [];
    for (const tenant of new Set([...before.tenants(), ...next.tenants()])) {
      for (const place of next.patients(tenant)) {
        const { patient } = place;
        const was = before.patient(tenant, patient);
        if (!was) moved.push({ tenant, patient });
        else if (!isSamePlace(was, place)) moved.push({ tenant, patient, was });
      }
      for (const was of before.patients(tenant)) if (!next.patient(tenant, was.patient)) moved.push({ tenant, patient: was.patient, was });
    }
    return moved;
  }

  /** The one that was read last; another than this as soon as it is replaced. */
  get current(): Registry {
    return this.#current;
  }

  /** What the store says now of the bindings of the same registry. */
  rebound(bindings: readonly KeptBinding[]): void {
    this.#since = sinceByGateway(bindings);
  }

  get revision(): string {
    return this.#current.revision;
  }

  get gatewayCount(): number {
    return this.#current.gatewayCount;
  }

  gateway(identityId: string): GatewayEntry | undefined {
    const entry = this.#current.gateway(identityId);
    const since = this.#since.get(identityId);
    return entry && since ? { ...entry, since } : entry;
  }

  gateways(): readonly GatewayEntry[] {
    return this.#current.gateways();
  }

  clients(): readonly ClientEntry[] {
    return this.#current.clients();
  }

  clientByIdentity(identityId: string): ClientEntry | undefined {
    return this.#current.clientByIdentity(identityId);
  }

  clientByToken(issuer: string, subject: string): ClientEntry | undefined {
    return this.#current.clientByToken(issuer, subject);
  }

  revocations(): readonly Revocation[] {
    return this.#current.revocations();
  }

  isRevoked(token: IssuedToken): boolean {
    return this.#current.isRevoked(token);
  }

  principal(identityId: string): Principal | undefined {
    return this.#current.principal(identityId);
  }

  patients(tenant: string): readonly PatientPlace[] {
    return this.#current.patients(tenant);
  }

  patient(tenant: string, patient: string): PatientPlace | undefined {
    return this.#current.patient(tenant, patient);
  }

  isPatient(patient: string): boolean {
    return this.#current.isPatient(patient);
  }

  inBed(tenant: string, bed: string): string | null | undefined {
    return this.#current.inBed(tenant, bed);
  }

  bindings(): readonly Binding[] {
    return this.#current.bindings();
  }

  tenants(): readonly string[] {
    return this.#current.tenants();
  }
}

function isSamePlace(a: PatientPlace, b: PatientPlace): boolean {
  const [before = [], now = []] = [a.panels, b.panels];
  return a.bed === b.bed && a.ward === b.ward && before.length === now.length && before.every((panel, i) => panel === now[i]);
}
