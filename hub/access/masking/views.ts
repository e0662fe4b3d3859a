import type { Instant } from '../../../shared/clock.ts';
import { GAP_REASONS, type GapReason, type LostClass } from '../../../shared/gap.ts';
import { ROW_CLASSES } from '../../../shared/reading.ts';
import type { StoredComponent } from '../../store/store.ts';
import type { TrendBucket, TrendGap, TrendSeries } from '../../store/trend.ts';
import { WITHHOLDABLE } from '../access.ts';
import type { LatestView, PatientSummary, VitalView } from '../door.ts';
import type { TrendView, VersionView } from '../history-views.ts';
import { NOTICE, nameOf } from '../views.ts';
import {
  absenceOf,
  type Decided,
  flagsOf,
  isVital,
  type MaskFrame,
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
function wardOf({ profile }: MaskFrame, ward: string | undefined): string | undefined {
  return profile === 'limited' ? ward : undefined;
}

/** Words of our own table about the reader's token, none about a patient. */
function withheldOf(withheld: PatientSummary['withheld']): PatientSummary['withheld'] {
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
    bed: null,
    ward: wardOf(frame, view.ward),
    asOf: timeTextOf(frame, view.asOf, patient),
    vitals: view.vitals.filter(({ vital }) => isVital(vital)).map((row) => maskedVital(frame, row, patient)),
    withheld: withheldOf(view.withheld),
    notice: NOTICE,
    masked: frame.profile,
  });
}

function maskedVital(frame: MaskFrame, row: VitalView, patient: string): VitalView {
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
    flags: flagsOf(row.flags),
    device: frame.names.device(patient, row.device),
    gateway: WITHHELD,
    test: row.test,
    observation: frame.names.observation(row.observation),
    receivedAt: timeOf(frame, row.receivedAt, patient),
    storedAt: timeOf(frame, row.storedAt, patient),
  });
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
    bed: null,
    ward: wardOf(frame, view.ward),
    asOf: timeTextOf(frame, view.asOf, patient),
    vital: isVital(view.vital) ? view.vital : WITHHELD,
    name: isVital(view.vital) ? nameOf(view.vital) : WITHHELD,
    edges: view.edges.map((edge) => timeTextOf(frame, edge, patient)),
    // By the names that are shown, because the order of the real ones is theirs, too; a device's parts stay in their order.
    series: view.series
      .filter(({ vital }) => isVital(vital))
      .map((series) => maskedSeries(frame, series, patient))
      .sort((a, b) => (a.device < b.device ? -1 : Number(a.device > b.device))),
    changes: view.changes.map(({ index, began, ended }) => ({ index, began: began.map(device).sort(), ended: ended.map(device).sort() })),
    gaps: view.gaps.flatMap((gap) => maskedGap(frame, gap, patient)),
    omittedDevices: view.omittedDevices,
    notice: NOTICE,
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
