import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import type { MessageKey } from '../../decoding.ts';
import type { Appended, OutboxStatus, Stamped } from '../outbox.ts';
import { Gathering } from './batch.ts';
import { Origins } from './origins.ts';
import { Pace } from './pace.ts';
import {
  type CallName,
  type Calls,
  type Report,
  type Request,
  type Requests,
  type ThreadData,
  type ThreadOptions,
  unpackError,
} from './protocol.ts';

/** The thread's program, beside this file and of its kind: the published package holds JavaScript. */
const PROGRAM = new URL(`thread${extname(import.meta.filename)}`, import.meta.url);

/** Its heap in MiB: a list of 100,000 messages takes ten. What SQLite uses is not in it. */
const RESOURCES = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 6 } as const;

/** Messages on their way at a time: one that is being committed, and one behind it. What comes meanwhile gathers, and shares a commit. */
const MOST_UNTAKEN = 2;
/**
 * So many go at once where none is on its way, and not when the sources had their turn: a turn of thirty senders takes as long as the commit of half of them,
 * and the thread would wait for it.
 */
const ENOUGH = 16;
/** A message takes no further append once it holds so much. */
const [MOST_ROWS, MOST_BYTES] = [256, 1024 * 1024];

/** Who waits for an answer. */
interface Waiting {
  isAppend: boolean;
  settle(result: unknown): void;
  fail(error: VitalmeshError): void;
}

export interface OutboxThreadOptions {
  options: ThreadOptions;
  clock: Clock;
  /** Told of each report, when what it answers is settled. */
  onReport(report: Report): void;
  /** Told when it ended, by itself or because it was closed. */
  onEnd(error: VitalmeshError): void;
  /** Another program, for tests. */
  program?: URL | undefined;
}

/** One life of the thread of an outbox: what is asked of it, in order, and who waits for its answers. */
export class OutboxThread {
  readonly #clock: Clock;
  readonly #onReport: (report: Report) => void;
  readonly #onEnd: (error: VitalmeshError) => void;
  readonly #worker: Worker;
  readonly #opened = Promise.withResolvers<OutboxStatus>();
  readonly #over = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #origins = new Origins();
  #gathering: Gathering | undefined;
  #queue: (Gathering | Request)[] = [];
  #next = 0;
  #untaken = 0;
  /** Appends that were sent and are not answered, and when some were last. */
  #unanswered = 0;
  #sentMs = 0;
  readonly #pace = new Pace();
  #timer: NodeJS.Timeout | undefined;
  #scheduled: NodeJS.Immediate | undefined;
  #end: VitalmeshError | undefined;

  constructor({ options, clock, onReport, onEnd, program = PROGRAM }: OutboxThreadOptions) {
    this.#clock = clock;
    this.#onReport = onReport;
    this.#onEnd = onEnd;
    const workerData: ThreadData = { options, aheadMs: this.#aheadMs() };
    this.#worker = new Worker(program, { workerData, resourceLimits: RESOURCES });
    this.#worker.on('message', (report: Report) => this.#reported(report));
    this.#worker.on('error', (thrown: Error & { code?: string }) => this.#ended(thrown.code ?? thrown.name));
    this.#worker.on('exit', (code) => {
      this.#ended(`exit code ${code}`);
      this.#over.resolve();
    });
    this.#opened.promise.catch(() => undefined);
  }

  /** Resolves with how it was found once it is open. Rejects as `openOutbox` does, and with STORAGE-THREAD. */
  get opened(): Promise<OutboxStatus> {
    return this.#opened.promise;
  }

  /** Why it is over; undefined while it is not. */
  get end(): VitalmeshError | undefined {
    return this.#end;
  }

  append(records: readonly ReadingRecord[], message: MessageKey | undefined, { run }: Stamped = {}): Promise<Appended> {
    if (this.#end) return Promise.reject(this.#end);
    const number = this.#open().add(records, message, run);
    this.#pace.came(performance.now());
    // Maybe it was the last that was waited for.
    if (this.#timer) this.#soon();
    const answer = this.#answer(number, true) as Promise<Appended>;
    if (this.#unanswered === 0 && !this.#pace.isSlow && (this.#gathering?.appends ?? 0) >= ENOUGH) this.#send();
    return answer;
  }

  call<N extends CallName>(name: N, ...args: Parameters<Calls[N]>): ReturnType<Calls[N]> {
    if (!this.#end) this.#ask({ is: 'call', number: this.#next, name, args });
    return (this.#end ? Promise.reject(this.#end) : this.#answer(this.#next, false)) as ReturnType<Calls[N]>;
  }

  /** Resolves when all that was asked for is answered, and the thread is over. */
  async close(): Promise<void> {
    if (!this.#end) this.#ask({ is: 'close' });
    await this.#over.promise;
  }

  #answer(number: number, isAppend: boolean): Promise<unknown> {
    this.#next = number + 1;
    return new Promise((settle, fail) => this.#waiting.set(number, { isAppend, settle, fail }));
  }

  /** Where the next append goes. */
  #open(): Gathering {
    const open = this.#gathering;
    if (open && open.rows < MOST_ROWS && open.bytes < MOST_BYTES) return open;
    const begun = new Gathering(this.#next, this.#origins);
    this.#gathering = begun;
    this.#queue.push(begun);
    this.#soon();
    return begun;
  }

  #ask(request: Request): void {
    // What comes behind it is behind it.
    this.#gathering = undefined;
    this.#queue.push(request);
    this.#soon();
  }

  /** When the sources had their turn. */
  #soon(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#send();
    });
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waitMs = this.#waitMs(performance.now());
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.#send(), waitMs);
      return;
    }
    while (this.#queue.length > 0 && this.#untaken < MOST_UNTAKEN && !this.#end) {
      const taken = this.#load();
      const requests = taken.map((one): Request => (one instanceof Gathering ? { is: 'append', batch: one.take() } : one));
      const bodies = requests.flatMap((request) => (request.is === 'append' ? [request.batch.bodies] : []));
      this.#untaken += 1;
      for (const one of taken) if (one instanceof Gathering) this.#unanswered += one.appends;
      this.#sentMs = performance.now();
      this.#worker.postMessage({ aheadMs: this.#aheadMs(), requests } satisfies Requests, bodies);
    }
  }

  /** What is asked for besides appends is held up by none. */
  #waitMs(nowMs: number): number {
    if (this.#queue.some((one) => !(one instanceof Gathering))) return 0;
    return this.#unanswered > 0 ? this.#pace.holdMs(nowMs, this.#sentMs) : this.#pace.waitMs(nowMs);
  }

  /** As much as one message may hold. */
  #load(): (Gathering | Request)[] {
    let [count, rows, bytes] = [0, 0, 0];
    while (count < this.#queue.length && rows < MOST_ROWS && bytes < MOST_BYTES) {
      const next = this.#queue[count];
      if (next instanceof Gathering) [rows, bytes] = [rows + next.rows, bytes + next.bytes];
      count += 1;
    }
    const taken = this.#queue.splice(0, count);
    if (this.#queue.length === 0) this.#gathering = undefined;
    return taken;
  }

  #aheadMs(): number {
    return this.#clock === systemClock ? 0 : this.#clock.now() - Date.now();
  }

  #reported(report: Report): void {
    this.#untaken -= report.taken;
    const answered = this.#settleAppends(report);
    if (answered > 0) this.#pace.answered(performance.now(), answered, report.commitMs);
    for (const reply of report.replies) {
      if ('error' in reply) this.#take(reply.number)?.fail(unpackError(reply.error));
      else this.#take(reply.number)?.settle(reply.result);
    }
    this.#onReport(report);
    if (report.opened) this.#opened.resolve(report.opened);
    if (report.ended) this.#finish(report.ended.error ? unpackError(report.ended.error) : new VitalmeshError('STORAGE-CLOSED'));
    else if (this.#queue.length > 0 && this.#scheduled === undefined) this.#send();
  }

  /** How many. */
  #settleAppends({ appended, epochOfAppended: epoch }: Report): number {
    let answered = 0;
    for (let at = 0; at < appended.length; ) {
      const [number = 0, isNameUsed = 0, rows = 0] = [appended[at], appended[at + 1], appended[at + 2]];
      const keys = appended.slice(at + 3, at + 3 + rows).map((seq) => ({ epoch, seq }));
      this.#take(number)?.settle({ keys, isNameUsed: isNameUsed === 1 } satisfies Appended);
      at += 3 + rows;
      answered += 1;
    }
    return answered;
  }

  /** Who waited for it. */
  #take(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (waiting?.isAppend) this.#unanswered -= 1;
    return waiting;
  }

  #ended(detail: string): void {
    this.#finish(new VitalmeshError('STORAGE-THREAD', { detail }));
  }

  /** What a thread did that ended without an answer shows when the file is opened anew. */
  #finish(end: VitalmeshError): void {
    if (this.#end) return;
    this.#end = end;
    clearImmediate(this.#scheduled);
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#opened.reject(end);
    this.#onEnd(end);
    for (const { fail } of this.#waiting.values()) fail(end);
    this.#waiting.clear();
  }
}
