import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Principal } from '../access/access.ts';
import type { Callers } from '../access/callers.ts';
import type { Proof } from '../access/credentials.ts';
import type { Door } from '../access/door.ts';
import type { Policy } from '../access/policy.ts';
import { TokenRefusal } from '../access/tokens/token.ts';
import type { Change, Feed } from '../feed.ts';
import { type Closed, endedOf } from './closed.ts';
import type { Note } from './coalescer.ts';
import {
  devicesTouched,
  deviceTopic,
  type Follow,
  followable,
  followed,
  groupsTouched,
  hears,
  isUrgent,
  LIST,
  patientTopic,
  topicOf,
} from './follow.ts';
import type { McpLimits } from './limits.ts';
import { Opens } from './opens.ts';
import { concerns, isNarrower, lapse } from './rights.ts';
import type { EndReason, Subscriber } from './subscriber.ts';

type Reader = Pick<Subscriber, 'principal' | 'context'>;

/** Somebody who follows a resource. */
interface Following {
  subscriber: Subscriber;
  uri: string;
  follow: Follow;
  /** Where it is listed. */
  key: string;
}

export interface FanoutOptions {
  door: Door;
  feed: Feed;
  callers: Pick<Callers, 'fresh'>;
  policy: () => Policy;
  clock: Clock;
  log: Logger;
  limits: McpLimits;
}

/**
 * Brings each change of the feed to those who subscribed to it and may still see it, at that moment. One index for both revisions of
 * the protocol: what a reader may get does not depend on how it reads.
 */
export class Fanout implements Disposable {
  readonly #options: FanoutOptions;
  readonly #subscription: Disposable;
  /** By tenant and topic (`follow.ts`), that of a patient by their own id. */
  readonly #readers = new Map<string, Set<Following>>();
  /** By reader and URI. */
  readonly #followings = new Map<Subscriber, Map<string, Following>>();
  /** All that are open, each with the version of the policy by which it was opened. */
  readonly #all = new Map<Subscriber, string>();
  /** Streams open or being opened, by caller. */
  readonly #streams = new Map<string, number>();
  /** Patients who had data since this process began; their first data changes the list. */
  readonly #known = new Set<string>();
  readonly #opens: Opens;
  readonly #recording = new Set<Promise<void>>();
  #version = 0;
  /** How often a device is followed; mostly nobody does. */
  #devicesFollowed = 0;

  constructor(options: FanoutOptions) {
    this.#options = options;
    this.#opens = new Opens(options.clock, options.limits);
    this.#subscription = options.feed.subscribe((change) => this.#onChange(change));
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    for (const subscriber of [...this.#all.keys()]) subscriber.end('shutdown');
  }

  get subscribers(): Iterable<Subscriber> {
    return this.#all.keys();
  }

  /** How many event streams are open. */
  get streams(): number {
    let sum = 0;
    for (const open of this.#streams.values()) sum += open;
    return sum;
  }

  /** Counts that this caller opens a stream or a session. Throws MCP-LIMIT when it does so too often. */
  countOpen(principal: Principal): void {
    this.#opens.count(principal.id);
  }

  /** Counts a stream of this caller. Throws MCP-LIMIT when it has too many or opens them too often; disposing gives the place back. */
  reserveStream(principal: Principal): Disposable {
    const open = this.#streams.get(principal.id) ?? 0;
    if (open >= this.#options.limits.streamsPerCaller) {
      throw new VitalmeshError('MCP-LIMIT', { detail: `at most ${this.#options.limits.streamsPerCaller} event streams a caller` });
    }
    this.countOpen(principal);
    this.#streams.set(principal.id, open + 1);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const left = (this.#streams.get(principal.id) ?? 1) - 1;
        if (left === 0) this.#streams.delete(principal.id);
        else this.#streams.set(principal.id, left);
      },
    };
  }

  /** What a reader is told that comes without having seen anything. */
  catchUp(subscriber: Subscriber): Note {
    return this.#noteFor(subscriber, { version: this.#version, at: this.#options.clock.now(), urgent: true });
  }

  /** Has its right looked over from now on, before it subscribes to anything. */
  enroll(subscriber: Subscriber): void {
    this.#all.set(subscriber, this.#options.policy().version);
  }

  /** As `Subscriber.renew`. Ends the subscriber where it would from now on be told of less of what it follows than before: that silence is none of its patients'. */
  renew(subscriber: Subscriber, proof: Proof): void {
    const before = this.#fresh(subscriber.proof);
    if (!subscriber.renew(proof) || subscriber.size === 0) return;
    if (typeof before !== 'string') this.endNarrower(subscriber, before);
  }

  /** Ends the subscriber where what it goes by now covers less than this. */
  endNarrower(subscriber: Subscriber, than: Principal): void {
    const now = this.#fresh(subscriber.proof);
    if (!subscriber.ended && typeof now !== 'string' && isNarrower(now, than)) this.#end(subscriber, 'changed');
  }

  /** Of a subscription that stands in the evidence as opened. Ends the subscriber where its name for a patient is nobody's any more. */
  watch(subscriber: Subscriber, uri: string): void {
    if (subscriber.ended) {
      void this.recordClose(subscriber, [{ uri, delivered: 0 }]);
      return;
    }
    const follow = followed(uri);
    const { limits } = this.#options;
    if (follow.of === 'group') subscriber.add(uri, Math.max(limits.groupCoalesceMs, limits.coalesceMs));
    else subscriber.add(uri);
    const key = this.#keyOf(subscriber.principal, follow);
    if (key === undefined) {
      if (this.stillMay(subscriber)) this.#end(subscriber, 'changed');
      return;
    }
    const following = { subscriber, uri, follow, key };
    const ofReader = this.#followings.get(subscriber) ?? new Map<string, Following>();
    this.#followings.set(subscriber, ofReader.set(uri, following));
    const readers = this.#readers.get(key) ?? new Set<Following>();
    this.#readers.set(key, readers.add(following));
    if (follow.of === 'device') this.#devicesFollowed += 1;
  }

  /** Returns how many notifications of it were sent. */
  unwatch(subscriber: Subscriber, uri: string): number {
    const ofReader = this.#followings.get(subscriber);
    const following = ofReader?.get(uri);
    if (following) {
      const readers = this.#readers.get(following.key);
      readers?.delete(following);
      if (readers?.size === 0) this.#readers.delete(following.key);
      ofReader?.delete(uri);
      if (ofReader?.size === 0) this.#followings.delete(subscriber);
      if (following.follow.of === 'device') this.#devicesFollowed -= 1;
    }
    return subscriber.remove(uri);
  }

  /** Whether somebody has this resource subscribed to, over any connection. */
  follows(principal: Principal, uri: string): boolean {
    const follow = followable(uri);
    const key = follow && this.#keyOf(principal, follow);
    // Of one patient there are many resources.
    for (const following of (key === undefined ? undefined : this.#readers.get(key)) ?? [])
      if (following.uri === uri && following.subscriber.principal.id === principal.id) return true;
    return false;
  }

  #keyOf(principal: Principal, follow: Follow): string | undefined {
    const topic = topicOf(follow, principal, this.#options.door);
    return topic === undefined ? undefined : readersKey(principal.tenant, topic);
  }

  /** Who is deidentified gets no time; and the count of the hub's changes would say which of two readers' patients are the same. */
  #noteFor({ principal }: Subscriber, note: Note): Note {
    return this.#options.door.maskOf(principal) === 'deidentified' ? { urgent: note.urgent } : note;
  }

  /** Takes a subscriber out, with all it subscribed to; the end of it goes into the evidence. */
  retire(subscriber: Subscriber): void {
    this.#all.delete(subscriber);
    const uris = [...subscriber.uris];
    const ended = uris.map((uri) => ({ uri, delivered: this.unwatch(subscriber, uri) }));
    if (ended.length > 0) void this.recordClose(subscriber, ended);
  }

  /** Evidence that somebody no longer listens. Never rejects: the stream is over either way, and a failure is the operator's to know. */
  async recordClose(reader: Reader, ended: readonly Closed[]): Promise<void> {
    const recording = this.#record(reader, ended);
    this.#recording.add(recording);
    await recording;
    this.#recording.delete(recording);
  }

  /** Resolves when the ends of all subscriptions so far stand in the evidence. */
  async settled(): Promise<void> {
    await Promise.all(this.#recording);
  }

  async #record({ principal, context }: Reader, ended: readonly Closed[]): Promise<void> {
    try {
      await this.#options.door.closeSubscription(principal, endedOf(ended), context);
    } catch (err) {
      this.#options.log.error({ err, caller: principal.id }, 'the end of a subscription could not be recorded');
    }
  }

  /** Ends every stream whose reader has lost the right to it. */
  sweep(): void {
    for (const subscriber of [...this.#all.keys()]) this.#entitled(subscriber);
  }

  #onChange(change: Change): void {
    this.#version = change.version;
    const note: Note = { version: change.version, at: change.at, urgent: isUrgent(change.kind) };
    // A patient who came, went or changed beds changes what is read of that patient, too.
    if (change.kind === 'erased') this.#endOf(change);
    else this.#deliver(patientTopic(change.patient), change, note);
    if (this.#isOnList(change)) this.#deliver(LIST, change, note);
    for (const topic of this.#groupsOf(change)) this.#deliver(topic, change, note);
    if (this.#devicesFollowed > 0) this.#deliverOfDevices(change, note);
  }

  #deliverOfDevices(change: Change, note: Note): void {
    for (const device of devicesTouched(change, this.#options.door)) {
      for (const following of this.#readersOf(change.tenant, deviceTopic(device))) {
        const principal = following.subscriber.ended ? undefined : this.#entitled(following.subscriber);
        if (principal) this.#tellOfDevice(following, principal, { change, device, note });
      }
    }
    // Of whom nothing is left, and with which devices, nobody can say any more.
    if (change.kind === 'erased') this.#endOfDevices(change.tenant);
  }

  /** A device goes from one to another: of those whom its reader may see it is told, and it ends where there is nobody left. */
  #tellOfDevice(
    { subscriber, uri, follow }: Following,
    principal: Principal,
    { change, device, note }: { change: Change; device: string; note: Note },
  ): void {
    const { door } = this.#options;
    if (follow.of !== 'device') return;
    if (door.maySeeDevice(principal, change, { id: device, name: follow.device })) {
      if (concerns(principal, change)) subscriber.notify(uri, this.#noteFor(subscriber, note));
    } else if (door.deviceBehind(principal, follow.device) === undefined) this.#end(subscriber, 'changed');
  }

  #endOfDevices(tenant: string): void {
    const { door } = this.#options;
    const followings = [...this.#followings.values()].flatMap((ofReader) => [...ofReader.values()]);
    for (const { subscriber, follow } of followings) {
      if (follow.of !== 'device' || subscriber.ended || subscriber.principal.tenant !== tenant) continue;
      if (door.deviceBehind(subscriber.principal, follow.device) === undefined) this.#end(subscriber, 'changed');
    }
  }

  #readersOf(tenant: string, topic: string): Following[] {
    return [...(this.#readers.get(readersKey(tenant, topic)) ?? [])];
  }

  /** Whether the list of patients is another by it. */
  #isOnList(change: Change): boolean {
    const { kind } = change;
    const isStored = kind === 'stored' || kind === 'late' || kind === 'corrected';
    return kind === 'patients' || (isStored && this.#isNew(change));
  }

  #groupsOf({ tenant, patient, was }: Change): string[] {
    return groupsTouched(this.#options.door.groupsOf(tenant, patient), was);
  }

  /** Whoever follows somebody who was erased: there is nothing to follow, and silence must not pass for calm. */
  #endOf({ tenant, patient }: Change): void {
    this.#known.delete(readersKey(tenant, patient));
    const readers = this.#readers.get(readersKey(tenant, patientTopic(patient)));
    for (const { subscriber } of [...(readers ?? [])]) if (!subscriber.ended) this.#end(subscriber, 'changed');
  }

  #isNew({ tenant, patient }: Change): boolean {
    const key = readersKey(tenant, patient);
    if (this.#known.has(key)) return false;
    this.#known.add(key);
    return true;
  }

  #deliver(topic: string, change: Change, note: Note): void {
    const readers = this.#readers.get(readersKey(change.tenant, topic));
    if (!readers) return;
    for (const following of [...readers]) {
      const { subscriber } = following;
      const principal = subscriber.ended ? undefined : this.#entitled(subscriber);
      if (principal) this.#tell(following, principal, change, note);
    }
  }

  #tell(following: Following, principal: Principal, change: Change, note: Note): void {
    const { subscriber, uri, follow } = following;
    const { door } = this.#options;
    const isOfOne = follow.of === 'patient';
    const told = (): void => {
      if (hears(follow, change)) subscriber.notify(uri, this.#noteFor(subscriber, note));
    };
    if (isOfOne && this.#isAnothers(principal, following, change)) this.#end(subscriber, 'changed');
    else if (door.maySee(principal, change)) {
      if (concerns(principal, change)) told();
    } else if (isOfOne) this.#end(subscriber, 'changed');
    else if (change.was && door.maySee(principal, change, change.was)) told();
  }

  /** Whether a patient was merged, or parted again, so that the name by which a reader follows one is another's now: it would hear nothing of that one. */
  #isAnothers(principal: Principal, { follow, key }: Following, { kind }: Change): boolean {
    return kind === 'patients' && this.#keyOf(principal, follow) !== key;
  }

  /** False, and the subscriber ended, when it lost its right while something was awaited. */
  stillMay(subscriber: Subscriber): boolean {
    return !subscriber.ended && this.#entitled(subscriber) !== undefined;
  }

  /** The caller as the registry has it now; undefined, and the subscriber ended, when that is not what the stream was opened with. */
  #entitled(subscriber: Subscriber): Principal | undefined {
    const fresh = this.#fresh(subscriber.proof);
    if (typeof fresh === 'string') {
      this.#end(subscriber, fresh);
      return undefined;
    }
    const reason = lapse(subscriber.principal, fresh, this.#options.clock.now()) ?? this.#overtaken(subscriber);
    if (reason === undefined) return fresh;
    this.#end(subscriber, reason);
    return undefined;
  }

  #fresh(proof: Proof): Principal | EndReason {
    try {
      return this.#options.callers.fresh(proof);
    } catch (error) {
      return error instanceof TokenRefusal ? 'revoked' : 'removed';
    }
  }

  /** By another policy it may be masked otherwise, or not be there at all: it is opened anew by that. */
  #overtaken(subscriber: Subscriber): EndReason | undefined {
    return this.#all.get(subscriber) === this.#options.policy().version ? undefined : 'changed';
  }

  /** A stream that went on without some of its patients would pass their silence off as calm. */
  #end(subscriber: Subscriber, reason: EndReason): void {
    this.#options.log.info({ caller: subscriber.principal.id, reason }, 'a subscription ended with the right to it');
    subscriber.end(reason);
  }
}

function readersKey(tenant: string, what: string): string {
  return `${tenant} ${what}`;
}
