import type { Worklist, WorkRow } from '../../../clinical/due/worklist.ts';
import { cursorOf, notShown } from '../pages-of-group.ts';

/** What is open of one patient, worst first. */
export interface OpenOf {
  patient: string;
  rows: readonly [WorkRow, ...WorkRow[]];
}

export interface WorklistPages {
  /** Of everybody of whom something is open and who was not shown yet, whose worst reading is worse first. */
  open: readonly OpenOf[];
  /** For the next page, when so many of those are shown; undefined where they are all. */
  cursorAfter(shown: number): string | undefined;
}

/**
 * A worklist goes by patients, each of whom is shown with all that is open: readings come, and windows open, from page to page, while who is on the panel stays. Whoever has nothing open
 * counts as not shown, for something may be by the next page. Throws MCP-CURSOR.
 */
export function worklistPages({ rows, members }: Pick<Worklist, 'rows' | 'members'>, cursor: string | undefined): WorklistPages {
  const open = new Map<string, [WorkRow, ...WorkRow[]]>();
  for (const row of rows) {
    const own = open.get(row.patient);
    if (own) own.push(row);
    else open.set(row.patient, [row]);
  }
  const everybody = [...new Set([...open.keys(), ...members])].map((patient) => ({ patient }));
  const waiting = notShown(everybody, cursor);
  const left = waiting.flatMap(({ patient }): OpenOf[] => {
    const own = open.get(patient);
    return own ? [{ patient, rows: own }] : [];
  });
  return {
    open: left,
    cursorAfter(shown) {
      if (shown >= left.length) return undefined;
      const seen = new Set(left.slice(0, shown).map(({ patient }) => patient));
      return cursorOf(
        everybody,
        waiting.filter(({ patient }) => !seen.has(patient)),
      );
    },
  };
}
