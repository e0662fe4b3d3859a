import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Principal } from '../access/access.ts';
import type { Callers } from '../access/callers.ts';
import type { Proof } from '../access/credentials.ts';
import { inScope } from '../access/decide.ts';
import type { Door, Ended } from '../access/door.ts';
import type { Policy } from '../access/policy.ts';
import { sameRights } from '../access/principals.ts';
import { TokenRefusal } from '../access/tokens/token.ts';
import type { Change, Feed } from '../feed.ts';
import type { Note } from './coalescer.ts';
import type { McpLimits } from './limits.ts';
import { Opens } from './opens.ts';
import type { EndReason, Subscriber } from './subscriber.ts';
import { latestUri, PATIENTS_URI, parseUri } from './uris.ts';

type Reader = Pick<Subscriber, 'principal' | 'context'>;

/** What must not wait: that what was shown is not so any more, or that nothing comes. */
const URGENT: readonly Change['kind'][] = ['stale', 'corrected', 'sources'];

/** The end of a resource subscribed to, and how many notifications of it were sent. */
export interface Closed {
  uri: string;
  delivered: number;
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
  /** By tenant and resource, that of a patient by their own id: the readers, each with the URI by which it knows the resource. */
  readonly #readers = new Map<string, Map<Subscriber, string>>();
  /** The key of each URI of a reader. */
  readonly #keys = new Map<Subscriber, Map<string, string>>();
  /** All that are open, each with the version of the policy by which it was opened. */
  readonly #all = new Map<Subscriber, string>();
  /** Streams open or being opened, by caller. */
  readonly #streams = new Map<string, number>();
  /** Patients who had data since this process began; their first data changes the list. */
  readonly #known = new Set<string>();
  readonly #opens: Opens;
  readonly #recording = new Set<Promise<void>>();
  #version = 0;

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

  /** Of a subscription that stands in the evidence as opened. Ends the subscriber where its name for a patient is nobody's any more. */
  watch(subscriber: Subscriber, uri: string): void {
    if (subscriber.ended) {
      void this.recordClose(subscriber, [{ uri, delivered: 0 }]);
      return;
    }
    subscriber.add(uri);
    const key = this.#keyOf(subscriber.principal, uri);
    if (key === undefined) {
      if (this.stillMay(subscriber)) this.#end(subscriber, 'changed');
      return;
    }
    const keys = this.#keys.get(subscriber) ?? new Map<string, string>();
    this.#keys.set(subscriber, keys.set(uri, key));
    const readers = this.#readers.get(key) ?? new Map<Subscriber, string>();
    this.#readers.set(key, readers.set(subscriber, uri));
  }

  /** Returns how many notifications of it were sent. */
  unwatch(subscriber: Subscriber, uri: string): number {
    const keys = this.#keys.get(subscriber);
    const key = keys?.get(uri) ?? '';
    const readers = this.#readers.get(key);
    readers?.delete(subscriber);
    if (readers?.size === 0) this.#readers.delete(key);
    keys?.delete(uri);
    if (keys?.size === 0) this.#keys.delete(subscriber);
    return subscriber.remove(uri);
  }

  /** Whether somebody has this resource subscribed to, over any connection. */
  follows(principal: Principal, uri: string): boolean {
    const key = this.#keyOf(principal, uri);
    for (const subscriber of (key === undefined ? undefined : this.#readers.get(key))?.keys() ?? [])
      if (subscriber.principal.id === principal.id) return true;
    return false;
  }

  /** Where changes of what a reader subscribes to are looked for; undefined when its name for a patient is nobody's any more. */
  #keyOf(principal: Principal, uri: string): string | undefined {
    const ref = parseUri(uri);
    if (ref?.kind !== 'latest') return readersKey(principal.tenant, uri);
    const patient = this.#options.door.patientBehind(principal, ref.patient);
    return patient === undefined ? undefined : readersKey(principal.tenant, latestUri(patient));
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
    if (change.kind === 'erased') {
      this.#endOf(change);
      return;
    }
    const note: Note = { version: change.version, at: change.at, urgent: URGENT.includes(change.kind) };
    const isStored = change.kind === 'stored' || change.kind === 'late' || change.kind === 'corrected';
    const list = change.kind === 'patients' || (isStored && this.#isNew(change));
    if (list) this.#deliver(PATIENTS_URI, change, note);
    // It would tell of nothing, and hold up what is current: a resource has one notification in an interval.
    if (change.kind === 'late') return;
    // A patient who came, went or changed beds changes what is read of that patient, too.
    this.#deliver(latestUri(change.patient), change, note);
  }

  /** Whoever follows somebody who was erased: there is nothing to follow, and silence must not pass for calm. */
  #endOf({ tenant, patient }: Change): void {
    this.#known.delete(readersKey(tenant, patient));
    const readers = this.#readers.get(readersKey(tenant, latestUri(patient)));
    for (const subscriber of [...(readers?.keys() ?? [])]) this.#end(subscriber, 'changed');
  }

  #isNew({ tenant, patient }: Change): boolean {
    const key = readersKey(tenant, patient);
    if (this.#known.has(key)) return false;
    this.#known.add(key);
    return true;
  }

  #deliver(resource: string, change: Change, note: Note): void {
    const readers = this.#readers.get(readersKey(change.tenant, resource));
    if (!readers) return;
    for (const [subscriber, uri] of [...readers]) {
      const principal = this.#entitled(subscriber);
      if (!principal) continue;
      const { door } = this.#options;
      if (this.#isAnothers(principal, uri, resource, change)) this.#end(subscriber, 'changed');
      else if (door.maySee(principal, change)) {
        if (concerns(principal, change)) subscriber.notify(uri, this.#noteFor(subscriber, note));
      } else if (resource !== PATIENTS_URI) this.#end(subscriber, 'changed');
      else if (change.was && door.maySee(principal, change, change.was)) subscriber.notify(uri, this.#noteFor(subscriber, note));
    }
  }

  /** Whether a patient was merged, or parted again, so that the name by which a reader follows one is another's now: it would hear nothing of that one. */
  #isAnothers(principal: Principal, uri: string, resource: string, { tenant, kind }: Change): boolean {
    return kind === 'patients' && resource !== PATIENTS_URI && this.#keyOf(principal, uri) !== readersKey(tenant, resource);
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

/** Whether a change is of anything that the reader's token is for. */
function concerns(principal: Principal, { vitals }: Change): boolean {
  return vitals.length === 0 || vitals.some((key) => inScope(principal, 'vitals.subscribe', key));
}

/** Why a stream opened by `opened` must end, or undefined while the right to it stands unchanged. */
function lapse(opened: Principal, fresh: Principal, now: number): EndReason | undefined {
  if (fresh.notAfter !== undefined && !(now <= fresh.notAfter)) return 'expired';
  return sameRights(fresh, opened) ? undefined : 'changed';
}

/** The patients that resources are about; the list of patients is about nobody in particular. */
export function patientsOf(uris: readonly string[]): string[] {
  return uris.flatMap((uri) => {
    const ref = parseUri(uri);
    return ref?.kind === 'latest' ? [ref.patient] : [];
  });
}

/** As it was opened: with one entry a patient, and one of the list alone where it was all there was. */
function endedOf(closed: readonly Closed[]): Ended[] {
  const ofPatients = closed.flatMap(({ uri, delivered }) => patientsOf([uri]).map((patient) => ({ patient, delivered })));
  return ofPatients.length > 0 ? ofPatients : [{ patient: null, delivered: closed.reduce((sum, { delivered }) => sum + delivered, 0) }];
}

function readersKey(tenant: string, what: string): string {
  return `${tenant} ${what}`;
}
