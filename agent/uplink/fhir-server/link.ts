import { VitalmeshError } from '../../../shared/errors.ts';
import { toldTime } from '../../../shared/time/http-date.ts';
import type { EntryOutcome } from '../../../shared/uplink/protocol.ts';
import type { BatchAnswer, Connect, Greeting, Link } from '../contract.ts';
import { type EntryAnswer, outcomeOf, readBatchAnswer, refusalOf } from './answers.ts';
import { checkCapability } from './capability.ts';
import { type FhirServerFiles, readCredentials } from './files.ts';
import { type FhirAnswer, FhirHttp, type FhirHttpOptions, type FhirRequest } from './http.ts';
import { createEntryText } from './resources.ts';
import { RetryGate, retryAfterMs } from './retry-after.ts';

export interface FhirLinkOptions extends Omit<FhirHttpOptions, 'credentials'> {
  /** Read anew for each connection. */
  files: FhirServerFiles;
}

/** A server that is asked for less refuses by itself (413), and then gets less. */
const LIMITS = { entries: 1000, bytes: 4 * 1024 * 1024 } as const;
/** As many of each are remembered as may be in flight, and the same again. */
const REMEMBERED = 4096;

/**
 * How a FHIR server is connected to: its credentials are read, and its capability statement must show what is needed, before anything is sent.
 * Errors: FHIR-*, UPLINK-SILENT, UPLINK-ANSWER, CONFIG-UNREADABLE.
 */
export function fhirServerConnect({ files, ...options }: FhirLinkOptions): Connect {
  const gate = new RetryGate(options.clock);
  return async (signal) => {
    await gate.open(signal);
    const link = new FhirLink({ ...options, credentials: readCredentials(files) }, gate);
    const abandon = (): void => link.destroy();
    signal.addEventListener('abort', abandon, { once: true });
    try {
      await link.introduce();
      return link;
    } catch (thrown) {
      link.destroy();
      throw thrown;
    } finally {
      signal.removeEventListener('abort', abandon);
    }
  };
}

/**
 * A FHIR server as the other end of the uplink: each resource is created unless the server holds it already, so that what is sent again is
 * stored once. It is as good at that as the server is at conditional create.
 */
class FhirLink implements Link {
  readonly peer: string;
  readonly closed: Promise<VitalmeshError>;
  readonly entryText = createEntryText;
  readonly #http: FhirHttp;
  readonly #clock: FhirHttpOptions['clock'];
  readonly #gate: RetryGate;
  readonly #stop = new AbortController();
  readonly #conflicts = new Recent<true>(REMEMBERED);
  /** Whose resource lies in a place of the server. */
  readonly #places = new Recent<string>(REMEMBERED);
  #now: number | null = null;

  constructor(options: FhirHttpOptions, gate: RetryGate) {
    this.peer = options.base.href;
    this.#clock = options.clock;
    this.#gate = gate;
    this.#http = new FhirHttp(options);
    const { promise, resolve } = Promise.withResolvers<VitalmeshError>();
    this.closed = promise;
    this.#stop.signal.addEventListener('abort', () => resolve(new VitalmeshError('FHIR-UNREACHABLE', { detail: 'let go of' })), {
      once: true,
    });
  }

  /** Asks the server what it can do. */
  async introduce(): Promise<void> {
    const askedMs = this.#clock.monotonicMs();
    const answer = await this.#ask({ method: 'GET', path: '/metadata' });
    if (answer.status !== 200) throw this.#refused(answer, 'metadata');
    checkCapability(answer.json);
    this.#now = toldTime(answer.date, this.#clock.monotonicMs() - askedMs) ?? null;
  }

  async greet(): Promise<Greeting> {
    return { limits: LIMITS, now: this.#now, storeId: null, configRevision: null, lineage: null };
  }

  async post(bundle: string, ids: readonly string[]): Promise<BatchAnswer> {
    await this.#gate.open(this.#stop.signal);
    const answer = await this.#ask({ method: 'POST', path: '', body: bundle });
    if (answer.status !== 200) throw this.#refused(answer, 'batch');
    const entries = readBatchAnswer(answer.json, ids);
    this.#checkPlaces(entries);
    const outcomes = entries.map((entry) => this.#outcome(entry));
    const [first] = outcomes;
    // Nothing came through: the rest would fare no better now.
    if (first && outcomes.every(({ status }) => status === 503)) {
      throw new VitalmeshError(first.code ?? 'FHIR-BUSY', { detail: `the server answered ${entries[0]?.status} to each entry` });
    }
    return { outcomes };
  }

  async close(): Promise<void> {
    this.destroy();
  }

  destroy(): void {
    this.#stop.abort();
    this.#http.destroy();
  }

  #ask(request: FhirRequest): Promise<FhirAnswer> {
    if (this.#stop.signal.aborted) throw new VitalmeshError('FHIR-UNREACHABLE', { detail: 'let go of' });
    return this.#http.ask(request);
  }

  #refused(answer: FhirAnswer, to: 'metadata' | 'batch'): VitalmeshError {
    const afterMs = retryAfterMs(answer.retryAfter, answer.date);
    const refusal = refusalOf(answer, to);
    if (refusal.code === 'FHIR-BUSY' && afterMs !== undefined) this.#gate.closeFor(afterMs);
    return refusal;
  }

  #outcome(entry: EntryAnswer): EntryOutcome {
    const before = this.#conflicts.get(entry.id) === true;
    if (entry.status === 409) this.#conflicts.set(entry.id, true);
    return outcomeOf(entry, before);
  }

  /** A server that leaves conditions aside finds any resource where it should find none: what it "holds" then is another reading. */
  #checkPlaces(entries: readonly EntryAnswer[]): void {
    for (const { id, status, place } of entries) {
      if (place === undefined || (status !== 200 && status !== 201)) continue;
      const known = this.#places.get(place);
      if (known !== undefined && known !== id) {
        throw new VitalmeshError('FHIR-ABILITY', { detail: 'it answers two identifiers with one resource' });
      }
      this.#places.set(place, id);
    }
  }
}

/** What was noted last, as many as there may be. */
class Recent<T> {
  readonly #most: number;
  readonly #values = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: T): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#most) break;
      this.#values.delete(oldest);
    }
  }
}
