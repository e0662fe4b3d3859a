import type { Duplex } from 'node:stream';
import type { Channel } from './channel/contract.ts';
import { updateToken } from './channel/update-token.ts';
import type { ApiSession, EdgeRouter } from './controller/contract.ts';

/** A channel that has proved its session, and what is carried over it. */
export class Route {
  readonly channel: Channel;
  readonly router: EdgeRouter;
  #session: ApiSession;
  readonly #retired = new AbortController();
  #circuits = 0;
  #dials = 0;
  #doubted = false;
  #outdated = false;
  #closesWhenIdle = false;

  constructor(channel: Channel, router: EdgeRouter, session: ApiSession) {
    this.channel = channel;
    this.router = router;
    this.#session = session;
  }

  /** The API session that the channel was opened with, and the token of it that the router was shown last. */
  get session(): ApiSession {
    return this.#session;
  }

  /** Shows the router a newer token of the session; nothing when it is another one's. Errors: those of `updateToken`. */
  async showToken(session: ApiSession, signal: AbortSignal): Promise<void> {
    if (session.id !== this.#session.id || session.token === this.#session.token || this.channel.closed.aborted) return;
    const shown = this.#session;
    this.#session = session;
    try {
      await updateToken(this.channel, session.token, signal);
    } catch (error) {
      if (this.#session === session) this.#session = shown;
      throw error;
    }
  }

  /** Connections that it carries, and dials that are under way. */
  get load(): number {
    return this.#circuits + this.#dials;
  }

  /** Counts a dial until what this returns is disposed. */
  dialling(): Disposable {
    this.#dials += 1;
    return {
      [Symbol.dispose]: () => {
        this.#dials -= 1;
      },
    };
  }

  /** Its API session is not the present one. */
  get isOutdated(): boolean {
    return this.#outdated;
  }

  /** Others are preferred: from a dial that it left unanswered until its router answers again, and when its API session is not the present one. */
  get isSecondChoice(): boolean {
    return this.#doubted || this.#outdated;
  }

  /** Aborted when another channel has taken its place, or its router is no longer for this identity: nothing new goes over it. */
  get retired(): AbortSignal {
    return this.#retired.signal;
  }

  get usable(): boolean {
    return !this.channel.closed.aborted && !this.#retired.signal.aborted;
  }

  retire(): void {
    this.#retired.abort();
  }

  /** There is a new API session, and not yet a channel of it to this router. */
  outdate(): void {
    this.#outdated = true;
  }

  /** What is carried goes on; with its end the channel ends. */
  closeWhenIdle(): void {
    this.#closesWhenIdle = true;
    if (this.#circuits === 0) void this.channel[Symbol.asyncDispose]();
  }

  /** Counts the connection until it is closed. */
  carry(connection: Duplex): void {
    this.#circuits += 1;
    connection.once('close', () => {
      this.#circuits -= 1;
      if (this.#closesWhenIdle) this.closeWhenIdle();
    });
  }

  /** It left a dial unanswered: second choice until the router answers a probe. One that stays silent ends by the channel's own limits. */
  doubt(): void {
    if (this.#doubted) return;
    this.#doubted = true;
    this.channel.probe(this.channel.closed).then(
      () => {
        this.#doubted = false;
      },
      // The channel has ended, and this with it.
      () => undefined,
    );
  }
}
