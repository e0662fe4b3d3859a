import type { ChangeKind } from '../../follow.ts';
import { MAX_ROWS, traceableLatest } from '../../views.ts';
import type { ResourceRow } from '../contract.ts';
import { patientsLike } from './variables.ts';

/** What changes what is current of a patient. */
export const CURRENT: readonly ChangeKind[] = ['stored', 'stale', 'patients', 'corrected', 'sources', 'due'];

export const latestResource: ResourceRow<'latest'> = {
  name: 'latest',
  title: 'Latest vital signs of a patient',
  description: "A patient's latest value of each vital sign, with its age. Values too old to be current are null.",
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: { id: patientsLike },
  follow: ({ id }) => ({ of: 'patient', patient: id, hears: CURRENT }),
  async read({ id }, { door, caller, context, fit }) {
    const latest = await door.latest(caller, id, context);
    return fit(MAX_ROWS, (rows) => traceableLatest(latest, rows));
  },
};
