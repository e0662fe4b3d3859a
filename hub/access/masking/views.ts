import type { Instant } from '../../../shared/clock.ts';
import { GAP_REASONS, type GapReason, type LostClass } from '../../../shared/gap.ts';
import { ROW_CLASSES } from '../../../shared/reading.ts';
import { BY_HAND } from '../../clinical/by-hand.ts';
import { LIMIT_SETTERS } from '../../clinical/limits/limits.ts';
import { measurandOf } from '../../clinical/measurands.ts';
import { PREFERRED_BECAUSE } from '../../clinical/preferred.ts';
import { SOURCE_KINDS, SOURCE_STATES } from '../../clinical/sources/source.ts';
import type { StoredComponent } from '../../store/store.ts';
import type { TrendBucket, TrendGap, TrendSeries } from '../../store/trend.ts';
import { WITHHOLDABLE } from '../access.ts';
import type { LatestView, PatientSummary, SourceView, VitalView } from '../door.ts';
import type { TrendView, VersionView } from '../history-views.ts';
import { NOTICE, nameOf, SANDBOX_NOTICE } from '../views.ts';
import {
  absenceOf,
  type Decided,
  flagsOf,
  isVital,
  type MaskFrame,
  NO_ZONE,
  oneOf,
  plausibleOf,
  shownOf,
  timeOf,
  timeTextOf,
  unitOf,
  WITHHELD,
} from './frame.ts';

const GAP_CAUSES = Object.keys(GAP_REASONS) as GapReason[];
const LOST_CLASSES = ROW_CLASSES.filter((name): name is LostClass => name !== 'gap');
const STATUSES: readonly VersionView['status'][] = ['final', 'preliminary', 'corrected', 'cancelled', 'entered-in-error'];

/** A ward is a place within a state, which Safe Harbor leaves out (45 CFR 164.514(b)(2)(i)(B)) and a limited data set does not. */
export function wardOf({ profile }: MaskFrame, ward: string | undefined): string | undefined {
  return profile === 'limited' ? ward : undefined;
}

/** Whoever is masked knows nobody by an id, and of two that were merged only the pseudonym of the one that survived; that both were one person is no more theirs to know. */
const NEVER = undefined;

/** Words of our own table about the reader's token, none about a patient. */
export function withheldOf(withheld: PatientSummary['withheld']): PatientSummary['withheld'] {
  return withheld && WITHHOLDABLE.filter((name) => withheld.includes(name));
}

export function maskedSummary(frame: MaskFrame, row: PatientSummary, now: Instant): PatientSummary {
  const { patient, lastStoredAt } = row;
  return shownOf<PatientSummary>({
    patient: frame.names.patient(patient),
    bed: null,
    ward: wardOf(frame, row.ward),
    lastStoredAt: lastStoredAt === null ? null : timeOf(frame, lastStoredAt, patient),
    ageSeconds: lastStoredAt === null ? undefined : Math.max(0, Math.round((now - lastStoredAt) / 1000)),
    vitals: row.vitals.filter(isVital),
    withheld: withheldOf(row.withheld),
    masked: frame.profile,
  });
}

export function maskedLatest(frame: MaskFrame, view: LatestView): LatestView {
  const { patient } = view;
  return shownOf<LatestView>({
    patient: frame.names.patient(patient),
    mergedFrom: NEVER,
    alsoKnownAs: NEVER,
    bed: null,
    ward: wardOf(frame, view.ward),
    admitted: view.admitted === undefined ? undefined : timeTextOf(frame, view.admitted, patient),
    discharged: view.discharged === undefined ? undefined : timeTextOf(frame, view.discharged, patient),
    leftBed: view.leftBed === undefined ? undefined : timeTextOf(frame, view.leftBed, patient),
    unplaced: view.unplaced,
    asOf: timeTextOf(frame, view.asOf, patient),
    zone: NO_ZONE,
    vitals: view.vitals.filter(({ vital }) => isVital(vital)).map((row) => maskedVital(frame, row, view)),
    sources: view.sources.flatMap((source) => maskedSource(frame, source, patient)),
    demo: view.demo.map(({ device, since, lastAt }) => ({
      device: frame.names.device(patient, device),
      since: timeTextOf(frame, since, patient),
      lastAt: timeTextOf(frame, lastAt, patient),
    })),
    // A name that the site chose.
    limitsVersion: null,
    withheld: withheldOf(view.withheld),
    notice: noticeOf(view.notice),
    masked: frame.profile,
  });
}

function noticeOf(notice: string): string {
  return oneOf([SANDBOX_NOTICE], notice) ?? NOTICE;
}

/** The state is a word of ours; of what it is of, a device alone has a name that is not its own. */
export function maskedSource(frame: MaskFrame, { kind: was, id, state: stood, since }: SourceView, patient: string): SourceView[] {
  const [kind, state] = [oneOf(SOURCE_KINDS, was), oneOf(SOURCE_STATES, stood)];
  if (kind === undefined || state === undefined) return [];
  return [
    shownOf<SourceView>({
      kind,
      id: kind === 'device' && id !== null ? frame.names.device(patient, id) : null,
      state,
      since: since === null ? null : timeTextOf(frame, since, patient),
    }),
  ];
}

/** A difference tells the other value to whoever knows one: it is shown where both are. */
function maskedDisagreement(frame: MaskFrame, row: VitalView, { patient, vitals }: LatestView): VitalView['disagreement'] {
  if (row.disagreement === null) return null;
  const { with: other, by, limit } = row.disagreement;
  const pair = vitals.filter(({ vital, device }) => device === other.device && vital === other.vital);
  if (pair.length === 0 || ![row, ...pair].every(isShownWhole)) return null;
  return { with: { vital: other.vital, device: frame.names.device(patient, other.device) }, by, limit, unit: unitOf(row.vital) };
}

function isShownWhole({ vital, value, components }: VitalView): boolean {
  return isVital(vital) && [{ vital, value }, ...components].every((part) => plausibleOf(part.vital, part.value) === part.value);
}

function maskedVital(frame: MaskFrame, row: VitalView, view: LatestView): VitalView {
  const { patient } = view;
  const value = plausibleOf(row.vital, row.value);
  return shownOf<VitalView>({
    vital: row.vital,
    name: nameOf(row.vital),
    value,
    unit: unitOf(row.vital),
    absent: absenceOf(value, row.value, row.absent),
    components: row.components.filter(({ vital }) => isVital(vital)).map((part) => ({ ...maskedPart(part), name: nameOf(part.vital) })),
    at: timeTextOf(frame, row.at, patient),
    ageSeconds: row.ageSeconds,
    stale: row.stale,
    lastKnown: row.lastKnown && {
      value: plausibleOf(row.vital, row.lastKnown.value),
      components: row.lastKnown.components
        .filter(({ vital }) => isVital(vital))
        .map(({ vital, value: known }) => ({ vital, value: plausibleOf(vital, known) })),
      at: timeTextOf(frame, row.lastKnown.at, patient),
    },
    formerStay: row.formerStay,
    byHand: maskedByHand(frame, row.byHand, patient),
    doubtful: row.doubtful && {
      value: plausibleOf(row.vital, row.doubtful.value),
      components: row.doubtful.components
        .filter(({ vital }) => isVital(vital))
        .map(({ vital, value: other }) => ({ vital, value: plausibleOf(vital, other) })),
      at: timeTextOf(frame, row.doubtful.at, patient),
      device: frame.names.device(patient, row.doubtful.device),
      observation: frame.names.observation(row.doubtful.observation),
    },
    limit: { seconds: row.limit.seconds, by: oneOf(LIMIT_SETTERS, row.limit.by) ?? 'class' },
    flags: flagsOf(row.flags),
    measurand: measurandOf(row.vital).measurand.key,
    preferred: row.preferred,
    preferredBecause: row.preferredBecause && (oneOf(PREFERRED_BECAUSE, row.preferredBecause) ?? null),
    disagreement: maskedDisagreement(frame, row, view),
    demo: row.demo,
    device: frame.names.device(patient, row.device),
    gateway: WITHHELD,
    test: row.test,
    observation: frame.names.observation(row.observation),
    receivedAt: timeOf(frame, row.receivedAt, patient),
    storedAt: timeOf(frame, row.storedAt, patient),
  });
}

function maskedByHand(frame: MaskFrame, byHand: VitalView['byHand'], patient: string): VitalView['byHand'] {
  const kind = byHand && oneOf(Object.values(BY_HAND), byHand.kind);
  return byHand && kind && { kind, since: timeTextOf(frame, byHand.since, patient) };
}

/** A part of a panel, with nothing but what the table knows of it. */
export function maskedPart({ vital, value: was, absent }: StoredComponent): StoredComponent {
  const value = plausibleOf(vital, was);
  return shownOf<StoredComponent>({ vital, value, unit: unitOf(vital), absent: absenceOf(value, was, absent) });
}

export function maskedVersions(frame: MaskFrame, rows: readonly VersionView[], patient: string): VersionView[] {
  return rows.flatMap((row) => {
    const status = oneOf(STATUSES, row.status);
    if (status === undefined || !isVital(row.vital)) return [];
    const value = plausibleOf(row.vital, row.value);
    return shownOf<VersionView>({
      mergedFrom: NEVER,
      observation: frame.names.observation(row.observation),
      status,
      stands: row.stands,
      vital: row.vital,
      name: nameOf(row.vital),
      value,
      unit: unitOf(row.vital),
      absent: absenceOf(value, row.value, row.absent),
      components: row.components.filter(({ vital }) => isVital(vital)).map(maskedPart),
      flags: flagsOf(row.flags),
      device: frame.names.device(patient, row.device),
      gateway: WITHHELD,
      test: row.test,
      effective: timeTextOf(frame, row.effective, patient),
      receivedAt: timeOf(frame, row.receivedAt, patient),
      storedAt: timeOf(frame, row.storedAt, patient),
      masked: frame.profile,
    });
  });
}

export function maskedTrend(frame: MaskFrame, view: TrendView): TrendView {
  const { patient } = view;
  const device = (id: string): string => frame.names.device(patient, id);
  return shownOf<TrendView>({
    patient: frame.names.patient(patient),
    mergedFrom: NEVER,
    alsoKnownAs: NEVER,
    bed: null,
    ward: wardOf(frame, view.ward),
    asOf: timeTextOf(frame, view.asOf, patient),
    zone: NO_ZONE,
    vital: isVital(view.vital) ? view.vital : WITHHELD,
    name: isVital(view.vital) ? nameOf(view.vital) : WITHHELD,
    edges: view.edges.map((edge) => timeTextOf(frame, edge, patient)),
    stays: view.stays?.map(({ from, to }) => ({
      from: timeTextOf(frame, from, patient),
      to: to === null ? null : timeTextOf(frame, to, patient),
    })),
    // By the names that are shown, because the order of the real ones is theirs, too; a device's parts stay in their order.
    series: view.series
      .filter(({ vital }) => isVital(vital))
      .map((series) => maskedSeries(frame, series, patient))
      .sort((a, b) => (a.device < b.device ? -1 : Number(a.device > b.device))),
    changes: view.changes.map(({ index, began, ended }) => ({ index, began: began.map(device).sort(), ended: ended.map(device).sort() })),
    gaps: view.gaps.flatMap((gap) => maskedGap(frame, gap, patient)),
    omittedDevices: view.omittedDevices,
    notice: noticeOf(view.notice),
    masked: frame.profile,
  });
}

function maskedSeries(frame: MaskFrame, { device, vital, test, buckets }: TrendSeries, patient: string): TrendSeries {
  return shownOf<TrendSeries>({
    device: frame.names.device(patient, device),
    vital,
    unit: unitOf(vital),
    test,
    buckets: buckets.map((bucket) => maskedBucket(frame, bucket, vital, patient)),
  });
}

function maskedBucket(frame: MaskFrame, bucket: TrendBucket, vital: string, patient: string): TrendBucket {
  const { absent, withdrawn, undated, doubtful, test } = bucket.excluded;
  return shownOf<TrendBucket>({
    index: bucket.index,
    n: bucket.n,
    min: plausibleOf(vital, bucket.min),
    max: plausibleOf(vital, bucket.max),
    mean: plausibleOf(vital, bucket.mean),
    last: plausibleOf(vital, bucket.last),
    lastAt: bucket.lastAt === null ? null : timeOf(frame, bucket.lastAt, patient),
    excluded: { absent, withdrawn, undated, doubtful, test } satisfies Decided<TrendBucket['excluded']>,
    flags: flagsOf(bucket.flags),
    coverage: bucket.coverage,
    open: bucket.open,
    rolledUp: bucket.rolledUp,
  });
}

function maskedGap(frame: MaskFrame, gap: TrendGap, patient: string): TrendGap[] {
  const [reason, lost] = [oneOf(GAP_CAUSES, gap.reason), oneOf(LOST_CLASSES, gap.lost)];
  if (reason === undefined || lost === undefined) return [];
  return [
    shownOf<TrendGap>({
      id: frame.names.observation(gap.id),
      device: frame.names.device(patient, gap.device),
      gateway: WITHHELD,
      from: timeOf(frame, gap.from, patient),
      to: timeOf(frame, gap.to, patient),
      reason,
      lost,
      rows: gap.rows,
      values: gap.values,
      test: gap.test,
    }),
  ];
}
