import { z } from 'zod';
import { tool } from '../contract.ts';
import { groupArguments, groupIn } from '../group-argument.ts';
import { cursorArgument } from '../pages-of-group.ts';
import { worklistPages } from '../worklist/pages.ts';
import { compactOpen, compactWorklist, worklistSchema } from '../worklist/view.ts';
import { worklistText } from '../worklist/words.ts';

export const getWorklist = tool({
  name: 'get_worklist',
  title: 'Worklist of a ward or panel',
  description:
    'Which readings that the site expects of a ward or panel did not come, patient by patient, worst first: missed, overdue, not known because a gateway or device is silent, due now. It says whom to ask or look at; a reading that did not come says nothing about how anybody is.',
  action: 'vitals.read',
  input: z.object({
    ...groupArguments,
    cursor: cursorArgument('group'),
  }),
  output: worklistSchema,
  async call({ cursor, ...of }, call) {
    const group = groupIn(of);
    const { clinical, caller, context, limits } = call;
    const list = await clinical.worklist(caller, group, context, call);
    const { open, cursorAfter } = worklistPages(list, cursor);
    const page = open.slice(0, limits.page).map(compactOpen);
    return call.fit(page.length, (patients) => {
      const data = compactWorklist(list, { shown: page.slice(0, patients), nextCursor: cursorAfter(patients) });
      return { text: worklistText(data), data };
    });
  },
});
