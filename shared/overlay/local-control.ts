import type { Socket } from 'node:net';
import { asVitalmeshError, VitalmeshError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { limited, rejectedBy } from './limit.ts';
import { readLines } from './lines.ts';
import { openLocalSocket } from './local-opening.ts';
import { type ClientMessage, errorOf, LOCAL_LIMITS, parseLine, SWITCH_MESSAGE, type SwitchMessage, writeLine } from './local-wire.ts';
import type { ConnectionListener, ServiceInfo } from './overlay.ts';

/** A service that this side hosts. */
export interface LocalHosting {
  service: string;
  listener: ConnectionListener;
}

/** Somebody dials a hosted service. */
export type DialNotice = Extract<SwitchMessage, { op: 'dial' }>;
type Reply = Extract<SwitchMessage, { re: number }>;
type Ask = { op: 'bind'; service: string } | { op: 'unbind'; binding: number } | { op: 'services' };

/** The standing connection of an overlay to the switch. */
export class LocalControl {
  readonly #socket: Socket;
  readonly #requestTimeoutMs: number;
  readonly #closed = new AbortController();
  readonly #replies = new Map<number, (reply: Reply) => void>();
  /** By the number under which the switch knows them. */
  readonly #hosted = new Map<number, LocalHosting>();
  #lastId = 0;

  private constructor(socket: Socket, requestTimeoutMs: number) {
    this.#socket = socket;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /** Attaches to the switch. Errors as `openLocalSocket`. */
  static async open(socketPath: string, identity: Identity, requestTimeoutMs: number, signal: AbortSignal): Promise<LocalControl> {
    return new LocalControl(await openLocalSocket(socketPath, { op: 'attach', identity }, signal), requestTimeoutMs);
  }

  /** Aborts when the connection is over. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Reads until the connection ends, for whatever reason. Throws OVERLAY-PROTOCOL when the switch breaks the protocol. */
  async run(onDial: (notice: DialNotice, hosted: LocalHosting | undefined) => void): Promise<void> {
    try {
      for await (const line of readLines(this.#socket, LOCAL_LIMITS.controlLineBytes)) {
        const message = parseLine(SWITCH_MESSAGE, line);
        if ('op' in message) onDial(message, this.#hosted.get(message.binding));
        else this.#replies.get(message.re)?.(message);
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#socket.destroy();
    this.#closed.abort();
  }

  async bind(hosted: LocalHosting): Promise<void> {
    const id = this.#nextId();
    // Known before the request, because the first dial can come right behind the reply.
    this.#hosted.set(id, hosted);
    try {
      await this.#ask(id, { op: 'bind', service: hosted.service });
    } catch (error) {
      this.#hosted.delete(id);
      throw error;
    }
  }

  async unbind(hosted: LocalHosting): Promise<void> {
    for (const [binding, other] of this.#hosted) {
      if (other !== hosted) continue;
      this.#hosted.delete(binding);
      await this.#ask(this.#nextId(), { op: 'unbind', binding });
    }
  }

  async services(): Promise<readonly ServiceInfo[]> {
    const { services = [] } = await this.#ask(this.#nextId(), { op: 'services' });
    return services;
  }

  /** Tells the dialer that nobody will take the connection. */
  refuse({ circuit }: DialNotice): void {
    writeLine(this.#socket, { op: 'refuse', circuit } satisfies ClientMessage);
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Errors: what the switch refused with, OVERLAY-UNREACHABLE when the connection is lost, OVERLAY-TIMEOUT. */
  async #ask(id: number, ask: Ask): Promise<{ services?: readonly ServiceInfo[] | undefined }> {
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#replies.set(id, resolve);
    try {
      const reply = await limited({ timeoutMs: this.#requestTimeoutMs }, this.closed, (signal) => {
        writeLine(this.#socket, { ...ask, id } satisfies ClientMessage);
        return Promise.race([promise, rejectedBy(signal)]);
      });
      if ('error' in reply) throw errorOf(reply);
      return reply;
    } catch (error) {
      throw this.closed.aborted ? new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'the switch went away' }) : asVitalmeshError(error);
    } finally {
      this.#replies.delete(id);
    }
  }
}
