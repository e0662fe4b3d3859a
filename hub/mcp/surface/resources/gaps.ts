import { GAP_REASONS } from '../../../../shared/gap.ts';
import type { GapsView } from '../../../access/gap-views.ts';
import type { ChangeKind } from '../../follow.ts';
import { deviceName, untrustedDevice } from '../../untrusted.ts';
import type { ResourceRow } from '../contract.ts';
import { whoseIn } from '../shown.ts';
import { patientsLike } from './variables.ts';

const MOST_ROWS = 200;
const HEARS: readonly ChangeKind[] = ['gap', 'patients', 'corrected'];

export const gapsResource: ResourceRow<'gaps'> = {
  name: 'gaps',
  title: 'Gaps of a patient',
  description:
    'Data of a patient that were measured and will never arrive, as far as it became known within 30 days: from when to when, why, and how much.',
  mimeType: 'application/json',
  action: 'vitals.read',
  completes: { id: patientsLike },
  follow: ({ id }) => ({ of: 'patient', patient: id, hears: HEARS }),
  async read({ id }, { door, caller, context, fit }) {
    const view = await door.gaps(caller, id, context);
    return fit(MOST_ROWS, (rows) => compactGaps(view, rows));
  },
};

/** Compact form for a model. Pure. */
function compactGaps(view: GapsView, rows: number) {
  const shown = view.gaps.slice(0, rows);
  return {
    ...whoseIn(view),
    lookedBackTo: view.lookedBackTo,
    ...(view.withheld && { withheld: view.withheld }),
    gaps: shown.map(({ from, to, reason, lost, values, vitals, device, event, test }) => {
      const name = deviceName(device);
      return {
        ...{ from, to, reason: GAP_REASONS[reason], lost, values, vitals },
        device: name,
        ...(name === null && { untrusted: { device: untrustedDevice(device) } }),
        ...{ event, test },
      };
    }),
    truncated: view.truncated || shown.length < view.gaps.length,
  };
}
