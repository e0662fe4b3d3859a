import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { JUMPS } from '../../clinical/doubt/jumps.ts';
import { anchorBefore, doubtsAgain, readFrom } from '../../clinical/doubt/whose.ts';
import { DOUBTFUL, flagsAs, type JudgedRow, type JudgedSeries, keptOf, OWN, pagesOf } from './judged.ts';
import { IDENTITY_SQL } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;

/** Says of rows that are new that they are looked at, as the person's own until something is decided. */
export function addJudged(database: Writing, keys: readonly number[]): void {
  database.prepare<[number, string]>(IDENTITY_SQL.addJudged).run(OWN, JSON.stringify(keys));
}

/**
 * Decides again whose the readings of a series are, where any at or after `since` came, went or was confirmed; within the transaction of the caller, who sees
 * to what is current of the rows that it gives: those of which the doubt changed. Decides up to `until` alone, where a series has too many rows.
 */
export function judgeAgain(database: Writing, series: JudgedSeries, since: Instant): { changed: JudgedRow[]; until: Instant } {
  const jump = JUMPS[series.vital];
  if (jump === undefined) return { changed: [], until: Number.MAX_SAFE_INTEGER };
  const which = [series.patient, series.vital, series.test] as const;
  const anchor = database
    .prepare<(string | number)[], { at: Instant | null }>(IDENTITY_SQL.anchor)
    .get(...which, anchorBefore(since, jump));
  const before = database.prepare<(string | number)[], JudgedRow>(IDENTITY_SQL.before);
  const after = database.prepare<(string | number)[], JudgedRow>(IDENTITY_SQL.after);
  const from = readFrom(anchor?.at ?? null, jump);
  const { rows, isCut, until } = pagesOf(
    [OWN, DOUBTFUL].map((judged) => before.all(...which, judged, from, since)),
    [OWN, DOUBTFUL].map((judged) => after.all(...which, judged, since)),
  );
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const kept = rows.map((row) => keptOf(series.vital, row));
  const set = database.prepare<[number, string | null, number]>(IDENTITY_SQL.setJudged);
  const changed = doubtsAgain(kept, since, jump, isCut).flatMap(({ key, doubtful }) => {
    const row = byKey.get(key);
    if (row === undefined) return [];
    set.run(doubtful ? DOUBTFUL : OWN, flagsAs(doubtful, row.flags), key);
    return [row];
  });
  return { changed, until };
}
