import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Resource } from '../../shared/fhir.ts';
import { Backoff } from '../../shared/lifecycle.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { onAbort } from '../../shared/overlay/limit.ts';
import type { StorePosition } from '../../shared/uplink/lineage.ts';
import type { EntryOutcome } from '../../shared/uplink/protocol.ts';
import type { Outbox, OutboxRow } from '../outbox/outbox.ts';
import type { Collisions } from './collisions.ts';
import type { BatchLink } from './contract.ts';
import { type Delivered, deliver } from './delivery.ts';
import { type BatchLimits, type Entry, entriesOf, isOversized, RowFlight, type Verdict } from './flight.ts';
import { Lane } from './lane.ts';
import type { RefusalLog } from './refusal-log.ts';
import { batchShare, type Flying, type LaneName, laneOrder, mayDepart } from './share.ts';
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
  /** How long a batch that could grow waits while two others are in flight; with fewer it goes at once. */
  lingerMs: number;
  /** Waiting before rows are sent again that the hub could not take. */
  retry: { minMs: number; maxMs: number };
  /** What is in flight gets this long when the agent stops. */
  drainMs: number;
  /** The epoch of the hub's store that the rows of before were compared with; undefined where it does not say. */
  storeEpoch?: string | undefined;
  /** Called at each batch that the hub answered, with the code of what is wrong at the hub, if anything. */
  onAnswer(trouble: ErrorCode | null): void;
}

/** So many batches of a lane in flight show that it has more to send than goes out at once. */
const LINGER_BEHIND = 2;
/** Rows that are set aside at a time. */
const ASIDE_ROWS = 64;

/**
 * Sends what is pending over one connection, until that ends: rows become Observations here, off the path of the device's
 * acknowledgement. What came since the connection was made goes before what had been waiting (`share.ts`); within each of both lanes
 * order is kept. Several batches are in flight, and each row is completed on its own when all of its entries were answered.
 * A row that nobody can send goes to quarantine and holds up nothing. Memory is bounded by the window: as much as that is in flight, and as much is on its way into the outbox.
 */
export class Pump {
  readonly #options: PumpOptions;
  readonly #link: BatchLink;
  readonly #limits: BatchLimits;
  readonly #collisions: Collisions;
  readonly #lanes: Readonly<Record<LaneName, Lane>>;
  readonly #wake = new Wake();
  readonly #backoff: Backoff;
  /** Rows by `seq` that were taken from the outbox and are not finished there. */
  readonly #flying = new Map<number, RowFlight>();
  #lastLane: LaneName | undefined;
  /** When the first of the batches that wait to grow goes; monotonic ms. */
  #lingerUntil: number | undefined;
  /** When rows that the hub could not take are sent again; monotonic ms. */
  #againAt: number | undefined;
  /** True while the hub or the outbox cannot take anything at all. */
  #held = false;
  /** Whether the run goes on: not at all, to its end with what is in flight, or with what is live as well. */
  #phase: 'sending' | 'stopping' | 'leaving' | 'over' = 'sending';
  #reason: VitalmeshError | undefined;
  /** Batches whose answers are on their way into the outbox, which may take its time: what follows them does not wait. */
  readonly #settling = new Set<Promise<void>>();
  /** The store began an epoch since the connection was made. */
  #isOutdated = false;

  constructor(options: PumpOptions, link: BatchLink, limits: BatchLimits, collisions: Collisions) {
    this.#options = options;
    this.#link = link;
    this.#limits = limits;
    this.#collisions = collisions;
    const { lastSeq } = options.outbox;
    this.#lanes = {
      live: new Lane('live', { after: lastSeq, through: Number.MAX_SAFE_INTEGER }, limits),
      backlog: new Lane('backlog', { after: 0, through: lastSeq }, limits),
    };
    this.#backoff = new Backoff(options.retry.minMs, options.retry.maxMs);
  }

  /** Rows on their way. */
  get flying(): number {
    return this.#flying.size;
  }

  /**
   * Runs until the connection is gone, or the hub refuses this gateway: the reason; undefined when it was asked to end. At `stop` what is
   * in flight and what is live is finished within `drainMs`, at `leave` what is in flight: another connection takes the rest. What was
   * answered is in the outbox by then.
   */
  async run(stop: AbortSignal, leave?: AbortSignal): Promise<VitalmeshError | undefined> {
    using _stop = onAbort(stop, () => this.#goOver('stopping'));
    using _leave = leave && onAbort(leave, () => this.#goOver('leaving'));
    using _appends = this.#options.outbox.onAppend(() => {
      this.#lanes.live.lookAgain();
      this.#wake.notify();
    });
    void this.#link.closed.then((reason) => this.#end(reason));
    while (this.#phase === 'sending') await this.#step();
    const late = setTimeout(() => this.#goOver('over'), this.#options.drainMs);
    while (!this.#isDone()) await (this.#phase === 'stopping' ? this.#step() : this.#wake.wait());
    clearTimeout(late);
    this.#goOver('over');
    // The next connection compares what the outbox says with what the hub holds.
    await Promise.allSettled([...this.#settling]);
    return this.#reason;
  }

  get #flyingBatches(): Flying {
    return { live: this.#lanes.live.inFlight, backlog: this.#lanes.backlog.inFlight };
  }

  get #inFlight(): number {
    return this.#lanes.live.inFlight + this.#lanes.backlog.inFlight;
  }

  #isDone(): boolean {
    if (this.#phase === 'over') return true;
    return this.#inFlight === 0 && (this.#phase === 'leaving' || this.#lanes.live.isEmpty);
  }

  #goOver(phase: 'stopping' | 'leaving' | 'over'): void {
    if (this.#phase !== 'over') this.#phase = phase;
    this.#wake.notify();
  }

  #end(reason: VitalmeshError): void {
    if (this.#phase === 'sending') this.#reason = reason;
    this.#goOver('over');
  }

  /** One decision: send a batch, take new keys, or sleep until something changes. */
  async #step(): Promise<void> {
    if (this.#againAt !== undefined && this.#nowMs() >= this.#againAt) this.#startOver();
    if (this.#held) return this.#wake.wait(this.#untilMs(this.#againAt));
    const lane = await this.#nextLane();
    if (lane === undefined) return this.#idle();
    if (this.#held || this.#phase === 'over') return;
    lane.lingerUntil = undefined;
    this.#lastLane = lane.name;
    void this.#send(lane, lane.departures.take(batchShare(lane.name, this.#limits.entries, this.#flyingBatches)));
  }

  /** The lane whose next batch goes now. */
  async #nextLane(): Promise<Lane | undefined> {
    const { windowBatches } = this.#options;
    const { backlog } = this.#lanes;
    this.#lingerUntil = undefined;
    // Rows stay in memory until the outbox has let them go.
    if (this.#settling.size >= windowBatches) return undefined;
    for (const name of laneOrder(windowBatches, this.#lastLane)) {
      const lane = this.#lanes[name];
      if (lane === backlog && this.#phase !== 'sending') continue;
      if (!mayDepart(name, windowBatches, this.#flyingBatches, !backlog.isEmpty)) continue;
      await this.#fill(lane);
      if (lane.departures.size > 0 && !this.#lingers(lane)) return lane;
    }
    return undefined;
  }

  /** Whether a batch had better wait, because it could grow while others of its lane are in flight: behind one alone it would wait for nothing. */
  #lingers(lane: Lane): boolean {
    if (lane.departures.full || lane.inFlight < LINGER_BEHIND) return false;
    lane.lingerUntil ??= this.#nowMs() + this.#options.lingerMs;
    if (lane.lingerUntil <= this.#nowMs()) return false;
    this.#lingerUntil = Math.min(this.#lingerUntil ?? lane.lingerUntil, lane.lingerUntil);
    return true;
  }

  async #idle(): Promise<void> {
    if (this.#flying.size === 0 && this.#inFlight === 0 && this.#settling.size === 0 && !this.#held) {
      if (this.#collisions.size > 0) return this.#takeNewKeys();
      if (this.#againAt === undefined) this.#backoff.reset();
    }
    const until = Math.min(this.#againAt ?? Number.POSITIVE_INFINITY, this.#lingerUntil ?? Number.POSITIVE_INFINITY);
    return this.#wake.wait(this.#untilMs(until));
  }

  /** Reads the lanes from their beginnings: rows that stayed pending are met again. */
  #startOver(): void {
    for (const lane of Object.values(this.#lanes)) lane.startOver();
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

  async #fill(lane: Lane): Promise<void> {
    const unsendable: { row: OutboxRow; error: VitalmeshError }[] = [];
    while (!lane.departures.full) {
      const row = await this.#nextRow(lane);
      // While keys are in question, only what may already be at the hub goes out; the rest waits for its new keys.
      if (row === undefined || !this.#collisions.maySend(row, this.#options.outbox.epoch)) break;
      this.#collisions.passed(lane.take());
      if (this.#flying.has(row.seq) || this.#collisions.has(row.seq)) continue;
      const error = this.#board(lane, row);
      if (error) unsendable.push({ row, error });
      if (unsendable.length === ASIDE_ROWS) break;
    }
    if (unsendable.length > 0) await this.#setAside(unsendable);
  }

  async #nextRow(lane: Lane): Promise<OutboxRow | undefined> {
    try {
      return await lane.peek((after, limit) => this.#options.outbox.pending(after, limit));
    } catch (thrown) {
      this.#hold(asVitalmeshError(thrown).code);
      return undefined;
    }
  }

  /** Queues the entries of a row; the error when it cannot be sent at all. */
  #board(lane: Lane, row: OutboxRow): VitalmeshError | undefined {
    const flight = new RowFlight(row);
    const entries = entriesOf(flight, this.#options.normalize, this.#link);
    if (entries instanceof VitalmeshError) return entries;
    this.#flying.set(row.seq, flight);
    const wanted = this.#collisions.without(entries);
    flight.expect(wanted.length);
    flight.storedBefore = entries.length - wanted.length;
    const [fitting, oversized] = divide(wanted, (entry) => !isOversized(entry, this.#limits));
    lane.departures.push(fitting);
    if (oversized.length > 0) this.#refuseOversized(oversized);
    return undefined;
  }

  /** As the hub would, without asking it. */
  #refuseOversized(entries: readonly Entry[]): void {
    const outcomes = entries.map(({ id }): EntryOutcome => ({ id, status: 422, code: 'UPLINK-TOO-LARGE' }));
    this.#settle([{ entries, outcomes }]).catch((thrown: unknown) => this.#end(asVitalmeshError(thrown)));
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

  async #send(lane: Lane, batch: readonly Entry[]): Promise<void> {
    const { clock, metrics, onAnswer } = this.#options;
    lane.inFlight += 1;
    let settling: Promise<void> | undefined;
    try {
      const onUnavailable = (code: ErrorCode): void => this.#hold(code);
      const delivered = await deliver(this.#link, lane.name, batch, { clock, metrics, onAnswer, onUnavailable }).finally(() => {
        lane.inFlight -= 1;
      });
      this.#checkEpoch(delivered);
      settling = this.#settle(delivered);
      this.#settling.add(settling);
      this.#wake.notify();
      await settling;
    } catch (thrown) {
      this.#end(asVitalmeshError(thrown));
    } finally {
      if (settling) this.#settling.delete(settling);
      this.#wake.notify();
    }
  }

  /**
   * A store that began an epoch may have gone back: nothing more is taken for held over this connection, until the next one has shown what
   * the store holds of what it held before. What was stored meanwhile is sent again and found held. Throws UPLINK-EPOCH.
   */
  #checkEpoch(delivered: readonly Delivered[]): void {
    const { storeEpoch } = this.#options;
    if (storeEpoch === undefined) return;
    this.#isOutdated ||= delivered.some(({ at }) => at !== undefined && at.epoch !== storeEpoch);
    if (this.#isOutdated) throw new VitalmeshError('UPLINK-EPOCH');
  }

  /** Brings into the outbox what the hub answered, row by row. */
  async #settle(delivered: readonly Delivered[]): Promise<void> {
    const { outbox, metrics, refusals } = this.#options;
    const held: (OutboxRow & { committed?: StorePosition | undefined })[] = [];
    const refused: { row: OutboxRow; code: ErrorCode; held: number }[] = [];
    const answers = delivered.flatMap(({ entries, outcomes, at }) =>
      outcomes.map((outcome, i) => ({ flight: entries[i]?.flight, outcome, at })),
    );
    for (const { flight, outcome, at } of answers) {
      metrics.count('uplink_entries_answered', String(outcome.status));
      const verdict = flight?.answer(outcome, at);
      if (flight === undefined || verdict === undefined) continue;
      if (verdict.is === 'held') held.push({ ...flight.row, committed: flight.committed });
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
    return at === undefined || at === Number.POSITIVE_INFINITY ? undefined : Math.max(0, at - this.#nowMs());
  }
}

function divide<T>(items: readonly T[], first: (item: T) => boolean): [T[], T[]] {
  return [items.filter(first), items.filter((item) => !first(item))];
}
