import type { Clock, Instant } from '../../../clock.ts';
import { asVitalmeshError, type ErrorCode, type VitalmeshError } from '../../../errors.ts';
import type { HeldIdentity } from '../../../identity/held-identity.ts';
import type { IdentityFiles } from '../../../identity/identity-files.ts';
import { type RenewalStatus, validityOf } from '../../../identity/identity-status.ts';
import { Backoff, type Service } from '../../../lifecycle.ts';
import type { Logger } from '../../../log.ts';
import { Seldom } from '../../../seldom.ts';
import { NetworkClock } from '../../../time/network-clock.ts';
import type { ApiSession, CertificateController } from '../controller/contract.ts';
import type { RenewableOverlay } from '../overlay.ts';
import { idle } from '../waits.ts';
import { renewIdentity } from './renew.ts';

export interface RenewalOptions {
  files: IdentityFiles;
  held: HeldIdentity;
  controller: CertificateController;
  overlay: RenewableOverlay;
  clock: Clock;
  log: Logger;
  random?: () => number;
  /** The clock is looked at at least so often, for it may be set and a machine may sleep; an hour unless told. */
  lookAgainMs?: number;
}

/** A certificate is renewed when two thirds of its life are over, and some of the rest so that a fleet does not come together. */
const DUE = { from: 2 / 3, spread: 1 / 12 };
const LOOK_AGAIN_MS = 60 * 60 * 1000;
/** A clock that is months ahead finds every certificate due; it then gets a new one no more often than this. */
const REST = { part: 1 / 12, mostMs: 24 * 60 * 60 * 1000 };
const LOCK_RETRY_MS = 60_000;
/** Attempts, as parts of the certificate's life and within these limits. */
const RETRY = { minPart: 1 / 2000, maxPart: 1 / 50, leastMs: 1000, firstMs: 60_000, mostMs: 6 * 60 * 60 * 1000 };
/** With less than this of its life left, a certificate that cannot be renewed is an error and no longer a warning. */
const URGENT = 1 / 12;
/** The same error is told again no sooner: a short certificate is tried again within a second. */
const ERROR_EVERY_MS = 10 * 60_000;

/**
 * Renews the certificate of this process's identity before it ends, for as long as the process runs; make before break. It holds the
 * identity's lock, so that nobody else renews it meanwhile. A renewal that an earlier run left half done is finished first.
 */
export class IdentityRenewal implements Service {
  readonly name = 'identity renewal';
  readonly #options: RenewalOptions;
  readonly #random: () => number;
  readonly #errors: Seldom;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #releases = new Set<Promise<void>>();
  /** Between 0 and 1, drawn anew for each certificate. */
  #lateness: number;
  #state: RenewalStatus['state'] = 'waiting';
  /** By the clock that never jumps. */
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #retryAt: Instant | undefined;
  #lastRenewedAt: Instant | null = null;
  #code: ErrorCode | null = null;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#errors = new Seldom(options.clock, ERROR_EVERY_MS);
    this.#lateness = this.#random();
  }

  status(): RenewalStatus {
    const { clock } = this.#options;
    const dueAt = Math.max(this.#dueAt(), clock.now() + Math.round(this.#restUntilMs - clock.monotonicMs()));
    return { state: this.#state, nextAt: this.#retryAt ?? dueAt, lastRenewedAt: this.#lastRenewedAt, code: this.#code };
  }

  /** Called when the certificate was renewed: what is dialled from now on goes over channels of the new one. */
  onRenewed(listener: () => void): Disposable {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /** Resolves at once. */
  async start(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#run(AbortSignal.any([signal, this.#stop.signal]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#releases);
  }

  async #run(signal: AbortSignal): Promise<void> {
    using lock = await this.#locked(signal);
    if (!lock) return;
    const { files, held, clock, log, lookAgainMs = LOOK_AGAIN_MS } = this.#options;
    try {
      files.reread(held);
    } catch (thrown) {
      // Whoever puts another file there may not have finished; what was read at the start is used.
      log.warn({ err: asVitalmeshError(thrown) }, 'the identity file cannot be read again');
    }
    this.#dropPreviousOnceReady(signal);
    let backoff = this.#backoff();
    while (!signal.aborted) {
      const waitMs = files.hasNext ? 0 : Math.max(this.#dueAt() - clock.now(), this.#restUntilMs - clock.monotonicMs());
      if (waitMs > 0) {
        this.#enter('waiting', null);
        await idle(Math.min(waitMs, lookAgainMs), signal);
        continue;
      }
      const failure = await this.#renew(signal);
      if (!failure) {
        this.#lateness = this.#random();
        backoff = this.#backoff();
        continue;
      }
      if (signal.aborted) return;
      await this.#wait(failure, backoff.nextMs(), signal);
    }
  }

  /** Undefined when the process ends first. Another process may hold it for the moment, or the folder not be one to write in. */
  async #locked(signal: AbortSignal): Promise<Disposable | undefined> {
    while (!signal.aborted) {
      try {
        return this.#options.files.lock();
      } catch (thrown) {
        await this.#wait(asVitalmeshError(thrown), LOCK_RETRY_MS, signal);
      }
    }
    return undefined;
  }

  async #renew(signal: AbortSignal): Promise<VitalmeshError | undefined> {
    const { files, held, controller, clock, log } = this.#options;
    this.#enter('renewing', this.#code);
    try {
      const judging = clock instanceof NetworkClock ? { clock } : {};
      const { outlived } = await renewIdentity({ files, held, controller, now: () => clock.now(), ...judging }, { signal });
      this.#lastRenewedAt = clock.now();
      const { notBefore, notAfter } = validityOf(held.inUse);
      this.#restUntilMs = clock.monotonicMs() + Math.min(REST.mostMs, (notAfter - notBefore) * REST.part);
      log.info({ identity: held.identity.id, notAfter: new Date(notAfter).toISOString() }, 'certificate renewed');
      this.#enter('waiting', null);
      this.#release(outlived, signal);
      for (const listener of [...this.#listeners]) listener();
      return undefined;
    } catch (thrown) {
      return asVitalmeshError(thrown);
    }
  }

  async #wait(failure: VitalmeshError, ms: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    log[this.#levelOf(failure)]({ err: failure }, 'the certificate is not renewed; it is tried again');
    this.#retryAt = clock.now() + ms;
    this.#enter('retrying', failure.code);
    await idle(ms, signal);
    this.#retryAt = undefined;
  }

  /** What was begun with the old certificate goes on until it ends by itself; then its session ends, and the old pair may go. */
  #release(sessions: readonly ApiSession[], signal: AbortSignal): void {
    const { overlay, controller } = this.#options;
    const release = async (): Promise<void> => {
      for (const session of sessions) {
        await overlay.withoutSession(session, signal);
        if (signal.aborted) return;
        await controller.endSession(session);
      }
      this.#dropPrevious();
    };
    const released = release().finally(() => this.#releases.delete(released));
    this.#releases.add(released);
  }

  /** A run of before may have ended before what it renewed was in use. */
  #dropPreviousOnceReady(signal: AbortSignal): void {
    const { overlay, files } = this.#options;
    const drop = (): void => {
      if (overlay.state !== 'ready' || files.hasNext || this.#lastRenewedAt !== null) return;
      this.#dropPrevious();
      watch[Symbol.dispose]();
    };
    const watch = overlay.onState(drop);
    signal.addEventListener('abort', () => watch[Symbol.dispose](), { once: true });
    drop();
  }

  /** One that stays is of no use to anybody: it signs in no more. */
  #dropPrevious(): void {
    const { files, log } = this.#options;
    try {
      files.dropPrevious();
    } catch (thrown) {
      log.debug({ err: asVitalmeshError(thrown) }, 'the previous identity file cannot be taken away');
    }
  }

  #dueAt(): Instant {
    const { notBefore, notAfter } = validityOf(this.#options.held.inUse);
    return Math.round(notBefore + (notAfter - notBefore) * (DUE.from + DUE.spread * this.#lateness));
  }

  #isUrgent(): boolean {
    const { notBefore, notAfter } = validityOf(this.#options.held.inUse);
    return notAfter - this.#options.clock.now() < (notAfter - notBefore) * URGENT;
  }

  #levelOf({ code }: VitalmeshError): 'debug' | 'warn' | 'error' {
    if (this.#isUrgent()) return this.#errors.due(code) ? 'error' : 'debug';
    return this.#code === code ? 'debug' : 'warn';
  }

  #backoff(): Backoff {
    const { notBefore, notAfter } = validityOf(this.#options.held.inUse);
    const life = notAfter - notBefore;
    const minMs = Math.min(RETRY.firstMs, Math.max(RETRY.leastMs, life * RETRY.minPart));
    return new Backoff(minMs, Math.min(RETRY.mostMs, Math.max(minMs, life * RETRY.maxPart)), this.#random);
  }

  #enter(state: RenewalStatus['state'], code: ErrorCode | null): void {
    this.#state = state;
    this.#code = code;
  }
}
