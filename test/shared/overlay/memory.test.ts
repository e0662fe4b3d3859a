import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { overlayContract } from '../../contract/overlay.ts';

overlayContract('memory', async ({ services, identities }) => {
  const network = createMemoryNetwork({
    services,
    authorize: (id, permission, service) => identities[id]?.[permission === 'Dial' ? 'dial' : 'bind'].includes(service) ?? false,
  });
  return {
    open: async (identity) => network.overlay({ id: identity, name: `the ${identity}` }),
    idOf: (identity) => identity,
    goDown: async () => network.down(),
    comeUp: async () => network.up(),
    freeze: async () => network.freeze(),
    [Symbol.asyncDispose]: async () => network.down(),
  };
});
