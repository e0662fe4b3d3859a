import type { Clock, Instant } from '../shared/clock.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { ReadingRecord } from '../shared/reading.ts';
import { checkRecord } from '../shared/reading-check.ts';
import type { ClockRun } from '../shared/time/clock-run.ts';
import { type GapRecord, gapOf, goneOf, joined, placeOf } from './outbox/gaps.ts';
import type { Outbox } from './outbox/outbox.ts';

/** Gaps that are remembered at most: some hundred devices over hours. */
const MOST = 1000;

export interface UnstoredOptions {
  outbox: Pick<Outbox, 'append'>;
  clock: Clock;
  metrics: Metrics;
  /** The run of the clock that gave a time, where nobody has confirmed it. */
  runOf(receivedAt: Instant): ClockRun | undefined;
}

/** Records of which nothing is known any more but their number, because too many places had one. */
export const UNREMEMBERED = 'intake_unremembered_records_total';

/**
 * What could not be stored when it came and nobody will send again (serial lines, MQTT with QoS 0): remembered as gaps, in bounded memory,
 * and stored with the first rows that go through again. What is remembered when the process ends is lost, as it would have been.
 */
export class Unstored {
  readonly #outbox: Pick<Outbox, 'append'>;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #runOf: (receivedAt: Instant) => ClockRun | undefined;
  /** The newest gap of each place is the last of its list. */
  readonly #gaps = new Map<string, GapRecord[]>();
  #count = 0;
  #storing = false;

  constructor({ outbox, clock, metrics, runOf }: UnstoredOptions) {
    this.#outbox = outbox;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#runOf = runOf;
  }

  /** Something is remembered. */
  get some(): boolean {
    return this.#count > 0;
  }

  add(records: readonly ReadingRecord[]): void {
    const at = this.#clock.now();
    for (const record of records) this.#remember(gapOf(record, 'storage', goneOf(record), at));
  }

  /** Storing works: what is remembered goes along. Resolves when it is stored, or is remembered again. */
  async store(): Promise<void> {
    if (!this.some || this.#storing) return;
    this.#storing = true;
    const gaps = [...this.#gaps.values()].flat();
    const left = new Set(gaps);
    this.#gaps.clear();
    this.#count = 0;
    try {
      for (const [run, those] of Map.groupBy(gaps, ({ receivedAt }) => this.#runOf(receivedAt))) {
        await this.#outbox.append(those, { run });
        for (const gap of those) left.delete(gap);
      }
    } catch {
      for (const gap of left) this.#remember(gap);
    } finally {
      this.#storing = false;
    }
  }

  #remember(gap: GapRecord): void {
    const place = placeOf(gap);
    const there = this.#gaps.get(place);
    const last = there?.at(-1);
    const one = last && joined(last, gap);
    if (there && one) there[there.length - 1] = one;
    else if (this.#count >= MOST || checkRecord(gap) !== undefined) this.#metrics.count(UNREMEMBERED, '', gap.gap.rows);
    else {
      this.#gaps.set(place, [...(there ?? []), gap]);
      this.#count += 1;
    }
  }
}
