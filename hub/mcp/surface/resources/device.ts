import { VitalmeshError } from '../../../../shared/errors.ts';
import { OF_DEVICES } from '../../follow.ts';
import { deviceName } from '../../untrusted.ts';
import { MAX_ROWS } from '../../views.ts';
import type { Call, ResourceRow } from '../contract.ts';
import { compactDevices, type Devices, reportsOf } from '../devices/view.ts';

/** A device that goes from one patient to another has so many that are shown. */
const MOST_PATIENTS = 16;

export const deviceResource: ResourceRow<'device'> = {
  name: 'device-status',
  title: 'Status of a device',
  description:
    'Of each patient whom this caller may see and of whom this device gave what is current: whether it lives, is silent or lost, what it gave last without the values, and whether it can tell of alarms. Who subscribes is told when it falls silent or speaks again, when the gateway behind it is lost or back, when something of it gets too old, and when a patient of it moves.',
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: {},
  follow: ({ id }) => ({ of: 'device', device: id, hears: OF_DEVICES }),
  async read({ id }, call) {
    const { door, caller, fit } = call;
    const patients = door.devicePatients(caller, id);
    // As of a patient: of one that is not there it is decided, recorded and answered as of a stranger.
    const seen = await Promise.all(
      (patients.length > 0 ? patients : ['']).slice(0, MOST_PATIENTS).map((name, i) => statusOf(name, id, call, i > 0)),
    );
    const withIt = seen.filter((make) => make(1).devices.length > 0);
    if (withIt.length === 0) throw new VitalmeshError('NOT-FOUND');
    return fit(MAX_ROWS, (rows) => ({
      device: deviceName(id),
      patients: withIt.map((make) => make(rows)),
      truncated: patients.length > MOST_PATIENTS,
    }));
  },
};

async function statusOf(
  patient: string,
  device: string,
  { door, caller, context }: Call,
  isMore: boolean,
): Promise<(rows: number) => Devices> {
  // One call, of however many patients.
  const latest = await door.latest(caller, patient, isMore ? { ...context, followed: true } : context);
  const { sources } = await door.alerts(caller, patient, { ...context, followed: true });
  return (rows) => compactDevices(latest, reportsOf(sources), rows, device);
}
