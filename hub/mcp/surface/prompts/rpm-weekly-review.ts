import { panelOf } from './arguments.ts';
import type { PromptRow } from './contract.ts';
import { RULES } from './contract.ts';
import { worklistLink } from './links.ts';

export const rpmWeeklyReview: PromptRow = {
  name: 'rpm_weekly_review',
  title: 'Weekly review of home patients',
  description: 'Reviews a week of the patients of a panel at home: who measured, who did not, and how it was against the week before.',
  arguments: { panel: panelOf },
  make: ({ panel = '' }) => ({
    text: [
      `Review the last week of the patients of panel ${JSON.stringify(panel)} for the nurse who looks after them at home.`,
      'Read get_worklist and get_group_overview of that panel first, all of their pages (the worklist stands beside this as well). Then, for each patient and vital sign that is expected: get_vitals_trend with hours 168, points 7 and compare week_before.',
      'Begin with whom there are no or few readings of: on how many days something was measured, and since when nothing came; say where a device or gateway is silent, which is no choice of the patient. Then each patient: mean, range, n and days of this week and of the week before, of one device alone; readings that may be somebody else’s are not theirs.',
      'A reading that did not come says nothing about how the patient is: name whom to call, and why.',
      RULES,
    ].join('\n\n'),
    links: [worklistLink(panel)],
  }),
};
