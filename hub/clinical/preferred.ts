import type { Instant } from '../../shared/clock.ts';
import type { Flag } from '../../shared/reading.ts';
import { panel, vital } from '../../shared/vitals.ts';
import { type DisagreementLimit, type Measurand, measurandOf } from './measurands.ts';

/** What of a current row decides whether it is preferred. */
export interface Candidate {
  vital: string;
  device: string;
  value: number | null;
  components: readonly { vital: string; value: number | null }[];
  flags: readonly Flag[];
  sortTime: Instant;
  stale: boolean;
  test: boolean;
}

/**
 * Why a row is preferred: by the first of these in which it is better than the next best, in this order. `only`: there is no other. `real`: not test data. `current`: not stale.
 * `live`: not out of a device's memory. `sure`: it has a value, and nothing makes it doubtful. `method`: by the table of measurands. `newest`, and at last `device`, the
 * first by identifier, so that one is named at every time.
 */
export const PREFERRED_BECAUSE = ['only', 'real', 'current', 'live', 'sure', 'method', 'newest', 'device'] as const;
export type PreferredBecause = (typeof PREFERRED_BECAUSE)[number];

/** Which flags make a value doubtful; the others say something else of it. */
export const IS_DOUBT: Readonly<Record<Flag, boolean>> = {
  clock: true,
  clockless: false,
  'dst-gap': false,
  'dst-overlap': false,
  memory: false,
  motion: true,
  'low-perfusion': true,
  searching: true,
  'sensor-off': true,
  'out-of-range': true,
  'low-battery': false,
  'device-alarm': false,
  questionable: true,
  'unit-assumed': true,
  demo: true,
  'identity-doubtful': true,
  'not-earlier': false,
};

/** That a current value differs from another one of the same measurand by more than the table allows. */
export interface Disagreement {
  with: { vital: string; device: string };
  /** Both in `unit` (UCUM). */
  by: number;
  limit: number;
  unit: string;
}

/** Values that were measured further apart are not compared: the patient may have changed. It is how long a continuous value is current. */
export const COMPARED_WITHIN_MS = 60_000;

export interface Standing {
  measurand: Measurand;
  preferred: boolean;
  because: PreferredBecause | null;
  disagreement: Disagreement | null;
}

/** Of all current rows of one patient: how each stands among those of its measurand; in the order of `rows`. Pure, and the same in whatever order they come. */
export function standingsOf(rows: readonly Candidate[]): Standing[] {
  const groups = new Map<string, Candidate[]>();
  for (const row of rows) {
    const { key } = measurandOf(row.vital).measurand;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  const best = new Map<Candidate, PreferredBecause>();
  for (const group of groups.values()) {
    const [first, second] = group.toSorted((a, b) => compared(a, b).order);
    if (first) best.set(first, second ? compared(first, second).by : 'only');
  }
  return rows.map((row) => {
    const { measurand } = measurandOf(row.vital);
    const because = best.get(row) ?? null;
    const disagreement = disagreementOf(row, groups.get(measurand.key) ?? [], measurand.disagreement);
    return { measurand, preferred: because !== null, because, disagreement };
  });
}

/** Negative where `a` is better; total, since one (vital, device) has one row. */
function compared(a: Candidate, b: Candidate): { order: number; by: PreferredBecause } {
  const worse = (is: (row: Candidate) => boolean): number => Number(is(a)) - Number(is(b));
  const rules: [PreferredBecause, () => number][] = [
    ['real', () => worse((row) => row.test)],
    ['current', () => worse((row) => row.stale)],
    ['live', () => worse((row) => row.flags.includes('memory'))],
    ['sure', () => worse(isDoubtful)],
    ['method', () => measurandOf(a.vital).rank - measurandOf(b.vital).rank],
    ['newest', () => b.sortTime - a.sortTime],
    ['device', () => ordered(a.device, b.device) || ordered(a.vital, b.vital)],
  ];
  for (const [by, rule] of rules) {
    const order = rule();
    if (order !== 0) return { order, by };
  }
  return { order: 0, by: 'device' };
}

function ordered(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function isDoubtful({ value, components, flags }: Candidate): boolean {
  return flags.some((flag) => IS_DOUBT[flag]) || (value === null && components.every((part) => part.value === null));
}

/** The one of its measurand that a current value differs from most, where that is more than the limit. Test data are compared with their like alone. */
function disagreementOf(row: Candidate, group: readonly Candidate[], limit: DisagreementLimit | undefined): Disagreement | null {
  if (limit === undefined) return null;
  const own = comparedOf(row, limit);
  if (own === null) return null;
  let most: Disagreement | null = null;
  for (const other of group) {
    const value = other === row || other.test !== row.test ? null : comparedOf(other, limit);
    if (value === null || Math.abs(other.sortTime - row.sortTime) > COMPARED_WITHIN_MS) continue;
    const by = rounded(Math.abs(own.value - value.value));
    const allowed = rounded(Math.max(limit.absolute, (limit.relative ?? 0) * Math.max(Math.abs(own.value), Math.abs(value.value))));
    if (by <= allowed || (most !== null && !isMore(by, other, most))) continue;
    most = { with: { vital: other.vital, device: other.device }, by, limit: allowed, unit: own.unit };
  }
  return most;
}

function isMore(by: number, { device, vital: key }: Candidate, most: Disagreement): boolean {
  return by !== most.by ? by > most.by : (ordered(device, most.with.device) || ordered(key, most.with.vital)) < 0;
}

/** What is compared of a row; null where it is stale or has no value. */
function comparedOf(
  { vital: key, value, components, stale }: Candidate,
  { part }: DisagreementLimit,
): { value: number; unit: string } | null {
  if (stale) return null;
  const of = part === undefined ? key : (panel(key)?.parts[part] ?? '');
  const found = part === undefined ? value : components.find((one) => one.vital === of)?.value;
  const unit = vital(of)?.ucum;
  return found === null || found === undefined || unit === undefined ? null : { value: found, unit };
}

/** Differences of decimal fractions, without what binary ones make of them. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
