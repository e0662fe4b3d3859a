import { wardOf } from './arguments.ts';
import type { PromptRow } from './contract.ts';
import { RULES } from './contract.ts';
import { wardLink } from './links.ts';

export const wardRound: PromptRow = {
  name: 'ward_round',
  title: 'Ward round',
  description: 'Prepares a round through one ward, those with the worst data first.',
  arguments: { ward: wardOf },
  make: ({ ward = '' }) => ({
    text: [
      `Prepare a ward round through ward ${JSON.stringify(ward)}.`,
      'Read get_group_overview of that ward first, all of its pages; then list_outside_limits of it with limits site, all of its pages, and again with limits device; get_patient_overview only of those of whom more is needed.',
      'Begin with how many patients there are, how many more may lie in the ward (placeNotKnown: somebody must ask at the bed), and of how many there is no current value. Then how many values cannot be held against limits, and why: they may be outside. Then one line a patient, the worst data first: patient id and bed, what is not known, what is current with age, what is outside which limits (of the site, of the device), open alerts. Leave nobody out: a patient without data is a line, too.',
      RULES,
    ].join('\n\n'),
    links: [wardLink(ward)],
  }),
};
