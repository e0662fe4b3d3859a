import type { SourceView } from '../../../access/door.ts';
import { deviceName, untrustedDevice } from '../../untrusted.ts';
import type { ResourceRow } from '../contract.ts';

const MOST_SOURCES = 5000;

export const fleetResource: ResourceRow<'fleet'> = {
  name: 'fleet',
  title: 'Gateways and devices',
  description:
    'Which gateways and devices live, are silent or lost, for roles that may read the status; what does not live first. It names no patient and says nothing about how anybody is.',
  mimeType: 'application/json',
  action: 'status.read',
  completes: {},
  follow: () => ({ of: 'nothing' }),
  async read(_, { door, caller, context, fit }) {
    const view = await door.fleet(caller, context);
    return fit(MOST_SOURCES, (rows) => ({
      ...view,
      sources: view.sources.slice(0, rows).map(named),
      truncated: view.sources.length > rows,
    }));
  },
};

export const healthResource: ResourceRow<'health'> = {
  name: 'health',
  title: 'Health of the hub',
  description: 'How many gateways and devices live, are silent, lost or unknown. It says nothing about how anybody is.',
  mimeType: 'application/json',
  action: 'session.open',
  completes: {},
  follow: () => ({ of: 'nothing' }),
  read: (_, { door, caller, context }) => door.health(caller, context),
};

/** A device's identifier may be text that it sent itself. */
function named({ kind, id, state, since }: SourceView) {
  if (kind !== 'device' || id === null) return { kind, id, state, since };
  const name = deviceName(id);
  return { kind, id: name, ...(name === null && { untrusted: { device: untrustedDevice(id) } }), state, since };
}
