import { once } from 'node:events';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { VitalmeshError } from '../../../shared/errors.ts';
import { pause } from '../../../shared/lifecycle.ts';
import type { FeedEvent, FeedRound, FeedSink } from './contract.ts';
import { framed, type SyslogSender, syslogMessage } from './syslog-message.ts';

export interface SyslogSinkOptions {
  /** For whom its certificate must be: a name or an address. */
  host: string;
  to: string;
  /** Opens what TLS goes over: TCP, or an overlay service. */
  dial(signal: AbortSignal): Promise<Duplex>;
  /** Read anew for each connection, so that they can be replaced. Throws AUDIT-FEED-TLS. */
  credentials(): Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;
  sender: SyslogSender;
  round: FeedRound;
  /** For a handshake, for a piece that is not taken, and for the end that answers ours. */
  limitMs?: number;
  /** How long a line is watched between the last piece and our end. Longer than a round trip. */
  settleMs?: number;
}

type Options = SyslogSinkOptions & { limitMs: number; settleMs: number };

/** Handed over at a time. */
const PIECE_BYTES = 64 * 1024;

/**
 * Syslog over TLS (RFC 5425). It has no acknowledgement, but a connection has an end: a receiver that ends it *in answer to our end* has read all that stood
 * before it. So each round of entries is a connection; one that breaks, or that the receiver ends by itself, confirms nothing. Before our end the line is watched
 * for a moment: an end that the receiver had sent before it read everything, or a reset in answer to what it did not read, has come by then.
 */
export class SyslogSink implements FeedSink {
  readonly round: FeedRound;
  readonly #options: Options;
  #line: Line | undefined;
  /** More than heartbeats was sent since the last confirmation. */
  #owes = false;

  constructor(options: SyslogSinkOptions) {
    this.#options = { limitMs: 30_000, settleMs: 1000, ...options };
    this.round = options.round;
  }

  async send(events: readonly FeedEvent[], signal: AbortSignal): Promise<void> {
    const { sender } = this.#options;
    // Nothing is lost with a connection that ended while nothing was on its way.
    if (this.#line?.failure && !this.#owes) this.#drop();
    this.#line ??= await Line.open(this.#options, signal);
    this.#owes ||= events.some(({ type }) => type !== 'heartbeat');
    await this.#guarded(async (line) => {
      let piece: Buffer[] = [];
      let bytes = 0;
      for (const event of events) {
        const frame = framed(syslogMessage(event, sender));
        piece.push(frame);
        bytes += frame.length;
        if (bytes < PIECE_BYTES) continue;
        await line.write(Buffer.concat(piece), signal);
        [piece, bytes] = [[], 0];
      }
      if (bytes > 0) await line.write(Buffer.concat(piece), signal);
    });
  }

  async confirm(signal: AbortSignal): Promise<void> {
    if (!this.#line) return;
    await this.#guarded((line) => line.end(signal));
    this.#drop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drop();
  }

  async #guarded(work: (line: Line) => Promise<void>): Promise<void> {
    try {
      if (!this.#line) throw new VitalmeshError('AUDIT-FEED-UNREACHABLE', { detail: `${this.#options.to}: the connection is gone` });
      await work(this.#line);
    } catch (thrown) {
      this.#drop();
      throw thrown;
    }
  }

  #drop(): void {
    this.#line?.destroy();
    this.#line = undefined;
    this.#owes = false;
  }
}

/** One connection. */
class Line {
  readonly #socket: TLSSocket;
  readonly #options: Options;
  readonly #over = new AbortController();
  #isEnding = false;
  #hasEnded = false;
  failure: VitalmeshError | undefined;

  private constructor(socket: TLSSocket, below: Duplex, options: Options) {
    const { to } = options;
    this.#socket = socket;
    this.#options = options;
    socket.on('error', (error) => this.#fail(refusal(error, to)));
    below.on('error', (error) => this.#fail(refusal(error, to)));
    socket.once('close', () => below.destroy());
    socket.once('end', () => {
      if (!this.#isEnding) this.#fail(unreachable(to, 'the receiver ended the connection'));
      this.#hasEnded = true;
    });
    socket.once('close', () => this.#fail(unreachable(to, 'the connection was cut')));
    // A receiver has nothing to say, but its end is only heard by who reads.
    socket.resume();
  }

  static async open(options: Options, signal: AbortSignal): Promise<Line> {
    const { host, to, dial, credentials, limitMs } = options;
    const within = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    const trusted = credentials();
    let below: Duplex;
    try {
      below = await dial(within);
    } catch (error) {
      throw refusal(error, to);
    }
    let socket: TLSSocket;
    try {
      socket = connect({ socket: below, host, ...(isIP(host) === 0 && { servername: host }), minVersion: 'TLSv1.2', ...trusted });
    } catch (cause) {
      below.destroy();
      throw new VitalmeshError('AUDIT-FEED-TLS', { detail: `${to}: certificate or key cannot be used`, cause });
    }
    const line = new Line(socket, below, options);
    try {
      await once(socket, 'secureConnect', { signal: within });
    } catch (error) {
      line.destroy();
      throw line.failure ?? (within.aborted ? unreachable(to, 'no TLS in time') : refusal(error, to));
    }
    return line;
  }

  /** Resolves once the line has taken it. */
  async write(bytes: Buffer, signal: AbortSignal): Promise<void> {
    await this.#within(signal, (resolve) => this.#socket.write(bytes, (error) => void (error ?? resolve())), 'the receiver does not read');
  }

  /** Ends it, and resolves once the receiver has ended it in answer and nothing went wrong until it was closed. */
  async end(signal: AbortSignal): Promise<void> {
    await pause(this.#options.settleMs, AbortSignal.any([signal, this.#over.signal]));
    if (this.failure) throw this.failure;
    this.#isEnding = true;
    await this.#within(
      signal,
      (resolve) => {
        this.#socket.once('close', (hadError) => {
          if (this.#hasEnded && !hadError && !this.failure?.cause) resolve();
        });
        this.#socket.end();
      },
      'the receiver does not end the connection in answer',
    );
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #fail(failure: VitalmeshError): void {
    this.failure ??= failure;
    this.#socket.destroy();
    this.#over.abort();
  }

  async #within(signal: AbortSignal, work: (resolve: () => void) => void, late: string): Promise<void> {
    const limit = new AbortController();
    const until = AbortSignal.any([signal, this.#over.signal, limit.signal]);
    let isDone = false;
    if (!until.aborted)
      await new Promise<void>((resolve) => {
        const done = (): void => {
          isDone = true;
          limit.abort();
          resolve();
        };
        void pause(this.#options.limitMs, until).then(resolve);
        work(done);
      });
    if (isDone) return;
    throw this.failure ?? unreachable(this.#options.to, signal.aborted ? 'the hub stops' : late);
  }
}

function unreachable(to: string, why: string): VitalmeshError {
  return new VitalmeshError('AUDIT-FEED-UNREACHABLE', { detail: `${to}: ${why}` });
}

/** What the codes of the system and of OpenSSL mean for whoever set the receiver up. */
const MEANT: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is not found',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ECONNREFUSED: 'nothing listens there',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is not for that host',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of no authority in caFile',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is of no authority in caFile',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of no authority in caFile',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of no authority in caFile',
  CERT_SIGNATURE_FAILURE: 'its certificate is of no authority in caFile',
};

/** What certificates and handshakes say begins otherwise than what the system says of lines. */
function refusal(error: unknown, to: string): VitalmeshError {
  if (error instanceof DOMException) return unreachable(to, 'no connection in time');
  const { code = 'no reason given', syscall } = error as NodeJS.ErrnoException;
  const isLine = syscall !== undefined || error instanceof VitalmeshError || /^(?:E[A-Z]+|EAI_AGAIN|no reason given)$/.test(code);
  const meant = Object.hasOwn(MEANT, code) ? `: ${MEANT[code]}` : '';
  return new VitalmeshError(isLine ? 'AUDIT-FEED-UNREACHABLE' : 'AUDIT-FEED-TLS', { detail: `${to}${meant} (${code})`, cause: error });
}
