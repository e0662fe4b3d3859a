import type { Instant } from '../../../shared/clock.ts';
import type { FabricService } from '../contract.ts';
import { Circuit, type CircuitEnds, type Leg } from './circuit.ts';

/** What a host is told of a dial. */
export interface DialOffer {
  circuitId: string;
  publicKey: Buffer | undefined;
  callerId: Buffer;
  appData: Buffer | undefined;
  marker: Buffer | undefined;
  /** Who dials, as the router has authenticated it. */
  identityId: string;
  identityName: string;
}

/** `leg`: the host took it. `refused`: it said no. `silent`: it did not answer in time, or cannot. */
export type DialAnswer =
  | { kind: 'leg'; leg: Leg }
  | { kind: 'refused'; text: string }
  | { kind: 'silent' /** Tells the host that the connection it was offered will not be. */; withdraw: () => void };

export type Precedence = 'default' | 'required' | 'failed';

/** A place where a service is hosted. */
export interface Terminator {
  readonly id: string;
  readonly serviceId: string;
  readonly routerId: string;
  readonly identityId: string;
  readonly listenerId: string | undefined;
  readonly instanceId: string | undefined;
  readonly publicKey: Buffer | undefined;
  readonly createdAt: Instant;
  cost: number;
  precedence: Precedence;
  /** Offers one connection; `answered` is called once, later than this call, unless the returned object was disposed before. */
  dial(offer: DialOffer, answered: (answer: DialAnswer) => void): Disposable;
  /** A terminator with the same listener id has taken its place. */
  replaced(): void;
}

/** A terminator's place in the list, until it is disposed. */
export interface Listing extends Disposable {
  /** It took the place of another one. */
  readonly replaced: boolean;
}

interface Entry {
  terminator: Terminator;
  circuits: number;
  /** Cost of attempts that failed; halves with each one that does not. */
  failureCost: number;
  /** Order of the last picks; ties go to whoever has waited longest. */
  pickedAt: number;
}

export interface PickRequest {
  service: FabricService;
  /** Header 1006 of the Connect, when it is not empty. */
  instanceId: string | undefined;
  /** The dialer's router: terminators there are nearer. */
  routerId: string;
  identityId: string;
  /** Those that this circuit was tried with already; taken again only when there is no other. */
  tried: readonly Terminator[];
}

/** Costs as the real router's smart routing weighs them: an open circuit, a failed dial, the way to another router. */
const COST = { circuit: 2, failure: 50, maxFailure: 65_535, path: 10 } as const;
const PRECEDENCE: Record<Precedence, number> = { required: 0, default: 1, failed: 2 };

/** Where the services of one network are hosted, and the circuits that run. Shared by all routers of the network. */
export class Terminators {
  readonly circuits = new Set<Circuit>();
  readonly #services = new Map<string, Entry[]>();
  /** Terminators by identity. */
  readonly #binds = new Map<string, number>();
  /** Routers that do not run at the moment. */
  readonly #away = new Set<string>();
  #picks = 0;

  get size(): number {
    return [...this.#services.values()].reduce((total, entries) => total + entries.length, 0);
  }

  /** How many terminators are this identity's. */
  boundBy(identityId: string): number {
    return this.#binds.get(identityId) ?? 0;
  }

  /** Adds a terminator; one of the same identity, router and listener id makes room for it. */
  add(terminator: Terminator): Listing {
    const entries = this.#services.get(terminator.serviceId) ?? [];
    const older = entries.find((entry) => isSameListener(entry.terminator, terminator));
    this.#services.set(terminator.serviceId, [...entries, { terminator, circuits: 0, failureCost: 0, pickedAt: 0 }]);
    this.#binds.set(terminator.identityId, this.boundBy(terminator.identityId) + 1);
    older?.terminator.replaced();
    return { replaced: older !== undefined, [Symbol.dispose]: () => this.#unlist(terminator) };
  }

  /** Every terminator. */
  all(): Terminator[] {
    return [...this.#services.values()].flatMap((entries) => entries.map(({ terminator }) => terminator));
  }

  /** Takes a terminator out: its host is not told, and its circuits go on. False when there is none. */
  remove(id: string): boolean {
    const terminator = this.all().find((other) => other.id === id);
    if (terminator) this.#remove(terminator);
    return terminator !== undefined;
  }

  /** The router has stopped. Its terminators stay, taken by no circuit, until it is back (openziti-network.md §3.5). */
  routerLeft(routerId: string): void {
    this.#away.add(routerId);
  }

  /** The router runs, and nobody hosts there yet. */
  routerBack(routerId: string): void {
    this.#away.delete(routerId);
    for (const terminator of this.all()) if (terminator.routerId === routerId) this.#remove(terminator);
  }

  /** Whether there are terminators, be it at routers that are away. */
  isHosted(serviceId: string, instanceId: string | undefined): boolean {
    return this.#hosting(serviceId, instanceId).length > 0;
  }

  /** Takes out the terminators of services that are no more, where a router is away that would do it. */
  forgetAway(exists: (serviceId: string) => boolean): void {
    for (const terminator of this.all()) if (this.#away.has(terminator.routerId) && !exists(terminator.serviceId)) this.#remove(terminator);
  }

  /** The terminator for the next circuit; undefined when there is none at a router that runs. */
  pick({ service, instanceId, routerId, identityId, tried }: PickRequest): Terminator | undefined {
    const entries = this.#hosting(service.id, instanceId).filter(({ terminator }) => !this.#away.has(terminator.routerId));
    const fresh = entries.filter(({ terminator }) => !tried.includes(terminator));
    const candidates = mostPreferred(fresh.length > 0 ? fresh : entries);
    const picked = choose(candidates, service.terminatorStrategy, (entry) => weight(entry, routerId), identityId);
    if (picked) {
      this.#picks += 1;
      picked.pickedAt = this.#picks;
    }
    return picked?.terminator;
  }

  failed(terminator: Terminator): void {
    const entry = this.#entry(terminator);
    if (entry) entry.failureCost = Math.min(entry.failureCost + COST.failure, COST.maxFailure);
  }

  open(ends: CircuitEnds): Circuit {
    const entry = this.#entry(ends.terminator);
    if (entry) {
      entry.circuits += 1;
      entry.failureCost = Math.floor(entry.failureCost / 2);
    }
    const circuit = new Circuit(ends, (over) => {
      if (this.circuits.delete(over) && entry) entry.circuits -= 1;
    });
    this.circuits.add(circuit);
    return circuit;
  }

  /** The controller was restarted, and knows of no circuit that runs. */
  forgetCircuits(): void {
    for (const circuit of this.circuits) circuit.isUnknown = true;
  }

  #entry(terminator: Terminator): Entry | undefined {
    return this.#services.get(terminator.serviceId)?.find((entry) => entry.terminator === terminator);
  }

  #hosting(serviceId: string, instanceId: string | undefined): Entry[] {
    return (this.#services.get(serviceId) ?? []).filter(({ terminator }) => terminator.instanceId === instanceId);
  }

  /** For its router. The end of a router is not the end of what is hosted there. */
  #unlist(terminator: Terminator): void {
    if (!this.#away.has(terminator.routerId)) this.#remove(terminator);
  }

  #remove(terminator: Terminator): void {
    const entries = this.#services.get(terminator.serviceId) ?? [];
    const rest = entries.filter((entry) => entry.terminator !== terminator);
    const left = this.boundBy(terminator.identityId) - (entries.length - rest.length);
    if (left > 0) this.#binds.set(terminator.identityId, left);
    else this.#binds.delete(terminator.identityId);
    if (rest.length > 0) this.#services.set(terminator.serviceId, rest);
    else this.#services.delete(terminator.serviceId);
  }
}

export function createTerminators(): Terminators {
  return new Terminators();
}

/** Only who hosted it may replace a listener; its id is no secret. Each router has a terminator of its own for one listener. */
function isSameListener(one: Terminator, other: Terminator): boolean {
  return (
    one.listenerId !== undefined &&
    one.listenerId === other.listenerId &&
    one.identityId === other.identityId &&
    one.routerId === other.routerId
  );
}

function mostPreferred(entries: readonly Entry[]): Entry[] {
  const best = entries.reduce((least, { terminator }) => Math.min(least, PRECEDENCE[terminator.precedence]), Number.POSITIVE_INFINITY);
  return entries.filter(({ terminator }) => PRECEDENCE[terminator.precedence] === best);
}

function weight({ terminator, circuits, failureCost }: Entry, routerId: string): number {
  const path = terminator.routerId === routerId ? 0 : COST.path;
  return terminator.cost + failureCost + circuits * COST.circuit + path;
}

function choose(
  entries: readonly Entry[],
  strategy: FabricService['terminatorStrategy'],
  weightOf: (entry: Entry) => number,
  identityId: string,
): Entry | undefined {
  if (entries.length < 2) return entries[0];
  if (strategy === 'random') return entries[Math.floor(Math.random() * entries.length)];
  if (strategy === 'weighted') return chooseWeighted(entries, weightOf);
  if (strategy === 'sticky') return chooseSticky(entries, identityId);
  const [first, ...rest] = entries;
  return rest.reduce((best, entry) => {
    const difference = best === undefined ? -1 : weightOf(entry) - weightOf(best);
    return difference < 0 || (difference === 0 && entry.pickedAt < (best?.pickedAt ?? 0)) ? entry : best;
  }, first);
}

/** The cheaper a terminator, the more circuits it gets. */
function chooseWeighted(entries: readonly Entry[], weightOf: (entry: Entry) => number): Entry | undefined {
  const shares = entries.map((entry) => 1 / (1 + weightOf(entry)));
  let at = Math.random() * shares.reduce((total, share) => total + share, 0);
  return entries.find((_, i) => {
    at -= shares[i] ?? 0;
    return at < 0;
  });
}

/** One dialer stays with one terminator as long as the terminators are the same. */
function chooseSticky(entries: readonly Entry[], identityId: string): Entry | undefined {
  let hash = 0;
  for (const character of identityId) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return entries[hash % entries.length];
}
