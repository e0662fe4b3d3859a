import type { Duplex } from 'node:stream';
import { asVitalmeshError, VitalmeshError } from '../../errors.ts';
import type { CircuitLimits, DialCircuit } from './circuit/contract.ts';
import { Refusal } from './circuit/reasons.ts';
import type { ServiceSession } from './controller/contract.ts';
import { type BackoffTimes, hintedPauseMs } from './pace.ts';
import type { Route } from './route.ts';
import type { Routers } from './routers.ts';
import type { ServiceUse } from './services.ts';

export interface ServiceDialsOptions {
  use: ServiceUse;
  routers: Routers;
  dialCircuit: DialCircuit;
  limits: Partial<CircuitLimits> | undefined;
  backoff: BackoffTimes;
  /** Takes a connection over in the moment in which it is made. */
  adopt: (route: Route, connection: Duplex) => Duplex;
}

/** Never said to anybody: there is another router whenever it counts. */
const FAILED = new Refusal('OVERLAY-UNREACHABLE', 'default', { detail: 'the last dial over this router failed' });

/** A router's word that it wants to be left in peace with a service. */
interface Rest {
  refusal: Refusal;
  untilMs: number;
  changed: AbortSignal;
}

/** A connection that ends so soon counts as one that was not made. */
const EARLY_MS = 60_000;

/**
 * Dials one service over the best channel; one over which it failed last is no longer the best while there is another, for who refuses
 * everything, or lets everything end at once, is always the least busy. A router that has hinted not to be asked again so soon is left in peace as long as that says:
 * who dials meanwhile goes over another one, or is told at once what that router said.
 */
export class ServiceDials {
  readonly #options: ServiceDialsOptions;
  readonly #rests = new WeakMap<Route, Rest>();
  /** The last one is the one that failed last. */
  #failed: readonly Route[] = [];

  constructor(options: ServiceDialsOptions) {
    this.#options = options;
  }

  /** Errors: OVERLAY-UNREACHABLE, -SIGN-IN when there is no channel, and those of the controller and of `DialCircuit`. */
  async dial(signal: AbortSignal): Promise<Duplex> {
    const { routers, use } = this.#options;
    if (routers.channels.length === 0) throw routers.absence;
    this.#endRests();
    return await use.run(signal, async ({ encryptionRequired }, session, fresh) => {
      // A session of before may not name a router that was offline then.
      if (!fresh && !routers.choose(session.routers))
        throw new VitalmeshError('OVERLAY-SESSION', { detail: 'its routers are not connected' });
      return await this.#dialThrough(session, encryptionRequired, signal);
    });
  }

  /** Over the next channel when one ends before it has answered, or its router is too busy. */
  async #dialThrough(session: ServiceSession, encryptionRequired: boolean, signal: AbortSignal): Promise<Duplex> {
    const { routers, dialCircuit, limits, adopt } = this.#options;
    const base = { session, encryptionRequired, signal, ...(limits && { limits }) };
    const busy = new Map<Route, Refusal>();
    // A rest that ends in the course of a dial ends for the next one, which begins with what it asks for anew.
    const reasonAgainst = (route: Route): Refusal | undefined => busy.get(route) ?? this.#rests.get(route)?.refusal;
    for (;;) {
      const others = this.#others(session.routers, reasonAgainst);
      const { route, dialling } = await routers.reach(session.routers, signal, others ?? reasonAgainst);
      using _dialling = dialling;
      const { channel } = route;
      try {
        const connection = await dialCircuit({ ...base, channel, callerName: route.session.identityName });
        this.#watch(route, connection);
        return adopt(route, connection);
      } catch (error) {
        const isLate = signal.aborted && asVitalmeshError(signal.reason).code === 'OVERLAY-TIMEOUT';
        if (isLate) route.doubt();
        if (isLate || !signal.aborted) this.#fail(route);
        this.#note(route, error);
        if (error instanceof Refusal && error.retry === 'busy') busy.set(route, error);
        const isPassedOn = busy.has(route) || channel.closed.aborted;
        if (signal.aborted || !isPassedOn || !routers.choose(session.routers, reasonAgainst)) throw error;
      }
    }
  }

  /** The reasons against routers that leave out those over which it failed last; undefined when no other is as good. */
  #others(routers: ServiceSession['routers'], reasonAgainst: (route: Route) => Refusal | undefined): typeof reasonAgainst | undefined {
    const reasonOrFailed = (route: Route): Refusal | undefined =>
      reasonAgainst(route) ?? (this.#failed.includes(route) ? FAILED : undefined);
    const choose = (): Route | undefined => this.#options.routers.choose(routers, reasonOrFailed);
    let other = choose();
    if (!other) {
      // All have failed: each is tried again before one is for the second time.
      this.#failed = this.#failed.slice(-1);
      other = choose();
    }
    return other && !other.isSecondChoice ? reasonOrFailed : undefined;
  }

  #fail(route: Route): void {
    this.#failed = [...this.#failed.filter((failed) => failed !== route && failed.usable), route];
  }

  #watch(route: Route, connection: Duplex): void {
    const madeAtMs = performance.now();
    this.#failed = this.#failed.filter((failed) => failed !== route);
    connection.once('close', () => {
      if (performance.now() - madeAtMs < EARLY_MS) this.#fail(route);
    });
  }

  #note(route: Route, error: unknown): void {
    const { use, backoff } = this.#options;
    if (!(error instanceof Refusal) || (error.retry !== 'busy' && error.retry !== 'not-again')) return;
    const untilMs = performance.now() + hintedPauseMs(error.retry, backoff);
    this.#rests.set(route, { refusal: error, untilMs, changed: use.changed });
  }

  /** What a router wanted no more of is not what it is asked with next. */
  #endRests(): void {
    const { use, routers } = this.#options;
    for (const route of routers.channels) {
      const rest = this.#rests.get(route);
      if (!rest || !isOver(rest)) continue;
      this.#rests.delete(route);
      if (rest.refusal.retry === 'not-again') use.startOver();
    }
  }
}

function isOver({ refusal, untilMs, changed }: Rest): boolean {
  return performance.now() >= untilMs || (refusal.retry === 'not-again' && changed.aborted);
}
