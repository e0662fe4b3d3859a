import type { Duplex } from 'node:stream';
import { VitalmeshError } from '../../../shared/errors.ts';
import { deeperThan } from '../../../shared/json-depth.ts';
import { jsonLines, TOO_LONG } from '../../../shared/mcp-line/json-lines.ts';
import { headerText, isObject, type LineMessage, lineMessage } from '../../../shared/mcp-line/messages.ts';
import { eventData } from '../../../shared/mcp-line/server-sent.ts';
import { AUTHORIZATION, tokenIn } from '../../../shared/mcp-line/token-line.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import type { OverlayHttp } from '../../../shared/overlay/http-client.ts';
import { rpcError } from '../errors.ts';
import type { McpLimits } from '../limits.ts';
import { MCP_PATH } from '../request.ts';
import type { LineAdmission } from './line-admission.ts';

export interface LineOptions {
  /** To the endpoint of this hub, as the caller of this connection. */
  http: Pick<OverlayHttp, 'fetch' | 'origin'>;
  admission: LineAdmission;
  limits: Pick<McpLimits, 'bodyBytes' | 'jsonDepth' | 'requestMs' | 'stallMs'>;
  metrics: Pick<Metrics, 'count'>;
}

/** A question that is under way. */
interface UnderWay {
  controller: AbortController;
  /** Resolves when its answer was said, or nobody waits for it any more. Of a subscription there is no answer to wait for. */
  answered: Promise<void> | undefined;
}

/** Questions of one connection that are under way at the same time. */
const MOST_AT_ONCE = 64;
/** How long the end of a session may take. */
const SESSION_END_MS = 5_000;
/** Longest line of somebody whom the hub does not know: the longest token fits. */
const STRANGER_LINE_BYTES = 32 * 1024;
/** Lines that are no messages, and notifications that are refused, after which a connection is not listened to any more. */
const MOST_BAD_LINES = 32;
const NEWLINE = 0x0a;
/** How long a peer has, at the end, to take what it is told last. */
const LAST_WORDS_MS = 1_000;
const ACCEPT = 'application/json, text/event-stream';
/** Of the 16 KiB that the head of a request has: for the token, and what a message says of itself. */
const MOST_HEAD_CHARS = 15 * 1024;

/**
 * One client of the line wire: JSON-RPC, a message a line (MCP, stdio framing), in either revision. Every message becomes a request to the hub's own HTTP endpoint as this caller, so that
 * there is one code that admits, meters, answers and ends, and only the framing is here. A session of 2025-11-25 lives as long as the connection, its event stream is opened with it; when
 * the hub ends that stream, the connection ends.
 */
export class LineConversation {
  readonly #stream: Duplex;
  readonly #options: LineOptions;
  readonly #url: URL;
  /** Ends all that is under way with the connection. */
  readonly #over = new AbortController();
  readonly #underWay = new Map<string | number, UnderWay>();
  /** Of 2025-11-25, once it was initialized. */
  #session: { id: string; revision: string } | undefined;
  /** Nothing of an older client is passed on while its session is being made. */
  #opening: Promise<unknown> = Promise.resolve();
  #token: string | undefined;
  #badLines = 0;
  #drained: Promise<unknown> | undefined;

  constructor(stream: Duplex, options: LineOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#url = new URL(MCP_PATH, options.http.origin);
  }

  /** Reads until the connection ends; resolves then, and never rejects. */
  async run(): Promise<void> {
    this.#stream.once('close', () => this.#over.abort());
    try {
      // Not destroyed where this stops to listen: what was said last is still on its way.
      const chunks = this.#stream.iterator({ destroyOnReturn: false });
      for await (const line of jsonLines(this.#timely(chunks), () => this.#lineBytes())) {
        await this.#take(line);
        if (this.#isHeardOut()) break;
      }
      if (!this.#isHeardOut()) await this.#answerLast();
    } catch {
      // Cut off: whoever accepted the stream has counted its error.
    }
    await this.#endSession();
    this.#over.abort();
    this.#leave();
  }

  /** Whether it has said so much that is no good that it is not listened to any more. */
  #isHeardOut(): boolean {
    return this.#badLines > MOST_BAD_LINES || this.#options.admission.isOver;
  }

  /** The client says no more, and may still read: what it asked is answered, each answer in the time that it has anyway. What it follows ends with the line. */
  async #answerLast(): Promise<void> {
    await Promise.all([...this.#underWay.values()].map(({ answered }) => answered));
  }

  /** The same chunks. A line that was begun must end within the time of a request: whoever sends a byte now and then is cut, as over HTTP. */
  async *#timely(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { requestMs } = this.#options.limits;
    let timer: NodeJS.Timeout | undefined;
    try {
      for await (const chunk of chunks) {
        if (chunk.includes(NEWLINE)) {
          clearTimeout(timer);
          timer = undefined;
        }
        if (chunk.at(-1) !== NEWLINE) timer ??= setTimeout(() => this.#cut('line'), requestMs);
        yield chunk;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #cut(why: 'line' | 'stalled'): void {
    this.#options.metrics.count('mcp_lines_cut', why);
    this.#stream.destroy();
  }

  /** Closes, with a moment for what was said last. */
  #leave(): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    const timer = setTimeout(() => stream.destroy(), LAST_WORDS_MS);
    stream.once('close', () => clearTimeout(timer));
    stream.end(() => stream.destroy());
  }

  #lineBytes(): number {
    const { admission, limits } = this.#options;
    return admission.isStranger ? Math.min(STRANGER_LINE_BYTES, limits.bodyBytes) : limits.bodyBytes;
  }

  async #take(line: Buffer | typeof TOO_LONG): Promise<void> {
    const { jsonDepth } = this.#options.limits;
    if (line === TOO_LONG) return await this.#bad('MCP-REQUEST', `at most ${this.#lineBytes()} bytes`);
    const text = utf8(line);
    if (text === undefined) return await this.#bad('MCP-JSON', 'not UTF-8');
    const message = lineMessage(parsed(text));
    if (deeperThan(text, jsonDepth)) return await this.#bad('MCP-JSON', `nested deeper than ${jsonDepth}`, message && questionId(message));
    if (!message) return await this.#bad('MCP-JSON', 'one message of JSON-RPC a line');
    if (message.method === AUTHORIZATION) this.#token = tokenIn(message.params);
    const isKnown = await this.#isKnown();
    if (message.method !== AUTHORIZATION && !(message.method === 'notifications/cancelled' && this.#cancels(message))) {
      const carried = this.#pass(message, text);
      // What is no question takes no place among those at once, and a stranger has none: each is over before more is read.
      if (!isKnown || questionId(message) === undefined) await carried;
    }
    // A reader that does not take its answers asks no more.
    await this.#drained;
  }

  /** Whether the hub knows who says a line; those of a stranger are counted. */
  async #isKnown(): Promise<boolean> {
    const { admission } = this.#options;
    const isKnown = await admission.stands(this.#token);
    if (!isKnown) admission.count();
    return isKnown;
  }

  /** True where that was all that it takes: a question of the newer revision ends with its request. */
  #cancels({ params: { requestId } }: LineMessage): boolean {
    const asked = typeof requestId === 'string' || typeof requestId === 'number' ? this.#underWay.get(requestId) : undefined;
    asked?.controller.abort();
    return this.#session === undefined;
  }

  /** Resolves when what comes of it was said; never rejects. */
  async #pass(message: LineMessage, text: string): Promise<void> {
    const { method, revision } = message;
    const id = questionId(message);
    const isOld = revision === undefined;
    const controller = new AbortController();
    const before = isOld ? this.#opening : Promise.resolve();
    if (id === undefined) {
      await before;
      return await this.#carry(message, text, controller);
    }
    if (this.#underWay.has(id))
      return await this.#refuse(id, new VitalmeshError('MCP-ID', { detail: 'a question with this id is under way' }));
    if (this.#underWay.size >= MOST_AT_ONCE) {
      const detail = `at most ${MOST_AT_ONCE} questions at once on one connection`;
      return await this.#refuse(id, new VitalmeshError('MCP-LIMIT', { detail }));
    }
    const carried = before.then(() => this.#carry(message, text, controller)).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, { controller, answered: method === 'subscriptions/listen' ? undefined : carried });
    if (isOld && method === 'initialize') this.#opening = carried;
    await carried;
  }

  /** Never rejects. */
  async #carry(message: LineMessage, text: string, { signal }: AbortController): Promise<void> {
    const id = questionId(message);
    try {
      const answer = await this.#request('POST', { body: text, message, signal });
      if (answer.status === 401 || answer.status === 403) this.#options.admission.doubt();
      if (!answer.ok && id === undefined) this.#badLines += 1;
      const isOpened = message.method === 'initialize' && message.revision === undefined && this.#opened(answer);
      await this.#relay(answer, id, isOpened);
      if (isOpened) void this.#listen();
    } catch {
      // Given up by the client, or with the connection: nobody waits for an answer. Else the hub is ending.
      if (!signal.aborted && !this.#over.signal.aborted) this.#stream.destroy();
    }
  }

  /** True where a session began by it. A second opening is refused by the first one's session, which goes on. */
  #opened(answer: Response): boolean {
    const id = answer.headers.get('mcp-session-id');
    if (id === null || this.#session) return false;
    this.#session = { id, revision: '' };
    return true;
  }

  /** The event stream of a session: what the hub tells without being asked. */
  async #listen(): Promise<void> {
    try {
      await this.#relay(await this.#request('GET', {}), undefined);
    } catch {
      // As when it ends.
    }
    this.#leave();
  }

  async #endSession(): Promise<void> {
    if (!this.#session) return;
    // A timer of its own, since `AbortSignal.timeout` holds what waits on it until its time is over.
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), SESSION_END_MS);
    try {
      const answer = await this.#request('DELETE', { signal: late.signal });
      await answer.body?.cancel();
    } catch {
      // It ends by itself when nobody uses it.
    } finally {
      clearTimeout(timer);
    }
  }

  #request(
    method: 'GET' | 'POST' | 'DELETE',
    { body, message, signal }: { body?: string; message?: LineMessage; signal?: AbortSignal },
  ): Promise<Response> {
    const headers = new Headers({ accept: method === 'GET' ? 'text/event-stream' : ACCEPT });
    if (body !== undefined) headers.set('content-type', 'application/json');
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`);
    if (message?.revision !== undefined) {
      const { revision, method, name } = message;
      this.#repeat(headers, { 'mcp-protocol-version': revision, 'mcp-method': method, 'mcp-name': name });
    } else if (this.#session) {
      headers.set('mcp-session-id', this.#session.id);
      if (this.#session.revision !== '') headers.set('mcp-protocol-version', this.#session.revision);
    }
    const ends = method === 'DELETE' ? [] : [this.#over.signal];
    return this.#options.http.fetch(this.#url, {
      ...{ method, headers, signal: AbortSignal.any([...ends, ...(signal ? [signal] : [])]) },
      ...(body !== undefined && { body }),
    });
  }

  /** Says in headers what a message says of itself. What a head has no room for is left out, and the endpoint refuses that question alone; too long a head would end the connection, with all that is asked on it. */
  #repeat(headers: Headers, said: Readonly<Record<string, string | undefined>>): void {
    let room = MOST_HEAD_CHARS - (this.#token?.length ?? 0);
    for (const [header, value] of Object.entries(said)) {
      const text = value === undefined ? undefined : headerText(value);
      if (text === undefined || text.length > room) continue;
      room -= text.length;
      headers.set(header, text);
    }
  }

  /** Writes what an answer says, a message a line. */
  async #relay(answer: Response, id: LineMessage['id'], isOpening = false): Promise<void> {
    if (answer.headers.get('content-type')?.startsWith('text/event-stream') && answer.body) {
      for await (const data of eventData(answer.body)) {
        const message = parsed(data);
        if (isOpening) this.#agreed(message);
        if (isObject(message)) await this.#write(message);
      }
      return;
    }
    const message = parsed(await answer.text());
    if (isOpening) this.#agreed(message);
    // What is said of something else than a question must not pass for the answer to one.
    if (isObject(message)) await this.#write(id === undefined || message.id === null ? { ...message, id: id ?? null } : message);
    else if (id !== undefined && !answer.ok) await this.#refuse(id, new VitalmeshError('MCP-REQUEST', { detail: `HTTP ${answer.status}` }));
  }

  /** The revision that a session was opened in is said in every request of it. */
  #agreed(message: unknown): void {
    const result = isObject(message) && isObject(message.result) ? message.result : {};
    if (this.#session && typeof result.protocolVersion === 'string') this.#session.revision = result.protocolVersion;
  }

  async #bad(code: 'MCP-JSON' | 'MCP-REQUEST', detail: string, id?: string | number): Promise<void> {
    this.#badLines += 1;
    await this.#write({ ...rpcError(new VitalmeshError(code, { detail }), id) });
  }

  async #refuse(id: string | number, error: VitalmeshError): Promise<void> {
    await this.#write({ ...rpcError(error, id) });
  }

  /** Resolves when there is room for more. A reader that makes none for too long is cut: what it asked for is held for it meanwhile. */
  async #write(message: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    if (this.#stream.write(`${JSON.stringify(message)}\n`)) return;
    const timer = this.#drained ? undefined : setTimeout(() => this.#cut('stalled'), this.#options.limits.stallMs);
    this.#drained ??= drained(this.#stream, this.#over.signal).finally(() => {
      clearTimeout(timer);
      this.#drained = undefined;
    });
    await this.#drained;
  }
}

/** The id under which a message is answered; that of an answer is none. */
function questionId({ id, isAnswer }: LineMessage): string | number | undefined {
  return isAnswer ? undefined : id;
}

function drained(stream: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    stream.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
