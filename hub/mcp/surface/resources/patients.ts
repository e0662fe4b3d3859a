import { uriOf } from '../../uris.ts';
import { compactPatients } from '../../views.ts';
import { startOf } from '../answers.ts';
import type { ResourceRow } from '../contract.ts';
import { notKnownField } from '../place-not-known.ts';

/** Patients of one answer. */
const MAX_LISTED = 1000;

export const patientsResource: ResourceRow<'patients'> = {
  name: 'patients',
  title: 'Patients',
  description:
    'The patients this caller may see, by id, with bed and age of their newest data. Where there are more than fit, nextUri has those behind.',
  mimeType: 'application/json',
  action: 'patients.list',
  completes: {},
  // Whoever follows the list is told of all of it, under one name.
  follow: ({ cursor }) => ({ of: cursor === undefined ? 'list' : 'nothing' }),
  async read({ cursor }, { door, clinical, caller, context, clock, fit }) {
    const after = startOf(cursor);
    const all = await door.listPatients(caller, context);
    const notice = clinical.listNotice(caller);
    const notKnown = notKnownField(door.placeNotKnown(caller));
    const unplaced = new Set(all.flatMap((row) => (clinical.listedPlace(caller, row).unplaced ? [row.patient] : [])));
    return fit(MAX_LISTED, (rows) => {
      const { asOf, ...listed } = compactPatients(all, clock.now(), rows, after);
      const patients = listed.patients.map((row) => ({ ...row, ...(unplaced.has(row.patient) && { unplaced: true }) }));
      const { nextCursor } = listed;
      return {
        ...{ asOf, notice, ...notKnown, ...listed, patients },
        ...(nextCursor !== undefined && { nextUri: uriOf('patients', { cursor: nextCursor }) }),
      };
    });
  },
};
