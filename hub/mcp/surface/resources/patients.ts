import { compactPatients } from '../../views.ts';
import type { ResourceRow } from '../contract.ts';
import { notKnownField } from '../place-not-known.ts';

/** Patients in one read of the list resource, which has no pages. */
const MAX_LISTED = 1000;

export const patientsResource: ResourceRow<'patients'> = {
  name: 'patients',
  title: 'Patients',
  description: 'The patients this caller may see, with bed and age of their newest data.',
  mimeType: 'application/json',
  action: 'patients.list',
  completes: {},
  follow: () => ({ of: 'list' }),
  async read(_, { door, clinical, caller, context, clock, fit }) {
    const all = await door.listPatients(caller, context);
    const notice = clinical.listNotice(caller);
    const notKnown = notKnownField(door.placeNotKnown(caller));
    const unplaced = new Set(all.flatMap((row) => (clinical.listedPlace(caller, row).unplaced ? [row.patient] : [])));
    return fit(MAX_LISTED, (rows) => {
      const { asOf, ...listed } = compactPatients(all, clock.now(), rows);
      const patients = listed.patients.map((row) => ({ ...row, ...(unplaced.has(row.patient) && { unplaced: true }) }));
      return { asOf, notice, ...notKnown, ...listed, patients };
    });
  },
};
