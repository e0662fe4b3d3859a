import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../errors.ts';
import { aborted, pause } from '../../lifecycle.ts';
import type { Logger } from '../../log.ts';
import { limited } from '../limit.ts';
import type { Binding, Caller } from '../overlay.ts';
import type { CircuitLimits, Hosting, HostService } from './circuit/contract.ts';
import { retryOf } from './circuit/reasons.ts';
import { type BackoffTimes, hintedPauseMs, Pace } from './pace.ts';
import type { Route } from './route.ts';
import { mayBeOutdated, type ServiceUse } from './services.ts';
import { anyAborted, idle, orAborted } from './waits.ts';

export interface ZitiBindingOptions {
  /** Of this binding alone: two binds with one token on a channel send every dial to the first (openziti-wire.md §10.7). */
  use: ServiceUse;
  hostService: HostService;
  accept: (route: Route, connection: Duplex, caller: Caller) => void;
  log: Logger;
  requestTimeoutMs: number;
  backoff: BackoffTimes;
  /** How often it binds anew on each router while all is well, with jitter. */
  rebindEveryMs: number;
  limits: Partial<CircuitLimits> | undefined;
  overlayClosed: AbortSignal;
  /** Why there is no channel, when there is none. */
  absence: () => VitalmeshError;
  onDisposed: () => void;
}

/** A service on one channel, through all that it is offered there. */
interface Offering {
  connections: Set<Duplex>;
  withdrawn: AbortSignal;
  pace: Pace;
  firstAttemptDone: (error?: unknown) => void;
}

/** How long giving up a binding waits for a router that may have stopped answering. */
const UNBIND_MS = 1000;

/** A service held open for dialers through every router offered to it, until it is disposed. */
export class ZitiBinding implements Binding {
  readonly service: string;
  readonly #options: ZitiBindingOptions;
  readonly #ended = new AbortController();
  readonly #established = Promise.withResolvers<void>();
  readonly #offers = new Map<Route, { firstAttempt: Promise<unknown>; running: Promise<void>; withdrawn: AbortController }>();
  /** By router: the id, and the channel that it was last used on. */
  readonly #listenerIds = new Map<string, { id: string; route: Route }>();
  /** Or was left unconfirmed. Before that a failure is the caller's of `start` to tell. */
  #hasStood = false;
  /** Routers through which it is hosted now. */
  #hosted = 0;
  /** Routers that have taken it, and whose controller has not confirmed it yet. */
  #unconfirmed = 0;
  /** Why it is not hosted, so that it is told once; undefined while all is well. */
  #failing: ErrorCode | undefined;

  constructor(options: ZitiBindingOptions) {
    this.service = options.use.name;
    this.#options = options;
  }

  get failure(): ErrorCode | undefined {
    if (this.#ended.signal.aborted) return 'OVERLAY-CLOSED';
    if (this.#hosted > 0) return undefined;
    return this.#unconfirmed > 0 ? 'OVERLAY-UNCONFIRMED' : (this.#failing ?? this.#options.absence().code);
  }

  /**
   * Resolves when the service is hosted through one of these, or at the time limit when one has taken it that only lacks the word of its
   * controller; throws why not when all have failed.
   */
  async start(routes: readonly Route[], signal: AbortSignal): Promise<void> {
    const tried = Promise.all(routes.map((route) => this.offer(route))).then((reasons) => {
      if (this.#unconfirmed > 0) return;
      throw (
        reasons.find((reason) => reason !== undefined) ??
        new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'no channel to an edge router' })
      );
    });
    await orAborted(Promise.race([this.#established.promise, tried]), signal);
  }

  /** Hosts the service over this channel too, for as long as both live. Resolves after the first attempt, to its error if it failed. */
  offer(route: Route): Promise<unknown> {
    const offered = this.#offers.get(route);
    if (offered) return offered.firstAttempt;
    const { promise: firstAttempt, resolve } = Promise.withResolvers<unknown>();
    const withdrawn = new AbortController();
    const running = this.#keepHosting(route, withdrawn.signal, resolve).finally(() => {
      this.#offers.delete(route);
      resolve(undefined);
    });
    this.#offers.set(route, { firstAttempt, running, withdrawn });
    return firstAttempt;
  }

  /** Hosts the service over this channel no longer: another one has taken its place. When this resolves, its router sends no more dials here. */
  async withdraw(route: Route): Promise<void> {
    const offered = this.#offers.get(route);
    offered?.withdrawn.abort();
    await offered?.running;
  }

  /** When this resolves, the routers that answer have taken the offer back. Connections made go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort(new VitalmeshError('OVERLAY-CLOSED'));
    this.#options.onDisposed();
    await Promise.all([...this.#offers.values()].map(({ running }) => running));
  }

  async #keepHosting(route: Route, withdrawn: AbortSignal, firstAttemptDone: (error?: unknown) => void): Promise<void> {
    const { backoff } = this.#options;
    const pace = new Pace(backoff);
    const connections = new Set<Duplex>();
    const offering: Offering = { connections, withdrawn, pace, firstAttemptDone };
    while (route.usable && !this.#ended.signal.aborted) {
      let reason: unknown;
      try {
        const offered = await this.#host(route, this.#listenerId(route), connections, withdrawn);
        const stands = await this.#confirmed(route, offered, offering);
        const hosting = stands ? await this.#stand(route, offered, offering) : offered;
        if (this.#ended.signal.aborted || (withdrawn.aborted && !hosting.ended.aborted)) {
          await this.#giveUp(hosting);
          return;
        }
        reason = hosting.ended.reason;
      } catch (error) {
        reason = error;
      }
      firstAttemptDone(reason);
      if (!route.usable || this.#ended.signal.aborted || withdrawn.aborted) return;
      if (this.#hasStood) this.#noteFailure(reason, route);
      await this.#rest(pace, route, reason);
    }
  }

  /**
   * Whether the terminator came into being before the offer ended or was to be given up. However long that takes it is left alone: a router goes
   * on trying while its controller is away (openziti-network.md §3.13), and would only begin again with another offer. Whoever waits for the
   * first attempt waits no longer than for any other request.
   */
  async #confirmed(route: Route, hosting: Hosting, { withdrawn, firstAttemptDone }: Offering): Promise<boolean> {
    const { requestTimeoutMs } = this.#options;
    using over = anyAborted(hosting.ended, this.#ended.signal, withdrawn);
    const overdue = setTimeout(() => {
      const reason = new VitalmeshError('OVERLAY-UNCONFIRMED', { detail: `${requestTimeoutMs} ms` });
      this.#hasStood = true;
      this.#noteFailure(reason, route);
      firstAttemptDone(reason);
    }, requestTimeoutMs);
    this.#unconfirmed += 1;
    try {
      await orAborted(hosting.confirmed, over.signal);
      return true;
    } catch {
      return false;
    } finally {
      this.#unconfirmed -= 1;
      clearTimeout(overdue);
    }
  }

  /** For as long as a confirmed offer stands, or those that take its place. Resolves to the last one. */
  async #stand(route: Route, first: Hosting, { connections, withdrawn, pace, firstAttemptDone }: Offering): Promise<Hosting> {
    this.#noteHosted(route);
    this.#hasStood = true;
    this.#hosted += 1;
    this.#established.resolve();
    firstAttemptDone();
    const since = performance.now();
    const last = await this.#keepFresh(route, first, connections, withdrawn);
    this.#hosted -= 1;
    if (pace.hasStood(since)) pace.reset();
    return last;
  }

  /**
   * A host is not told that its terminator was deleted (openziti-network.md §3.10), so it binds anew from time to time, and takes the offer of
   * before back when the new one stands; when it does not come to stand, the one of before is left alone. Resolves to the last one that stood,
   * when it has ended or is to be given up.
   */
  async #keepFresh(route: Route, first: Hosting, connections: Set<Duplex>, withdrawn: AbortSignal): Promise<Hosting> {
    const { rebindEveryMs, log } = this.#options;
    for (let hosting = first; ; ) {
      using over = anyAborted(hosting.ended, this.#ended.signal, withdrawn);
      await idle(rebindEveryMs * (0.75 + Math.random() / 2), over.signal);
      if (over.signal.aborted) return hosting;
      try {
        // With the listener id of before it would evict that one before it stands itself.
        const listenerId = randomUUID();
        const next = await this.#host(route, listenerId, connections, over.signal);
        await this.#confirmedBefore(next, over.signal);
        this.#listenerIds.set(route.router.name, { id: listenerId, route });
        const before = hosting;
        hosting = next;
        await this.#giveUp(before);
      } catch (err) {
        this.#startOverAfter(err);
        if (!over.signal.aborted)
          log.debug(
            { err: asVitalmeshError(err), service: this.service, router: route.router.name },
            'not bound anew; what stands is left',
          );
      }
    }
  }

  /** Throws, and has taken the offer back, when it is not confirmed by the time at which the next one is due: only one waits beside what stands. */
  async #confirmedBefore(next: Hosting, over: AbortSignal): Promise<void> {
    const { rebindEveryMs } = this.#options;
    try {
      await limited({ signal: over, timeoutMs: rebindEveryMs }, this.#ended.signal, (signal) => orAborted(next.confirmed, signal));
    } catch (error) {
      await this.#giveUp(next);
      throw error;
    }
  }

  /** Resolves when the router has taken the offer. */
  #host(route: Route, listenerId: string, connections: Set<Duplex>, unwanted: AbortSignal): Promise<Hosting> {
    const { use, hostService, accept, requestTimeoutMs, limits } = this.#options;
    return limited(
      { signal: unwanted, timeoutMs: requestTimeoutMs },
      this.#ended.signal,
      (signal) =>
        use.run(signal, async (service, session, fresh) => {
          // A list of before may lack a router that was offline then.
          if (!session.routers.some(({ name }) => name === route.router.name))
            throw new VitalmeshError(fresh ? 'OVERLAY-DENIED' : 'OVERLAY-SESSION', {
              detail: `router ${route.router.name} is not for ${service.name}`,
            });
          return await hostService({
            channel: route.channel,
            session,
            encryptionRequired: service.encryptionRequired,
            listenerId,
            connections,
            accept: (connection, caller) => accept(route, connection, caller),
            signal,
            ...(limits && { limits }),
          });
        }),
      (hosting) => void hosting[Symbol.asyncDispose](),
    );
  }

  /** Dials that are on their way are accepted, unless this binding is given up: others may host the service still. */
  async #giveUp(hosting: Hosting): Promise<void> {
    const timeoutMs = Math.min(UNBIND_MS, this.#options.requestTimeoutMs);
    const lateDials = this.#ended.signal.aborted ? 'refuse' : 'accept';
    // A channel that has ended offers nothing either; a closed overlay waits for its routers itself.
    await limited({ timeoutMs }, this.#options.overlayClosed, (signal) => hosting.withdraw(lateDials, signal)).catch(() => undefined);
    await hosting[Symbol.asyncDispose]();
  }

  /**
   * The one of before when its channel has ended, so that this bind replaces what the router may still hold of it; another one while that
   * channel is open, for the same would evict its bind before this one stands (openziti-network.md §2.8).
   */
  #listenerId(route: Route): string {
    const last = this.#listenerIds.get(route.router.name);
    const id = last && (last.route === route || last.route.channel.closed.aborted) ? last.id : randomUUID();
    this.#listenerIds.set(route.router.name, { id, route });
    return id;
  }

  /** As long as the pace and the router's hint say. A router that wants no more of this is asked again as soon as the services have changed. */
  async #rest(pace: Pace, route: Route, reason: unknown): Promise<void> {
    const { backoff, use } = this.#options;
    const retry = retryOf(reason);
    const { changed } = use;
    this.#startOverAfter(reason);
    using stop = anyAborted(this.#ended.signal, route.channel.closed, route.retired);
    pace.spend();
    await pace.rested(stop.signal);
    if (retry === 'default') return;
    const until = performance.now() + hintedPauseMs(retry, backoff);
    using soonest = anyAborted(stop.signal, ...(retry === 'not-again' ? [changed] : []));
    while (!soonest.signal.aborted && performance.now() < until) {
      await pause(Math.min(until - performance.now(), backoff.maxMs), soonest.signal);
      if (retry === 'not-again') await Promise.race([use.lookAgain(), aborted(soonest.signal)]);
    }
  }

  /** What was refused is not what is asked for next. */
  #startOverAfter(reason: unknown): void {
    if (mayBeOutdated(reason) || retryOf(reason) === 'not-again') this.#options.use.startOver();
  }

  #noteHosted(route: Route): void {
    const isBack = this.#hasStood && this.#hosted === 0;
    if (this.#failing || isBack)
      this.#options.log.info({ service: this.service, router: route.router.name }, 'the service is hosted again');
    this.#failing = undefined;
  }

  #noteFailure(reason: unknown, route: Route): void {
    const err = asVitalmeshError(reason);
    const level = this.#failing === err.code ? 'debug' : 'warn';
    this.#failing = err.code;
    this.#options.log[level]({ err, service: this.service, router: route.router.name }, 'the service is not hosted through an edge router');
  }
}
