import type { Instant } from '../../../shared/clock.ts';
import type { Flag } from '../../../shared/reading.ts';
import { isDoubtable, JUMPS } from '../../clinical/doubt/jumps.ts';
import type { Kept } from '../../clinical/doubt/whose.ts';
import { flagsOf } from '../cell.ts';
import type { Arrival, StoredComponent } from '../store.ts';
import { NOT_A_MEASUREMENT } from '../trend.ts';

/** Column `judged` of an observation. */
export const OWN = 1;
export const DOUBTFUL = 2;

/** The flag that a doubtful one has, so that whatever reads rows can tell. */
export const DOUBT: Flag = 'identity-doubtful';

/**
 * Most rows of one series that are looked at for one decision before what came, and as many from it on, of those that are the person's own and of the doubtful ones each: some weeks
 * of a person's. Where a device tells more than a person can measure, the nearest count, and what lies beyond stays as it is.
 */
export const MOST_JUDGED = 500;

/** The first of these times that is later, to decide from there. */
export function nextOf(times: readonly Instant[], after = Number.NEGATIVE_INFINITY): Instant | undefined {
  return times.reduce<Instant | undefined>((first, at) => (at > after && (first === undefined || at < first) ? at : first), undefined);
}

/** The rows of one decision, as they were read: the last before what came, and the first from it on, of the own ones and of the doubtful ones each. */
export interface Pages<R extends JudgedRow> {
  rows: R[];
  /** Not all before it were read. */
  isCut: boolean;
  /** Up to where all were read that follow it. */
  until: Instant;
}

export function pagesOf<R extends JudgedRow>(before: readonly (readonly R[])[], after: readonly (readonly R[])[]): Pages<R> {
  const isFull = (page: readonly R[]): boolean => page.length === MOST_JUDGED;
  const ends = after.filter(isFull).map((page) => Math.max(...page.map(({ sortTime }) => sortTime)));
  return { rows: [...before, ...after].flat(), isCut: before.some(isFull), until: Math.min(Number.MAX_SAFE_INTEGER, ...ends) };
}

/** Of one patient, whatever the device. */
export interface JudgedSeries {
  /** Key of the patient. */
  patient: number;
  vital: string;
  test: number;
}

/** What a row says of it. */
export interface JudgedRow {
  key: number;
  device: string;
  sortTime: Instant;
  value: number | null;
  components: string | null;
  flags: string | null;
  judged: number;
  /** Somebody said that it is this person's; 1 or true. */
  confirmed: number | boolean;
}

/** Whether an arrival can be compared with others of the person: it has a value that is a measurement. */
export function isComparable({ vital, value, components, flags }: Pick<Arrival, 'vital' | 'value' | 'components' | 'flags'>): boolean {
  if (!isDoubtable(vital) || flags.some((flag) => NOT_A_MEASUREMENT.includes(flag))) return false;
  return Object.keys(valuesOf(vital, value, components)).length > 0;
}

function valuesOf(vital: string, value: number | null, components: readonly Pick<StoredComponent, 'vital' | 'value'>[]): Kept['values'] {
  const values: Record<string, number> = {};
  for (const part of [{ vital, value }, ...components])
    if (part.value !== null && JUMPS[vital]?.parts[part.vital] !== undefined) values[part.vital] = part.value;
  return values;
}

/** A row as the decision takes it. */
export function keptOf(vital: string, { key, sortTime, value, components, judged, confirmed }: JudgedRow): Kept {
  const parts = components === null ? [] : (JSON.parse(components) as StoredComponent[]);
  return {
    key,
    at: sortTime,
    values: valuesOf(vital, value, parts),
    confirmed: Boolean(confirmed),
    doubtful: judged === DOUBTFUL,
  };
}

/** Column `flags` of a row whose doubt is another one now. */
export function flagsAs(doubtful: boolean, flags: string | null): string | null {
  const others = flags === null ? [] : flagsOf(flags).filter((flag) => flag !== DOUBT);
  const all = doubtful ? [...others, DOUBT] : others;
  return all.length === 0 ? null : all.join(' ');
}

/** Of current rows the newest of each vital sign that is measured at home and may be doubted, real and test apart. */
export function newestDoubtable<R extends { vital: string; test: number; sortTime: Instant; place: string }>(
  rows: readonly R[],
): readonly R[] {
  const newest = new Map<string, { row: R; isHome: boolean }>();
  for (const row of rows) {
    if (!isDoubtable(row.vital)) continue;
    const name = `${row.vital} ${row.test}`;
    const known = newest.get(name);
    const isHome = row.place === 'home' || (known?.isHome ?? false);
    newest.set(name, { row: known && known.row.sortTime >= row.sortTime ? known.row : row, isHome });
  }
  return [...newest.values()].flatMap(({ row, isHome }) => (isHome ? [row] : []));
}
