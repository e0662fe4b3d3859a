import { asVitalmeshError, VitalmeshError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { limited, onAbort } from '../limit.ts';
import type { RouterStatus } from '../router-status.ts';
import type { Channel } from './channel/contract.ts';
import type { ApiSession, Controller, EdgeRouter } from './controller/contract.ts';
import { Route } from './route.ts';
import type { RouterHistory } from './router-history.ts';
import { firstAborted } from './waits.ts';

/** Opens a channel and sees it through its hello. Errors: OVERLAY-UNREACHABLE, -TIMEOUT, -PROTOCOL, -CLOSED. */
export type OpenRouterChannel = (router: EdgeRouter, session: ApiSession, signal: AbortSignal) => Promise<Channel>;

export interface RouterLinkOptions {
  router: EdgeRouter;
  controller: Pick<Controller, 'signIn'>;
  openChannel: OpenRouterChannel;
  log: Logger;
  /** For sign-in, hello and proof together. */
  requestTimeoutMs: number;
  /** Of this router: outlives the link, so that one that is made anew begins with what is left of the pause. */
  history: RouterHistory;
  /** A channel has proved itself; what it returns is waited for before the one of before may end. */
  onOpened: (opened: Route) => Promise<void>;
  onClosed: (closed: Route) => void;
  /** A channel that has opened took the place of this one, which ends with what it carries once what this returns is through. */
  onReplaced?: (replaced: Route) => Promise<void>;
  /** Asks the controller; when the session has ended that brings a new one. Must not reject. */
  onFailure: () => Promise<void>;
}

/** Keeps a channel to one router, one attempt after the other, until it is stopped. */
export class RouterLink {
  readonly router: EdgeRouter;
  /** Resolves when the first attempt is over, whatever came of it; at once when one of before it has just failed. */
  readonly firstAttempt: Promise<void>;
  readonly #options: RouterLinkOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #renewed = new AbortController();
  #current: Route | undefined;

  constructor(options: RouterLinkOptions) {
    this.router = options.router;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstAttempt = promise;
    this.#running = this.#run(resolve).finally(resolve);
  }

  get connected(): boolean {
    return this.#current !== undefined;
  }

  get status(): RouterStatus {
    const { name, host, port } = this.router;
    return { name, address: `${host}:${port}`, connected: this.connected, code: this.#options.history.trouble ?? null };
  }

  /** There is a new API session: a channel of the new one takes the place of that of the old one. */
  renew(): void {
    this.#current?.outdate();
    this.#renewed.abort();
    this.#renewed = new AbortController();
  }

  /** No more attempts; a channel that is open ends with what it carries. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#current?.retire();
    this.#current?.closeWhenIdle();
    await this.#running;
  }

  async #run(firstAttemptDone: () => void): Promise<void> {
    const { history, onFailure } = this.#options;
    if (history.pace.rests) firstAttemptDone();
    for (;;) {
      await history.pace.rested(this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      const ended = await this.#attempt(firstAttemptDone);
      firstAttemptDone();
      // Whoever has lost what stood asks nobody anything before its time has come: the router's other clients have lost it too.
      if (ended === 'lost') await history.pace.rested(this.#stopped.signal);
      if (ended !== 'left') await onFailure();
    }
  }

  /** Opens a channel and stays until it is left for another one, or for none; `failed`: it could not be had, or not for long; `lost`: it had stood. */
  async #attempt(firstAttemptDone: () => void): Promise<'left' | 'failed' | 'lost'> {
    const { history } = this.#options;
    try {
      const { opened, renewed } = await this.#open();
      history.succeeded();
      if (renewed.aborted) opened.outdate();
      await this.#replace(opened);
      firstAttemptDone();
      const sinceMs = performance.now();
      await firstAborted(opened.channel.closed, renewed, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return 'left';
      const [hasStood, lost] = [history.pace.hasStood(sinceMs), opened.channel.closed.aborted];
      if (lost) this.#note(opened.channel.closed.reason);
      if (hasStood && lost) history.pace.spread();
      else if (hasStood) history.pace.reset();
      // Who lets everybody in and cuts them off at once, or renews the session all the time, is left in peace for longer and longer.
      else history.pace.spend();
      if (!lost) return 'left';
      return hasStood ? 'lost' : 'failed';
    } catch (err) {
      if (this.#stopped.signal.aborted) return 'left';
      this.#note(err);
      history.failed();
      history.pace.spend();
      return 'failed';
    }
  }

  /** A hello succeeds before the router has checked the session (openziti-wire.md §0.1), so only an answered probe counts. */
  async #open(): Promise<{ opened: Route; renewed: AbortSignal }> {
    const { router, controller, openChannel, requestTimeoutMs } = this.#options;
    const at = `${router.host}:${router.port}`;
    let stage = 'signing in';
    return await limited(
      { timeoutMs: requestTimeoutMs },
      this.#stopped.signal,
      async (signal) => {
        const session = await controller.signIn(signal);
        // A sign-in tells of its own session; only one after it makes this channel an old one.
        const renewed = this.#renewed.signal;
        stage = `TCP, TLS and hello with ${at}`;
        const channel = await openChannel(router, session, signal);
        stage = `the first answer of ${at} behind its hello`;
        try {
          await channel.probe(signal);
        } catch (error) {
          await channel[Symbol.asyncDispose]();
          throw error;
        }
        return { opened: new Route(channel, router, session), renewed };
      },
      ({ opened }) => void opened.channel[Symbol.asyncDispose](),
    ).catch((error: unknown) => {
      const { code, detail = '' } = asVitalmeshError(error);
      if (code !== 'OVERLAY-TIMEOUT' || !/^\d+ ms$/.test(detail)) throw error;
      throw new VitalmeshError(code, { detail: `${stage}, ${detail}` });
    });
  }

  async #replace(opened: Route): Promise<void> {
    const { onOpened, onClosed, onReplaced } = this.#options;
    const previous = this.#current;
    if (this.#stopped.signal.aborted) {
      await opened.channel[Symbol.asyncDispose]();
      return;
    }
    previous?.retire();
    this.#current = opened;
    onAbort(opened.channel.closed, () => {
      if (this.#current === opened) this.#current = undefined;
      onClosed(opened);
    });
    await onOpened(opened);
    if (!previous) return;
    await onReplaced?.(previous);
    previous.closeWhenIdle();
  }

  #note(err: unknown): void {
    // Once is enough for an operator: the attempts go on for as long as the router is away.
    const { history, log } = this.#options;
    const level = history.failedAt === 0 ? 'warn' : 'debug';
    const error = asVitalmeshError(err);
    history.trouble = error.code;
    log[level]({ err: error, router: this.router.name }, 'no channel to the edge router');
  }
}
