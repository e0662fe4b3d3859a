import type { Instant } from '../../../shared/clock.ts';
import { AccessLimit } from './access-limit.ts';
import type { Limits } from './limits.ts';

/** What one caller has used up, as far as any limit looks back. */
export interface Usage {
  /** Calls by day of UTC, as days since 1970. */
  calls: Map<number, number>;
  /** Patients of others, each with when it first asked for them within 24 hours. */
  others: Map<string, Instant>;
}

/** What one call takes. */
export interface Use {
  /** 1 for a call, more for one that lists many; 0 for a read of what the caller has subscribed to, and for more subscriptions of a session, which only bring in patients. */
  calls: number;
  /** Patients of others whom it is about. */
  others: readonly string[];
}

type Caps = Pick<Limits, 'callsPerDay' | 'callsPerMonth' | 'othersPerHour' | 'othersPerDay'>;

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Of a hospital this part at most is anybody's in a day who looks after none of it, however many patients the limits say. */
const SHARE = 10;
/** So many are let through in a small one. */
const FEW = 8;

export function noUsage(): Usage {
  return { calls: new Map(), others: new Map() };
}

export function dayOf(at: Instant): number {
  return Math.floor(at / DAY_MS);
}

/** The first day of the month of UTC in which `at` lies, and of the next one. */
export function monthOf(at: Instant): { first: number; next: number } {
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return { first: dayOf(Date.UTC(year, month)), next: dayOf(Date.UTC(year, month + 1)) };
}

/**
 * Takes a use out of what is left, or throws AccessLimit and takes nothing. `patients` is how many the tenant has: who looks after none of them
 * gets to see less than a tenth of them in a day. Gives those patients of others who are new. Pure but for `usage`, which it brings up to date.
 */
export function take(
  usage: Usage,
  { calls, others }: Use,
  limits: Caps,
  { at, patients }: { at: Instant; patients: number },
): ReadonlySet<string> {
  forget(usage, at);
  const [today, month] = [dayOf(at), monthOf(at)];
  const used = usage.calls.get(today) ?? 0;
  let ofMonth = 0;
  for (const [day, count] of usage.calls) if (day >= month.first && day < month.next) ofMonth += count;
  if (calls > 0 && ofMonth + calls > limits.callsPerMonth) throw new AccessLimit('callsPerMonth', month.next * DAY_MS - at);
  if (calls > 0 && used + calls > limits.callsPerDay) throw new AccessLimit('callsPerDay', (today + 1) * DAY_MS - at);
  const added = new Set(others.filter((patient) => !usage.others.has(patient)));
  if (added.size > 0) {
    const perDay = Math.min(limits.othersPerDay, Math.max(FEW, Math.ceil(patients / SHARE) - 1));
    refuseBeyond('othersPerDay', perDay, [...usage.others.values()], added.size, at, DAY_MS);
    refuseBeyond('othersPerHour', limits.othersPerHour, [...usage.others.values()], added.size, at, HOUR_MS);
  }
  for (const patient of added) usage.others.set(patient, at);
  if (calls > 0) usage.calls.set(today, used + calls);
  return added;
}

/** Throws when there were more than `most` within the time before, those that are added among them. */
function refuseBeyond(
  name: 'othersPerHour' | 'othersPerDay',
  most: number,
  since: Instant[],
  added: number,
  at: Instant,
  withinMs: number,
): void {
  const within = since.filter((first) => at - first < withinMs).sort((a, b) => a - b);
  const excess = within.length + added - most;
  if (excess <= 0) return;
  // What asks for more at once than there ever is gets the longest wait; it will not help.
  const leaving = within[excess - 1];
  throw new AccessLimit(name, leaving === undefined ? withinMs : leaving + withinMs - at);
}

/**
 * What no limit looks at any more. A clock that was set back leaves what was counted; it does not count twice. Patients asked for by a clock that
 * was far ahead are asked for anew: else whoever asked then would be locked out until that time has come.
 */
function forget({ calls, others }: Usage, at: Instant): void {
  const { first } = monthOf(at);
  for (const day of calls.keys()) if (day < first) calls.delete(day);
  for (const [patient, since] of others) {
    if (at - since >= DAY_MS || since - at > HOUR_MS) others.delete(patient);
    else if (since > at) others.set(patient, at);
  }
}
