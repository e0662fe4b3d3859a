import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import { Backoff, pause, type Service } from '../../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import { Seldom } from '../../../shared/seldom.ts';
import type { Store } from '../../store/store.ts';
import { genesisHash } from '../chain.ts';
import { Behind, type FeedLimits, type FeedStatus } from './behind.ts';
import type { FeedEvent, FeedSink } from './contract.ts';
import { entryEvent, gapEvent, heartbeatEvent } from './event.ts';
import { isThere } from './is-there.ts';
import { type FeedPlace, type KnownReceiver, NO_PLACE } from './place.ts';
import type { FeedReceiver } from './receiver.ts';

export interface FeedRunOptions {
  store: Pick<Store, 'storeId' | 'auditHead' | 'auditHash' | 'auditBehind' | 'feedPlaces'>;
  receiver: FeedReceiver;
  /** The way to it. */
  sink: FeedSink;
  /** Whether the number of an entry's patient is sent. */
  subjects: boolean;
  heartbeatMs: number;
  limits: FeedLimits;
  metrics: Metrics;
  clock?: Clock;
  log?: Logger;
  backoff?: Backoff;
  /** Waits; a test hands in its own. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Entries that are read and handed over at a time: some milliseconds. */
const PAGE = 100;
/** How often it is looked for new entries. */
const LOOK_EVERY_MS = 500;
/** For so long a hub has the feed without saying so again. */
const LEASE_MS = 30_000;
/** Of a round that failed to arrive half is tried, and no less than this: somebody slow must get one through in time. */
const LEAST_ROUND = 64;
/** A stop waits for the receiver no longer. */
const LAST_ROUND_MS = 3000;
const TELL_AGAIN_MS = 600_000;

/**
 * Sends the evidence to a SIEM, reading behind what writes it: the store is the truth, and nothing waits for this. Goes on from what the receiver surely
 * has, kept in the store; what came since may be sent twice and is never left out. Start it before what writes evidence, so that it ends after.
 */
export class FeedRun implements Service {
  readonly name = 'audit-feed';
  readonly #options: Required<FeedRunOptions>;
  readonly #stop = new AbortController();
  readonly #behind: Behind;
  readonly #told: Seldom;
  readonly #alarms = new Set<ErrorCode>();
  #state: FeedStatus['state'] = 'waiting';
  #failure: VitalmeshError | null = null;
  #known: readonly KnownReceiver[] = [];
  #newest = 0;
  #sent: FeedPlace = NO_PLACE;
  #confirmed: FeedPlace = NO_PLACE;
  /** From behind this entry on everything is wanted again. */
  #again: number | null = null;
  #roundSinceMs = 0;
  #roundEntries: number;
  #beatMs = Number.NEGATIVE_INFINITY;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: FeedRunOptions) {
    const { clock = systemClock } = options;
    this.#options = { log: silentLogger, backoff: new Backoff(1000, 60_000), wait: pause, ...options, clock };
    this.#behind = new Behind(options.limits);
    this.#told = new Seldom(clock, TELL_AGAIN_MS);
    this.#roundEntries = options.sink.round.entries;
  }

  status(): FeedStatus {
    const { receiver, clock } = this.#options;
    const { id, kind, to, begin } = receiver;
    return {
      ...{ kind, to, begin },
      state: this.#state,
      code: this.#failure?.code ?? null,
      // Those of the feed are of the receiver and the way to it alone.
      detail: this.#failure?.code.startsWith('AUDIT-FEED-') ? (this.#failure.detail ?? null) : null,
      alarms: [...this.#alarms],
      began: this.#known.find((one) => one.id === id)?.began ?? null,
      others: this.#known.filter((one) => one.id !== id),
      sent: this.#sent.seq,
      confirmed: this.#confirmed.seq,
      newest: this.#newest,
      behindMs: this.#behind.forMs(clock.monotonicMs()),
    };
  }

  /**
   * Has everything from this entry on sent again, as soon as the receiver takes it; from an earlier one where the receiver does not surely have what is before it. Resolves with
   * the first that is sent. Throws AUDIT-NO-FEED where another hub feeds.
   */
  async sendAgain(from: number): Promise<number> {
    if (this.#state === 'standby') throw new VitalmeshError('AUDIT-NO-FEED', { detail: 'another one that shares the store does' });
    // A feed that has not run yet knows its place from the store alone.
    const confirmed = this.#confirmed.seq > 0 ? this.#confirmed : ((await this.#take()) ?? NO_PLACE);
    this.#again = Math.min(this.#again ?? from - 1, from - 1, confirmed.seq);
    return this.#again + 1;
  }

  async start(signal: AbortSignal): Promise<void> {
    const until = AbortSignal.any([signal, this.#stop.signal]);
    this.#running = Promise.all([this.#run(until), this.#watch(until)]);
  }

  /** Sends what the last moments of the hub left, if that goes quickly, and lets another hub have the feed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const { sink, store, receiver } = this.#options;
    try {
      if (this.#state === 'feeding') await this.#lastRound(AbortSignal.timeout(LAST_ROUND_MS));
      await store.feedPlaces.leave(receiver.id);
    } catch {
      // The next start goes on from what is kept.
    }
    await sink[Symbol.asyncDispose]();
  }

  #take(): Promise<FeedPlace | undefined> {
    const { store, receiver } = this.#options;
    return store.feedPlaces.take(receiver, LEASE_MS);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { backoff, wait } = this.#options;
    while (!signal.aborted) {
      try {
        const place = await this.#take();
        if (place) await this.#feed(place, signal);
        else this.#lost();
        if (this.#state === 'standby') await wait(LEASE_MS / 3, signal);
      } catch (thrown) {
        // What a cut connection held is not confirmed by the next one.
        this.#sent = this.#confirmed;
        if (signal.aborted) return;
        this.#failed(asVitalmeshError(thrown));
        await wait(backoff.nextMs(), signal);
      }
    }
  }

  /** Returns at the abort, and once another hub has the feed. */
  async #feed(kept: FeedPlace, signal: AbortSignal): Promise<void> {
    const { wait } = this.#options;
    this.#confirmed = this.#sent = await this.#placeFrom(kept);
    if (this.#failure === null) this.#state = 'feeding';
    this.#roundSinceMs = this.#options.clock.monotonicMs();
    let heldMs = this.#roundSinceMs;
    while (!signal.aborted) {
      const beganMs = this.#options.clock.monotonicMs();
      if (beganMs - heldMs > LEASE_MS / 3) {
        if (!(await this.#take())) return this.#lost();
        heldMs = beganMs;
      }
      if (!(await this.#goBack())) return this.#lost();
      const isMore = await this.#page(signal);
      await this.#beat(signal);
      // What failed works again only once something has arrived.
      const isDue = this.#isRoundOver() || (!isMore && this.#failure !== null);
      if (isDue && !(await this.#confirm(signal))) return this.#lost();
      // Reads and ingest have at least half of the time while much is to be caught up.
      if (isMore) await Promise.all([turn(), wait(Math.min(50, this.#options.clock.monotonicMs() - beganMs), signal)]);
      else await wait(LOOK_EVERY_MS, signal);
    }
  }

  /** Back to where an operator wants it to go on, and never ahead, which would leave entries out; false once another hub has the feed. */
  async #goBack(): Promise<boolean> {
    if (this.#again === null) return true;
    const { store } = this.#options;
    const seq = Math.min(this.#again, this.#confirmed.seq);
    const place = seq === 0 ? NO_PLACE : { seq, hash: (await store.auditHash(seq)) ?? NO_PLACE.hash };
    if (!(await store.feedPlaces.keep(this.#options.receiver.id, place))) return false;
    this.#again = null;
    this.#confirmed = this.#sent = place;
    return true;
  }

  /** Sends the next entries; whether there may be more. */
  async #page(signal: AbortSignal): Promise<boolean> {
    const { store, sink, clock, metrics, subjects } = this.#options;
    const room = Math.min(PAGE, this.#roundEntries - (this.#sent.seq - this.#confirmed.seq));
    if (room <= 0) return true;
    const page = await store.auditBehind(this.#sent.seq, room);
    const [first, last] = [page[0], page.at(-1)];
    if (first === undefined || last === undefined) return false;
    const { storeId } = store;
    const events: FeedEvent[] = [];
    let prev = this.#sent.seq === 0 ? genesisHash(storeId) : await store.auditHash(this.#sent.seq);
    if (first.seq > this.#sent.seq + 1) {
      events.push(gapEvent(this.#sent.seq + 1, first.seq - 1, clock.now(), storeId));
      prev = undefined;
    }
    for (const entry of page) {
      events.push(entryEvent(entry, prev, { storeId, subjects }));
      prev = entry.hash;
    }
    if (this.#sent.seq === this.#confirmed.seq) this.#roundSinceMs = clock.monotonicMs();
    await sink.send(events, signal);
    this.#sent = { seq: last.seq, hash: last.hash };
    this.#newest = Math.max(this.#newest, last.seq);
    this.#judge();
    metrics.count('audit_feed_sent', '', page.length);
    return page.length === room;
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { store, sink, clock, heartbeatMs } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#beatMs < heartbeatMs) return;
    await sink.send([heartbeatEvent(await store.auditHead(), this.#sent.seq, clock.now(), store.storeId)], signal);
    this.#beatMs = nowMs;
  }

  #isRoundOver(): boolean {
    const { sink, clock } = this.#options;
    const open = this.#sent.seq - this.#confirmed.seq;
    return open >= this.#roundEntries || (open > 0 && clock.monotonicMs() - this.#roundSinceMs >= sink.round.ms);
  }

  /** False once another hub has the feed. */
  async #confirm(signal: AbortSignal): Promise<boolean> {
    const { store, sink, receiver, log } = this.#options;
    await sink.confirm(signal);
    this.#roundEntries = Math.min(sink.round.entries, this.#roundEntries * 2);
    this.#confirmed = this.#sent;
    this.#works();
    try {
      return await store.feedPlaces.keep(receiver.id, this.#confirmed);
    } catch (thrown) {
      // It counts for this run all the same: to send everything again would help nobody.
      if (this.#told.due('place'))
        log.warn({ err: asVitalmeshError(thrown) }, 'how far the feed of the evidence has come could not be kept');
      return true;
    }
  }

  async #lastRound(signal: AbortSignal): Promise<void> {
    while (await this.#page(signal)) if (this.#isRoundOver()) await this.#confirm(signal);
    if (this.#sent.seq > this.#confirmed.seq) await this.#confirm(signal);
  }

  /** From where on is to be sent: by what this run knows, by what is kept, or from the beginning where the evidence does not go on from either. */
  async #placeFrom(kept: FeedPlace): Promise<FeedPlace> {
    const known = this.#confirmed.seq > kept.seq ? this.#confirmed : kept;
    const { store, log, metrics } = this.#options;
    if (await isThere(store, known)) return known;
    if (await isThere(store, kept)) return kept;
    if (!this.#alarms.has('AUDIT-FEED-REWRITTEN')) {
      this.#alarms.add('AUDIT-FEED-REWRITTEN');
      metrics.count('audit_feed_rewritten');
      log.error(
        { err: new VitalmeshError('AUDIT-FEED-REWRITTEN', { detail: `entry ${kept.seq}` }) },
        'the feed of the evidence begins again',
      );
    }
    return NO_PLACE;
  }

  /** What this run knows of is the other hub's matter now, which an operator may have sent back. */
  #lost(): void {
    this.#state = 'standby';
    this.#confirmed = this.#sent = NO_PLACE;
  }

  #works(): void {
    const { log, backoff } = this.#options;
    if (this.#failure !== null) log.info({ sent: this.#sent.seq }, 'the feed of the evidence gets through again');
    this.#state = 'feeding';
    this.#failure = null;
    backoff.reset();
  }

  #failed(failure: VitalmeshError): void {
    const { log, metrics } = this.#options;
    this.#state = 'waiting';
    this.#roundEntries = Math.max(LEAST_ROUND, Math.floor(this.#roundEntries / 2));
    this.#beatMs = Number.NEGATIVE_INFINITY;
    metrics.count('audit_feed_failures', failure.code);
    if (this.#failure?.code !== failure.code || this.#told.due(failure.code))
      log.warn({ err: failure }, 'the feed of the evidence does not get through; it is tried again');
    this.#failure = failure;
  }

  /** Looks how far the evidence has come, also while a receiver does not read. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { store, wait } = this.#options;
    while (!signal.aborted) {
      try {
        this.#newest = (await store.auditHead()).seq;
        this.#known = await store.feedPlaces.receivers();
        this.#judge();
      } catch {
        // That the store cannot be read is told elsewhere.
      }
      await wait(LOOK_EVERY_MS * 4, signal);
    }
  }

  #judge(): void {
    const { clock, metrics, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const isStandby = this.#state === 'standby';
    this.#behind.look(isStandby ? 0 : this.#newest, this.#sent.seq, nowMs);
    metrics.set('audit_feed_waiting', isStandby ? 0 : Math.max(0, this.#newest - this.#sent.seq));
    const isTooFar = this.#behind.isTooFar(nowMs);
    if (isTooFar === this.#alarms.has('AUDIT-FEED-BEHIND')) return;
    if (isTooFar) {
      this.#alarms.add('AUDIT-FEED-BEHIND');
      metrics.count('audit_feed_behind');
      const detail = `entry ${this.#sent.seq} of ${this.#newest}`;
      log.warn({ err: new VitalmeshError('AUDIT-FEED-BEHIND', { detail }) }, 'the feed of the evidence is behind');
    } else {
      this.#alarms.delete('AUDIT-FEED-BEHIND');
      log.info({ sent: this.#sent.seq }, 'the feed of the evidence has caught up');
    }
  }
}
