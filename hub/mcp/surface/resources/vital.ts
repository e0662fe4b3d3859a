import { panelOfPart } from '../../../../shared/vitals.ts';
import type { LatestView } from '../../../access/door.ts';
import { MAX_ROWS, traceableLatest } from '../../views.ts';
import type { ResourceRow } from '../contract.ts';
import { CURRENT } from './latest.ts';
import { knownVital, patientsLike, vitalsLike } from './variables.ts';

export const vitalResource: ResourceRow<'vital'> = {
  name: 'latest-vital',
  title: 'Latest value of one vital sign',
  description:
    "A patient's latest value of one vital sign, a row a device. No row means that there is none on record, which is not a normal finding.",
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: { id: patientsLike, vital: vitalsLike },
  follow: ({ id, vital }) => ({ of: 'patient', patient: id, hears: CURRENT, vital: knownVital(vital) }),
  async read({ id, vital }, { door, caller, context, fit }) {
    const key = knownVital(vital);
    const latest = await door.latest(caller, id, context);
    return fit(MAX_ROWS, (rows) => traceableLatest(ofVital(latest, key), rows));
  },
};

/** The rows of one vital sign; of a part of a panel those of the panel. */
function ofVital(latest: LatestView, key: string): LatestView {
  const keys = [key, panelOfPart(key)?.key];
  return { ...latest, vitals: latest.vitals.filter(({ vital }) => keys.includes(vital)) };
}
