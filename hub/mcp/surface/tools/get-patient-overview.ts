import { z } from 'zod';
import { latestUri } from '../../uris.ts';
import { fitWithin } from '../ceiling.ts';
import { tool } from '../contract.ts';
import { patientArgument } from '../shown.ts';
import { compactOverview, MOST_STEPS, overviewSchema } from './get-patient-overview-view.ts';
import { overviewText } from './get-patient-overview-wording.ts';

/** What the answer costs a model at most. */
export const OVERVIEW_TOKENS = 1500;

export const getPatientOverview = tool({
  name: 'get_patient_overview',
  title: 'Overview of a patient',
  description:
    "Everything about one patient at a glance: current values with age and quality, the last 24 hours of each in numbers, the person's own usual where the site has it on, alerts that devices told of and which devices can tell of any, expected readings, how readings came to be this patient's, and sources of which nothing comes. Nothing is concluded from it.",
  action: 'vitals.read',
  input: z.object({ patient: patientArgument }),
  output: overviewSchema,
  async call({ patient }, call) {
    const { clinical, caller, context } = call;
    const view = await clinical.overview(caller, patient, context, call);
    return fitWithin(call, { tokens: OVERVIEW_TOKENS, most: MOST_STEPS }, (steps) => {
      const data = compactOverview(view, steps);
      const description = 'Every current value; can be subscribed to.';
      return { text: overviewText(data), data, links: [{ uri: latestUri(data.patient), name: `latest-${data.patient}`, description }] };
    });
  },
});
