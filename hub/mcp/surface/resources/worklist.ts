import type { Worklist } from '../../../clinical/due/worklist.ts';
import type { ChangeKind } from '../../follow.ts';
import { uriOf } from '../../uris.ts';
import type { ResourceRow } from '../contract.ts';
import { named } from '../worklist/named.ts';
import { type OpenOf, worklistPages } from '../worklist/pages.ts';
import { panelsLike } from './variables.ts';

/** Patients of one answer. */
const MOST_PATIENTS = 1000;
const HEARS: readonly ChangeKind[] = ['due', 'patients', 'erased'];

export const worklistResource: ResourceRow<'worklist'> = {
  name: 'worklist',
  title: 'Worklist of a panel',
  description:
    'Expected readings of everybody on a panel whom this caller may see, that are open, worst first: overdue, missed, or not to be told because a source is silent. What is missing says nothing about how a patient is. Where there are more than fit, nextUri has the patients who were not shown yet.',
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: { panel: panelsLike },
  // A later page is what was not shown of one answer: whoever follows the panel is told of all of it, under one name.
  follow: ({ panel, cursor }) => (cursor === undefined ? { of: 'group', group: { panel }, hears: HEARS } : { of: 'nothing' }),
  async read({ panel, cursor }, call) {
    const { clinical, caller, context, fit } = call;
    const list = await clinical.worklist(caller, { panel }, context, call);
    const { open, cursorAfter } = worklistPages(list, cursor);
    return fit(Math.min(MOST_PATIENTS, open.length), (patients) => {
      const nextCursor = cursorAfter(patients);
      return {
        ...pageOf(list, open, patients),
        truncated: nextCursor !== undefined,
        ...(nextCursor !== undefined && { nextCursor, nextUri: uriOf('worklist', { panel, cursor: nextCursor }) }),
      };
    });
  },
};

/** Rows of the first of those who are left, in the order of the whole list; `omitted` are those of the others of them. Pure. */
function pageOf({ members: _, ...list }: Worklist, open: readonly OpenOf[], patients: number) {
  const shown = new Set(open.slice(0, patients).map(({ patient }) => patient));
  const omitted = open.slice(patients).reduce((sum, { rows }) => sum + rows.length, 0);
  return { ...list, rows: list.rows.filter(({ patient }) => shown.has(patient)).map(named), omitted };
}
