import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Resource } from '../../shared/fhir.ts';
import { aborted, Backoff, pause } from '../../shared/lifecycle.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { onAbort } from '../../shared/overlay/limit.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import { UPLINK_TIMES } from '../../shared/uplink/protocol.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { resourcesOf } from '../resources.ts';
import { Collisions } from './collisions.ts';
import type { Connect, Greeting, Link, Uplink, UplinkState, UplinkStatus } from './contract.ts';
import type { BatchLimits } from './flight.ts';
import { Pump, type PumpOptions } from './pump.ts';
import { RefusalLog } from './refusal-log.ts';

export interface CourierOptions {
  outbox: Outbox;
  /** Identity id of this gateway: the first part of every key. */
  agent: string;
  connect: Connect;
  /** What is connected to, for the log: a service, or an address without credentials. */
  service: string;
  /** Calls the listener whenever there is a network again, so that waiting ends early. */
  onNetwork?(listener: () => void): Disposable;
  log: Logger;
  metrics: Metrics;
  clock: Clock;
  /** Most entries in a batch, within the other end's limit; 200 unless told. */
  batchEntries?: number;
  /** Largest batch in bytes before packing, within the other end's limit; 1 MiB unless told. */
  batchBytes?: number;
  /** Batches in flight at a time; 4 unless told. */
  windowBatches?: number;
  /** How long a batch that could grow waits while another is in flight; 2 ms unless told. */
  lingerMs?: number;
  /** Waiting before trying again: after what passes by itself, and after what somebody has to mend. */
  retry?: { minMs: number; maxMs: number; slowMinMs: number; slowMaxMs: number };
  /** What is in flight gets this long when the agent stops; 2 s unless told. */
  drainMs?: number;
  /** Rows → FHIR; `agent/resources.ts` unless told. */
  normalize?(record: ReadingRecord, key: RowKey & { agent: string }): Resource[];
}

const RETRY = { minMs: 100, maxMs: 15_000, slowMinMs: 1000, slowMaxMs: 60_000 };

/** What does not pass until somebody mends it; tried again slowly. */
const SLOW: ReadonlySet<ErrorCode> = new Set([
  'UPLINK-UNKNOWN-GATEWAY',
  'ACCESS-EXPIRED',
  'ACCESS-DENIED',
  'UPLINK-VERSION',
  'UPLINK-INSTANCE',
  'UPLINK-PEER',
  'UPLINK-STORE',
  'UPLINK-REQUEST',
  'UPLINK-ANSWER',
  'INTERNAL',
  'IDENTITY-EXPIRED',
  'IDENTITY-UNTRUSTED',
  'IDENTITY-CHAIN',
  'IDENTITY-NAME',
  'FHIR-TLS',
  'FHIR-CREDENTIALS',
  'FHIR-SERVER',
  'FHIR-ABILITY',
  'FHIR-SIGN-IN',
  'FHIR-DENIED',
]);

/** Whose detail is the id of whoever answered: with it an operator finds a second hub that binds the service by mistake. */
const NAMES_WHO: ReadonlySet<ErrorCode> = new Set(['UPLINK-PEER', 'UPLINK-STORE']);

/** In shortest pauses: 3 s with the usual 100 ms. */
const SPREAD = 30;

/** A connection that lived this long shows that the trouble before it is over. */
const SETTLED_MS = 10_000;

/**
 * Keeps a connection to what takes the data, and carries the outbox over it. Whatever happens in between is tried again; nothing leaves
 * the outbox without the other end's word for it.
 */
export class Courier implements Uplink {
  readonly name = 'uplink';
  readonly #options: CourierOptions;
  readonly #drainMs: number;
  readonly #collisions = new Collisions();
  readonly #refusals: RefusalLog;
  readonly #stop = new AbortController();
  readonly #quick: Backoff;
  readonly #slow: Backoff;
  #running: Promise<void> | undefined;
  /** Aborted when the connection is to be left for a new one. */
  #leaving = new AbortController();
  #pump: Pump | undefined;
  #state: UplinkState = 'stopped';
  #since: Instant;
  #code: ErrorCode | null = null;
  /** What the log said to that code. */
  #detail: string | undefined;
  #hub: UplinkStatus['hub'] = null;
  #refusedStore: string | undefined;
  #lastConnectedAt: Instant | null = null;
  #lastAnswerAt: Instant | null = null;
  /** When the first connection of the present run was made. */
  #connectedAtMs: number | undefined;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#drainMs = options.drainMs ?? UPLINK_TIMES.drainMs;
    const { minMs, maxMs, slowMinMs, slowMaxMs } = options.retry ?? RETRY;
    this.#quick = new Backoff(minMs, maxMs);
    this.#slow = new Backoff(slowMinMs, slowMaxMs);
    this.#since = options.clock.now();
    this.#refusals = new RefusalLog(options.log, options.clock);
  }

  /** Resolves at once: an agent works without its hub. */
  async start(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#run(AbortSignal.any([signal, this.#stop.signal]));
  }

  status(): UplinkStatus {
    return {
      state: this.#state,
      since: this.#since,
      code: this.#code,
      ...(this.#code !== null && NAMES_WHO.has(this.#code) && this.#detail !== undefined && { detail: this.#detail }),
      hub: this.#hub,
      ...(this.#refusedStore !== undefined && { refusedStore: this.#refusedStore }),
      lastConnectedAt: this.#lastConnectedAt,
      inFlight: this.#pump?.flying ?? 0,
      lastAnswerAt: this.#lastAnswerAt,
    };
  }

  moveOver(): void {
    this.#leaving.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log, metrics } = this.#options;
    while (!signal.aborted) {
      this.#enter('connecting', this.#code);
      this.#connectedAtMs = undefined;
      const error = await this.#connectAndSend(signal).catch((thrown: unknown) => asVitalmeshError(thrown));
      if (signal.aborted || error === undefined) break;
      // A dial that ran into its time limit has taken as long, and shows nothing.
      const hasSettled = this.#connectedAtMs !== undefined && clock.monotonicMs() - this.#connectedAtMs > SETTLED_MS;
      if (hasSettled) this.#settled();
      const delayMs = SLOW.has(error.code) ? this.#slow.nextMs() : hasSettled ? this.#spreadMs() : this.#quick.nextMs();
      metrics.count('uplink_lost', error.code);
      if (error.code !== this.#code) log.warn({ err: error, service: this.#options.service }, 'uplink waits; the outbox keeps everything');
      this.#enter('waiting', error.code);
      this.#detail = error.detail;
      await this.#pause(delayMs, signal);
    }
    this.#enter('stopped', null);
  }

  /** Ends early when the network comes back: whoever tells of that has waited already, each gateway for a time of its own. */
  async #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    using _stop = onAbort(signal, () => over.abort());
    using _watch = this.#options.onNetwork?.(() => {
      this.#settled();
      over.abort();
    });
    await pause(delayMs, over.signal);
  }

  /** One connection after the other, each made while the one of before works: the reason of the last one's end, undefined when the agent stops. */
  async #connectAndSend(signal: AbortSignal): Promise<VitalmeshError | undefined> {
    for (let link = await this.#connect(signal); ; ) {
      const ended = await this.#sendOver(link, signal);
      if (!ended || !('link' in ended)) return ended;
      link = ended.link;
    }
  }

  #connect(signal: AbortSignal): Promise<Link> {
    // What asks for a new connection from now on is not satisfied by this one.
    this.#leaving = new AbortController();
    return this.#options.connect(signal);
  }

  /** Until the connection ends, or another one is there to take its place. */
  async #sendOver(link: Link, signal: AbortSignal): Promise<VitalmeshError | { link: Link } | undefined> {
    const over = new AbortController();
    const left = new AbortController();
    let successor: Promise<Link | undefined> = Promise.resolve(undefined);
    try {
      const limits = await this.#greet(link);
      this.#pump = this.#pumpOn(link, limits);
      this.#enter('connected', null);
      this.#connectedAtMs ??= this.#options.clock.monotonicMs();
      this.#options.log.info({ service: this.#options.service, hub: link.peer }, 'uplink connected');
      successor = this.#successor(AbortSignal.any([signal, over.signal]), left);
      // One limit for what is in flight and for the end of the connection.
      let drainUntilMs = Number.POSITIVE_INFINITY;
      using _ending = onAbort(AbortSignal.any([signal, left.signal]), () => {
        drainUntilMs = this.#options.clock.monotonicMs() + this.#drainMs;
      });
      const reason = await this.#pump.run(signal, left.signal);
      over.abort();
      const next = await successor;
      if (reason === undefined) await link.close(Math.max(0, drainUntilMs - this.#options.clock.monotonicMs()));
      if (next && reason === undefined && !signal.aborted) return { link: next };
      next?.destroy();
      return reason;
    } finally {
      over.abort();
      this.#pump = undefined;
      link.destroy();
    }
  }

  /** A connection to go over to, once that is asked for; undefined when it is `over` before. `left` is aborted when it is there. */
  async #successor(over: AbortSignal, left: AbortController): Promise<Link | undefined> {
    await aborted(AbortSignal.any([over, this.#leaving.signal]));
    const { minMs, maxMs } = this.#options.retry ?? RETRY;
    const backoff = new Backoff(minMs, maxMs);
    while (!over.aborted) {
      try {
        const link = await this.#connect(over);
        left.abort();
        return link;
      } catch (thrown) {
        this.#options.log.debug({ err: asVitalmeshError(thrown) }, 'no new connection yet; the uplink goes on over the old one');
        await pause(backoff.nextMs(), over);
      }
    }
    return undefined;
  }

  /** Asks the other end who it is and what it takes, and settles with it what it holds. */
  async #greet(link: Link): Promise<BatchLimits & Pick<PumpOptions, 'storeEpoch'>> {
    const { clock, batchEntries = 200, batchBytes = 1024 * 1024 } = this.#options;
    const askedAt = clock.now();
    const greeting = await link.greet(await this.#options.outbox.toldOf());
    const { storeId, configRevision, now, limits, lineage } = greeting;
    await this.#settleStore(greeting);
    const clockOffsetMs = now === null ? null : Math.round(now - (askedAt + clock.now()) / 2);
    this.#hub = { identity: link.peer, storeId, configRevision, clockOffsetMs };
    const storeEpoch = lineage?.epochs.at(-1)?.epoch;
    return { entries: Math.min(batchEntries, limits.entries), bytes: Math.min(batchBytes, limits.bytes), storeEpoch };
  }

  /**
   * Another store than before is refused, over restarts as well: the data would be split over two. What a store that went back to an
   * earlier state does not hold any more waits again.
   */
  async #settleStore({ storeId, lineage }: Greeting): Promise<void> {
    if (storeId === null) return;
    const { outbox, log } = this.#options;
    // On a disk that takes nothing what waits must get out all the same; the id is kept at a later connection.
    if (outbox.storeId === null) await outbox.setStoreId(storeId).catch(() => 0);
    else if (outbox.storeId !== storeId) {
      this.#refusedStore = storeId;
      throw new VitalmeshError('UPLINK-STORE', { detail: `its store is ${storeId}, the data went to ${outbox.storeId} until now` });
    }
    this.#refusedStore = undefined;
    if (lineage === null) return;
    const { rows, gaps } = await outbox.redeliver(lineage);
    if (rows + gaps > 0) log.warn({ rows, gaps }, 'the hub went back to an earlier state; what it does not hold any more is sent again');
  }

  #pumpOn(link: Link, { storeEpoch, ...limits }: BatchLimits & Pick<PumpOptions, 'storeEpoch'>): Pump {
    const { outbox, clock, log, metrics, agent, normalize = resourcesOf, windowBatches = 4, lingerMs = 2 } = this.#options;
    const { minMs, maxMs } = this.#options.retry ?? RETRY;
    return new Pump(
      {
        outbox,
        // Without a zone: a row sent again after the configuration changed must be the same to the letter.
        normalize: ({ record, epoch, seq }) => normalize(record, { agent, epoch, seq }),
        clock,
        log,
        metrics,
        refusals: this.#refusals,
        windowBatches,
        lingerMs,
        retry: { minMs, maxMs },
        drainMs: this.#drainMs,
        storeEpoch,
        onAnswer: (trouble) => this.#answered(trouble),
      },
      link,
      limits,
      this.#collisions,
    );
  }

  #answered(trouble: ErrorCode | null): void {
    this.#code = trouble;
    if (trouble !== null) return;
    this.#lastAnswerAt = this.#options.clock.now();
    this.#settled();
  }

  /** A hub that went away took the connections of all its gateways with it; they come back spread over seconds. */
  #spreadMs(): number {
    const { minMs, maxMs } = this.#options.retry ?? RETRY;
    return Math.random() * Math.min(maxMs, SPREAD * minMs);
  }

  #settled(): void {
    this.#quick.reset();
    this.#slow.reset();
  }

  #enter(state: UplinkState, code: ErrorCode | null): void {
    const now = this.#options.clock.now();
    if (this.#state === 'connected' && state !== 'connected') this.#lastConnectedAt = now;
    if (state !== this.#state) this.#since = now;
    this.#state = state;
    this.#code = code;
  }
}
