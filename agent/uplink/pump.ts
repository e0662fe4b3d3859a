import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Resource } from '../../shared/fhir.ts';
import { Backoff, pause } from '../../shared/lifecycle.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { bundleText } from '../../shared/uplink/kinds.ts';
import type { EntryOutcome } from '../../shared/uplink/protocol.ts';
import type { Outbox, OutboxRow } from '../outbox/outbox.ts';
import type { Collisions } from './collisions.ts';
import type { BatchLink } from './contract.ts';
import { type BatchLimits, Departures, type Entry, entriesOf, isOversized, RowFlight, type Verdict } from './flight.ts';
import type { RefusalLog } from './refusal-log.ts';
import { Wake } from './wake.ts';

export interface PumpOptions {
  outbox: Outbox;
  normalize(row: OutboxRow): Resource[];
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  refusals: RefusalLog;
  /** Batches in flight at a time. */
  windowBatches: number;
  /** How long a batch that could grow waits while another one is in flight; with nothing in flight it goes at once. */
  lingerMs: number;
  /** Waiting before rows are sent again that the hub could not take. */
  retry: { minMs: number; maxMs: number };
  /** What is in flight gets this long when the agent stops. */
  drainMs: number;
  /** Called at each batch that the hub answered, with the code of what is wrong at the hub, if anything. */
  onAnswer(trouble: ErrorCode | null): void;
}

/** Refusals of a whole batch that one of its entries may have caused: it is sent again in halves, until that one stands alone. */
const DIVIDED: ReadonlySet<ErrorCode> = new Set(['UPLINK-BUNDLE', 'UPLINK-TOO-LARGE', 'FHIR-REFUSED', 'INTERNAL']);

/** The other end can take nothing at all now: everything waits. */
const HELD: ReadonlySet<ErrorCode> = new Set(['INGEST-UNAVAILABLE', 'FHIR-BUSY']);

/** Rows read from the outbox at a time. */
const CHUNK_ROWS = 64;

/**
 * Sends what is pending over one connection, until that ends: rows become Observations here, off the path of the device's
 * acknowledgement; several batches are in flight, and each row is completed on its own when all of its entries were answered.
 * A row that nobody can send goes to quarantine and holds up nothing. Memory is bounded by the window.
 */
export class Pump {
  readonly #options: PumpOptions;
  readonly #link: BatchLink;
  readonly #limits: BatchLimits;
  readonly #collisions: Collisions;
  readonly #departures: Departures;
  readonly #wake = new Wake();
  readonly #backoff: Backoff;
  /** Rows by `seq` that were taken from the outbox and are not finished there. */
  readonly #flying = new Map<number, RowFlight>();
  #rows: OutboxRow[] = [];
  #cursor = 0;
  /** False only when the outbox had nothing behind the cursor. */
  #more = true;
  #inFlight = 0;
  /** When rows that the hub could not take are sent again; monotonic ms. */
  #againAt: number | undefined;
  /** True while the hub or the outbox cannot take anything at all. */
  #held = false;
  #lingerUntil: number | undefined;
  #ended = false;
  #reason: VitalmeshError | undefined;

  constructor(options: PumpOptions, link: BatchLink, limits: BatchLimits, collisions: Collisions) {
    this.#options = options;
    this.#link = link;
    this.#limits = limits;
    this.#collisions = collisions;
    this.#departures = new Departures(limits);
    this.#backoff = new Backoff(options.retry.minMs, options.retry.maxMs);
  }

  /** Rows on their way. */
  get flying(): number {
    return this.#flying.size;
  }

  /** Runs until the connection is gone, the hub refuses this gateway, or the signal aborts (undefined; what is in flight gets `drainMs`). */
  async run(signal: AbortSignal): Promise<VitalmeshError | undefined> {
    const abort = (): void => this.#end(undefined);
    signal.addEventListener('abort', abort, { once: true });
    using _appends = this.#options.outbox.onAppend(() => {
      this.#more = true;
      this.#wake.notify();
    });
    void this.#link.closed.then((reason) => this.#end(reason));
    if (signal.aborted) abort();
    try {
      while (!this.#ended) await this.#step();
      if (this.#reason === undefined) await this.#drain();
    } finally {
      signal.removeEventListener('abort', abort);
    }
    return this.#reason;
  }

  #end(reason: VitalmeshError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    this.#wake.notify();
  }

  async #drain(): Promise<void> {
    const limit = new AbortController();
    const late = pause(this.#options.drainMs, limit.signal);
    const done = async (): Promise<void> => {
      while (this.#inFlight > 0) await this.#wake.wait();
    };
    await Promise.race([done(), late]);
    limit.abort();
  }

  /** One decision: send a batch, take new keys, or sleep until something changes. */
  async #step(): Promise<void> {
    if (this.#againAt !== undefined && this.#nowMs() >= this.#againAt) this.#startOver();
    if (this.#held || this.#inFlight >= this.#options.windowBatches) return this.#wake.wait(this.#untilMs(this.#againAt));
    await this.#fill();
    if (this.#departures.size === 0) return this.#idle();
    if (!this.#departures.full && this.#inFlight > 0) {
      this.#lingerUntil ??= this.#nowMs() + this.#options.lingerMs;
      const waitMs = this.#untilMs(this.#lingerUntil);
      if (waitMs !== undefined && waitMs > 0) return this.#wake.wait(waitMs);
    }
    this.#lingerUntil = undefined;
    void this.#send(this.#departures.take());
  }

  async #idle(): Promise<void> {
    if (this.#flying.size === 0 && !this.#held) {
      if (this.#collisions.size > 0) return this.#takeNewKeys();
      if (this.#againAt === undefined) this.#backoff.reset();
    }
    return this.#wake.wait(this.#untilMs(this.#againAt));
  }

  /** Reads the outbox from its beginning: rows that stayed pending are met again. */
  #startOver(): void {
    this.#rows = [];
    this.#cursor = 0;
    this.#more = true;
    this.#againAt = undefined;
    this.#held = false;
  }

  #sendAgainLater(): void {
    this.#againAt ??= this.#nowMs() + this.#backoff.nextMs();
  }

  /** Nothing is sent until the time of sending again. */
  #hold(code: ErrorCode): void {
    this.#held = true;
    this.#options.onAnswer(code);
    this.#sendAgainLater();
  }

  async #fill(): Promise<void> {
    const unsendable: { row: OutboxRow; error: VitalmeshError }[] = [];
    while (!this.#departures.full) {
      const row = this.#nextRow();
      // While keys are in question, only what may already be at the hub goes out; the rest waits for its new keys.
      if (row === undefined || !this.#collisions.maySend(row, this.#options.outbox.epoch)) break;
      this.#rows.shift();
      this.#cursor = row.seq;
      if (this.#flying.has(row.seq) || this.#collisions.has(row.seq)) continue;
      const error = this.#board(row);
      if (error) unsendable.push({ row, error });
      if (unsendable.length === CHUNK_ROWS) break;
    }
    if (unsendable.length > 0) await this.#setAside(unsendable);
  }

  #nextRow(): OutboxRow | undefined {
    if (this.#rows.length === 0 && this.#more) {
      this.#more = false;
      try {
        this.#rows = this.#options.outbox.pending(this.#cursor, CHUNK_ROWS);
      } catch (thrown) {
        this.#hold(asVitalmeshError(thrown).code);
      }
      if (this.#rows.length === CHUNK_ROWS) this.#more = true;
    }
    return this.#rows[0];
  }

  /** Queues the entries of a row; the error when it cannot be sent at all. */
  #board(row: OutboxRow): VitalmeshError | undefined {
    const flight = new RowFlight(row);
    const entries = entriesOf(flight, this.#options.normalize, this.#link);
    if (entries instanceof VitalmeshError) return entries;
    this.#flying.set(row.seq, flight);
    this.#collisions.sent(row);
    const wanted = this.#collisions.without(entries);
    flight.expect(wanted.length);
    flight.storedBefore = entries.length - wanted.length;
    const [fitting, oversized] = divide(wanted, (entry) => !isOversized(entry, this.#limits));
    this.#departures.push(fitting);
    if (oversized.length > 0) this.#refuseOversized(oversized);
    return undefined;
  }

  /** As the hub would, without asking it. */
  #refuseOversized(entries: readonly Entry[]): void {
    const outcomes = entries.map(({ id }): EntryOutcome => ({ id, status: 422, code: 'UPLINK-TOO-LARGE' }));
    this.#settle(entries, outcomes).catch((thrown: unknown) => this.#end(asVitalmeshError(thrown)));
  }

  async #setAside(unsendable: readonly { row: OutboxRow; error: VitalmeshError }[]): Promise<void> {
    const byCode = Map.groupBy(unsendable, ({ error }) => error.code);
    for (const [code, group] of byCode) {
      this.#options.metrics.count('uplink_unsendable_rows', code, group.length);
      if (group[0]) this.#options.refusals.unsendable(group[0].error, group.length);
      await this.#store(
        this.#options.outbox.quarantine(
          group.map(({ row }) => row),
          code,
        ),
      );
    }
    // There may be more behind them.
    this.#wake.notify();
  }

  async #send(batch: readonly Entry[]): Promise<void> {
    this.#inFlight += 1;
    try {
      await this.#settle(batch, await this.#deliver(batch));
    } catch (thrown) {
      this.#end(asVitalmeshError(thrown));
    } finally {
      this.#inFlight -= 1;
      this.#wake.notify();
    }
  }

  /** The outcome of each entry. Rejects when the connection, or this gateway on it, is at its end. */
  async #deliver(batch: readonly Entry[]): Promise<EntryOutcome[]> {
    const { metrics, clock } = this.#options;
    const ids = batch.map(({ id }) => id);
    try {
      const bundle = bundleText(
        batch.map(({ text }) => text),
        clock.now(),
      );
      const { outcomes } = await this.#link.post(bundle, ids);
      metrics.count('uplink_batches_sent');
      this.#options.onAnswer(null);
      return outcomes;
    } catch (thrown) {
      const { code } = asVitalmeshError(thrown);
      metrics.count('uplink_batches_refused', code);
      if (HELD.has(code)) {
        this.#hold(code);
        return ids.map((id) => ({ id, status: 503, code }));
      }
      if (!DIVIDED.has(code)) throw thrown;
      // A defect at the hub says nothing about the entry: it stays pending.
      if (ids.length === 1) return ids.map((id) => ({ id, status: code === 'INTERNAL' ? 503 : 422, code }));
      const half = batch.length >> 1;
      return [...(await this.#deliver(batch.slice(0, half))), ...(await this.#deliver(batch.slice(half)))];
    }
  }

  /** Brings into the outbox what the hub answered, row by row. */
  async #settle(entries: readonly Entry[], outcomes: readonly EntryOutcome[]): Promise<void> {
    const { outbox, metrics, refusals } = this.#options;
    const held: OutboxRow[] = [];
    const refused: { row: OutboxRow; code: ErrorCode; held: number }[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const flight = entries[i]?.flight;
      metrics.count('uplink_entries_answered', String(outcome.status));
      const verdict = flight?.answer(outcome);
      if (flight === undefined || verdict === undefined) continue;
      if (verdict.is === 'held') held.push(flight.row);
      else if (verdict.is === 'refused') refused.push({ row: flight.row, code: verdict.code, held: flight.held });
      else this.#keepPending(flight, verdict);
    }
    const leaving = [this.#release(held, outbox.complete(held))];
    for (const [code, group] of Map.groupBy(refused, (row) => row.code)) {
      refusals.note(code, group.length);
      const rows = group.map(({ row, held }) => ({ ...row, held }));
      leaving.push(this.#release(rows, outbox.quarantine(rows, code)));
    }
    await Promise.all(leaving);
    this.#wake.notify();
  }

  /** Forgets rows once they are out of the outbox; those that it could not let go are met again. */
  async #release(rows: readonly OutboxRow[], work: Promise<void>): Promise<void> {
    const done = await this.#store(work);
    for (const row of rows) {
      this.#flying.delete(row.seq);
      if (done) this.#collisions.finished(row);
    }
  }

  #keepPending(flight: RowFlight, verdict: Exclude<Verdict, { is: 'held' | 'refused' }>): void {
    this.#flying.delete(flight.row.seq);
    if (verdict.is === 'collided') {
      this.#collisions.add(flight);
      return;
    }
    this.#options.onAnswer(verdict.code);
    this.#sendAgainLater();
  }

  async #takeNewKeys(): Promise<void> {
    const { outbox, log, metrics } = this.#options;
    metrics.count('uplink_collided_rows', '', this.#collisions.size);
    log.error(
      { err: new VitalmeshError('UPLINK-KEY-REUSED'), rows: this.#collisions.size },
      'keys were used before with other content; taking new ones',
    );
    if (await this.#store(this.#collisions.resolve(outbox))) this.#startOver();
  }

  /** Whether the outbox did it. When it cannot, the rows stay as they are and are met again later. */
  async #store(work: Promise<void>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (thrown) {
      const error = asVitalmeshError(thrown);
      this.#options.metrics.count('uplink_outbox_failures', error.code);
      this.#options.log.error({ err: error }, 'the outbox cannot take what the hub answered');
      this.#hold(error.code);
      return false;
    }
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #untilMs(at: number | undefined): number | undefined {
    return at === undefined ? undefined : Math.max(0, at - this.#nowMs());
  }
}

function divide<T>(items: readonly T[], first: (item: T) => boolean): [T[], T[]] {
  return [items.filter(first), items.filter((item) => !first(item))];
}
