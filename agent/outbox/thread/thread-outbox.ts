import type { Clock } from '../../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import type { KnownTime } from '../../../shared/time/clock-run.ts';
import type { RowKey } from '../../../shared/uplink/key.ts';
import type { Lineage, StorePosition } from '../../../shared/uplink/lineage.ts';
import type { MessageKey } from '../../decoding.ts';
import type { OutboxOptions } from '../options.ts';
import type {
  Appended,
  Census,
  DeliveredRow,
  Found,
  Origin,
  Outbox,
  OutboxRow,
  OutboxStatus,
  QuarantinedContent,
  QuarantineEntry,
  Redelivered,
  Stamped,
} from '../outbox.ts';
import { MAX_RAW_BYTES } from '../quarantine.ts';
import { OutboxThread } from './outbox-thread.ts';
import { unpackRows } from './packed-rows.ts';
import { type LogLine, type Report, type ThreadOptions, unpackError } from './protocol.ts';

/** How long a thread that ended is not begun anew: as long as a file is left alone after an error (`Database`). */
const AGAIN_AFTER_MS = 1000;

/**
 * Opens the outbox as `openOutbox` does, in a thread of its own: no commit, however slow the disk, keeps this one from its devices. A thread
 * that ended (STORAGE-THREAD) is begun anew at a later use, as a file is opened anew after an error: after a second at the earliest, under a new epoch.
 */
export async function openOutboxInThread({ clock, log, metrics, ...options }: OutboxOptions, program?: URL): Promise<Outbox> {
  return await ThreadOutbox.open(options, { clock, log, metrics, program });
}

interface Surroundings {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  program: URL | undefined;
}

class ThreadOutbox implements Outbox {
  readonly #options: ThreadOptions;
  readonly #around: Surroundings;
  #thread: OutboxThread;
  /** Why the last thread ended, and when; undefined while one runs. */
  #fault: { error: VitalmeshError; atMs: number } | undefined;
  #known: Pick<Report, 'epoch' | 'lastSeq' | 'storeId'> = { epoch: '', lastSeq: 0, storeId: null };
  /** As it was told last. */
  #status: OutboxStatus | undefined;
  #timeKnown: KnownTime | undefined;
  #isClosed = false;
  readonly #appends = new Set<() => void>();
  readonly #returns = new Set<() => void>();

  private constructor(options: ThreadOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
    this.#thread = this.#begin();
  }

  static async open(options: ThreadOptions, around: Surroundings): Promise<ThreadOutbox> {
    const outbox = new ThreadOutbox(options, around);
    outbox.#status = await outbox.#thread.opened;
    return outbox;
  }

  get epoch(): string {
    return this.#known.epoch;
  }

  get lastSeq(): number {
    return this.#known.lastSeq;
  }

  get storeId(): string | null {
    return this.#known.storeId;
  }

  async append(records: readonly ReadingRecord[], by?: Stamped): Promise<RowKey[]> {
    return records.length === 0 ? [] : (await this.#alive().append(records, undefined, by)).keys;
  }

  async appendMessage(records: readonly ReadingRecord[], message: MessageKey, by?: Stamped): Promise<Appended> {
    return this.#alive().append(records, message, by);
  }

  async timeKnown(known: KnownTime): Promise<void> {
    this.#timeKnown = known;
    // A thread that is begun anew is told then.
    await this.#tellTime().catch(() => undefined);
  }

  async find(message: MessageKey): Promise<'message' | 'name' | undefined> {
    return this.#alive().call('find', message);
  }

  async pending(after: number, limit: number): Promise<OutboxRow[]> {
    return unpackRows(await this.#alive().call('pending', after, limit));
  }

  async waiting(after: number, limit: number): Promise<OutboxRow[]> {
    return unpackRows(await this.#alive().call('waiting', after, limit));
  }

  async complete(rows: readonly DeliveredRow[]): Promise<void> {
    if (rows.length === 0) return;
    const keys = rows.map(({ epoch, seq, committed }) => ({ epoch, seq, ...(committed && { committed }) }));
    return this.#alive().call('complete', keys);
  }

  async setStoreId(storeId: string): Promise<number> {
    return this.#alive().call('setStoreId', storeId);
  }

  async toldOf(): Promise<readonly StorePosition[]> {
    return this.#alive().call('toldOf');
  }

  async redeliver(lineage: Lineage): Promise<Redelivered> {
    return this.#alive().call('redeliver', lineage);
  }

  async quarantine(rows: readonly (RowKey & { held?: number })[], code: ErrorCode): Promise<void> {
    if (rows.length === 0) return;
    const keys = rows.map(({ epoch, seq, held }) => ({ epoch, seq, ...(held !== undefined && { held }) }));
    return this.#alive().call('quarantine', keys, code);
  }

  async quarantineBytes(
    source: string,
    code: ErrorCode,
    part: string,
    raw: Uint8Array,
    origin?: Origin,
    bytes: number = raw.length,
  ): Promise<void> {
    return this.#alive().call('quarantineBytes', source, code, part, raw.slice(0, MAX_RAW_BYTES), origin, bytes);
  }

  async rekey(): Promise<string> {
    return this.#alive().call('rekey');
  }

  async quarantined(limit: number, before?: number): Promise<QuarantineEntry[]> {
    return this.#alive().call('quarantined', limit, before);
  }

  async content(id: number): Promise<QuarantinedContent | undefined> {
    return this.#alive().call('content', id);
  }

  async release(id: number, found: Found): Promise<RowKey[]> {
    // A part is a stretch of a larger buffer, and the whole of that would go along.
    const rest = found.rest?.map((part) => ({ ...part, raw: part.raw.slice() }));
    return this.#alive().call('release', id, { ...found, ...(rest && { rest }) });
  }

  async drop(id: number): Promise<QuarantineEntry> {
    return this.#alive().call('drop', id);
  }

  async census(after: number, limit: number): Promise<Census> {
    return this.#alive().call('census', after, limit);
  }

  /** While there is no thread, what was known last, and why. */
  async status(): Promise<OutboxStatus> {
    try {
      this.#status = await this.#alive().call('status');
      return this.#status;
    } catch (thrown) {
      const { code } = asVitalmeshError(thrown);
      if (code === 'STORAGE-CLOSED' || !this.#status) throw thrown;
      return { ...this.#status, code };
    }
  }

  onAppend(listener: () => void): Disposable {
    return listening(this.#appends, listener);
  }

  onReturn(listener: () => void): Disposable {
    return listening(this.#returns, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#thread.close();
  }

  /** The thread, begun anew where it is time for that. */
  #alive(): OutboxThread {
    if (this.#isClosed) throw new VitalmeshError('STORAGE-CLOSED', { detail: this.#options.path });
    if (!this.#fault) return this.#thread;
    if (this.#around.clock.monotonicMs() - this.#fault.atMs < AGAIN_AFTER_MS) throw this.#fault.error;
    const { code } = this.#fault.error;
    this.#fault = undefined;
    this.#thread = this.#begin();
    this.#thread.opened.then(
      () => {
        this.#around.log.info({ was: code }, 'the outbox stores again');
        // What was committed and never answered is met by whoever sends.
        announce(this.#appends);
        this.#tellTime().catch(() => undefined);
      },
      () => undefined,
    );
    return this.#thread;
  }

  async #tellTime(): Promise<void> {
    if (this.#timeKnown) await this.#alive().call('timeKnown', this.#timeKnown);
  }

  #begin(): OutboxThread {
    const { clock, program } = this.#around;
    return new OutboxThread({
      options: this.#options,
      clock,
      program,
      onReport: (report) => this.#reported(report),
      onEnd: (error) => this.#ended(error),
    });
  }

  #ended(error: VitalmeshError): void {
    if (this.#isClosed || !this.#status) return;
    this.#fault = { error, atMs: this.#around.clock.monotonicMs() };
    this.#around.log.error({ err: error }, 'the outbox cannot store');
  }

  #reported({ epoch, lastSeq, storeId, counts, gauges, log, isAppended, isReturned }: Report): void {
    if (epoch !== '') this.#known = { epoch, lastSeq, storeId };
    const { metrics } = this.#around;
    for (const [name, label, by] of counts) metrics.count(name, label, by);
    for (const [name, label, value] of gauges) metrics.set(name, value, label);
    for (const line of log) this.#log(line);
    if (isReturned) announce(this.#returns);
    if (isAppended) queueMicrotask(() => announce(this.#appends));
  }

  #log({ level, fields, error, text }: LogLine): void {
    this.#around.log[level]({ ...(error && { err: unpackError(error) }), ...fields }, text);
  }
}

function listening(listeners: Set<() => void>, listener: () => void): Disposable {
  const entry = (): void => listener();
  listeners.add(entry);
  return { [Symbol.dispose]: () => void listeners.delete(entry) };
}

function announce(listeners: ReadonlySet<() => void>): void {
  for (const listener of [...listeners]) listener();
}
