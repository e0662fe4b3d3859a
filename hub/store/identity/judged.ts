import type { Instant } from '../../../shared/clock.ts';
import type { Flag } from '../../../shared/reading.ts';
import { isDoubtable, JUMPS } from '../../clinical/doubt/jumps.ts';
import { doubtsAgain, isUsual, type Kept, type Odd } from '../../clinical/doubt/whose.ts';
import { CONFIRMED } from '../amend/amended.ts';
import { flagsOf } from '../cell.ts';
import type { Arrival, StoredComponent } from '../store.ts';
import { NOT_A_MEASUREMENT } from '../trend.ts';

/** Column `judged` of an observation: 0 for one that is not looked at, and for those that are. Of odd ones (`Odd`) nothing follows for others, so they are read apart. */
export const OWN = 1;
export const DOUBTFUL = 2;
export const ODD = 3;
export const ODD_DOUBTFUL = 4;
export const ALL_JUDGED = [OWN, DOUBTFUL, ODD, ODD_DOUBTFUL] as const;

/** As SQL has it. */
export const IS_DOUBTFUL = `IN (${DOUBTFUL}, ${ODD_DOUBTFUL})`;

export function isDoubtful(judged: number): boolean {
  return judged === DOUBTFUL || judged === ODD_DOUBTFUL;
}

/** The flag that a doubtful one has, so that whatever reads rows can tell. */
export const DOUBT: Flag = 'identity-doubtful';

/** How many rows of a series one statement reads. */
export const JUDGED_A_PAGE = 500;

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
  /** What people decided about it (`amended.ts`). */
  amended: number;
  /** Somebody gave it to this patient; 1 or true. */
  given: number | boolean;
}

/** What is compared of an arrival; undefined for one that is not looked at, or has no value that could be compared. */
export function comparedOf({ judged, vital, value, components }: Arrival): Kept['values'] | undefined {
  if (!judged || !isDoubtable(vital)) return undefined;
  const values = valuesOf(vital, value, components);
  return Object.keys(values).length > 0 ? values : undefined;
}

/** What nobody's value is says so by its range, whoever measured it. Other flags of no measurement are the sender's. */
export function oddOf(flags: readonly Flag[]): Odd | undefined {
  if (flags.includes('out-of-range')) return 'impossible';
  return flags.some((flag) => flag !== DOUBT && NOT_A_MEASUREMENT.includes(flag)) ? 'flagged' : undefined;
}

/** As an arrival is kept before anything is decided of its series. */
export function judgedFirst(flags: readonly Flag[], isConfirmed: boolean): number {
  const odd = isConfirmed ? undefined : oddOf(flags);
  if (odd === undefined) return OWN;
  return odd === 'impossible' ? ODD_DOUBTFUL : ODD;
}

function valuesOf(vital: string, value: number | null, components: readonly Pick<StoredComponent, 'vital' | 'value'>[]): Kept['values'] {
  const values: Record<string, number> = {};
  for (const part of [{ vital, value }, ...components])
    if (part.value !== null && JUMPS[vital]?.parts[part.vital] !== undefined) values[part.vital] = part.value;
  return values;
}

/** The values of a row that are compared. */
export function valuesIn(vital: string, { value, components }: Pick<JudgedRow, 'value' | 'components'>): Kept['values'] {
  return valuesOf(vital, value, components === null ? [] : (JSON.parse(components) as StoredComponent[]));
}

/** A row as the decision takes it. What somebody gave to the patient is theirs, but no one said that of a value that nobody's is. */
function keptOf(vital: string, row: JudgedRow): Kept {
  const isConfirmed = (row.amended & CONFIRMED) !== 0;
  const odd = isConfirmed || row.flags === null ? undefined : oddOf(flagsOf(row.flags));
  return {
    key: row.key,
    at: row.sortTime,
    values: valuesIn(vital, row),
    confirmed: isConfirmed || Boolean(row.given),
    doubtful: isDoubtful(row.judged),
    ...(odd && { odd }),
  };
}

/** A row that is to be kept otherwise: the columns `judged` and `flags`. */
export interface Judged {
  row: JudgedRow;
  judged: number;
  flags: string | null;
}

/** What becomes of the rows of a series that `readFrom` names, where any at or after `since` came, went, or was confirmed: those that are kept otherwise from now on. Pure. */
export function judgedAgain(vital: string, rows: readonly JudgedRow[], since: Instant): Judged[] {
  const jump = JUMPS[vital];
  if (jump === undefined) return [];
  const kept = rows.map((row) => keptOf(vital, row));
  const doubts = new Map(doubtsAgain(kept, since, jump).map(({ key, doubtful }) => [key, doubtful]));
  return rows.flatMap((row, i) => {
    const doubtful = doubts.get(row.key) ?? isDoubtful(row.judged);
    const judged = (kept[i]?.odd === undefined ? OWN : ODD) + Number(doubtful);
    return judged === row.judged ? [] : [{ row, judged, flags: flagsAs(doubtful, row.flags) }];
  });
}

/** Whether what came behind the last ones of a series, of which those with the newest time are given, is the person's own without anything else being decided. Pure. */
export function isUsualBehind(vital: string, last: readonly JudgedRow[], later: readonly JudgedRow[]): boolean {
  const jump = JUMPS[vital];
  const [own] = last;
  // Of several of one time their values say which is before the other.
  if (jump === undefined || own === undefined || last.some(({ key, sortTime }) => key !== own.key && sortTime === own.sortTime))
    return false;
  return isUsual(
    keptOf(vital, own),
    later.map((row) => keptOf(vital, row)),
    jump,
  );
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
