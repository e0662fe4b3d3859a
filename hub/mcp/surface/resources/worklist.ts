import { MOST_ROWS } from '../../../clinical/due/worklist.ts';
import type { ChangeKind } from '../../follow.ts';
import type { ResourceRow } from '../contract.ts';
import { panelsLike } from './variables.ts';

const HEARS: readonly ChangeKind[] = ['due', 'patients', 'erased'];

export const worklistResource: ResourceRow<'worklist'> = {
  name: 'worklist',
  title: 'Worklist of a panel',
  description:
    'Expected readings of everybody on a panel whom this caller may see, that are open, worst first: overdue, missed, or not to be told because a source is silent. What is missing says nothing about how a patient is.',
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: { panel: panelsLike },
  follow: ({ panel }) => ({ of: 'group', group: { panel }, hears: HEARS }),
  async read({ panel }, call) {
    const { clinical, caller, context, fit } = call;
    const list = await clinical.worklist(caller, { panel }, context, call);
    return fit(MOST_ROWS, (rows) => {
      const shown = list.rows.slice(0, rows);
      const omitted = list.omitted + list.rows.length - shown.length;
      return { ...list, rows: shown, omitted, truncated: omitted > 0 };
    });
  },
};
