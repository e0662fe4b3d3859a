import { z } from 'zod';
import { latestUri } from '../../uris.ts';
import { compactLatest, type Latest, latestSchema, MAX_ROWS } from '../../views.ts';
import { latestText } from '../../wording.ts';
import { tool } from '../contract.ts';

export const getLatestVitals = tool({
  name: 'get_latest_vitals',
  title: 'Latest vital signs',
  description:
    "Gets a patient's latest value of each vital sign, with its age and what makes it doubtful. A value that is missing or too old is null; that is never a normal finding.",
  action: 'vitals.read',
  input: z.object({ patient: z.string().min(1).max(256).describe('Opaque patient id, as find_patients gives it.') }),
  output: latestSchema,
  async call({ patient }, { door, caller, context, fit }) {
    const view = await door.latest(caller, patient, context);
    return fit(MAX_ROWS, (rows) => answerOf(compactLatest(view, rows)));
  },
});

function answerOf(latest: Latest) {
  const uri = latestUri(latest.patient);
  const description = 'The same values; subscribe to it to be told when they change.';
  return { text: latestText(latest), data: latest, links: [{ uri, name: `latest-${latest.patient}`, description }] };
}
