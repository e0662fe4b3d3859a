import type { Clock, Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { AssignedId } from '../../shared/movement.ts';
import type { AuditEvent } from '../access/access.ts';
import { operatorPrincipal } from '../access/principals.ts';
import { NOTHING_UNKNOWN, type UnknownStretch } from '../registry/bindings.ts';
import type { GatewayEntry, PatientPlace } from '../registry/registry.ts';
import type { BatchPlacing } from '../store/placing/placing.ts';
import type { ArrivalResult, Store } from '../store/store.ts';
import { FollowedBeds } from './followed-beds.ts';
import type { LostMovements } from './places-status.ts';
import type { Presence } from './presence.ts';
import { readSaid, type SaidByMovement, type ToldMovement } from './said.ts';
import type { HospitalStay } from './stays/hospital-stays.ts';
import { recordKey } from './stays/statement.ts';
import { ANY, type MoveOfOne } from './whereabouts/devices.ts';
import { NewNumbers } from './whereabouts/new-numbers.ts';
import { BatchPlaces, SOMEBODY_ELSE } from './whereabouts/placing.ts';
import { bedSince, hospitalStays, inBedNow, placeOf, presentIn } from './whereabouts/present.ts';
import { type LeftOut, SeenDevices } from './whereabouts/seen-devices.ts';
import { type Learning, TenantPlaces } from './whereabouts/tenant-places.ts';
import { unsureIn } from './whereabouts/unsure.ts';

export interface WhereaboutsOptions {
  store: Pick<Store, 'placing' | 'events'>;
  /** The gateways in force; the same list while nothing of it changed. */
  gateways: () => readonly GatewayEntry[];
  /** When nobody knows who was bound, for the store was put back; the same list while it is the same. None unless given. */
  unknown?: () => readonly UnknownStretch[];
  clock: Clock;
  /** Whether a tenant is a sandbox, in which tests move people; none is unless given. */
  isSandbox?: (tenant: string) => boolean;
  /** Whether other hubs store into it, too; false unless given. */
  isShared?: boolean;
  /** Told of a device that was moved by hand before devices were told apart by gateway, and that several gateways have: that move does not count. */
  onAmbiguous?: (device: { tenant: string; device: string }) => void;
}

/** Movements of a batch that is about to be stored; `at`: hub's clock. `changed`: which of them are new, told in the order of the batch's arrivals. */
export interface Telling {
  movements: readonly (ToldMovement | undefined)[];
  /** By which everything else of the batch was placed. */
  version: number;
  at: Instant;
}

interface TenantState {
  places: TenantPlaces;
  version: number;
  /** Rows are read again from before the last one that was read, because hubs that share a store have clocks of their own. */
  readUpTo: Instant;
  deviceMoves: number;
  seen: SeenDevices;
  /** As which all of it was read. */
  isSandbox: boolean;
  /** Commits of this process that will make something else known. */
  underway: Set<Promise<unknown>>;
  /** Public ids of whom the store is forgetting. */
  erased: Set<string>;
}

/** How often something is placed anew that others overtook. */
export const MOST_TRIES = 8;
/** By so much the clocks of hubs that share a store may differ. */
const CLOCKS_MS = 10 * 60_000;
/** By so much something can have been measured ahead of the hub's clock, with room. */
const AHEAD_MS = 10 * 60_000;

/**
 * Who lies where, of every tenant that follows movements: all that was said, in memory, as of the last commit. Whoever stores movements does it through `keep`, so that
 * rows that are there follow in the same commit.
 */
export class Whereabouts implements Presence {
  readonly #options: WhereaboutsOptions;
  readonly #followed: FollowedBeds;
  readonly #tenants = new Map<string, Promise<TenantState>>();
  readonly #known = new Map<string, TenantState>();
  readonly #reading = new Map<string, Promise<void>>();
  readonly #listeners = new Set<(tenant: string, patients: readonly string[]) => void>();
  readonly #openedAt: Instant;
  readonly #newNumbers: NewNumbers;

  /** Use `openWhereabouts`. */
  constructor(options: WhereaboutsOptions) {
    this.#options = options;
    const { gateways, unknown = () => NOTHING_UNKNOWN, clock } = options;
    this.#followed = new FollowedBeds({ gateways, unknown, clock });
    this.#newNumbers = new NewNumbers(options.clock);
    this.#openedAt = options.isShared ? Number.POSITIVE_INFINITY : options.clock.now();
  }

  /** Reads what is stored of every tenant that follows movements and was not read yet. Throws STORAGE-*. */
  async open(): Promise<void> {
    for (const tenant of this.#followed.tenants()) await this.#ready(tenant);
  }

  /** For the rows of a batch, or to store movements; `unkept`: keys of numbers that `hearNamed` did not take. Undefined for a tenant that follows none. Throws STORAGE-*. */
  async placing(tenant: string, unkept?: ReadonlySet<string>): Promise<BatchPlaces | undefined> {
    if (!this.#followed.follows(tenant)) return undefined;
    const { version, places, seen } = await this.#ready(tenant);
    return new BatchPlaces(version, places, seen, unkept);
  }

  /** Gives public ids to whoever has none yet, before anything that names them is stored. Throws STORAGE-*. */
  async hear(tenant: string, numbers: Iterable<AssignedId>): Promise<void> {
    const { places } = await this.#ready(tenant);
    await this.#hear(tenant, places, numbers);
  }

  /**
   * `hear` for numbers that readings of a gateway name, of which each gateway may bring so many that are new (`NewNumbers`): every one is kept for good. Gives the keys of those
   * that were not taken. Throws STORAGE-*.
   */
  async hearNamed(tenant: string, gateway: string, numbers: ReadonlyMap<string, AssignedId>): Promise<string[]> {
    const { places } = await this.#ready(tenant);
    const unkept: string[] = [];
    const taken: AssignedId[] = [];
    for (const [key, number] of numbers) {
      if (places.people.idOf(number) !== undefined || this.#newNumbers.take(tenant, gateway)) taken.push(number);
      else unkept.push(key);
    }
    await this.#hear(tenant, places, unkept.length === 0 ? taken : [...taken, SOMEBODY_ELSE]);
    return unkept;
  }

  /**
   * Stores something whose rows were placed, or that tells of movements, by `store`, and knows what it told once it is committed. Rejects with what `store` rejects with;
   * after INGEST-PLACES-CHANGED call `refresh`, place everything anew and try again.
   */
  async keep<T>(tenant: string, { movements, version, at }: Telling, store: (placing: BatchPlacing) => Promise<T>): Promise<T> {
    const state = await this.#ready(tenant);
    let told: Learning | undefined;
    const changes = (results: readonly ArrivalResult[]): Learning['orders'] | undefined => {
      const stored = movements.flatMap((movement, i) =>
        movement && results[i] === 'stored' ? (readSaid(movement, state.isSandbox) ?? []) : [],
      );
      told = stored.length === 0 ? undefined : state.places.learning(stored, at);
      return told?.orders;
    };
    return await this.#underway(state, async () => {
      const outcome = await store({ version, changes });
      if (told) this.#learn(tenant, state, told, version + 1);
      return outcome;
    });
  }

  /** Keeps that a device was moved by hand, and what that changes. Throws PATIENT-DEVICE-TYPES where two devices of the gateway are called so, INGEST-PLACES-CHANGED where others change it all the time, STORAGE-*. */
  async moveDevice(move: MoveOfOne & { tenant: string }, evidence: readonly AuditEvent[]): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#moveDevice(move, evidence);
        return;
      } catch (thrown) {
        if (!isOvertaken(thrown) || tries >= MOST_TRIES) throw thrown;
        await this.refresh(move.tenant);
      }
    }
  }

  /** Gateways of whose devices one is called so, as far as anything of it is kept or was heard since the hub began, in order. Throws STORAGE-*. */
  async gatewaysOf(tenant: string, device: string): Promise<string[]> {
    const { seen } = await this.#ready(tenant);
    const kept = await this.#options.store.placing.gatewaysOf(tenant, device);
    return [...new Set([...kept, ...seen.gatewaysOf(device)])].sort();
  }

  /** Knows what is stored, also by other hubs; resolves with whether anything had changed, which nothing had of a tenant that follows no movements. Throws STORAGE-*. */
  async refresh(tenant: string): Promise<boolean> {
    if (!this.#followed.follows(tenant) && !this.#tenants.has(tenant)) return false;
    const state = await this.#ready(tenant);
    await Promise.allSettled([...state.underway]);
    const version = await this.#options.store.placing.placingVersion(tenant);
    if (version <= state.version) return false;
    const read = () => (state.erased.size > 0 ? this.#readAnew(tenant, state) : this.#read(tenant, state, version));
    const reading = this.#reading.get(tenant) ?? read().finally(() => this.#reading.delete(tenant));
    this.#reading.set(tenant, reading);
    await reading;
    return true;
  }

  /** That somebody was erased, of whom nothing may stay known once the store has forgotten them, too. */
  erased(tenant: string, patient: string): void {
    const known = this.#known.get(tenant);
    known?.erased.add(patient);
    // Who was merged into them stands for themselves again: a list that names that one changes by it.
    const merged = known ? this.known(tenant, (id) => id !== patient && known.places.personBehind(id)?.id === patient) : [];
    this.#tell(tenant, [patient, ...merged]);
  }

  /** Public ids of whoever was heard of in a tenant, of those whom `isWanted` names. */
  known(tenant: string, isWanted: (patient: string) => boolean): string[] {
    return [...(this.#known.get(tenant)?.places.people.ids() ?? [])].filter(isWanted);
  }

  /** `refresh` of every tenant that follows movements, for when another hub stored something. */
  async refreshAll(): Promise<boolean> {
    let isChanged = false;
    for (const tenant of this.#followed.tenants()) if (await this.refresh(tenant)) isChanged = true;
    return isChanged;
  }

  /** Since when (UTC ms) nothing was told of movements, where that is too long by now, or what was told is lost and was not told again; undefined while neither is so. */
  overdueSince(tenant: string): Instant | undefined {
    const places = this.#known.get(tenant)?.places;
    const since = places && Math.min(places.silentSince(), places.lostSince());
    return since !== undefined && since <= this.#options.clock.now() ? since : undefined;
  }

  /** What was lost of who lay where in any tenant, and not confirmed since; oldest first. */
  lostMovements(): LostMovements[] {
    return this.#followed.tenants().flatMap((tenant) =>
      this.#followed.losses(tenant).all.map((stretch): LostMovements => {
        const until = this.#known.get(tenant)?.places.toldAgainUntil(stretch) ?? stretch.from;
        return { tenant, from: stretch.from, found: stretch.found, toldAgainUntil: Number.isFinite(until) ? until : null };
      }),
    );
  }

  /** Gateways that named more devices than are remembered of one: where such a device stood is looked up in all beds when it is moved. */
  devicesLeftOut(): LeftOut[] {
    return [...this.#known.values()].flatMap(({ seen }) => seen.leftOut());
  }

  patients(tenant: string): readonly PatientPlace[] {
    const known = this.#known.get(tenant);
    if (!known) return [];
    const [beds, now] = [this.#followed.of(tenant), this.#options.clock.now()];
    const sure = presentIn(known.places, beds, now);
    const unsure = unsureIn(known.places, beds, now);
    const all = unsure.length === 0 ? sure : [...sure, ...unsure].sort((a, b) => (a.patient < b.patient ? -1 : 1));
    return known.erased.size === 0 ? all : all.filter(({ patient }) => !known.erased.has(patient));
  }

  patient(tenant: string, id: string): PatientPlace | undefined {
    const known = this.#known.get(tenant);
    const place = known && placeOf(known.places, this.#followed.of(tenant), id, this.#options.clock.now());
    return place && known.erased.has(place.patient) ? undefined : place;
  }

  stays(tenant: string, id: string): readonly HospitalStay[] {
    const known = this.#known.get(tenant);
    return known && !known.erased.has(id) ? hospitalStays(known.places, id) : [];
  }

  bedSince(tenant: string, id: string, bed: string): Instant | undefined {
    const known = this.#known.get(tenant);
    return known && !known.erased.has(id) ? bedSince(known.places, id, bed, this.#options.clock.now()) : undefined;
  }

  isPatient(id: string): boolean {
    return [...this.#known.values()].some(({ places, erased }) => places.people.has(id) && !erased.has(id));
  }

  inBed(tenant: string, bed: string): string | null | undefined {
    if (!this.#followed.of(tenant).has(bed)) return undefined;
    const known = this.#known.get(tenant);
    const who = known ? inBedNow(known.places, bed, this.#options.clock.now()) : null;
    return who !== null && known?.erased.has(who) ? null : who;
  }

  onChange(listener: (tenant: string, patients: readonly string[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async #moveDevice(asked: MoveOfOne & { tenant: string }, evidence: readonly AuditEvent[]): Promise<void> {
    const { tenant, at } = asked;
    const state = await this.#ready(tenant);
    const { version, places, seen } = state;
    const [idType, ...others] = seen.idTypesOf(asked);
    // Rows that are there do not tell such devices apart, so neither can be moved without the other.
    if (others.length > 0) throw new VitalmeshError('PATIENT-DEVICE-TYPES', { detail: [idType, ...others].sort().join(', ') });
    const move = idType === undefined ? asked : { ...asked, idType };
    await this.#underway(state, async () => {
      const changes = (): Learning['orders'] => {
        const beds = seen.bedsOf(move);
        const isAllSeen = beds !== undefined && at - AHEAD_MS > this.#openedAt;
        const where = isAllSeen ? beds : new Set([...(beds ?? []), ...places.beds(), ...this.#followed.of(tenant)]);
        return places.ordersOfMove(move, where);
      };
      await this.#options.store.placing.moveDevice(move, { version, changes }, evidence);
      // Who read meanwhile has it already.
      if (state.version > version) return;
      places.devices.add(move);
      state.deviceMoves += 1;
      state.version = version + 1;
    });
  }

  #isSandbox(tenant: string): boolean {
    return this.#options.isSandbox?.(tenant) ?? false;
  }

  async #underway<T>(state: TenantState, commit: () => Promise<T>): Promise<T> {
    const committing = commit();
    state.underway.add(committing);
    try {
      return await committing;
    } finally {
      state.underway.delete(committing);
    }
  }

  async #ready(tenant: string): Promise<TenantState> {
    const ready = this.#tenants.get(tenant) ?? this.#opened(tenant);
    this.#tenants.set(tenant, ready);
    const state = await ready;
    if (state.isSandbox === this.#isSandbox(tenant)) return state;
    // It became another kind of tenant while it was known: what tests said counts, or does not any more.
    const reading = this.#reading.get(tenant) ?? this.#readAnew(tenant, state).finally(() => this.#reading.delete(tenant));
    this.#reading.set(tenant, reading);
    await reading;
    return await this.#ready(tenant);
  }

  async #opened(tenant: string): Promise<TenantState> {
    try {
      return await this.#begun(tenant, new SeenDevices());
    } catch (thrown) {
      this.#tenants.delete(tenant);
      throw thrown;
    }
  }

  async #begun(tenant: string, seen: TenantState['seen']): Promise<TenantState> {
    const places = new TenantPlaces(
      () => this.#followed.limits(tenant),
      () => this.#followed.losses(tenant),
    );
    const none = { version: 0, readUpTo: Number.NEGATIVE_INFINITY, deviceMoves: 0 };
    const isSandbox = this.#isSandbox(tenant);
    const state: TenantState = { places, ...none, seen, isSandbox, underway: new Set(), erased: new Set() };
    // Before anything else is read, so that whoever is erased meanwhile is found out by the next refresh.
    const version = await this.#options.store.placing.placingVersion(tenant);
    for await (const person of this.#options.store.placing.persons())
      if (person.tenant === tenant) places.people.add(person, person.patient);
    await this.#read(tenant, state, version, () => this.#known.set(tenant, state));
    return state;
  }

  async #readAnew(tenant: string, { places, seen, isSandbox, erased }: TenantState): Promise<void> {
    const anew = await this.#begun(tenant, seen);
    for (const patient of erased) if (anew.places.people.has(patient)) anew.erased.add(patient);
    this.#tenants.set(tenant, Promise.resolve(anew));
    const [before, now] = [[...places.people.ids()], anew.places.people];
    // Another hub may have erased more people meanwhile, of whom nothing was told yet: who is known no more is nowhere from now on.
    const gone = before.filter((id) => !now.has(id));
    this.#tell(tenant, [...new Set(anew.isSandbox === isSandbox ? [...erased, ...gone] : [...before, ...now.ids()])]);
  }

  /** Reads what was stored behind what is known, at least up to `version`. `ready` is called before anybody is told. */
  async #read(tenant: string, state: TenantState, version: number, ready: () => unknown = () => undefined): Promise<void> {
    const { store, clock } = this.#options;
    const since = state.readUpTo - CLOCKS_MS;
    const filter = { kind: 'movement' as const, ...(Number.isFinite(since) && { since }) };
    // What was said alone is kept of each: the resources of years would fill the memory meanwhile.
    const news: SaidByMovement[] = [];
    for await (const event of await store.events(tenant, filter, (rows) => reading(tenant, rows, clock.now()))) {
      const said = state.places.hasHeard(event.id) ? undefined : readSaid(event, state.isSandbox);
      if (said) news.push(said);
      state.readUpTo = Math.max(state.readUpTo, event.storedAt);
    }
    await this.#hear(
      tenant,
      state.places,
      news.flatMap(({ records }) => records),
    );
    await this.#readDeviceMoves(tenant, state);
    const told = state.places.learning(news, clock.now(), true);
    ready();
    this.#learn(tenant, state, told, version);
  }

  async #readDeviceMoves(tenant: string, state: TenantState): Promise<void> {
    let number = 0;
    for await (const move of this.#options.store.placing.deviceMoves()) {
      if (move.tenant !== tenant) continue;
      number += 1;
      if (number <= state.deviceMoves) continue;
      const { gateway } = move;
      if (gateway !== null) state.places.devices.add({ ...move, gateway });
      else await this.#settle(tenant, state, move);
      state.deviceMoves = number;
    }
  }

  /** Of what was kept before devices were told apart by gateway, it is known whose it is only where one gateway alone has such a device. */
  async #settle(tenant: string, { places, seen }: TenantState, move: Omit<MoveOfOne, 'gateway'>): Promise<void> {
    const kept = await this.#options.store.placing.gatewaysOf(tenant, move.device);
    const [only, ...more] = new Set([...kept, ...seen.gatewaysOf(move.device)]);
    if (only !== undefined && more.length === 0) places.devices.add({ ...move, gateway: only });
    else if (only !== undefined) this.#options.onAmbiguous?.({ tenant, device: move.device });
    else places.devices.add({ ...move, gateway: ANY });
  }

  async #hear(tenant: string, { people }: TenantPlaces, numbers: Iterable<AssignedId>): Promise<void> {
    const unheard = new Map([...numbers].map((number) => [recordKey(number), number]));
    for (const [record, number] of [...unheard]) if (people.idOf(number) !== undefined) unheard.delete(record);
    if (unheard.size === 0) return;
    const records = [...unheard.values()];
    const ids = await this.#options.store.placing.personsOf(tenant, records);
    for (const [i, record] of records.entries()) people.add(record, ids[i] ?? '');
  }

  #learn(tenant: string, state: TenantState, told: Learning, version: number): void {
    const concerned = told.learn();
    state.version = Math.max(state.version, version);
    this.#tell(tenant, concerned);
  }

  #tell(tenant: string, concerned: readonly string[]): void {
    if (concerned.length > 0) for (const listener of this.#listeners) listener(tenant, concerned);
  }
}

/** Whether something was decided by what is known no longer: `refresh`, decide anew, and try again. */
export function isOvertaken(thrown: unknown): boolean {
  return thrown instanceof VitalmeshError && thrown.code === 'INGEST-PLACES-CHANGED';
}

/** The evidence that the hub read movements to know who lies where; done by the configuration of whoever runs it. */
function reading(tenant: string, rows: number, at: Instant): AuditEvent {
  const { id: principal, role } = operatorPrincipal(process.getuid?.() ?? 0, tenant);
  const detail = { credential: { kind: 'local' }, args: { kind: 'movement' } } as const;
  const what = { action: 'observations.export', outcome: 'allowed', reason: 'whereabouts', channel: 'operator' } as const;
  return { at, tenant, principal, role, ...what, patient: null, count: rows, detail };
}
