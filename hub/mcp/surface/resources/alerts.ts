import { MOST_ALERTS } from '../../../access/alert-views.ts';
import type { ChangeKind } from '../../follow.ts';
import { compactAlerts } from '../alerts/view.ts';
import type { ResourceRow } from '../contract.ts';
import { patientsLike } from './variables.ts';

/** Whether an alert still stands hangs on the sources, too. */
const HEARS: readonly ChangeKind[] = ['alert', 'sources', 'patients', 'corrected'];

export const alertsResource: ResourceRow<'alerts'> = {
  name: 'alerts',
  title: 'Alerts of devices of a patient',
  description:
    'Alerts that the devices of a patient told of, open ones and those that ended within a day, and which devices can tell of any. Relayed, late or not at all: that none is shown never means that no device alarms.',
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: { id: patientsLike },
  follow: ({ id }) => ({ of: 'patient', patient: id, hears: HEARS }),
  async read({ id }, { door, caller, context, fit }) {
    const view = await door.alerts(caller, id, context);
    return fit(MOST_ALERTS, (rows) => compactAlerts(view, rows, false));
  },
};
