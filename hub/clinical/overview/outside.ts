import type { AlertsView } from '../../access/alert-views.ts';
import type { LatestView, VitalView } from '../../access/door.ts';
import { IS_DOUBT } from '../preferred.ts';
import { classOf } from '../staleness.ts';

/** Whose limits: those that a device says it has, or the ranges of the site's file. */
export const LIMITS_OF = ['device', 'site'] as const;
export type LimitsOf = (typeof LIMITS_OF)[number];

/**
 * Why it cannot be told whether a value is within limits. `none`: nobody measured it. `stale`, `absent`, `doubtful`, `test`: what is newest is no value to go by. `no-limit`: no limit of it is
 * known. `limits-unreadable`: the device's own words are none that can be read for sure. `limits-of-a-part`: they are of some part of a panel, and it is not known of which. `limits-unit`: they
 * are in the unit that the device sent, and the value was converted.
 */
export const NOT_EVALUABLE = [
  'none',
  'stale',
  'absent',
  'doubtful',
  'test',
  'no-limit',
  'limits-unreadable',
  'limits-of-a-part',
  'limits-unit',
] as const;
export type NotEvaluable = (typeof NOT_EVALUABLE)[number];

export interface Limit {
  low: number | null;
  high: number | null;
}

/** One current value against one limit. */
export interface Evaluated extends Limit {
  vital: string;
  value: number;
  unit: string;
  /** ISO 8601. */
  at: string;
  ageSeconds: number;
  device: string;
  /** As in `VitalView`. */
  byHand?: NonNullable<VitalView['byHand']>;
  isOutside: boolean;
}

export interface Unevaluated {
  vital: string;
  /** Null where it is not of one device. */
  device: string | null;
  reason: NotEvaluable;
}

export interface Evaluation {
  evaluated: readonly Evaluated[];
  notEvaluable: readonly Unevaluated[];
}

/** A row, or a part of one, that a limit could be of. */
interface Candidate {
  row: VitalView;
  value: number | null;
  unit: string;
}

/** Every current value against the limits that are named. A limit itself is inside. Nothing is said of how the patient is. Pure. */
export function evaluate(
  { vitals }: Pick<LatestView, 'vitals'>,
  limits: AlertsView['limits'],
  { of, isSandbox }: { of: LimitsOf; isSandbox: boolean },
): Evaluation {
  const evaluated: Evaluated[] = [];
  const notEvaluable: Unevaluated[] = [];
  const limited = new Set<VitalView>();
  const take = (vital: string, device: string | null, limit: Limit, rows: readonly Candidate[]): void => {
    for (const { row } of rows) limited.add(row);
    const judged = rows.map((one) => ({ one, reason: reasonOf(one, isSandbox) }));
    const usable = judged.filter(({ reason }) => reason === undefined);
    const [first] = judged;
    if (usable.length === 0) notEvaluable.push({ vital, device, reason: first?.reason ?? 'none' });
    // Beside one that counts, what is too old says nothing; what is current and does not count is told.
    else
      for (const { one, reason } of judged)
        if (reason !== undefined && reason !== 'stale') notEvaluable.push({ vital, device: one.row.device, reason });
    for (const { one } of usable) if (one.value !== null) evaluated.push(against(vital, one, one.value, limit));
  };
  if (of === 'site') for (const { vital, low, high } of limits.site) take(vital, null, { low, high }, candidatesOf(vitals, vital));
  else
    for (const { vital, device, untrusted, isConverted, isOfPart } of limits.device) {
      const rows = vitals
        .filter((row) => row.vital === vital && row.device === device)
        .map((row) => ({ row, value: row.value, unit: row.unit }));
      for (const { row } of rows) limited.add(row);
      const limit = readLimits(untrusted.limits);
      if (isOfPart) notEvaluable.push({ vital, device, reason: 'limits-of-a-part' });
      else if (isConverted) notEvaluable.push({ vital, device, reason: 'limits-unit' });
      else if (limit === undefined) notEvaluable.push({ vital, device, reason: 'limits-unreadable' });
      else take(vital, device, limit, rows);
    }
  for (const row of vitals)
    if (row.preferred && !limited.has(row) && classOf(row.vital) !== 'setting')
      notEvaluable.push({ vital: row.vital, device: row.device, reason: 'no-limit' });
  return { evaluated, notEvaluable };
}

/** Rows of a vital sign, and parts of panels that are it. */
function candidatesOf(vitals: readonly VitalView[], key: string): Candidate[] {
  return vitals.flatMap((row) => {
    const of = row.vital === key ? [row] : row.components.filter(({ vital }) => vital === key);
    return of.map(({ value, unit }) => ({ row, value, unit }));
  });
}

function reasonOf({ row: { stale, test, flags }, value }: Candidate, isSandbox: boolean): NotEvaluable | undefined {
  if (stale) return 'stale';
  if (test && !isSandbox) return 'test';
  if (value === null) return 'absent';
  return flags.some((flag) => IS_DOUBT[flag]) ? 'doubtful' : undefined;
}

function against(
  vital: string,
  { row: { at, ageSeconds, device, byHand }, unit }: Candidate,
  value: number,
  { low, high }: Limit,
): Evaluated {
  return {
    vital,
    value,
    unit,
    at,
    ageSeconds,
    device,
    ...(byHand && { byHand }),
    low,
    high,
    isOutside: (low !== null && value < low) || (high !== null && value > high),
  };
}

/** As the agent labels what a device wrote. */
const LABEL = /^Device alarm limits: /;
const NUMBER = String.raw`-?\d{1,6}(?:\.\d{1,6})?`;
const BETWEEN = new RegExp(`^(${NUMBER}) ?- ?(${NUMBER})$`);
const ONE_SIDED = new RegExp(`^([<>])=? ?(${NUMBER})$`);

/** Limits as HL7 v2 writes them (v2.6 ch. 7.4.2.7): `low-high`, `>low`, `<high`. Undefined for whatever else, and for a low one above the high one. */
export function readLimits(text: string): Limit | undefined {
  const said = text.replace(LABEL, '').trim();
  const [, low, high] = BETWEEN.exec(said) ?? [];
  if (low !== undefined && high !== undefined) return Number(low) <= Number(high) ? { low: Number(low), high: Number(high) } : undefined;
  const [, side, bound] = ONE_SIDED.exec(said) ?? [];
  if (bound === undefined) return undefined;
  return side === '>' ? { low: Number(bound), high: null } : { low: null, high: Number(bound) };
}
