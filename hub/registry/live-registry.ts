import type { Instant } from '../../shared/clock.ts';
import type { Principal } from '../access/access.ts';
import { clientPrincipal } from '../access/principals.ts';
import type { Presence } from '../patients/presence.ts';
import { type Binding, type BoundSince, type KeptBinding, sinceByGateway, type UnknownStretch, unknownOf } from './bindings.ts';
import type { IssuedToken, Revocation } from './client-credentials.ts';
import { isSamePlace, LivePlaces, NO_PRESENCE } from './live-places.ts';
import type { ListedRegistry } from './load-registry.ts';
import type { ClientEntry, GatewayEntry, PatientPlace, Registry } from './registry.ts';

/** Somebody of whom a reader of the list is told something new: come, gone, or in another bed, ward or panel; with where they were. */
export interface Moved {
  tenant: string;
  patient: string;
  was?: PatientPlace;
}

/**
 * The registry in force, together with whom movements put into the beds that follow them. `replace` puts another file in its place at once, for all callers; whoever made the
 * new one has checked it, so a file with errors (REGISTRY-INVALID while loading) leaves the last good one in force.
 */
export class LiveRegistry implements Registry {
  readonly #presence: Presence;
  #current: ListedRegistry;
  #since: ReadonlyMap<string, BoundSince>;
  #unknown: readonly UnknownStretch[];
  #places: LivePlaces;
  /** By tenant, what readers go by of each whom movements ever put anywhere, while this process runs. */
  readonly #told = new Map<string, Map<string, Told>>();
  readonly #listeners = new Set<(moved: readonly Moved[]) => void>();

  /** `bindings` are those that the store keeps of it; of what is not among them nothing is taken. */
  constructor(first: ListedRegistry, bindings: readonly KeptBinding[], presence: Presence = NO_PRESENCE) {
    this.#presence = presence;
    this.#current = first;
    this.#since = sinceByGateway(bindings);
    this.#unknown = unknownOf(bindings);
    this.#places = new LivePlaces(first, presence);
    this.#noteTold();
    // For as long as the process runs, as the registry in force does.
    presence.onChange((tenant, patients) => this.#onPresence(tenant, patients));
  }

  /** `bindings` are those that the store has kept of `next`. Returns who moved with it. */
  replace(next: ListedRegistry, bindings: readonly KeptBinding[]): Moved[] {
    const [before, was] = [this.#current, this.#places];
    const places = new LivePlaces(next, this.#presence);
    // As long as only the file differs, so that what movements say stands on both sides.
    const moved = [...new Set([...before.tenants(), ...next.tenants()])].flatMap((tenant) =>
      movedBetween(tenant, was.patients(tenant), places.patients(tenant)),
    );
    this.#since = sinceByGateway(bindings);
    this.#unknown = unknownOf(bindings);
    this.#current = next;
    this.#places = places;
    this.#noteTold();
    return moved;
  }

  /** Told, synchronously, of everybody whom movements put elsewhere, once each decision goes by that. A listener must not throw or block. */
  onMoved(listener: (moved: readonly Moved[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  #noteTold(): void {
    for (const tenant of this.#current.tenants()) {
      const told = this.#toldOf(tenant);
      const present = this.#presence.patients(tenant).map(({ patient }) => patient);
      for (const patient of [...told.keys(), ...present]) told.set(patient, this.#tellingOf(tenant, patient));
    }
  }

  #toldOf(tenant: string): Map<string, Told> {
    const told = this.#told.get(tenant) ?? new Map<string, Told>();
    this.#told.set(tenant, told);
    return told;
  }

  #onPresence(tenant: string, patients: readonly string[]): void {
    this.#places.forget();
    const told = this.#toldOf(tenant);
    const moved = new Map<string, Moved>();
    for (const patient of new Set(patients)) {
      const before = told.get(patient);
      const now = this.#tellingOf(tenant, patient);
      told.set(patient, now);
      if (before && isSameTelling(before, now)) continue;
      moved.set(patient, { tenant, patient, ...(before?.here && { was: before.here }) });
      // Whoever follows this one by that other's name, or did, has the wrong one by now.
      for (const other of [before?.goesBy, now.goesBy])
        if (other !== undefined && other !== patient && !moved.has(other)) moved.set(other, { tenant, patient: other });
    }
    if (moved.size > 0) for (const listener of this.#listeners) listener([...moved.values()]);
  }

  #tellingOf(tenant: string, patient: string): Told {
    const place = this.#places.patient(tenant, patient);
    const isHere = place?.mergedFrom === undefined && place?.discharged === undefined && !place?.elsewhere;
    return { here: isHere ? place : undefined, goesBy: place?.patient };
  }

  /** The one that was read last; another than this as soon as it is replaced. */
  get current(): ListedRegistry {
    return this.#current;
  }

  /** What the store says now of the bindings of the same registry. */
  rebound(bindings: readonly KeptBinding[]): void {
    this.#since = sinceByGateway(bindings);
    this.#unknown = unknownOf(bindings);
  }

  /** When no binding is known, for the store was put back; the same list while it is the same. */
  get unknown(): readonly UnknownStretch[] {
    return this.#unknown;
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
    return this.#current.clients().map((row) => this.#places.withSurvivors(row));
  }

  clientByIdentity(identityId: string): ClientEntry | undefined {
    return this.#named(this.#current.clientByIdentity(identityId));
  }

  clientByToken(issuer: string, subject: string): ClientEntry | undefined {
    return this.#named(this.#current.clientByToken(issuer, subject));
  }

  revocations(): readonly Revocation[] {
    return this.#current.revocations();
  }

  isRevoked(token: IssuedToken): boolean {
    return this.#current.isRevoked(token);
  }

  principal(identityId: string): Principal | undefined {
    const row = this.clientByIdentity(identityId);
    return row && clientPrincipal(row, { overlay: identityId });
  }

  #named(row: ClientEntry | undefined): ClientEntry | undefined {
    return row && this.#places.withSurvivors(row);
  }

  patients(tenant: string): readonly PatientPlace[] {
    return this.#places.patients(tenant);
  }

  patient(tenant: string, patient: string): PatientPlace | undefined {
    return this.#places.patient(tenant, patient);
  }

  isPatient(patient: string): boolean {
    return this.#places.isPatient(patient);
  }

  stays(tenant: string, patient: string): readonly { from: Instant; to: Instant | null }[] {
    return this.#presence.stays?.(tenant, patient) ?? [];
  }

  bedSince(tenant: string, patient: string, bed: string): Instant | undefined {
    return this.#presence.bedSince?.(tenant, patient, bed);
  }

  inBed(tenant: string, bed: string): string | null | undefined {
    return this.#places.inBed(tenant, bed);
  }

  bindings(): readonly Binding[] {
    return this.#current.bindings();
  }

  tenants(): readonly string[] {
    return this.#current.tenants();
  }

  isSandbox(tenant: string): boolean {
    return this.#current.isSandbox(tenant);
  }
}

/** Where a patient is by its own id, undefined for whoever is nowhere or goes by another one; and the id by which it goes. */
interface Told {
  here: PatientPlace | undefined;
  goesBy: string | undefined;
}

function isSameTelling(a: Told, b: Told): boolean {
  return a.goesBy === b.goesBy && (a.here && b.here ? isSamePlace(a.here, b.here) : a.here === b.here);
}

function movedBetween(tenant: string, before: readonly PatientPlace[], after: readonly PatientPlace[]): Moved[] {
  const was = new Map(before.map((place) => [place.patient, place]));
  const moved = after.flatMap((place): Moved[] => {
    const known = was.get(place.patient);
    was.delete(place.patient);
    if (known && isSamePlace(known, place)) return [];
    return [{ tenant, patient: place.patient, ...(known && { was: known }) }];
  });
  return [...moved, ...[...was.values()].map((known): Moved => ({ tenant, patient: known.patient, was: known }))];
}
