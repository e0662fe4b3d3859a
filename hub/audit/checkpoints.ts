import { type Clock, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import { pause, type Service } from '../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { originOf, signCheckpoint } from '../../shared/signed-note.ts';
import type { Store } from '../store/store.ts';
import type { SigningKey } from './signing-key.ts';

export interface CheckpointsOptions {
  store: Pick<Store, 'storeId' | 'auditHead' | 'keepCheckpoint'>;
  key: SigningKey;
  /** After so many entries. */
  everyEntries: number;
  /** After so long, where there is any entry. */
  everyMs: number;
  metrics: Metrics;
  clock?: Clock;
  log?: Logger;
  /** Waits; a test hands in its own. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How often it is looked how far the chain has come. */
const LOOK_EVERY_MS = 2000;

/** What is handed to gateways: the newest note, and the key that it is verified with. */
export interface Told {
  note: string;
  key: string;
}

/** Signs how far the evidence has come: at the start, every so often, and at the end. Start it before what writes evidence, so that it ends after. */
export class Checkpoints implements Service {
  readonly name = 'audit-checkpoints';
  readonly #options: Required<CheckpointsOptions>;
  readonly #stop = new AbortController();
  #signed = { seq: 0, atMs: Number.NEGATIVE_INFINITY };
  #told: Told | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: CheckpointsOptions) {
    this.#options = { clock: systemClock, log: silentLogger, wait: pause, ...options };
  }

  /** The newest note; undefined while there is no evidence. */
  get newest(): Told | undefined {
    return this.#told;
  }

  /** Signs what there is. A store that cannot take the note now does not hold up the start. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#look(true);
    this.#running = this.#run(AbortSignal.any([signal, this.#stop.signal]));
  }

  /** Signs what came since. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#look(true);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.wait(LOOK_EVERY_MS, signal);
      if (!signal.aborted) await this.#look(false);
    }
  }

  async #look(now: boolean): Promise<void> {
    const { store, key, everyEntries, everyMs, clock, metrics, log } = this.#options;
    try {
      const { seq, hash } = await store.auditHead();
      const grown = seq - this.#signed.seq;
      const nowMs = clock.monotonicMs();
      if (grown <= 0 || !(now || grown >= everyEntries || nowMs - this.#signed.atMs >= everyMs)) return;
      const note = signCheckpoint({ origin: originOf(store.storeId), size: seq, hash }, key.privateKey);
      await store.keepCheckpoint({ seq, note });
      this.#signed = { seq, atMs: nowMs };
      this.#told = { note, key: key.verifier };
      metrics.count('audit_checkpoints');
    } catch (thrown) {
      metrics.count('audit_checkpoints_failed');
      log.warn({ err: asVitalmeshError(thrown) }, 'how far the evidence has come could not be signed');
    }
  }
}
