import { hoursOf, wardOf } from './arguments.ts';
import type { PromptRow } from './contract.ts';
import { RULES } from './contract.ts';
import { wardLink } from './links.ts';

export const handover: PromptRow = {
  name: 'handover',
  title: 'Handover of a shift',
  description: 'Prepares what the next shift of a ward must know about the last hours: what changed, what is open, and what is not known.',
  arguments: { ward: wardOf, hours: hoursOf },
  make: ({ ward = '', hours = '12' }) => ({
    text: [
      `Prepare the handover of ward ${JSON.stringify(ward)} over the last ${hours} hours for the next shift.`,
      `Read get_group_overview and get_worklist of that ward first, all of their pages. For whoever needs more: get_alerts, get_device_status, list_outside_limits, and get_vitals_trend with hours ${hours} and compare previous.`,
      'For each patient: what is not known and since when (stale, silent devices, lost data); what changed in these hours by the numbers, with n and coverage of both periods; alerts that are open, or of which it is not known whether they still are; readings that are due, overdue or missed; moves and changes of device. Say what the next shift has to look at with their own eyes. Leave nobody out; where placeNotKnown stands, begin with it: so many more may lie in the ward, and somebody must ask at the bed.',
      RULES,
    ].join('\n\n'),
    links: [wardLink(ward)],
  }),
};
