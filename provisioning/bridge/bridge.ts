import type { Duplex } from 'node:stream';
import { DEFAULT_LIMITS } from '../../hub/mcp/limits.ts';
import { asVitalmeshError, ERRORS, VitalmeshError } from '../../shared/errors.ts';
import { Backoff, pause } from '../../shared/lifecycle.ts';
import type { Logger } from '../../shared/log.ts';
import { jsonLines, TOO_LONG } from '../../shared/mcp-line/json-lines.ts';
import { tokenLine } from '../../shared/mcp-line/token-line.ts';
import { onAbort } from '../../shared/overlay/limit.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { Conversation } from './conversation.ts';
import { Host } from './host.ts';

export interface BridgeOptions {
  overlay: Pick<Overlay, 'dial'>;
  /** Overlay service of the hub's line wire. */
  service: string;
  stdin: AsyncIterable<Uint8Array>;
  stdout: NodeJS.WritableStream;
  /** The access token to show, asked for anew before each line; without it the identity is all that is shown. */
  token?: () => string;
  log: Logger;
  /** Between attempts; from a quarter of a second to fifteen unless told. */
  retry?: { minMs: number; maxMs: number };
  /** How long a question waits for a connection, and whoever follows something is left without a word while there is none; 10,000 ms unless told. */
  patienceMs?: number;
  /** Once the client has closed: how long a hub may take to be reached with its last questions, and one that has them to answer; 5,000 and 30,000 ms unless told. */
  last?: { dialsMs: number; answersMs: number };
  /** How long a hub may take nothing of what it is told before the connection to it is made anew; 60,000 ms unless told. */
  stallMs?: number;
}

/** Of a line of the client the bridge reads so much; what the hub answers is smaller. */
export const MAX_LINE = 4 * 1024 * 1024;
/** Hubs take so much of a client's line, unless told otherwise. */
const MAX_TAKEN = DEFAULT_LIMITS.bodyBytes;
/** Lines, and characters of all of them, that wait for a connection that takes them; a client that says more meanwhile is not read. */
const MOST_WAITING = 256;
const MOST_WAITING_CHARS = 8 * 1024 * 1024;
const RETRY = { minMs: 250, maxMs: 15_000 };
const PATIENCE_MS = 10_000;
const STALL_MS = 60_000;
const LAST = { dialsMs: 5_000, answersMs: 30_000 };

/**
 * Standard input and output to the hub's line wire and back, until standard input ends or `signal` aborts. A connection that is lost is made again, and the conversation taken up where it was.
 * While there is none, what is asked is answered with why; so is, in the end, whatever the hub has not answered, and then this throws it too: why it was not reached (OVERLAY-*), or did not answer
 * (OVERLAY-TIMEOUT). It throws, at once, what nobody but a person can mend (ACCESS-TOKEN-FILE).
 */
export async function runBridge(options: BridgeOptions, signal: AbortSignal): Promise<void> {
  await new Bridge(options, signal).run();
}

interface Waiting {
  line: string;
  sinceMs: number;
}

class Bridge {
  readonly #options: BridgeOptions;
  readonly #conversation = new Conversation();
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  readonly #host: Host;
  #connection: Duplex | undefined;
  /** Lines of the client that no connection has taken. */
  #waiting: Waiting[] = [];
  /** Runs while the hub takes nothing. */
  #stall: NodeJS.Timeout | undefined;
  /** Runs while the hub says nothing because it is away. */
  #silence: NodeJS.Timeout | undefined;
  #shownToken: string | undefined;
  #hasConnected = false;
  /** Why the last attempt to connect failed. */
  #absence: VitalmeshError | undefined;
  /** Why this ends otherwise than as it should. */
  #failure: VitalmeshError | undefined;
  /** Called whenever something was answered, passed on or lost. */
  #moved = Promise.withResolvers<void>();

  constructor(options: BridgeOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = AbortSignal.any([signal, this.#over.signal]);
    this.#host = new Host(options.stdout, this.#signal, () => this.#hasMoved());
  }

  async run(): Promise<void> {
    // Nobody waits for standard input: it may say nothing for ever.
    void this.#readClient()
      .catch((thrown: unknown) => this.#failsToRead(thrown))
      .finally(() => this.#over.abort());
    using _ending = onAbort(this.#signal, () => this.#connection?.destroy());
    try {
      await this.#keepConnected();
    } catch (thrown) {
      this.#failure = asVitalmeshError(thrown);
      this.#answerWaiting(this.#failure);
    } finally {
      this.#over.abort();
      clearTimeout(this.#silence);
    }
    if (this.#failure) throw this.#failure;
  }

  async #readClient(): Promise<void> {
    for await (const line of jsonLines(this.#options.stdin, MAX_LINE)) {
      if (line === TOO_LONG || line.length > MAX_TAKEN) await this.#refuseLong(line === TOO_LONG ? '' : line.toString('utf8'));
      else this.#say(line.toString('utf8'));
      while (this.#isFull() && !this.#signal.aborted) await this.#moves();
      if (this.#signal.aborted) return;
    }
    await this.#answerLast();
  }

  /** The hub would refuse it without having read whose question it is, and nobody would answer that. */
  async #refuseLong(line: string): Promise<void> {
    this.#options.log.warn({ limit: MAX_TAKEN }, 'a line of the client is too long; it was not passed on');
    await this.#host.tell(Conversation.refused(line, new VitalmeshError('MCP-REQUEST', { detail: `at most ${MAX_TAKEN} bytes a line` })));
  }

  /** Whether so much waits for the hub, or for the client itself to take it, that no more of the client is read. */
  #isFull(): boolean {
    if (this.#host.isFull) return true;
    let chars = 0;
    for (const { line } of this.#waiting) chars += line.length;
    return this.#waiting.length >= MOST_WAITING || chars >= MOST_WAITING_CHARS;
  }

  /** Standard input that fails has ended; a token that cannot be read is for a person to mend. */
  #failsToRead(thrown: unknown): void {
    if (!isForPerson(thrown)) {
      this.#options.log.warn({ err: thrown }, 'standard input failed');
      return;
    }
    this.#failure = thrown;
    this.#answerWaiting(thrown);
  }

  /** The client has closed. What it asked last is answered by the hub, or else by the bridge; a hub that was never reached is told of even when nothing was asked. */
  async #answerLast(): Promise<void> {
    const { dialsMs, answersMs } = this.#options.last ?? LAST;
    const sinceMs = performance.now();
    const limitMs = (): number => (this.#connection ? answersMs : dialsMs);
    const isAwaited = (): boolean =>
      this.#waiting.length + this.#conversation.unanswered > 0 || (!this.#hasConnected && this.#absence === undefined);
    while (isAwaited() && performance.now() - sinceMs < limitMs() && !this.#signal.aborted) await this.#moves();
    if (this.#signal.aborted || (this.#hasConnected && !isAwaited())) return;
    this.#failure = this.#absence ?? new VitalmeshError('OVERLAY-TIMEOUT', { detail: 'standard input has ended' });
    this.#answerWaiting(this.#failure);
    // All at once: a client that reads none of it is not waited for longer than a hub.
    const told = this.#conversation.lost(this.#failure).map((line) => this.#host.tell(line));
    await Promise.race([Promise.all(told), pause(limitMs(), this.#signal)]);
  }

  #say(line: string): void {
    this.#waiting.push({ line, sinceMs: performance.now() });
    if (this.#connection) this.#passWaiting(this.#connection);
  }

  /** A line is passed on, or waits where the hub has not taken those before it. */
  #passWaiting(connection: Duplex): void {
    for (let next = this.#waiting[0]; next && !connection.writableNeedDrain; next = this.#waiting[0]) {
      this.#showToken(connection);
      this.#waiting.shift();
      const refusal = this.#conversation.fromClient(next.line);
      if (refusal === undefined) connection.write(`${next.line}\n`);
      else void this.#host.tell(refusal);
    }
    if (connection.writableNeedDrain) this.#stall ??= setTimeout(() => connection.destroy(), this.#options.stallMs ?? STALL_MS);
  }

  /** The hub takes more. */
  #drained(connection: Duplex): void {
    this.#endStall();
    try {
      this.#passWaiting(connection);
    } catch (thrown) {
      this.#failsToRead(thrown);
      this.#over.abort();
    }
    this.#hasMoved();
  }

  #endStall(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
  }

  #showToken(connection: Duplex): void {
    const token = this.#options.token?.();
    if (token === undefined || token === this.#shownToken) return;
    this.#shownToken = token;
    connection.write(tokenLine(token));
  }

  async #keepConnected(): Promise<void> {
    const { overlay, service, log, retry = RETRY } = this.#options;
    let backoff = new Backoff(retry.minMs, retry.maxMs);
    while (!this.#signal.aborted) {
      try {
        const connection = await overlay.dial(service, { signal: this.#signal });
        if (this.#signal.aborted) {
          connection.on('error', () => undefined).destroy();
          return;
        }
        this.#hasConnected = true;
        this.#absence = undefined;
        log.info({ service }, 'connected to the hub');
        const sinceMs = performance.now();
        // A hub that takes a connection and ends it again would else be asked four times a second, at the cost of all whose identity it is.
        if ((await this.#converse(connection)) && performance.now() - sinceMs > retry.maxMs)
          backoff = new Backoff(retry.minMs, retry.maxMs);
        if (!this.#signal.aborted) log.warn({ service }, 'the connection to the hub is lost; it is made again');
      } catch (thrown) {
        if (this.#signal.aborted) return;
        const error = asVitalmeshError(thrown);
        if (!ERRORS[error.code].retryable) throw error;
        log.warn({ service, err: error }, 'the hub is not reached; it is tried again');
        this.#absence = error;
        this.#answerWaiting(error, this.#options.patienceMs ?? PATIENCE_MS);
      }
      await pause(backoff.nextMs(), this.#signal);
    }
  }

  /** Nobody waits for ever for a hub that is not there: whoever has waited for so long is told why. */
  #answerWaiting(error: VitalmeshError, patienceMs = 0): void {
    const overdueMs = performance.now() - patienceMs;
    const overdue = this.#waiting.filter(({ sinceMs }) => sinceMs <= overdueMs);
    this.#waiting = this.#waiting.filter(({ sinceMs }) => sinceMs > overdueMs);
    for (const { line } of overdue) void this.#host.tell(Conversation.unreached(line, error));
    this.#hasMoved();
  }

  /** Until the connection ends. True where the hub said anything on it, and did not refuse to take the conversation up again. */
  async #converse(connection: Duplex): Promise<boolean> {
    const { service, log } = this.#options;
    let hasHeard = false;
    connection.on('error', () => connection.destroy());
    connection.on('drain', () => this.#drained(connection));
    try {
      this.#shownToken = undefined;
      this.#showToken(connection);
      for (const line of this.#conversation.again()) connection.write(`${line}\n`);
      this.#connection = connection;
      this.#passWaiting(connection);
      for await (const line of jsonLines(connection, MAX_LINE)) {
        hasHeard = true;
        if (line === TOO_LONG) continue;
        await this.#host.tell(this.#conversation.fromHub(line.toString('utf8')));
        for (const next of this.#conversation.more()) connection.write(`${next}\n`);
        this.#hasMoved();
        if (!this.#conversation.refused) {
          clearTimeout(this.#silence);
          this.#silence = undefined;
          continue;
        }
        log.warn({ service, refused: this.#conversation.refused }, 'the hub does not take the session up again; it is asked anew');
        return false;
      }
    } catch (thrown) {
      // How it ended does not matter otherwise.
      if (isForPerson(thrown)) throw thrown;
    } finally {
      this.#connection = undefined;
      this.#endStall();
      connection.destroy();
      for (const line of this.#conversation.lost()) await this.#host.tell(line);
      if (!this.#silence) this.#awaitSilence();
      this.#hasMoved();
    }
    return hasHeard;
  }

  #awaitSilence(): void {
    this.#silence = setTimeout(() => this.#tellOfSilence(), this.#options.patienceMs ?? PATIENCE_MS);
  }

  /** Once for each time that the hub is away; of a client that takes nothing meanwhile it waits until it does. */
  #tellOfSilence(): void {
    if (this.#host.isBehind) {
      this.#awaitSilence();
      return;
    }
    const why = this.#absence ?? new VitalmeshError('OVERLAY-CLOSED');
    for (const line of this.#conversation.silent(why)) void this.#host.tell(line);
  }

  async #moves(): Promise<void> {
    await Promise.race([this.#moved.promise, pause(1_000, this.#signal)]);
  }

  #hasMoved(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers<void>();
  }
}

function isForPerson(thrown: unknown): thrown is VitalmeshError {
  return thrown instanceof VitalmeshError && thrown.code === 'ACCESS-TOKEN-FILE';
}
