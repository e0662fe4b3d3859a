import { z } from 'zod';
import { tool } from '../contract.ts';
import { describedBy, describedSchema } from '../vitals/view.ts';
import { describedText } from '../vitals/words.ts';

const MOST = 40;

export const describeVital = tool({
  name: 'describe_vital',
  title: 'What a vital sign is',
  description:
    'Explains vital signs of this hub by key, words of their name, LOINC or MDC code: unit, codes, what they measure and by which other means that is measured, what is plausible (not what is normal), and how long a value is current. Of no patient.',
  action: 'patients.list',
  input: z.object({
    search: z.string().trim().min(1).max(128).describe('Key such as spo2, words such as "heart rate", or a LOINC or MDC code.'),
  }),
  output: describedSchema,
  async call({ search }, { fit }) {
    return fit(MOST, (rows) => {
      const data = describedBy(search, rows);
      return { text: describedText(data), data };
    });
  },
});
