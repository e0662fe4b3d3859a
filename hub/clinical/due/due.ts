import { type Clock, formatInstant, type Instant, parseInstant, zoneOffsetMin } from '../../../shared/clock.ts';
import type { Principal } from '../../access/access.ts';
import { inScope } from '../../access/decide.ts';
import type { CallContext, LatestView, ShownPatient, SourceView } from '../../access/door.ts';
import type { Masked } from '../../access/masking/contract.ts';
import type { Policy } from '../../access/policy.ts';
import type { Feed } from '../../feed.ts';
import { type Asked, asking, noticeIn, type OverTheDoor, whoseOf } from '../over-the-door.ts';
import { Calendar } from './calendar.ts';
import { type Expected, expectedOf } from './expected.ts';
import { type Newest, newestSince, newestWithin, trendWithin } from './measured.ts';
import { Remembered } from './remembered.ts';
import type { Occurrence } from './schedule.ts';
import type { ExpectedFile } from './schema.ts';
import { accepted, type DueState, type Judged, type Measured, silenceOf, stateOf, worseFirst } from './state.ts';

/** Stands under everything that says what is due. */
export const DUE_NOTICE =
  'Expected by the file of this site. That a reading did not come says nothing about how the patient is: ask or look. No alarm.';

/** A time as a reader is told it: ISO 8601 in the zone of the expectation. */
type Shown = string;

/** One expected reading, and how it stands. */
export interface DueRow {
  vital: string;
  state: DueState;
  /** What the clock alone says: `missed` or `overdue` where a silent source is said instead. */
  byClock: Judged['byClock'];
  /** Since when by the clock; of `done` when it was measured. Null of `not-yet-due`. */
  since: Shown | null;
  from: Shown;
  until: Shown;
  toleranceMinutes: number;
  /** As the site's file has it, by whose line and in which zone; null where it is masked. */
  window: string | null;
  zone: string | null;
  by: Expected['by'];
  done: { at: Shown; device: string } | null;
  /** Where something is said to be silent: what, and since when. */
  silent: { kind: 'gateway' | 'device'; id: string | null; since: Shown | null } | null;
  /** Measured since, too late to be the one that was expected. */
  late: { at: Shown; device: string } | null;
  /** When the next one begins. */
  next: Shown | null;
}

export interface DueView extends ShownPatient {
  /** ISO 8601. */
  asOf: string;
  /** Of the site's file; null where it is masked: a name that the site chose. */
  version: string | null;
  /** Worst first; empty where nothing is expected. */
  expected: readonly DueRow[];
  sources: readonly SourceView[];
  /** What the reader's token is not for: nothing is said of what is expected of it. */
  withheld?: LatestView['withheld'];
  notice: string;
  masked?: Masked;
}

export interface DueOptions extends OverTheDoor<ExpectedFile> {
  feed: Pick<Feed, 'subscribe'>;
  policy: () => Policy;
  clock: Clock;
  /** IANA; of whoever has no other. */
  zone: string;
}

/** With what sets the times of the reader apart from the real ones. */
interface AskedWhen extends Asked {
  shiftMs: number;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Few and wide: what a trend costs is its buckets, and when something was measured is told exactly whatever their width. */
const POINTS = 24;
/** From hours to a second it takes four; what is still mixed after so many stays doubtful. */
const MOST_READS = 12;

/**
 * Readings that did not come, over what the door shows: it sees nothing that the reader may not see, under the names and times that the reader knows, and each read that goes into it has
 * its own decision and evidence.
 */
export class DueReadings {
  readonly #options: DueOptions;
  readonly #calendar = new Calendar();
  readonly #remembered: Remembered;

  constructor(options: DueOptions) {
    this.#options = options;
    this.#remembered = new Remembered(options.policy);
    options.feed.subscribe((change) => {
      // That an expected reading stands otherwise changes nothing that was measured.
      if (change.kind !== 'due') this.#remembered.forget(change);
    });
  }

  /** Of the site's file in force. */
  get version(): string {
    return this.#options.rules.current.rules.version;
  }

  /** What is expected of a patient and how it stands. Throws as `Door.latest` does. */
  async of(principal: Principal, name: string, context: CallContext): Promise<DueView> {
    const { rules, zone, clock } = this.#options;
    const { latest, place, isSandbox, ...of } = await asking(this.#options, principal, name, context);
    // Whoever is masked knows other times, by whole days; windows go by the real ones, whose weekdays and seasons are the patient's.
    const shiftMs = Math.round((of.now - clock.now()) / DAY_MS) * DAY_MS;
    const asked: AskedWhen = { ...of, latest, place, isSandbox, shiftMs };
    const wanted = expectedOf(rules.current.rules, place, zone).filter(({ vital }) => inScope(principal, 'vitals.read', vital));
    const rows: DueRow[] = [];
    for (const expected of wanted) rows.push(...(await this.#row(expected, asked)));
    const { asOf, sources, withheld, masked } = latest;
    return {
      ...whoseOf(latest),
      ...{ asOf, version: masked ? null : this.version },
      expected: rows
        .map((row) => ({ ...row, ...orderOf(latest.patient, row) }))
        .sort(worseFirst)
        .map(({ patient: _, sinceAt: __, fromAt: ___, ...row }) => row),
      sources,
      ...(withheld && { withheld }),
      notice: noticeIn(isSandbox, DUE_NOTICE),
      ...(masked && { masked }),
    };
  }

  /** The occurrence that opened last, or the first one that will. */
  async #row(expected: Expected, asked: AskedWhen): Promise<DueRow[]> {
    const { latest, now, shiftMs, isSandbox } = asked;
    const { current, next } = this.#calendar.around(expected, now - shiftMs);
    const real = current ?? next;
    if (real === null) return [];
    const occurrence = { from: real.from + shiftMs, until: real.until + shiftMs };
    const toleranceMs = expected.toleranceMin * MINUTE_MS;
    const span = accepted(occurrence, toleranceMs);
    const rows = latest.vitals.filter(({ vital }) => vital === expected.vital);
    const done = current === null ? null : await this.#doneWithin(expected.vital, span, asked);
    const of = { devices: new Set(rows.map(({ device }) => device)), gateways: new Set(rows.map(({ gateway }) => gateway)) };
    const silence = silenceOf(latest.sources, of, span.until);
    const { state, byClock, since } = stateOf(occurrence, { toleranceMs, now, done, silence });
    const shown = (at: Instant): Shown => formatInstant(at, latest.masked ? 0 : zoneOffsetMin(at, expected.zone));
    const named = (one: Measured | null) => one && { at: shown(one.at), device: one.device };
    return [
      {
        ...{ vital: expected.vital, state, byClock },
        since: since === null ? null : shown(since),
        from: shown(occurrence.from),
        until: shown(occurrence.until),
        toleranceMinutes: expected.toleranceMin,
        window: latest.masked ? null : expected.text,
        zone: latest.masked ? null : expected.zone,
        by: expected.by,
        done: named(done),
        silent:
          silence && state !== byClock
            ? { kind: silence.kind, id: silence.id, since: silence.since === null ? null : shown(silence.since) }
            : null,
        late: named(done === null ? newestSince(rows, span.until, isSandbox) : null),
        next: current === null || next === null ? null : shown(next.from + shiftMs),
      },
    ];
  }

  async #doneWithin(vital: string, span: Occurrence, asked: AskedWhen): Promise<Measured | null> {
    const rows = asked.latest.vitals.filter((row) => row.vital === vital);
    const newest: Newest = newestWithin(rows, span, asked.isSandbox);
    if (newest !== 'ask') return newest.done;
    const said = this.#remembered.of(asked.principal, asked.place.patient);
    const key = JSON.stringify([vital, span.from, span.until, asked.isSandbox, asked.latest.masked ?? null]);
    const known = said.get(key);
    if (known !== undefined) return known;
    const done = await this.#byTrend(vital, span, asked);
    said.set(key, done);
    return done;
  }

  /** Where something doubtful lies beside something else, once more and finer, the newest first. */
  async #byTrend(vital: string, span: Occurrence, { principal, name, context, isSandbox }: AskedWhen): Promise<Measured | null> {
    const open = [span];
    for (let reads = 0; reads < MOST_READS; reads += 1) {
      const stretch = open.pop();
      if (stretch === undefined) break;
      const query = { vital, from: stretch.from, to: stretch.until, points: POINTS };
      const { done, mixed } = trendWithin(await this.#options.door.trend(principal, name, query, context), stretch, isSandbox);
      if (done) return done;
      open.push(...mixed.filter(({ from, until }) => until - from < stretch.until - stretch.from));
    }
    return null;
  }
}

/** By which a row is put in order. */
export function orderOf(patient: string, { since, from }: DueRow): { patient: string; sinceAt: Instant | null; fromAt: Instant } {
  return { patient, sinceAt: since === null ? null : (parseInstant(since)?.at ?? null), fromAt: parseInstant(from)?.at ?? 0 };
}
