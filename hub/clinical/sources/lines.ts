import type { Instant } from '../../../shared/clock.ts';
import type { GatewayEntry, PatientPlace, Registry } from '../../registry/registry.ts';
import { DueHeap } from '../due-heap.ts';
import type { Concern } from './device-silence.ts';
import { type Loss, SINCE_EVER, withLoss } from './losses.ts';
import { gatewayState, type Line, type LineRules, type Source } from './source.ts';

export interface LinesOptions {
  registry: Pick<Registry, 'gateway' | 'gateways' | 'inBed' | 'patients' | 'tenants'> & { revision: string };
  /** How long a gateway may be away before it is lost, ms. */
  limitMs: () => number;
  /** Whether gateways can reach this hub at all. */
  isBound: () => boolean;
  /** Whether no other hub serves the same gateways. */
  isAlone: boolean;
  /** Since when the movements of a tenant are overdue; undefined while they are not, or nobody looks after that. */
  overdueSince: (tenant: string) => Instant | undefined;
}

interface WatchedLine extends Line {
  readonly gateway: string;
  due: Instant | undefined;
  /** As it was last told. */
  told: Source['state'];
  /** While it is away: when it was last here. `since` counts anew when the hub itself is back. */
  goneAt: Instant;
  /** Losses that are over. The hub knows of nothing before it began, so the first coming ends one. */
  losses: readonly Loss[];
}

/** Which gateways are connected, and whether movements come: tells of whom it changes what is known, and says how each stands. */
/** Of whoever nothing can come of, because no gateway speaks for them. */
const NO_GATEWAY: Source = { kind: 'gateway', id: null, state: 'lost', since: null };

export class Lines {
  readonly #options: LinesOptions;
  readonly #concern: Concern;
  readonly #lines = new Map<string, WatchedLine>();
  readonly #overdue = new Map<string, Instant>();
  /** Followed beds by tenant. */
  #followed = new Map<string, Set<string>>();
  #heap = new DueHeap<WatchedLine>();
  #revision: string | undefined;
  #hubGoneAt: Instant | null = null;

  constructor(options: LinesOptions, concern: Concern) {
    this.#options = options;
    this.#concern = concern;
  }

  /** A gateway came or went, by the hub's clock. */
  presence(gateway: string, connected: boolean, now: Instant): void {
    const line = this.#lineOf(gateway, now);
    if (line.connected === connected) return;
    if (!connected) line.goneAt = now;
    else if (line.told === 'lost' || now >= line.goneAt + this.#options.limitMs())
      line.losses = withLoss(line.losses, { from: line.goneAt, backAt: now });
    Object.assign(line, { connected, since: now, seen: true });
    line.due = undefined;
    if (!connected) this.#heap.push(line, now + this.#options.limitMs());
    this.#judge(line, now);
  }

  look(now: Instant): void {
    this.#relist(now);
    this.#lookAtHub(now);
    for (let line = this.#heap.popUntil(now); line !== undefined; line = this.#heap.popUntil(now)) {
      const due = line.since + this.#options.limitMs();
      if (due > now && !line.connected) this.#heap.push(line, due);
      this.#judge(line, now);
    }
    for (const tenant of this.#options.registry.tenants()) this.#lookAtMovements(tenant);
  }

  nextDue(): Instant | undefined {
    return this.#heap.nextDue();
  }

  /** The wall clock was set by so much: what was counted from its old time is counted from the new one. */
  shift(byMs: number): void {
    this.#heap = new DueHeap();
    for (const line of this.#lines.values()) {
      line.since += byMs;
      line.goneAt += byMs;
      if (!line.connected) this.#heap.push(line, line.since + this.#options.limitMs());
    }
    if (this.#hubGoneAt !== null) this.#hubGoneAt += byMs;
  }

  /** Gateways that speak for a patient, and movements where they say that it is this one. `gateways`: by which its rows came. */
  sourcesOf(tenant: string, place: PatientPlace, gateways: readonly string[], now: Instant): Source[] {
    if (place.withoutGateway) return [NO_GATEWAY];
    const { registry } = this.#options;
    const came = gateways.flatMap((id) => registry.gateway(id) ?? []).filter((entry) => speaksFor(entry, tenant, place));
    const entries = came.length > 0 ? came : registry.gateways().filter((entry) => speaksFor(entry, tenant, place));
    const ids = entries.map(({ identity }) => identity).sort();
    return [...ids.map((id) => this.#gateway(id, now)), ...this.#movements(tenant, place)];
  }

  /** Every gateway that the registry lists of a tenant, in order of id. */
  gatewaysOf(tenant: string, now: Instant): Source[] {
    const own = this.#options.registry.gateways().filter((entry) => entry.tenant === tenant);
    return own.map(({ identity }) => this.#gateway(identity, now)).sort((a, b) => ((a.id ?? '') < (b.id ?? '') ? -1 : 1));
  }

  /** The losses of a gateway that are over. A short absence is none. */
  lossesOf(gateway: string): readonly Loss[] {
    return this.#lines.get(gateway)?.losses ?? [];
  }

  #gateway(id: string, now: Instant): Source {
    // Another FHIR client asks when it has something, and holds no connection.
    if (this.#options.registry.gateway(id)?.subjects !== undefined) return { kind: 'gateway', id, state: 'unknown', since: null };
    return { kind: 'gateway', id, ...gatewayState(this.#lineOf(id, now), this.#rules(), now) };
  }

  #movements(tenant: string, { bed }: PatientPlace): Source[] {
    if (bed === null || !this.#followed.get(tenant)?.has(bed)) return [];
    const since = this.#overdue.get(tenant);
    return [{ kind: 'movements', id: null, ...(since === undefined ? { state: 'live', since: null } : { state: 'silent', since }) }];
  }

  #rules(): LineRules {
    const { limitMs, isAlone } = this.#options;
    return { limitMs: limitMs(), hubGoneAt: this.#hubGoneAt, isAlone };
  }

  #lineOf(gateway: string, now: Instant): WatchedLine {
    const known = this.#lines.get(gateway);
    if (known) return known;
    const line: WatchedLine = {
      ...{ gateway, connected: false, since: now, seen: false, due: undefined, told: 'unknown' },
      ...{ goneAt: SINCE_EVER, losses: [] },
    };
    this.#lines.set(gateway, line);
    this.#heap.push(line, now + this.#options.limitMs());
    return line;
  }

  #judge(line: WatchedLine, now: Instant): void {
    const { state } = gatewayState(line, this.#rules(), now);
    if (state === line.told) return;
    line.told = state;
    const entry = this.#options.registry.gateway(line.gateway);
    if (entry && entry.subjects === undefined) for (const patient of this.#patientsOf(entry)) this.#concern(entry.tenant, patient);
  }

  #patientsOf({ tenant, patient, beds, devices, followed }: GatewayEntry): Set<string> {
    const lying = [...(followed ?? [])].map((bed) => this.#options.registry.inBed(tenant, bed));
    const all = [patient, ...Object.values(beds), ...Object.values(devices), ...lying];
    return new Set(all.filter((one) => one !== undefined && one !== null));
  }

  /** Gateways and followed beds that the registry lists now. */
  #relist(now: Instant): void {
    const { registry } = this.#options;
    if (registry.revision === this.#revision) return;
    this.#revision = registry.revision;
    const listed = new Set<string>();
    this.#followed = new Map();
    for (const { identity, tenant, followed } of registry.gateways()) {
      listed.add(identity);
      this.#lineOf(identity, now);
      const beds = this.#followed.get(tenant) ?? new Set();
      this.#followed.set(tenant, beds);
      for (const bed of followed ?? []) beds.add(bed);
    }
    for (const [gateway, line] of this.#lines) {
      if (listed.has(gateway)) continue;
      line.due = undefined;
      this.#lines.delete(gateway);
    }
  }

  /** Whoever was away while the hub could not be reached has its time to come back from then on. */
  #lookAtHub(now: Instant): void {
    const isGone = !this.#options.isBound();
    if (isGone === (this.#hubGoneAt !== null)) return;
    this.#hubGoneAt = isGone ? now : null;
    for (const line of this.#lines.values()) {
      if (line.connected) continue;
      if (!isGone) {
        Object.assign(line, { since: now, seen: false });
        this.#heap.push(line, now + this.#options.limitMs());
      }
      this.#judge(line, now);
    }
  }

  #lookAtMovements(tenant: string): void {
    const { overdueSince, registry } = this.#options;
    const since = overdueSince(tenant);
    if (since === this.#overdue.get(tenant)) return;
    if (since === undefined) this.#overdue.delete(tenant);
    else this.#overdue.set(tenant, since);
    const beds = this.#followed.get(tenant);
    for (const { patient, bed } of registry.patients(tenant)) if (bed !== null && beds?.has(bed)) this.#concern(tenant, patient);
  }
}

/** Whether a gateway may speak for a patient who is there. */
function speaksFor({ tenant: of, patient, beds, devices, followed }: GatewayEntry, tenant: string, place: PatientPlace): boolean {
  if (of !== tenant) return false;
  if (patient === place.patient || Object.values(devices).includes(place.patient)) return true;
  if (place.bed === null) return false;
  return followed?.has(place.bed) === true || (Object.hasOwn(beds, place.bed) && beds[place.bed] === place.patient);
}
