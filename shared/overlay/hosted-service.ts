import type { Duplex } from 'node:stream';
import { asVitalmeshError, type ErrorCode, type VitalmeshError } from '../errors.ts';
import { Backoff, pause } from '../lifecycle.ts';
import type { Logger } from '../log.ts';
import type { Binding, Caller, Overlay } from './overlay.ts';

export interface HostedServiceOptions {
  overlay: Overlay;
  service: string;
  /** Takes each connection over until the service is given up. */
  accept: (stream: Duplex, caller: Caller) => void;
  log: Logger;
}

const RETRY = { minMs: 250, maxMs: 15_000 };

/**
 * A service that is bound as soon as the network is there, and tried again until then. `start` throws only what nobody but a person
 * can mend (an error that is not retryable). From the binding on the overlay itself makes it again when it is lost.
 */
export class HostedService implements AsyncDisposable {
  readonly #options: HostedServiceOptions;
  readonly #stopped = new AbortController();
  #binding: Binding | undefined;
  #failure: ErrorCode | null = null;
  #trying: Promise<void> = Promise.resolve();

  constructor(options: HostedServiceOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    try {
      await this.#bind();
    } catch (thrown) {
      const error = asVitalmeshError(thrown);
      if (!error.retryable) throw error;
      this.#trying = this.#keepTrying(error);
    }
  }

  /** Whether dials reach the service now, or the code of why not. */
  status(): { bound: boolean; code: ErrorCode | null } {
    const code = (this.#binding ? this.#binding.failure : this.#failure) ?? null;
    return { bound: this.#binding !== undefined && code === null, code };
  }

  /** Gives the service up; connections already taken over go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#trying;
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
    log.info({ service }, 'service bound');
  }

  async #keepTrying(first: VitalmeshError): Promise<void> {
    const { log, service } = this.#options;
    const { signal } = this.#stopped;
    const backoff = new Backoff(RETRY.minMs, RETRY.maxMs);
    let error = first;
    while (!signal.aborted && this.#binding === undefined) {
      if (this.#failure !== error.code) log.warn({ service, err: error }, 'service not bound yet; it is tried again');
      this.#failure = error.code;
      await pause(backoff.nextMs(), signal);
      if (signal.aborted) return;
      await this.#bind().catch((thrown: unknown) => {
        error = asVitalmeshError(thrown);
      });
    }
  }
}
