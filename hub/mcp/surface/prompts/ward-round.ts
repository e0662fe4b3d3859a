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
      'Read get_group_overview of that ward first, all of its pages; then get_patient_overview, only of those of whom more is needed.',
      'Begin with how many patients there are, and of how many there is no current value. Then one line a patient, the worst data first: patient id and bed, what is not known, what is current with age, open alerts. Leave nobody out: a patient without data is a line, too.',
      RULES,
    ].join('\n\n'),
    links: [wardLink(ward)],
  }),
};
