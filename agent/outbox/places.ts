import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import type { LostClass } from '../../shared/gap.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { lostClass } from './gaps.ts';
import { readPlaces, writePlaces } from './places-file.ts';
import type { RowOrigin } from './rows.ts';

/** Where data of a source may be missing from. */
export type GapSource = Pick<ReadingRecord, 'source' | 'profile' | 'device' | 'subject' | 'test'>;

/** Whose data wait, or waited lately, and of which class. */
export interface Place extends GapSource {
  lost: LostClass;
}

export interface PlacesOptions {
  path: string;
  key: Buffer;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** The greatest number of a row in the file beside it: what the list names may wait under any up to this. */
  lastSeq: number;
}

/** With the greatest row number of it. */
interface Entry {
  place: Place;
  seq: number;
}

/** So many places are told of at most; of more, those that sent last. */
export const MOST_PLACES = 1000;

/** What may be written in an hour: some ten thousand lists of a small ward, forty of the longest. */
const BYTES_AN_HOUR = 8 * 1024 * 1024;
const HOUR_MS = 3_600_000;

/**
 * Whose rows wait, in a small encrypted file beside the outbox: when nothing of a damaged outbox can be read, it says of whom data are
 * missing. Written before the first row of a new place is committed, and once an hour where somebody is not to be named any more. An
 * error with it is no reason to stop.
 */
export class Places {
  readonly #options: PlacesOptions;
  readonly #entries = new Map<string, Entry>();
  /** The last one of each device: nearly every row is of the place that the row before it was of, and a key costs a tenth of a row. */
  readonly #recent = new Map<string, Entry>();
  /** It was there and could be read: whose rows wait is known without looking at them. */
  readonly isWhole: boolean;
  #isDue = false;
  #budget = BYTES_AN_HOUR;
  #budgetAtMs: number;
  #prunedAtMs: number;
  /** The greatest number of a row, now and when it was pruned last. */
  #highest: number;
  #prunedSeq: number;
  #isFailing = false;

  constructor(options: PlacesOptions) {
    this.#options = options;
    this.#budgetAtMs = this.#prunedAtMs = options.clock.monotonicMs();
    this.#highest = this.#prunedSeq = options.lastSeq;
    this.isWhole = this.#load();
  }

  /** All that it knows of. */
  get all(): readonly Place[] {
    return Array.from(this.#entries.values(), ({ place }) => place);
  }

  /** A row of this record has, or gets, this number. */
  note(record: RowOrigin, seq: number): void {
    if (seq > this.#highest) this.#highest = seq;
    const lost = record.gap?.lost ?? lostClass(record);
    const recent = this.#recent.get(record.device.id);
    if (recent && isOf(recent.place, record, lost)) {
      if (seq > recent.seq) recent.seq = seq;
      return;
    }
    const key = keyOf(record, lost);
    const known = this.#entries.get(key);
    const entry = known ?? this.#add(key, record, lost, seq);
    if (seq > entry.seq) entry.seq = seq;
    this.#recent.set(record.device.id, entry);
  }

  #add(key: string, record: RowOrigin, lost: LostClass, seq: number): Entry {
    const { source, profile, device, subject, test } = record;
    if (this.#entries.size >= MOST_PLACES) this.#forgetOldest();
    // A copy: parts of a message's text would hold all of it in memory.
    const place = JSON.parse(JSON.stringify({ source, profile, device, subject, test, lost })) as Place;
    const entry = { place, seq };
    this.#entries.set(key, entry);
    this.#isDue = true;
    return entry;
  }

  /** Writes what is new, as far as it may write now. `oldestSeq`: the least number of a row that waits; asked for once an hour. */
  keep(oldestSeq: () => number | undefined): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#prunedAtMs >= HOUR_MS) {
      this.#prunedAtMs = nowMs;
      this.#prune(oldestSeq() ?? Number.POSITIVE_INFINITY);
    }
    if (!this.#isDue) return;
    this.#budget = Math.min(BYTES_AN_HOUR, this.#budget + ((nowMs - this.#budgetAtMs) / HOUR_MS) * BYTES_AN_HOUR);
    this.#budgetAtMs = nowMs;
    if (this.#budget > 0) this.#write();
  }

  #load(): boolean {
    const { path, key, log, metrics, lastSeq } = this.#options;
    try {
      const places = readPlaces(path, key);
      for (const place of places ?? []) this.#entries.set(keyOf(place, place.lost), { place, seq: lastSeq });
      return places !== undefined;
    } catch (thrown) {
      metrics.count('outbox_places_unreadable');
      log.warn({ err: asVitalmeshError(thrown), file: path }, 'the list of whose data wait cannot be read, and is made anew');
      return false;
    }
  }

  /** Whoever sent nothing since the last time and has nothing that waits is not named any more; who sends now and then is not written each time. */
  #prune(oldestSeq: number): void {
    for (const [key, { seq }] of this.#entries) {
      if (seq >= oldestSeq || seq > this.#prunedSeq) continue;
      this.#entries.delete(key);
      this.#isDue = true;
    }
    this.#prunedSeq = this.#highest;
    this.#recent.clear();
  }

  #forgetOldest(): void {
    let oldest: [key: string, seq: number] | undefined;
    for (const [key, { seq }] of this.#entries) if (!oldest || seq < oldest[1]) oldest = [key, seq];
    if (oldest) this.#entries.delete(oldest[0]);
    this.#recent.clear();
    this.#options.metrics.count('outbox_places_forgotten');
  }

  #write(): void {
    const { path, key, log, metrics } = this.#options;
    try {
      this.#budget -= writePlaces(path, key, this.all);
      this.#isDue = false;
      this.#isFailing = false;
    } catch (thrown) {
      // It stays due, and the next row tries again.
      metrics.count('outbox_places_unwritten');
      if (!this.#isFailing)
        log.warn({ err: asVitalmeshError(thrown, 'STORAGE-IO'), file: path }, 'the list of whose data wait cannot be written');
      this.#isFailing = true;
    }
  }
}

/** What `keyOf` would say of both. */
function isOf(place: Place, { source, device, subject, test }: Omit<GapSource, 'profile'>, lost: LostClass): boolean {
  const there = place.subject;
  return (
    place.lost === lost &&
    place.source === source &&
    place.test === test &&
    place.device.id === device.id &&
    there.patient?.value === subject.patient?.value &&
    there.patient?.authority === subject.patient?.authority &&
    there.visit === subject.visit &&
    there.bed === subject.bed
  );
}

/** Identifiers hold no control characters. */
function keyOf({ source, device, subject: { patient, visit, bed }, test }: Omit<GapSource, 'profile'>, lost: LostClass): string {
  return `${lost}\n${source}\n${test}\n${device.id}\n${patient?.value}\n${patient?.authority}\n${visit}\n${bed}`;
}
