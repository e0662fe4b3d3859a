import { z } from 'zod';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { latestUri } from '../../uris.ts';
import { MAX_ROWS } from '../../views.ts';
import { tool } from '../contract.ts';
import { compactDevices, devicesSchema, reportsOf } from '../devices/view.ts';
import { devicesText } from '../devices/words.ts';
import { patientArgument } from '../shown.ts';

export const getDeviceStatus = tool({
  name: 'get_device_status',
  title: 'Devices of a patient',
  description:
    'Gets how the devices of a patient are: live, silent or lost and since when, what each measured last and how long ago, whether it can tell of alarms, and the gateways behind it. No values. How a device is says nothing about the patient.',
  action: 'vitals.read',
  input: z.object({
    patient: patientArgument,
    device: z.string().min(1).max(256).optional().describe('Of this device alone, as get_latest_vitals names it.'),
  }),
  output: devicesSchema,
  async call({ patient, device }, { door, caller, context, fit }) {
    const latest = await door.latest(caller, patient, context);
    // Part of the same call: it takes no further one out of the caller's day.
    const { sources } = await door.alerts(caller, patient, { ...context, followed: true });
    if (device !== undefined && !latest.sources.some(({ kind, id }) => kind === 'device' && id === device))
      throw new VitalmeshError('NOT-FOUND');
    return fit(MAX_ROWS, (rows) => {
      const data = compactDevices(latest, reportsOf(sources), rows, device);
      const links = [{ uri: latestUri(data.patient), name: `latest-${data.patient}`, description: 'What is current of this patient.' }];
      return { text: devicesText(data), data, links };
    });
  },
});
