import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync } from 'node:zlib';
import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, isErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Identity } from '../../shared/identity/identity.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { sessionError, UPLINK_SETTINGS, widenWindow } from '../../shared/uplink/http2.ts';
import { secureDialer } from '../../shared/uplink/inner-tls.ts';
import { entryText, readBatchResponse } from '../../shared/uplink/kinds.ts';
import { formatTold, parseStorePosition, type StorePosition } from '../../shared/uplink/lineage.ts';
import { type Carried, closeInOrder, cut, keepAlive } from '../../shared/uplink/liveness.ts';
import { FHIR_JSON, readHello, UPLINK_HEADERS, UPLINK_PATHS, UPLINK_VERSION } from '../../shared/uplink/protocol.ts';
import { within } from '../../shared/uplink/within.ts';
import type { BatchAnswer, Greeting, Link } from './contract.ts';
import type { LaneName } from './share.ts';

/** Time limits of a connection, milliseconds. */
export interface LinkTimes {
  /** Dial and inner TLS, each. */
  setupMs: number;
  /** From sending a request to its whole answer. */
  answerMs: number;
  /** How long nothing may come before a PING goes out; `awaitingPingEveryMs` while an answer is awaited. */
  pingEveryMs: number;
  awaitingPingEveryMs: number;
  pingLimitMs: number;
}

export interface LinkOptions {
  overlay: Overlay;
  service: string;
  identity: Identity;
  /** Ids of the identities that the hub may have, or `any` of the network. */
  hubIdentity: readonly string[] | 'any';
  /** Random per process. */
  instance: string;
  /** The epoch of the outbox at the time of the request. */
  epoch(): string;
  times: LinkTimes;
  clock: Clock;
  /** Takes what the hub tells of its evidence (`UPLINK_HEADERS.checkpoint`), with the store that its greeting named. */
  onCheckpoint?: ((header: string, storeId: string) => void) | undefined;
}

const pack = promisify(zstdCompress);

/** Smaller bundles are packed at once: quicker than a way to the thread pool and back. */
const AT_ONCE_CHARS = 16 * 1024;

/** An answer to a thousand refused entries has about 300 KiB. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * Dials the service, proves both ends to each other by TLS inside the connection, and begins HTTP/2. Nothing of the agent's data
 * is sent before the hub's identity was checked. Errors: OVERLAY-*, UPLINK-PEER, IDENTITY-*. Its `post` rejects as the hub refuses the whole
 * batch, and with UPLINK-ANSWER, UPLINK-SILENT, OVERLAY-CLOSED.
 */
export async function openLink(
  { overlay, service, identity, hubIdentity, times, clock, ...rest }: LinkOptions,
  signal: AbortSignal,
): Promise<Link> {
  const raw = await overlay.dial(service, { signal, timeoutMs: times.setupMs });
  raw.on('error', () => undefined);
  const abandon = (): void => void raw.destroy();
  signal.addEventListener('abort', abandon, { once: true });
  try {
    const expectedPeer = hubIdentity === 'any' ? undefined : (id: string) => hubIdentity.includes(id);
    const { stream, peer } = await secureDialer(raw, identity, { expectedPeer, clock, timeoutMs: times.setupMs });
    return new Http2Link(raw, stream, peer.identityId, times, rest);
  } catch (thrown) {
    raw.destroy();
    throw asVitalmeshError(thrown, 'OVERLAY-CLOSED');
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

class Http2Link implements Link {
  readonly peer: string;
  readonly closed: Promise<VitalmeshError>;
  readonly entryText = entryText;
  readonly #session: ClientHttp2Session;
  readonly #carried: Carried;
  readonly #times: LinkTimes;
  readonly #who: Pick<LinkOptions, 'instance' | 'epoch' | 'onCheckpoint'>;
  #awaited = 0;
  /** As the greeting named it. */
  #storeId: string | undefined;

  constructor(raw: Duplex, stream: Duplex, peer: string, times: LinkTimes, who: Pick<LinkOptions, 'instance' | 'epoch' | 'onCheckpoint'>) {
    this.peer = peer;
    this.#times = times;
    this.#who = who;
    stream.on('error', () => undefined);
    const session = connect('http://vitalmesh', { createConnection: () => stream, settings: UPLINK_SETTINGS });
    this.#session = session;
    this.#carried = { session, raw };
    this.closed = new Promise((resolve) => {
      let reason: unknown;
      session.on('error', (error) => {
        reason ??= error;
      });
      session.once('close', () => resolve(sessionError(reason)));
    });
    session.once('connect', () => widenWindow(session));
    keepAlive(this.#carried, {
      everyMs: times.pingEveryMs,
      awaitingEveryMs: Math.min(times.pingEveryMs, times.awaitingPingEveryMs),
      isAwaiting: () => this.#awaited > 0,
      limitMs: times.pingLimitMs,
    });
  }

  async greet(told: readonly StorePosition[]): Promise<Greeting> {
    const before = told.length > 0 && { [UPLINK_HEADERS.told]: formatTold(told) };
    const { json, checkpoint } = await this.#ask({ ':method': 'GET', ':path': UPLINK_PATHS.hello, ...before });
    const hello = readHello(json);
    this.#storeId = hello.storeId;
    this.#witness(checkpoint);
    if (!hello.versions.includes(UPLINK_VERSION)) {
      throw new VitalmeshError('UPLINK-VERSION', { detail: `the hub serves ${hello.versions.slice(0, 8).join(', ')}` });
    }
    const { limits, now, storeId, configRevision, lineage: epochs, position } = hello;
    const lineage = epochs === undefined || position === undefined ? null : { epochs, position };
    return { limits: { entries: limits.batchEntries, bytes: limits.batchBytes }, now, storeId, configRevision, lineage };
  }

  async post(bundle: string, ids: readonly string[], lane: LaneName): Promise<BatchAnswer> {
    const body = bundle.length <= AT_ONCE_CHARS ? zstdCompressSync(bundle) : await pack(bundle);
    const headers = {
      ':method': 'POST',
      ':path': UPLINK_PATHS.fhir,
      'content-type': FHIR_JSON,
      'content-encoding': 'zstd',
      'content-length': body.length,
      [UPLINK_HEADERS.lane]: lane,
    };
    const { json, committed, checkpoint } = await this.#ask(headers, body);
    this.#witness(checkpoint);
    const outcomes = readBatchResponse(json, ids);
    if (committed === undefined) return { outcomes };
    const at = parseStorePosition(committed);
    if (at === undefined) throw new VitalmeshError('UPLINK-ANSWER', { detail: UPLINK_HEADERS.committed });
    return { outcomes, at };
  }

  close(limitMs: number): Promise<void> {
    return closeInOrder(this.#carried, limitMs);
  }

  destroy(): void {
    cut(this.#carried);
  }

  #witness(checkpoint: string | undefined): void {
    if (checkpoint !== undefined && this.#storeId !== undefined) this.#who.onCheckpoint?.(checkpoint, this.#storeId);
  }

  /** The JSON of a 200 answer, where it says that it was committed and what it tells of the evidence; any other answer becomes the error it names. */
  async #ask(headers: OutgoingHttpHeaders, body?: Buffer): Promise<Pick<Answer, 'committed' | 'checkpoint'> & { json: unknown }> {
    if (this.#session.destroyed || this.#session.closed) throw new VitalmeshError('OVERLAY-CLOSED');
    const stream = this.#session.request({
      ...headers,
      [UPLINK_HEADERS.version]: String(UPLINK_VERSION),
      [UPLINK_HEADERS.instance]: this.#who.instance,
      [UPLINK_HEADERS.epoch]: this.#who.epoch(),
    });
    stream.end(body);
    this.#awaited += 1;
    try {
      const late = (): VitalmeshError => new VitalmeshError('UPLINK-SILENT', { detail: 'no answer in time' });
      const { status, text, committed, checkpoint } = await within(readAnswer(stream), this.#times.answerMs, late);
      const json = parseJson(text);
      if (status !== 200) throw refusedWith(status, json);
      return { json, committed, checkpoint };
    } finally {
      this.#awaited -= 1;
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    }
  }
}

interface Answer {
  status: number;
  text: string;
  committed: string | undefined;
  checkpoint: string | undefined;
}

/** Status, whole body and what an answer says of its commit, and of the hub's evidence. Rejects when the stream is cut before its end. */
function readAnswer(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let committed: string | undefined;
    let checkpoint: string | undefined;
    let bytes = 0;
    let isRead = false;
    const chunks: Buffer[] = [];
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0;
      committed = headers[UPLINK_HEADERS.committed]?.toString();
      checkpoint = headers[UPLINK_HEADERS.checkpoint]?.toString();
    });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) stream.destroy(new VitalmeshError('UPLINK-ANSWER', { detail: 'too long' }));
      else chunks.push(chunk);
    });
    stream.on('end', () => {
      if (status === 0 || stream.aborted) return;
      isRead = true;
      resolve({ status, text: Buffer.concat(chunks, bytes).toString('utf8'), committed, checkpoint });
    });
    stream.on('error', (error) => reject(sessionError(error)));
    stream.on('close', () => {
      // An error that nobody is told of costs as much as reading an answer.
      if (!isRead) reject(new VitalmeshError('OVERLAY-CLOSED'));
    });
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new VitalmeshError('UPLINK-ANSWER', { detail: 'not JSON' });
  }
}

function refusedWith(status: number, json: unknown): VitalmeshError {
  const { code } = (json ?? {}) as { code?: unknown };
  const named: ErrorCode | undefined = typeof code === 'string' && isErrorCode(code) ? code : undefined;
  return new VitalmeshError(named ?? (status === 503 ? 'INGEST-UNAVAILABLE' : 'UPLINK-ANSWER'), { detail: `the hub answered ${status}` });
}
