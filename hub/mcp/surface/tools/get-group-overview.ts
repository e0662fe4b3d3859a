import { z } from 'zod';
import { groupLatest } from '../../../clinical/group-latest.ts';
import { tool } from '../contract.ts';
import { groupArguments, groupIn } from '../group-argument.ts';
import { cursorArgument, cursorOf, notShown } from '../pages-of-group.ts';
import { besideMembers } from '../place-not-known.ts';
import { wholeOf } from '../shown.ts';
import { compactGroup, compactMember, groupOverviewSchema } from './get-group-overview-view.ts';
import { groupText } from './get-group-overview-wording.ts';

export const getGroupOverview = tool({
  name: 'get_group_overview',
  title: 'Overview of a ward or panel',
  description:
    'Every patient of a ward or panel whom this caller may see, worst data first: who has no current value, whose gateway is lost, whose device is silent, what is too old or doubtful, and then what is current. The order is that of the data, and does not say how anybody is.',
  action: 'vitals.read',
  input: z.object({
    ...groupArguments,
    cursor: cursorArgument('group'),
  }),
  output: groupOverviewSchema,
  async call({ cursor, ...of }, call) {
    const group = groupIn(of);
    const { door, caller, context, limits } = call;
    const all = await groupLatest(door, caller, group, context, call);
    const named = all.map((one) => ({ ...one, patient: one.latest.patient }));
    const left = notShown(named, cursor);
    const whole = wholeOf(all.map(({ latest }) => latest));
    const beside = besideMembers(group, call, all.length === 0);
    const page = left.slice(0, limits.page).map((one) => compactMember(one, whole));
    return call.fit(page.length, (rows) => {
      const rest = left.slice(rows);
      const next = rest.length === 0 ? {} : { nextCursor: cursorOf(named, rest) };
      const data = compactGroup(group, all, { shown: page.slice(0, rows), ...next, ...beside });
      return { text: groupText(data), data };
    });
  },
});
