import type { Clock } from '../../../clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../../errors.ts';
import type { Logger } from '../../../log.ts';
import { anyAborted } from '../waits.ts';
import { placeOf } from './addresses.ts';
import type { ControllerAnswer, ControllerRequest, Exchange } from './exchange.ts';
import { Standing } from './standing.ts';
import { troubleOf } from './trouble.ts';

/** An answer, and whose it is. */
export interface PlacedAnswer extends ControllerAnswer {
  /** `host:port`. */
  controller: string;
  /** Why others were passed over before; undefined when none was. */
  passed: VitalmeshError | undefined;
}

export interface ControllersOptions {
  /** Of the identity file, in its order; one at least. */
  bases: readonly URL[];
  /** Errors: OVERLAY-UNREACHABLE, -TIMEOUT, -SIGN-IN (within TLS), with the host in their detail, and the signal's reason. */
  send: (base: URL, request: ControllerRequest, signal: AbortSignal) => Promise<ControllerAnswer>;
  /** For one answer, while there is another controller of which nothing bad is known; twice that while there is any other to be asked. */
  patienceMs: number;
  clock: Clock;
  random: () => number;
  log: Logger;
}

interface Known {
  base: URL;
  /** `host:port`. */
  place: string;
  standing: Standing;
  /** By the network, and not by the identity file. */
  learned: boolean;
}

/** Of several failures the one that says most: who answered knows more than who did not. */
const TELLING: readonly ErrorCode[] = ['OVERLAY-SIGN-IN', 'OVERLAY-BUSY', 'OVERLAY-TIMEOUT', 'OVERLAY-UNREACHABLE'];
const MAX_DETAIL = 500;

/**
 * The controllers of a network, of which one is as good as another, apart from sessions that only one knows. The one that served last is asked
 * until it serves no more; then the next, within the same call: that of the identity file first, and those that failed lately last. One that
 * said when to come back is not asked before.
 */
export class Controllers {
  readonly #options: ControllersOptions;
  #known: readonly Known[];
  /** Served last, and has not failed since. */
  #preferred: Known | undefined;
  #servedLast: Known | undefined;

  constructor(options: ControllersOptions) {
    this.#options = options;
    this.#known = distinct(options.bases).map((base) => this.#newcomer(base, false));
  }

  /** `host:port` of the controller that served last; undefined before. */
  get servedLast(): string | undefined {
    return this.#servedLast?.place;
  }

  /** Takes these in beside those of the identity file, and forgets others that it was told of before. */
  learn(bases: readonly URL[]): void {
    const { random } = this.#options;
    const own = this.#known.filter(({ learned }) => !learned);
    const others = distinct([...own.map(({ base }) => base), ...bases]).slice(own.length);
    const known = new Map(this.#known.map((entry) => [entry.base.href, entry]));
    const learned = others.map((base) => known.get(base.href) ?? this.#newcomer(base, true));
    // In no common order: a fleet whose controller is gone is not to meet at the next one.
    const shuffled = learned.map((entry) => ({ entry, at: random() })).sort((a, b) => a.at - b.at);
    this.#known = [...own, ...shuffled.map(({ entry }) => entry)];
    if (this.#preferred && !this.#known.includes(this.#preferred)) this.#preferred = undefined;
  }

  /**
   * Sends a request to one controller after the other until one serves it, whatever the status of its answer. Errors: OVERLAY-BUSY,
   * OVERLAY-UNREACHABLE, OVERLAY-TIMEOUT, OVERLAY-SIGN-IN (the certificate is refused within TLS), and the signal's reason.
   */
  async exchange(request: ControllerRequest, signal: AbortSignal): Promise<PlacedAnswer> {
    const passed: VitalmeshError[] = [];
    return await this.#each(signal, passed, async (ask, controller) => {
      const answer = await ask(request, signal);
      return { ...answer, controller, passed: passed.length > 0 ? together(passed) : undefined };
    });
  }

  /**
   * Does several requests that belong together with one controller, from the beginning with the next one when it fails or answers nonsense
   * (OVERLAY-UNREACHABLE) in the middle. Errors: as `exchange`, and others of the work.
   */
  async atOne<T>(signal: AbortSignal, work: (ask: Exchange, controller: string) => Promise<T>): Promise<T> {
    return await this.#each(signal, [], work);
  }

  async #each<T>(signal: AbortSignal, passed: VitalmeshError[], work: (ask: Exchange, controller: string) => Promise<T>): Promise<T> {
    const tried = new Set<Known>();
    for (;;) {
      const next = this.#next(tried);
      if (!next) throw together([...passed, ...this.#closed(tried)]);
      tried.add(next);
      const outcome = await this.#attempt(next, this.#patienceMs(tried), signal, work);
      if ('result' in outcome) return outcome.result;
      passed.push(outcome.failure);
    }
  }

  async #attempt<T>(
    known: Known,
    patienceMs: number | undefined,
    signal: AbortSignal,
    work: (ask: Exchange, controller: string) => Promise<T>,
  ): Promise<{ result: T } | { failure: VitalmeshError }> {
    let beganAtMs = this.#options.clock.monotonicMs();
    let failed: unknown;
    let retryAfterMs = 0;
    const ask: Exchange = async (request, limit) => {
      beganAtMs = this.#options.clock.monotonicMs();
      try {
        const answer = await this.#send(known, request, limit, patienceMs);
        const trouble = troubleOf(answer, request, this.#options.clock.now());
        if (!trouble) return answer;
        retryAfterMs = trouble.retryAfterMs;
        throw new VitalmeshError(trouble.error.code, { detail: `${known.place} answered ${trouble.error.detail}` });
      } catch (error) {
        failed = error;
        throw error;
      }
    };
    try {
      const result = await work(ask, known.place);
      this.#served(known, beganAtMs);
      return { result };
    } catch (error) {
      if (signal.aborted) {
        this.#blameForLateness(known, beganAtMs);
        throw signal.reason;
      }
      const reason = asVitalmeshError(error);
      const isNonsense = error !== failed && reason.code === 'OVERLAY-UNREACHABLE';
      if (error !== failed && !isNonsense) {
        this.#served(known, beganAtMs);
        throw error;
      }
      const failure = isNonsense ? new VitalmeshError(reason.code, { detail: `${known.place}: ${reason.detail ?? ''}` }) : reason;
      this.#fail(known, beganAtMs, failure, retryAfterMs);
      return { failure };
    }
  }

  /** Who may be replaced is not waited for as long as who may not. */
  async #send(known: Known, request: ControllerRequest, signal: AbortSignal, patienceMs: number | undefined): Promise<ControllerAnswer> {
    const { send } = this.#options;
    if (patienceMs === undefined) return await send(known.base, request, signal);
    const late = new AbortController();
    const detail = `${known.place} did not answer within ${patienceMs} ms`;
    const timer = setTimeout(() => late.abort(new VitalmeshError('OVERLAY-TIMEOUT', { detail })), patienceMs);
    using first = anyAborted(signal, late.signal);
    try {
      return await send(known.base, request, first.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #next(tried: ReadonlySet<Known>): Known | undefined {
    const open = this.#known.filter((known) => !tried.has(known) && known.standing.closedForMs === 0);
    if (this.#preferred && open.includes(this.#preferred)) return this.#preferred;
    const fresh = open.find(({ standing }) => !standing.isAvoided);
    return fresh ?? open.sort((a, b) => a.standing.failedAtMs - b.standing.failedAtMs)[0];
  }

  /** One that has failed and not served since is less of a reason not to wait for another. */
  #patienceMs(tried: ReadonlySet<Known>): number | undefined {
    const { patienceMs } = this.#options;
    const left = this.#known.filter((known) => !tried.has(known) && known.standing.closedForMs === 0);
    if (left.length === 0) return undefined;
    return left.some(({ standing }) => standing.failures === 0) ? patienceMs : 2 * patienceMs;
  }

  /** Those that are not asked because they said so. */
  #closed(tried: ReadonlySet<Known>): VitalmeshError[] {
    return this.#known
      .filter((known) => !tried.has(known))
      .map(({ place, standing }) => {
        const detail = `${place} asked not to be asked for another ${Math.ceil(standing.closedForMs / 1000)} s`;
        return new VitalmeshError('OVERLAY-BUSY', { detail });
      });
  }

  #served(known: Known, beganAtMs: number): void {
    known.standing.answered(beganAtMs);
    this.#preferred ??= known;
    if (this.#preferred !== known) return;
    const insteadOf = this.#servedLast ?? this.#failedLast(known);
    if (insteadOf && insteadOf !== known)
      this.#options.log.info({ controller: known.place, insteadOf: insteadOf.place }, 'another controller of the network is used');
    this.#servedLast = known;
  }

  /** Of the others, whose failure is the latest; undefined when none of them has failed since it served. */
  #failedLast(but: Known): Known | undefined {
    const failed = this.#known.filter((known) => known !== but && known.standing.failures > 0);
    return failed.sort((a, b) => b.standing.failedAtMs - a.standing.failedAtMs)[0];
  }

  #fail(known: Known, beganAtMs: number, reason: VitalmeshError, retryAfterMs: number): void {
    const { standing, place } = known;
    const failures = standing.failures;
    standing.failed(beganAtMs, retryAfterMs);
    // What was asked before an earlier failure says nothing of one that has served since.
    const counts = standing.failures > failures || retryAfterMs > 0;
    if (counts && this.#preferred === known) this.#preferred = undefined;
    const isNews = counts && failures === 0 && this.#known.length > 1;
    this.#options.log[isNews ? 'warn' : 'debug']({ err: reason, controller: place }, 'a controller of the network does not serve');
  }

  /** The whole time of a call is over, or its caller has given up. Who has had the better part of what it may have is avoided. */
  #blameForLateness(known: Known, beganAtMs: number): void {
    const { clock, patienceMs } = this.#options;
    const tookMs = clock.monotonicMs() - beganAtMs;
    if (tookMs < patienceMs / 2) return;
    const detail = `${known.place} did not answer within ${Math.round(tookMs)} ms`;
    this.#fail(known, beganAtMs, new VitalmeshError('OVERLAY-TIMEOUT', { detail }), 0);
  }

  #newcomer(base: URL, learned: boolean): Known {
    const { clock, random } = this.#options;
    return { base, place: placeOf(base), standing: new Standing(clock, random), learned };
  }
}

function distinct(bases: readonly URL[]): URL[] {
  return [...new Map(bases.map((base) => [base.href, base])).values()];
}

function together(failures: readonly VitalmeshError[]): VitalmeshError {
  const [first] = failures;
  if (first && failures.length === 1) return first;
  const code = TELLING.find((telling) => failures.some((failure) => failure.code === telling)) ?? 'OVERLAY-UNREACHABLE';
  const detail = failures.map((failure) => failure.detail ?? failure.code).join('; ');
  return new VitalmeshError(code, { detail: detail.slice(0, MAX_DETAIL) });
}
