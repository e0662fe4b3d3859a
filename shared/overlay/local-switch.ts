import { randomBytes, type X509Certificate } from 'node:crypto';
import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../errors.ts';
import { namedTrustDomain } from '../identity/chain.ts';
import { readCertificates } from '../identity/identity.ts';
import type { Logger } from '../log.ts';
import { Metrics } from '../metrics.ts';
import { limited } from './limit.ts';
import { closeOnError, readLine } from './lines.ts';
import { Switchboard } from './local-switchboard.ts';
import {
  failureOf,
  LOCAL_LIMITS,
  NONCE_BYTES,
  OPENING,
  type Opening,
  parseLine,
  requestText,
  verifyProof,
  writeLine,
} from './local-wire.ts';
import type { ServicePolicy } from './policy.ts';

export interface LocalSwitchOptions extends ServicePolicy {
  /** Where the socket is made: a folder of this user with mode 0700; created when missing. */
  folder: string;
  /** Whom to believe: the CA of the network, PEM: root, usually with the intermediate. They name its trust domain. */
  trusted: string;
  /** The name shown of an identity; none unless told, because a certificate's common name proves nothing. */
  names?: (identityId: string) => string | undefined;
  log: Logger;
  /** Counts `overlay_switch_refused{<code>}` and `overlay_switch_connections`. */
  metrics?: Metrics;
  clock?: Clock;
  /** For a host to answer a dial; 5,000 ms unless told. */
  hostAnswerMs?: number;
  /** For a client to say what it wants; 5,000 ms unless told. */
  openingMs?: number;
}

export interface LocalSwitch extends AsyncDisposable {
  readonly socketPath: string;
}

const SOCKET_NAME = 'overlay.sock';
/** Room for the path of a Unix socket (`sun_path` in unix(7)), without its final zero byte. */
const MAX_SOCKET_PATH_BYTES = 107;
const BACKLOG = 4096;
/** Connections whose opening is not finished. */
const MAX_OPENING = 2048;

/** What happens while processes start and stop; the rest is worth an operator's eye. */
const EVERYDAY: ReadonlySet<ErrorCode> = new Set(['OVERLAY-NO-TERMINATOR', 'OVERLAY-CLOSED']);

/**
 * The overlay of one machine: a switch on a Unix socket that everybody else connects out to. It authenticates by the identities'
 * own certificates, asks the policy, and joins the dialer's connection with one that the host opens for it.
 * Throws OVERLAY-SWITCH when the folder is open to others or another switch already runs there.
 */
export async function startLocalSwitch(options: LocalSwitchOptions): Promise<LocalSwitch> {
  checkFolder(options.folder);
  const socketPath = join(options.folder, SOCKET_NAME);
  if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) throw unusable(`the path ${socketPath} is too long for a Unix socket`);
  await removeStaleSocket(socketPath);
  const running = new Switch(options);
  await running.listen(socketPath);
  return { socketPath, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

class Switch implements AsyncDisposable {
  readonly #options: LocalSwitchOptions;
  readonly #trusted: readonly X509Certificate[];
  readonly #trustDomain: string;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #board: Switchboard;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stopped = new AbortController();
  #opening = 0;

  constructor(options: LocalSwitchOptions) {
    this.#options = options;
    this.#trusted = readCertificates(options.trusted, 'ca');
    this.#trustDomain = namedTrustDomain(this.#trusted);
    this.#metrics = options.metrics ?? new Metrics();
    this.#clock = options.clock ?? systemClock;
    this.#board = new Switchboard({
      policy: options,
      names: options.names,
      hostAnswerMs: options.hostAnswerMs ?? LOCAL_LIMITS.hostAnswerMs,
    });
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => void this.#serve(socket));
  }

  listen(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => reject(unusable(socketPath, cause)));
      this.#server.listen({ path: socketPath, backlog: BACKLOG }, resolve);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#stopped.abort();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(socket: Socket): Promise<void> {
    closeOnError(socket);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#metrics.count('overlay_switch_connections');
    try {
      await this.#answer(socket);
    } catch (thrown) {
      if (socket.destroyed) return;
      const error = asVitalmeshError(thrown);
      this.#metrics.count('overlay_switch_refused', error.code);
      const level = EVERYDAY.has(error.code) ? 'debug' : 'warn';
      this.#options.log[level]({ err: error }, 'a connection to the local overlay was refused');
      writeLine(socket, failureOf(error));
      socket.destroySoon();
    }
  }

  async #answer(socket: Socket): Promise<void> {
    const nonce = randomBytes(NONCE_BYTES).toString('base64');
    const opening = await this.#readOpening(socket, nonce);
    if (opening.op === 'accept') {
      this.#board.accept(socket, opening.circuit);
    } else {
      const { identityId } = verifyProof(opening, nonce, requestText(opening), {
        trusted: this.#trusted,
        trustDomain: this.#trustDomain,
        now: this.#clock.now(),
      });
      if (opening.op === 'dial') await this.#board.dial(socket, identityId, opening.service);
      else await this.#board.attend(socket, identityId);
    }
  }

  async #readOpening(socket: Socket, nonce: string): Promise<Opening> {
    if (this.#opening >= MAX_OPENING) throw new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'too many connections at once' });
    this.#opening += 1;
    try {
      writeLine(socket, { nonce });
      const line = await limited({ timeoutMs: this.#options.openingMs ?? LOCAL_LIMITS.openingMs }, this.#stopped.signal, (signal) =>
        readLine(socket, LOCAL_LIMITS.openingLineBytes, signal),
      );
      if (line === undefined) throw new VitalmeshError('OVERLAY-CLOSED', { detail: 'the client went away without a request' });
      return parseLine(OPENING, line);
    } finally {
      this.#opening -= 1;
    }
  }
}

/** A folder that others may enter would let them take the socket's place. */
function checkFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    const { uid, mode } = stat;
    if (!stat.isDirectory()) throw unusable(`${folder} is no folder`);
    if (uid !== process.getuid?.()) throw unusable(`${folder} belongs to another user`);
    if ((mode & 0o077) !== 0) throw unusable(`${folder} is open to others`);
  } catch (error) {
    throw error instanceof VitalmeshError ? error : unusable(folder, error);
  }
}

/** A killed switch leaves its socket behind; one that still answers keeps it. */
async function removeStaleSocket(socketPath: string): Promise<void> {
  const answered = await new Promise<boolean>((resolve) => {
    const probe = connect(socketPath);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (answered) throw unusable(`another switch runs at ${socketPath}`);
  rmSync(socketPath, { force: true });
}

function unusable(detail: string, cause?: unknown): VitalmeshError {
  return new VitalmeshError('OVERLAY-SWITCH', { cause, detail });
}
