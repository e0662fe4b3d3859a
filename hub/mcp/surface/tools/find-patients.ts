import { z } from 'zod';
import { startOf } from '../answers.ts';
import { tool } from '../contract.ts';
import { notKnownField } from '../place-not-known.ts';
import { compactFound, findSchema } from './find-patients-view.ts';
import { foundText } from './find-patients-wording.ts';

const said = z.string().min(1).max(256).optional();

export const findPatientsTool = tool({
  name: 'find_patients',
  title: 'Find patients',
  description:
    'Lists the patients this caller may see, or finds some by id, bed, ward or panel, with bed, age of their newest data and the vital signs on record. Several conditions must all hold. What does not name one patient exactly gives candidates: ask which one is meant, never choose.',
  action: 'patients.list',
  input: z.object({
    id: said.describe('Opaque patient id, or its beginning.'),
    bed: said.describe('Bed, or its beginning.'),
    ward: said.describe('Whole name of a ward.'),
    panel: said.describe('Whole name of a panel.'),
    cursor: z.string().max(512).optional().describe('nextCursor of the page before, with the same search.'),
  }),
  output: findSchema,
  async call({ cursor, ...search }, { door, clinical, caller, context, clock, limits, fit }) {
    const after = startOf(cursor);
    const listed = await door.listPatients(caller, context);
    const all = listed.map((row) => ({ ...row, ...clinical.listedPlace(caller, row) }));
    const notKnown = notKnownField(door.placeNotKnown(caller));
    return fit(limits.page, (page) => {
      const found = compactFound(all, search, { now: clock.now(), page, after, notice: clinical.listNotice(caller), ...notKnown });
      return { text: foundText(found), data: found };
    });
  },
});
