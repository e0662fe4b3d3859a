import type { Duplex } from 'node:stream';
import { asVitalmeshError, ERRORS, type ErrorCode, type VitalmeshError } from '../errors.ts';
import { Backoff, pause } from '../lifecycle.ts';
import type { Logger } from '../log.ts';
import { onAbort } from './limit.ts';
import type { Binding, Caller, Overlay } from './overlay.ts';

export interface HostedServiceOptions {
  overlay: Overlay;
  service: string;
  /** Takes each connection over until the service is given up. */
  accept: (stream: Duplex, caller: Caller) => void;
  log: Logger;
}

const RETRY = { minMs: 250, maxMs: 15_000 };
/** When the network has said that trying again is of no use, which its operators may change at any time. */
const SLOW_RETRY = { minMs: 60_000, maxMs: 180_000 };
/** A program's start waits no longer for its service to be bound: its operator wants an answer, and its other parts to run. */
const FIRST_ATTEMPT_MS = 1000;

/**
 * A service that is bound as soon as the network is there, and tried again until then. `start` throws only what nobody but a person
 * can mend here (an error whose code is not retryable). From the binding on the overlay itself makes it again when it is lost.
 */
export class HostedService implements AsyncDisposable {
  readonly #options: HostedServiceOptions;
  readonly #stopped = new AbortController();
  #binding: Binding | undefined;
  #failure: ErrorCode | null = null;

  constructor(options: HostedServiceOptions) {
    this.#options = options;
  }

  /** Resolves when the service is bound, or it has become clear that this takes longer, or `signal` aborts. */
  async start(signal: AbortSignal): Promise<void> {
    const attempt = this.#attempt();
    const waited = new AbortController();
    using _stopping = onAbort(signal, () => waited.abort());
    const early = await Promise.race([attempt, pause(FIRST_ATTEMPT_MS, waited.signal)]);
    waited.abort();
    if (early === null) return;
    if (early && !ERRORS[early.code].retryable) throw early;
    void this.#keepTrying(attempt);
  }

  /** Whether dials reach the service now, or the code of why not. */
  status(): { bound: boolean; code: ErrorCode | null } {
    const code = (this.#binding ? this.#binding.failure : this.#failure) ?? null;
    return { bound: this.#binding !== undefined && code === null, code };
  }

  /** Gives the service up; connections already taken over go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    const binding = this.#binding;
    this.#binding = undefined;
    try {
      await binding?.[Symbol.asyncDispose]();
    } catch (err) {
      // An overlay that is gone already has given the service up with it.
      this.#options.log.warn({ service: this.#options.service, err }, 'service not given up in order');
    }
  }

  async #bind(): Promise<void> {
    const { overlay, service, accept, log } = this.#options;
    const binding = await overlay.bind(service, accept);
    if (this.#stopped.signal.aborted) {
      await binding[Symbol.asyncDispose]();
      return;
    }
    this.#binding = binding;
    this.#failure = null;
    // The overlay has told of one that only has to be confirmed, and tells when it is.
    if (binding.failure === undefined) log.info({ service }, 'service bound');
  }

  /** One attempt; resolves to why it failed, or null. */
  #attempt(): Promise<VitalmeshError | null> {
    return this.#bind().then(() => null, asVitalmeshError);
  }

  async #keepTrying(first: Promise<VitalmeshError | null>): Promise<void> {
    const { log, service } = this.#options;
    const { signal } = this.#stopped;
    const usual = new Backoff(RETRY.minMs, RETRY.maxMs);
    const slow = new Backoff(SLOW_RETRY.minMs, SLOW_RETRY.maxMs);
    for (let error = await first; error !== null && !signal.aborted; error = await this.#attempt()) {
      if (this.#failure !== error.code) log.warn({ service, err: error }, 'service not bound yet; it is tried again');
      this.#failure = error.code;
      await pause((error.retryable ? usual : slow).nextMs(), signal);
      if (signal.aborted) return;
    }
  }
}
