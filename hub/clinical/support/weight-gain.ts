import type { Instant } from '../../../shared/clock.ts';

/** A rule of the site: so much more on one scale within so many days. */
export interface WeightRule {
  gainKg: number;
  days: number;
  source: string;
}

/** One weight, as one scale measured it. */
export interface Weighing {
  at: Instant;
  kg: number;
}

/** Why nothing is known of a gain. `doubtful`: a newer weight may be the person's or somebody else's. */
export type WeightUnknown = 'none' | 'stale' | 'once' | 'doubtful';

export interface WeightGain {
  rule: WeightRule;
  /** `unknown`: not weighed lately, or only once within the days of the rule, or by a weight that is doubtful. */
  state: 'met' | 'not-met' | 'unknown';
  /** Null where it is known. */
  why: WeightUnknown | null;
  device: string | null;
  /** The lowest within the days before the newest, and the newest; null where unknown. */
  from: Weighing | null;
  to: Weighing | null;
  gainKg: number | null;
  /** How many weights of the scale were looked at. */
  n: number;
}

const DAY_MS = 86_400_000;
/** People weigh themselves once a day, at about the same time; what is older says nothing of today. */
const LATELY_MS = 36 * 3_600_000;

/**
 * What the rule says of each scale, and nothing where a newer weight is doubtful, of whatever scale: two scales differ by more than a day's gain, so no weight of one is compared with one of another. Of several the one on which the rule is met,
 * else the one with the newest weight. Pure.
 */
export function weightGain(
  rule: WeightRule,
  scales: ReadonlyMap<string, readonly Weighing[]>,
  { now, isDoubtful = false }: { now: Instant; isDoubtful?: boolean },
): WeightGain {
  const judged = [...scales].map(([device, weights]) => ofScale(rule, device, weights, now));
  const best = judged.sort((a, b) => rankOf(a) - rankOf(b) || (b.to?.at ?? 0) - (a.to?.at ?? 0) || compared(a.device, b.device))[0];
  if (best === undefined) return unknown(rule, isDoubtful ? 'doubtful' : 'none', { device: null, n: 0 });
  return isDoubtful ? unknown(rule, 'doubtful', best) : best;
}

function ofScale(rule: WeightRule, device: string, weights: readonly Weighing[], now: Instant): WeightGain {
  const newest = weights.reduce<Weighing | undefined>((last, one) => (last === undefined || one.at > last.at ? one : last), undefined);
  const before = newest ? weights.filter(({ at }) => at < newest.at && at >= newest.at - rule.days * DAY_MS) : [];
  const n = before.length + (newest ? 1 : 0);
  const lowest = before.reduce<Weighing | undefined>((low, one) => (low === undefined || one.kg < low.kg ? one : low), undefined);
  if (!newest) return unknown(rule, 'none', { device, n });
  if (newest.at <= now - LATELY_MS) return unknown(rule, 'stale', { device, n });
  if (!lowest) return unknown(rule, 'once', { device, n });
  const gainKg = Math.round((newest.kg - lowest.kg) * 100) / 100;
  return { rule, state: gainKg >= rule.gainKg ? 'met' : 'not-met', why: null, device, from: lowest, to: newest, gainKg, n };
}

function unknown(rule: WeightRule, why: WeightUnknown, { device, n }: Pick<WeightGain, 'device' | 'n'>): WeightGain {
  return { rule, state: 'unknown', why, device, from: null, to: null, gainKg: null, n };
}

function rankOf({ state }: WeightGain): number {
  return ['met', 'not-met', 'unknown'].indexOf(state);
}

function compared(a: string | null, b: string | null): number {
  if (a === b) return 0;
  return (a ?? '') < (b ?? '') ? -1 : 1;
}
