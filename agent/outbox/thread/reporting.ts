import type { MessagePort } from 'node:worker_threads';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { RowKey } from '../../../shared/uplink/key.ts';
import type { Outbox } from '../outbox.ts';
import { type LogLine, packError, type Report } from './protocol.ts';

/** How long it may be kept back that a batch was taken: mostly a commit of others is answered before. */
const TAKEN_WITHIN_MS = 2;

type News = Omit<Report, 'epoch' | 'lastSeq' | 'storeId' | 'commitMs' | 'counts' | 'gauges'>;

const nothing = (): News => ({ appended: [], epochOfAppended: '', replies: [], taken: 0, isAppended: false, isReturned: false, log: [] });

/** What the thread of an outbox tells its caller: what one turn answered goes in one message, with what was counted and logged. */
export class Reporting {
  readonly log: Logger = this.#logger();
  readonly metrics = new RelayedMetrics();
  readonly #port: MessagePort;
  #outbox: Outbox | undefined;
  #news = nothing();
  #lastSeq = 0;
  #isScheduled = false;
  /** Since when the thread was at what it reports next: from the last report on, or from what it was asked for after that. */
  #busySinceMs = 0;
  #isIdle = true;
  #takenTimer: NodeJS.Timeout | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** From now on reports say how it stands with this one. */
  of(outbox: Outbox): void {
    this.#outbox = outbox;
    outbox.onAppend(() => {
      this.#news.isAppended = true;
      this.#soon();
    });
    outbox.onReturn(() => {
      this.#news.isReturned = true;
      this.#soon();
    });
  }

  appended(number: number, keys: readonly RowKey[], isNameUsed: boolean): void {
    const epoch = keys[0]?.epoch ?? this.#news.epochOfAppended;
    // All of a report are of one epoch.
    if (epoch !== this.#news.epochOfAppended && this.#news.appended.length > 0) this.now();
    this.#news.epochOfAppended = epoch;
    this.#news.appended.push(number, isNameUsed ? 1 : 0, keys.length);
    for (const { seq } of keys) this.#news.appended.push(seq);
    this.#soon();
  }

  replied(number: number, result: unknown): void {
    this.#news.replies.push({ number, result });
    this.#soon();
  }

  failed(number: number, thrown: unknown): void {
    this.#news.replies.push({ number, error: packError(thrown) });
    this.#soon();
  }

  /** What one message asked for is on its way into the file. */
  taken(): void {
    if (this.#isIdle) this.#busySinceMs = performance.now();
    this.#isIdle = false;
    this.#news.taken += 1;
    this.#takenTimer ??= setTimeout(() => this.now(), TAKEN_WITHIN_MS);
  }

  now(last: Pick<Report, 'opened' | 'ended'> = {}): void {
    clearTimeout(this.#takenTimer);
    this.#takenTimer = undefined;
    this.#isScheduled = false;
    const news = this.#news;
    this.#news = nothing();
    const nowMs = performance.now();
    const commitMs = nowMs - this.#busySinceMs;
    if (news.appended.length > 0) [this.#busySinceMs, this.#isIdle] = [nowMs, true];
    this.#port.postMessage({ ...news, commitMs, ...this.#standing(), ...this.metrics.take(), ...last } satisfies Report);
  }

  #standing(): Pick<Report, 'epoch' | 'lastSeq' | 'storeId'> {
    const outbox = this.#outbox;
    try {
      this.#lastSeq = outbox?.lastSeq ?? 0;
    } catch {
      // As it was known last: whoever writes next is told of the fault.
    }
    return { epoch: outbox?.epoch ?? '', lastSeq: this.#lastSeq, storeId: outbox?.storeId ?? null };
  }

  /** Behind all that this turn settles. */
  #soon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => {
      if (this.#isScheduled) this.now();
    });
  }

  #logger(): Logger {
    const at = (level: LogLine['level']) => (fields: Record<string, unknown>, text: string) => {
      const { err, ...rest } = fields;
      this.#news.log.push({ level, fields: rest, error: err instanceof VitalmeshError ? packError(err) : undefined, text });
      this.#soon();
    };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } as Logger;
  }
}

/** Metrics that go to the caller's, as what changed. */
class RelayedMetrics extends Metrics {
  readonly #counts = new Map<string, [name: string, label: string, by: number]>();
  readonly #gauges = new Map<string, [name: string, label: string, value: number]>();

  override count(name: string, label = '', by = 1): void {
    const known = this.#counts.get(name + label);
    if (known) known[2] += by;
    else this.#counts.set(name + label, [name, label, by]);
  }

  override set(name: string, value: number, label = ''): void {
    this.#gauges.set(name + label, [name, label, value]);
  }

  take(): Pick<Report, 'counts' | 'gauges'> {
    const changed = { counts: [...this.#counts.values()], gauges: [...this.#gauges.values()] };
    this.#counts.clear();
    this.#gauges.clear();
    return changed;
  }
}
