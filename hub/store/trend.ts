import type { Instant } from '../../shared/clock.ts';
import type { GapReason, LostClass } from '../../shared/gap.ts';
import type { Flag } from '../../shared/reading.ts';

export { MAX_TREND_BUCKETS } from '../clinical/bucket-edges.ts';

/** Which trend is wanted. Times are sort times (architecture §3.10), UTC ms. */
export interface TrendQuery {
  /** Opaque patient id. */
  patient: string;
  /** Key of the parameter table or of a panel; of a panel each part has its own series. */
  vital: string;
  /** Of this device alone; of every one unless given. */
  device?: string;
  /** Ascending; bucket i holds what lies in [edges[i], edges[i + 1]). 2 to `MAX_TREND_BUCKETS` + 1 of them; `bucketEdges` makes them. */
  edges: readonly Instant[];
  /** How long a value is current, ms: by that the coverage is reckoned. */
  reachMs: number;
  /** Now, by the hub's clock: nothing after it counts as not covered. */
  now: Instant;
}

/** Readings of a bucket that count in none of its numbers, by why; a reading is in one of them at most. */
export interface Excluded {
  /** Without a value: a sensor off, a sentinel. */
  absent: number;
  /** Taken back (cancelled, entered in error), or replaced by a corrected one, or a preliminary one by the final one. */
  withdrawn: number;
  /** Out of a device's memory with a clock in doubt: nobody knows when it was measured. */
  undated: number;
  /** Has a flag of `NOT_A_MEASUREMENT`. */
  doubtful: number;
  /** Test data of a device that sent real ones in the same trend. */
  test: number;
}

/** With these, sender or hub say that the number is none of this patient at all. Other flags leave it in, and are told beside it. */
export const NOT_A_MEASUREMENT: readonly Flag[] = ['sensor-off', 'searching', 'out-of-range', 'questionable', 'demo', 'identity-doubtful'];

/** One stretch of a series. Without a counted value (`n` 0) its numbers are null: nothing is filled in or joined across. */
export interface TrendBucket {
  /** Which one: from `edges[index]` on. */
  index: number;
  /** Values that count in the numbers below. */
  n: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  /** The one with the greatest (sort time, order of storing); of those of one time that were rolled up any. */
  last: number | null;
  lastAt: Instant | null;
  excluded: Excluded;
  /**
   * Flags that any of the counted values has, in the order of the table. `questionable`: one of them was taken back or corrected when nothing but
   * its rollup was left; which one cannot be told, and the numbers are those from before.
   */
  flags: readonly Flag[];
  /** Share, 0 to 1, of the bucket's time before `now` in which a value that counts was no older than its limit; within what was rolled up by the limit of its class in a bed. */
  coverage: number;
  /** True while the bucket has not ended: then the coverage is of its time until `now`, and its numbers may still change. */
  open: boolean;
  /** True when some of it comes from rollups: those count where they begin, so a bucket narrower than they are says too much or nothing. */
  rolledUp: boolean;
}

/** What one device measured of one vital sign; never of two devices together. A vital sign of the table stands for a method and a site. */
export interface TrendSeries {
  device: string;
  /** The vital sign asked for, or the part of the panel. */
  vital: string;
  /** UCUM; that of the parameter table. */
  unit: string;
  /** All that counts is test data. A device has a real series or a test one, never both. */
  test: boolean;
  /** Ascending; those in which nothing lies and nothing is covered are left out. */
  buckets: readonly TrendBucket[];
}

/** From this bucket on the values come from other devices than in the bucket before it that has any. */
export interface DeviceChange {
  index: number;
  began: readonly string[];
  ended: readonly string[];
}

/** Data of the patient that were measured and will never arrive, overlapping the trend. */
export interface TrendGap {
  /** FHIR id of its Observation. */
  id: string;
  device: string;
  gateway: string;
  from: Instant;
  /** Included. */
  to: Instant;
  reason: GapReason;
  lost: LostClass;
  /** Rows and values that are missing; null where a part of the gap is not this patient's. */
  rows: number | null;
  values: number | null;
  test: boolean;
}

export interface Trend {
  /** By device, then in the order of the panel's parts. */
  series: readonly TrendSeries[];
  changes: readonly DeviceChange[];
  /** Those that concern this vital sign, or may; by time, the oldest `MAX_TREND_GAPS`. */
  gaps: readonly TrendGap[];
  /** Devices that are not shown, because there are more than `MAX_TREND_DEVICES`; the first by id are. */
  omittedDevices: number;
}

export const MAX_TREND_GAPS = 200;
export const MAX_TREND_DEVICES = 256;
