import { formatInstant, zoneOffsetMin } from '../../shared/clock.ts';
import type { Observation } from '../../shared/fhir.ts';
import type { AbsentReason, Flag } from '../../shared/reading.ts';
import type { AlsoKnownAs } from '../registry/registry.ts';
import type { StoredComponent, StoredVersion } from '../store/store.ts';
import type { Trend } from '../store/trend.ts';
import type { Masked } from './masking/contract.ts';
import { nameOf, noticeOf } from './views.ts';

/** One vital sign of a patient over time, as a reader gets it. */
export interface TrendView extends Trend {
  patient: string;
  /** The id that was asked for, where it was merged into this one. */
  mergedFrom?: string;
  /** As in `ShownPatient`. */
  alsoKnownAs?: AlsoKnownAs;
  bed: string | null;
  ward?: string;
  /** ISO 8601. */
  asOf: string;
  /** As in `ShownPatient`: by its clock and calendar buckets begin. */
  zone?: string;
  vital: string;
  name: string;
  /** ISO 8601, one more than buckets; bucket i goes from the i-th to the next. */
  edges: readonly string[];
  /** From when to when the patient was here, as far as movements told of it and the buckets reach; `to` null while they are. ISO 8601. */
  stays?: readonly { from: string; to: string | null }[];
  notice: string;
  masked?: Masked;
}

/** One version of a measurement, as a reader gets it. */
export interface VersionView {
  /** The id of its patient that was asked for, where it was merged into another one. */
  mergedFrom?: string;
  observation: string;
  status: Observation['status'];
  /** True for what counts. */
  stands: boolean;
  vital: string;
  name: string;
  value: number | null;
  unit: string;
  absent: AbsentReason | null;
  components: readonly StoredComponent[];
  flags: readonly Flag[];
  device: string;
  gateway: string;
  test: boolean;
  /** ISO 8601 with the device's offset, by its own clock. */
  effective: string;
  /** UTC ms. */
  receivedAt: number;
  storedAt: number;
  masked?: Masked;
}

/** Whose a trend is and how it is shown. */
export interface TrendFrame {
  patient: string;
  mergedFrom?: string;
  alsoKnownAs?: AlsoKnownAs;
  bed: string | null;
  ward?: string;
  vital: string;
  edges: readonly number[];
  now: number;
  /** IANA. */
  zone: string;
  /** All of the patient, in order; UTC ms. */
  stays?: readonly { from: number; to: number | null }[];
  sandbox?: boolean;
}

export function trendView(
  trend: Trend,
  { patient, mergedFrom, alsoKnownAs, bed, ward, vital, edges, now, zone, stays = [], sandbox = false }: TrendFrame,
): TrendView {
  const shown = (at: number): string => formatInstant(at, zoneOffsetMin(at, zone));
  const place = {
    ...(mergedFrom !== undefined && { mergedFrom }),
    ...(alsoKnownAs && { alsoKnownAs }),
    ...{ bed, ...(ward !== undefined && { ward }) },
  };
  const [first = 0, last = 0] = [edges[0], edges.at(-1)];
  const within = stays.filter(({ from, to }) => from < last && (to === null || to > first));
  return {
    ...{ patient, ...place, asOf: shown(now), zone, vital, name: nameOf(vital), edges: edges.map(shown) },
    ...(within.length > 0 && { stays: within.map(({ from, to }) => ({ from: shown(from), to: to === null ? null : shown(to) })) }),
    ...{ ...trend, notice: noticeOf(sandbox) },
  };
}

export function versionView(version: StoredVersion, mergedFrom?: string): VersionView {
  const { id, status, stands, vital, value, unit, absent, components, flags, device, gateway, test, receivedAt, storedAt } = version;
  return {
    ...(mergedFrom !== undefined && { mergedFrom }),
    ...{ observation: id, status, stands, vital, name: nameOf(vital), value, unit, absent, components, flags, device, gateway, test },
    effective: formatInstant(version.effective, version.offsetMin),
    receivedAt,
    storedAt,
  };
}
