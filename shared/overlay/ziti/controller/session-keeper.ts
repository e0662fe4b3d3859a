import type { Clock } from '../../../clock.ts';
import { VitalmeshError } from '../../../errors.ts';
import { pause } from '../../../lifecycle.ts';
import { machineSleep, type SleepWatch } from '../../../waking.ts';
import { limited, rejectedBy } from '../../limit.ts';
import type { ApiSession } from './contract.ts';
import type { Exchange } from './exchange.ts';
import type { SignedIn, SignIn } from './sign-in.ts';

/** A session and what became of it so far. */
export interface KeptSession {
  readonly session: ApiSession;
  /** As the controller gave it, for the next renewal. */
  readonly signedIn: SignedIn;
  /** What requests carry to show it. */
  readonly headers: Readonly<Record<string, string>>;
  /** The controller has taken it on a call at least once. */
  proven: boolean;
}

export interface KeeperOptions {
  signIn: SignIn;
  exchange: Exchange;
  clock: Clock;
  random: () => number;
  /** For one sign-in, and for one renewal. */
  timeoutMs: number;
  /** Pause between a sign-in whose session was refused at its first use and the next sign-in. */
  refusedPauseMs: number;
  /** This machine's unless told. */
  sleep?: Pick<SleepWatch, 'onWake'>;
}

/** With less than this left of a session's life it is not renewed by itself; who needs one then renews it, or signs in. */
const MIN_LEFT_MS = 1000;
/** Timers of Node end at 2^31 ms; nobody needs to wait that long. */
const MAX_RENEWAL_MS = 24 * 60 * 60 * 1000;

/**
 * Has one session at a time: signs in when one is needed and there is none, once for all who wait, and renews it before it ends; one whose
 * token has run out is renewed if that can still be done, for what was made with it then stays good.
 */
export class SessionKeeper {
  readonly #options: KeeperOptions;
  readonly #closed = new AbortController();
  readonly #sessionListeners = new Set<(session: ApiSession) => void>();
  readonly #tokenListeners = new Set<(session: ApiSession) => void>();
  #kept: KeptSession | undefined;
  /** When the present session was asked for, by both clocks. */
  #asked = { wallMs: 0, monotonicMs: 0 };
  #lifetimeMs = 0;
  #renewableUntilMs = 0;
  #signedInAtMs = 0;
  #firstUseRefused = false;
  #signedInBefore = false;
  #obtaining: Promise<KeptSession> | undefined;
  #renewing: { kept: KeptSession; renewed: Promise<KeptSession> } | undefined;
  #renewal: NodeJS.Timeout | undefined;
  readonly #waking: Disposable;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#waking = (options.sleep ?? machineSleep).onWake(() => this.#lookAgain());
  }

  /** The present session, if there is one. */
  get present(): ApiSession | undefined {
    return this.#kept?.session;
  }

  /** The present session; signs in when there is none. Aborting `signal` ends this wait, not a sign-in that others wait for too. */
  async current(signal: AbortSignal): Promise<KeptSession> {
    signal.throwIfAborted();
    if (this.#kept && this.#leftMs() > 0) return this.#kept;
    return await Promise.race([this.#shared(() => this.#obtain()), rejectedBy(signal)]);
  }

  /** A session of a sign-in that begins now. The one of before stays as it is, and its owner's to end. */
  async again(signal: AbortSignal): Promise<KeptSession> {
    const earlier = this.#obtaining?.catch(() => undefined);
    await Promise.race([earlier, rejectedBy(signal)]);
    return await Promise.race([this.#shared(() => this.#signIn()), rejectedBy(signal)]);
  }

  /** One way to a session at a time, for all who wait. */
  #shared(obtain: () => Promise<KeptSession>): Promise<KeptSession> {
    this.#obtaining ??= obtain().finally(() => {
      this.#obtaining = undefined;
    });
    return this.#obtaining;
  }

  /** The controller says that its token has run out, whatever our clock says. The next `current` renews it. */
  expired(lapsed: KeptSession): void {
    if (this.#kept !== lapsed) return;
    clearTimeout(this.#renewal);
    this.#lifetimeMs = 0;
  }

  /** The controller does not know this session, or knows it no more. The next `current` signs in anew. */
  refused(refused: KeptSession): void {
    if (this.#kept !== refused) return;
    this.#forget();
    this.#firstUseRefused = !refused.proven;
  }

  onSession(listener: (session: ApiSession) => void): Disposable {
    return registered(this.#sessionListeners, listener);
  }

  onToken(listener: (session: ApiSession) => void): Disposable {
    return registered(this.#tokenListeners, listener);
  }

  /** Ends every wait, and hands out the session that is left to be ended. */
  close(): ApiSession | undefined {
    const left = this.#kept?.session;
    this.#forget();
    this.#waking[Symbol.dispose]();
    this.#closed.abort();
    return left;
  }

  async #obtain(): Promise<KeptSession> {
    const lapsed = this.#kept;
    if (!lapsed || this.#options.clock.monotonicMs() >= this.#renewableUntilMs) return await this.#signIn();
    try {
      return await this.#renewOnce(lapsed);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.refused(lapsed);
      return await this.#signIn();
    }
  }

  async #signIn(): Promise<KeptSession> {
    const { signIn, exchange, timeoutMs } = this.#options;
    return await limited({ timeoutMs }, this.#closed.signal, async (signal) => {
      await this.#pauseAfterRefusal(signal);
      const asked = this.#now();
      const signedIn = await signIn.signIn(exchange, signal);
      signal.throwIfAborted();
      const kept = this.#keep(signedIn, asked);
      this.#signedInAtMs = this.#options.clock.monotonicMs();
      if (this.#signedInBefore) tell(this.#sessionListeners, kept.session);
      this.#signedInBefore = true;
      return kept;
    });
  }

  /**
   * A session made in the second in which the identity was changed is refused at once, one made a second later is good
   * (openziti-network.md §4.3). It also keeps a controller that refuses every session from being asked without a pause.
   */
  async #pauseAfterRefusal(signal: AbortSignal): Promise<void> {
    if (!this.#firstUseRefused) return;
    this.#firstUseRefused = false;
    const waitMs = this.#signedInAtMs + this.#options.refusedPauseMs - this.#options.clock.monotonicMs();
    if (waitMs > 0) await pause(waitMs, signal);
    signal.throwIfAborted();
  }

  /** Its life counts from when it was asked for: the machine may have slept before the answer was read. */
  #keep(signedIn: SignedIn, asked: { wallMs: number; monotonicMs: number }): KeptSession {
    const { signIn } = this.#options;
    const { session, lifetimeMs, renewableMs = lifetimeMs } = signedIn;
    const expiresAt = asked.wallMs + lifetimeMs;
    const kept = { session: { ...session, expiresAt }, signedIn, headers: signIn.headers(session), proven: false };
    this.#kept = kept;
    this.#asked = asked;
    this.#lifetimeMs = lifetimeMs;
    this.#renewableUntilMs = asked.monotonicMs + renewableMs;
    this.#renewLater(kept);
    return kept;
  }

  #forget(): void {
    this.#kept = undefined;
    clearTimeout(this.#renewal);
  }

  /** Between a half and five sixths of what is left, so that many gateways that signed in together do not renew together. */
  #renewLater(kept: KeptSession): void {
    const leftMs = this.#leftMs();
    clearTimeout(this.#renewal);
    if (leftMs < MIN_LEFT_MS) return;
    this.#renewal = setTimeout(() => void this.#renew(kept), Math.min(MAX_RENEWAL_MS, leftMs * (1 / 2 + this.#options.random() / 3)));
    this.#renewal.unref();
  }

  /** Timers do not count the time of a machine that slept: the token may be about to end, or have ended, while its channels still live. */
  #lookAgain(): void {
    const kept = this.#kept;
    if (!kept || this.#obtaining) return;
    if (this.#leftMs() >= MIN_LEFT_MS) this.#renewLater(kept);
    else void this.#renew(kept);
  }

  /**
   * What is left of the token by the clock by which more has passed. The one that never jumps stands still while a machine sleeps; the
   * other may be set, forward too, which costs one renewal and no more: the next life counts from there.
   */
  #leftMs(): number {
    const now = this.#now();
    return this.#lifetimeMs - Math.max(now.wallMs - this.#asked.wallMs, now.monotonicMs - this.#asked.monotonicMs);
  }

  #now(): { wallMs: number; monotonicMs: number } {
    const { clock } = this.#options;
    return { wallMs: clock.now(), monotonicMs: clock.monotonicMs() };
  }

  /** An answer that is lost costs nothing: the same is asked for again. */
  async #renew(kept: KeptSession): Promise<void> {
    try {
      await this.#renewOnce(kept);
    } catch (error) {
      if (!isRefusal(error)) {
        if (this.#kept === kept) this.#renewLater(kept);
        return;
      }
      this.refused(kept);
      // Channels of OIDC outlive their session for a while, so there is time to put others in their place.
      if (kept.session.kind === 'oidc') await this.current(this.#closed.signal).catch(() => undefined);
    }
  }

  #renewOnce(kept: KeptSession): Promise<KeptSession> {
    if (this.#renewing?.kept === kept) return this.#renewing.renewed;
    const { signIn, exchange, timeoutMs } = this.#options;
    const renewed = limited({ timeoutMs }, this.#closed.signal, async (signal) => {
      const asked = this.#now();
      const signedIn = await signIn.renew(kept.signedIn, exchange, signal);
      signal.throwIfAborted();
      // Another session may have taken its place.
      if (this.#kept !== kept) throw new VitalmeshError('OVERLAY-SIGN-IN');
      const fresh = this.#keep(signedIn, asked);
      fresh.proven = kept.proven || kept.session.kind === 'certificate';
      if (fresh.session.token !== kept.session.token) tell(this.#tokenListeners, fresh.session);
      return fresh;
    }).finally(() => {
      if (this.#renewing?.kept === kept) this.#renewing = undefined;
    });
    this.#renewing = { kept, renewed };
    return renewed;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof VitalmeshError && error.code === 'OVERLAY-SIGN-IN';
}

function registered(listeners: Set<(session: ApiSession) => void>, listener: (session: ApiSession) => void): Disposable {
  // Wrapped, so that one function registered twice counts twice.
  const entry = (session: ApiSession): void => listener(session);
  listeners.add(entry);
  return { [Symbol.dispose]: () => void listeners.delete(entry) };
}

function tell(listeners: ReadonlySet<(session: ApiSession) => void>, session: ApiSession): void {
  for (const listener of [...listeners]) listener(session);
}
