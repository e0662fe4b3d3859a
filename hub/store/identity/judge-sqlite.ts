import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { JUMPS } from '../../clinical/doubt/jumps.ts';
import { anchorBefore, type Kept, readFrom } from '../../clinical/doubt/whose.ts';
import { CONFIRMED } from '../amend/amended.ts';
import { type ConfirmedVersion, confirmingOf } from '../amend/confirm.ts';
import { AMEND_SQL } from '../amend/statements.ts';
import type { Arrival } from '../store.ts';
import { ALL_JUDGED, isUsualBehind, JUDGED_A_PAGE, type JudgedRow, type JudgedSeries, judgedAgain, OWN } from './judged.ts';
import { IDENTITY_SQL } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;
type Values = (string | number)[];

/**
 * Decides again whose the readings of a series are, where any at or after `since` came, went or was confirmed; within the transaction of the caller, who sees
 * to what is current of the rows that it gives: those that are kept otherwise now.
 */
export function judgeAgain(database: Writing, series: JudgedSeries, since: Instant): JudgedRow[] {
  const jump = JUMPS[series.vital];
  if (jump === undefined) return [];
  const which = whichOf(series);
  const anchor = database.prepare<Values, { at: Instant | null }>(IDENTITY_SQL.anchor).get(...which, anchorBefore(since, jump));
  const from = readFrom(anchor?.at ?? null, jump);
  const rows: JudgedRow[] = [];
  for (const judged of ALL_JUDGED) readBehind(database, { which, judged, from }, rows);
  const set = database.prepare<[number, string | null, number]>(IDENTITY_SQL.setJudged);
  const changed = judgedAgain(series.vital, rows, since);
  for (const { row, judged, flags } of changed) set.run(judged, flags, row.key);
  return changed.map(({ row }) => row);
}

/** Whether rows that came are all that is at or after `since`, and nothing about them is to be decided: they are usual, behind what is sure. */
export function isUsualNow(database: Writing, series: JudgedSeries, came: ReadonlySet<number>, since: Instant): boolean {
  const which = whichOf(series);
  const last = database.prepare<Values, JudgedRow>(IDENTITY_SQL.lastOwn).all(...which, since);
  const [own] = last;
  if (own === undefined) return false;
  const bounds = [...which, own.sortTime, ...which, since, ...which, since];
  if (database.prepare<Values>(IDENTITY_SQL.hasOther).get(...bounds) !== undefined) return false;
  const later = database.prepare<Values, JudgedRow>(IDENTITY_SQL.page).all(...which, OWN, since, 0);
  if (later.length === JUDGED_A_PAGE || !later.every(({ key }) => came.has(key))) return false;
  return isUsualBehind(series.vital, last, later);
}

/** Whether an arrival is a version of a measurement that somebody confirmed, and says the same as what they meant: then it is confirmed with it. */
export function confirmedWith(
  database: Writing,
  patient: number,
  came: { key: number; arrival: Arrival; values: Kept['values'] },
): boolean {
  const { key, arrival, values } = came;
  const { vital, device, effective } = arrival;
  const of = [patient, vital, device, arrival.test ? 1 : 0, effective];
  const confirmed = database.prepare<Values, ConfirmedVersion>(IDENTITY_SQL.confirmed).all(...of, effective, ...of);
  const by = confirmingOf(vital, { values }, confirmed);
  if (by.length === 0) return false;
  const add = database.prepare<(number | null)[]>(AMEND_SQL.addRow);
  for (const amendment of by) add.run(key, amendment, null, null);
  database.prepare<[number, string]>(AMEND_SQL.addBit).run(CONFIRMED, JSON.stringify([key]));
  return true;
}

function whichOf({ patient, vital, test }: JudgedSeries): Values {
  return [patient, vital, test];
}

/** Adds the rows of one kind from a time on, a page at a time. */
function readBehind(database: Writing, { which, judged, from }: { which: Values; judged: number; from: Instant }, rows: JudgedRow[]): void {
  const page = database.prepare<Values, JudgedRow>(IDENTITY_SQL.page);
  for (let behind: Values = [from, 0]; ; ) {
    const found = page.all(...which, judged, ...behind);
    for (const row of found) rows.push(row);
    const last = found.at(-1);
    if (last === undefined || found.length < JUDGED_A_PAGE) return;
    behind = [last.sortTime, last.key];
  }
}
