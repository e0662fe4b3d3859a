import { formatInstant, type Instant, zoneOffsetMin } from '../../shared/clock.ts';
import { panel, vital } from '../../shared/vitals.ts';
import type { Limit, PatientLimits } from '../clinical/limits/limits.ts';
import { type Standing, standingsOf } from '../clinical/preferred.ts';
import { deviceSource, type Source } from '../clinical/sources/source.ts';
import { ageSecondsOf, isStale } from '../clinical/staleness.ts';
import type { Beside, Demo, LimitsInForce } from '../clinical/surroundings.ts';
import type { StoredReading } from '../store/store.ts';
import type { Withheld } from './access.ts';
import type { DoubtfulView, LatestView, SourceView, VitalView } from './door.ts';
import { headOf, type Whose } from './view-head.ts';

/** Stands under everything that shows values. */
export const NOTICE =
  'Not an alarm system, not for diagnosis. Values are shown as the devices sent them; check age, flags and the patient before acting on them.';

/** The same of a tenant that is a sandbox. */
export const SANDBOX_NOTICE = `SANDBOX: nothing here was measured on a patient in care. ${NOTICE}`;

export function noticeOf(isSandbox: boolean): string {
  return isSandbox ? SANDBOX_NOTICE : NOTICE;
}

/** By what a row is shown beside itself. */
interface Shown {
  limit: Limit;
  standing: Standing;
  stale: boolean;
  formerStay: boolean;
  demo: boolean;
  doubtful?: StoredReading;
}

/** Rows that are current, and the doubtful ones that stand beside them, by vital sign. */
function apart(rows: readonly StoredReading[]): { current: StoredReading[]; doubtful: ReadonlyMap<string, StoredReading> } {
  const isDoubtful = ({ flags }: StoredReading): boolean => flags.includes('identity-doubtful');
  return {
    current: rows.filter((row) => !isDoubtful(row)),
    doubtful: new Map(rows.filter(isDoubtful).map((row) => [nameOfSeries(row), row])),
  };
}

function nameOfSeries({ vital, test }: StoredReading): string {
  return `${vital} ${test}`;
}

/**
 * A stored row as a reader gets it at `now`. Nothing of a stale row stands where a current value would: the number is in `lastKnown`
 * alone. `at` is the time by which the row is ordered: the device's, or that of receipt where the device's was set aside (flag `clock`).
 */
function vitalView(row: StoredReading, now: Instant, { limit, standing, stale, formerStay, demo, doubtful }: Shown): VitalView {
  const at = formatInstant(row.sortTime, row.offsetMin);
  return {
    vital: row.vital,
    name: nameOf(row.vital),
    value: stale ? null : row.value,
    unit: row.unit,
    absent: stale ? null : row.absent,
    components: row.components.map((part) => ({
      vital: part.vital,
      name: nameOf(part.vital),
      value: stale ? null : part.value,
      unit: part.unit,
      absent: stale ? null : part.absent,
    })),
    at,
    ageSeconds: ageSecondsOf(row, now, limit.ms),
    stale,
    limit: { seconds: limit.ms / 1000, by: limit.by },
    lastKnown: stale
      ? { value: row.value, components: row.components.map((part) => ({ vital: part.vital, value: part.value })), at }
      : null,
    ...(formerStay && { formerStay }),
    ...(row.byHand && { byHand: { kind: row.byHand.kind, since: formatInstant(row.byHand.at, row.offsetMin) } }),
    ...(doubtful && { doubtful: doubtfulView(doubtful) }),
    flags: row.flags,
    measurand: standing.measurand.key,
    preferred: standing.preferred,
    preferredBecause: standing.because,
    disagreement: standing.disagreement,
    demo,
    device: row.device,
    gateway: row.gateway,
    test: row.test,
    observation: row.id,
    receivedAt: row.receivedAt,
    storedAt: row.storedAt,
  };
}

function doubtfulView({ value, components, sortTime, offsetMin, device, id }: StoredReading): DoubtfulView {
  const parts = components.map((part) => ({ vital: part.vital, value: part.value }));
  return { value, components: parts, at: formatInstant(sortTime, offsetMin), device, observation: id };
}

/** Whose rows they are, and when they are shown. */
export interface LatestFrame extends Whose {
  /** What the reader's token is not for. */
  withheld: readonly Withheld[];
  now: Instant;
  /** IANA. */
  zone: string;
  limits: LimitsInForce;
  beside: Beside;
}

/** What is current of a patient, not masked. */
export function latestView(rows: readonly StoredReading[], frame: LatestFrame): LatestView {
  const { now, zone, withheld, limits, beside, admitted, discharged, leftBed } = frame;
  const shown = (at: Instant): string => formatInstant(at, zoneOffsetMin(at, zone));
  return {
    ...headOf(frame, now, shown),
    vitals: vitalViews(rows, now, limits.of, beside.demo, {
      isOver: discharged !== undefined,
      ...(admitted !== undefined && { admitted }),
      ...(leftBed !== undefined && { leftBed }),
    }),
    sources: sourcesOf(rows, { now, limits: limits.of, behind: beside.sources, elsewhere: beside.elsewhere, withheld }).map((source) =>
      sourceView(source, shown),
    ),
    demo: beside.demo.map(({ device, since, lastAt }) => ({ device, since: shown(since), lastAt: shown(lastAt) })),
    limitsVersion: limits.version,
    ...(withheld.length > 0 && { withheld }),
    notice: noticeOf(beside.sandbox),
  };
}

interface SourcesFrame {
  now: Instant;
  limits: PatientLimits;
  behind: readonly Source[];
  /** Devices that sent last what is another's; none unless given. */
  elsewhere?: readonly string[] | undefined;
  withheld: readonly Withheld[];
}

/**
 * The devices of these rows, in order of id, and what stands behind them. Where a token keeps rows back, a device of which nothing that is shown is current may well speak: of it nothing is
 * known, and when it was last heard is not told.
 */
export function sourcesOf(rows: readonly StoredReading[], { now, limits, behind, elsewhere = [], withheld }: SourcesFrame): Source[] {
  const devices = new Map<string, { freshAt: Instant; limitMs: number }[]>();
  for (const row of apart(rows).current) {
    const of = devices.get(row.device) ?? [];
    devices.set(row.device, of);
    of.push({ freshAt: row.freshAt, limitMs: limits(row).ms });
  }
  const ids = [...devices.keys()].sort();
  const known = ids.map((id) => deviceSource(id, devices.get(id) ?? [], now, elsewhere.includes(id)));
  const shown =
    withheld.length === 0 ? known : known.map((one): Source => (one.state === 'live' ? one : { ...one, state: 'unknown', since: null }));
  return [...shown, ...behind];
}

export function sourceView({ kind, id, state, since }: Source, shown: (at: Instant) => string): SourceView {
  return { kind, id, state, since: since === null ? null : shown(since) };
}

/** What of whose stay is over: all of it, what was measured in a bed before they were here again, or what was before they left the bed. UTC ms. */
interface StayEnds {
  isOver?: boolean;
  admitted?: Instant;
  leftBed?: Instant;
}

/**
 * The rows of a patient as a reader gets them, in an order in which whoever reads only the first loses least: what is current before
 * what is stale, the newest of each vital sign before its others, then by vital sign and device. Device ids that keep changing thus
 * hide no other vital sign. Nothing is current of a stay that has ended (`isOver`), nor, of whoever is here again (`admitted`) or left it (`leftBed`), of what was measured in a bed before.
 * What a device measured before it said that it is in demonstration mode is not current any more.
 */
export function vitalViews(
  rows: readonly StoredReading[],
  now: Instant,
  limits: PatientLimits,
  demos: readonly Demo[] = [],
  { isOver = false, admitted = Number.NEGATIVE_INFINITY, leftBed = Number.NEGATIVE_INFINITY }: StayEnds = {},
): VitalView[] {
  const { current, doubtful } = apart(rows);
  const demoAt = new Map(demos.map(({ device, lastAt }) => [device, lastAt]));
  const judged = current.map((row) => {
    const limit = limits(row);
    const demo = !row.test && (demoAt.get(row.device) ?? Number.NEGATIVE_INFINITY) >= row.receivedAt;
    const formerStay = row.place === 'bed' && row.sortTime < admitted;
    const isOfBedLeft = row.place === 'bed' && row.sortTime < leftBed;
    return { row, limit, demo, formerStay, stale: isOver || formerStay || isOfBedLeft || demo || isStale(row, now, limit.ms) };
  });
  const standings = standingsOf(
    judged.map(({ row: { vital, device, value, components, flags, sortTime, test }, stale }) => ({
      ...{ vital, device, value, components, flags, sortTime, test },
      stale,
    })),
  );
  const seen = new Map<string, number>();
  const ranked = judged
    .flatMap(({ row, limit, demo, formerStay, stale }, i) => {
      const standing = standings[i];
      if (!standing) return [];
      const beside = doubtful.get(nameOfSeries(row));
      return [{ row, view: vitalView(row, now, { limit, demo, formerStay, stale, standing, ...(beside && { doubtful: beside }) }) }];
    })
    .sort(
      (a, b) => Number(a.view.stale) - Number(b.view.stale) || Number(a.row.test) - Number(b.row.test) || b.row.sortTime - a.row.sortTime,
    )
    .map(({ view }) => {
      const rank = seen.get(view.vital) ?? 0;
      seen.set(view.vital, rank + 1);
      return { view, rank };
    });
  ranked.sort(
    (a, b) =>
      Number(a.view.stale) - Number(b.view.stale) ||
      a.rank - b.rank ||
      compared(a.view.vital, b.view.vital) ||
      compared(a.view.device, b.view.device),
  );
  return ranked.map(({ view }) => view);
}

function compared(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Plain English of a vital sign or panel; its key for one that is not in the table. */
export function nameOf(key: string): string {
  return vital(key)?.name ?? panel(key)?.name ?? key;
}

/**
 * When the newest was stored of what a reader is shown: where a token keeps something back, only if nothing of the patient was left out, else null.
 * The store knows one time for all of a patient, and that of what is hidden would pass for the age of what is seen.
 */
export function lastShownAt(
  lastStoredAt: Instant | null,
  { shown, stored, withheld }: { shown: readonly string[]; stored: readonly string[]; withheld: readonly Withheld[] },
): Instant | null {
  const isWhole = withheld.length === 0 || (shown.length > 0 && shown.length === stored.length);
  return isWhole ? lastStoredAt : null;
}
