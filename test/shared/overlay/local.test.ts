import { overlayContract } from '../../contract/overlay.ts';
import { testNetwork } from '../../support/identities.ts';
import { LocalNetwork } from '../../support/local-network.ts';

const identities = testNetwork();

overlayContract('local', async (plan) => {
  const local = await LocalNetwork.start(
    {
      services: plan.services,
      authorize: (id, permission, service) => plan.identities[id]?.[permission === 'Dial' ? 'dial' : 'bind'].includes(service) ?? false,
    },
    await identities,
  );
  return {
    open: (identity) => local.open(identity),
    idOf: (identity) => identity,
    goDown: () => local.down(),
    comeUp: () => local.up(),
    freeze: () => local.freeze(),
    [Symbol.asyncDispose]: () => local[Symbol.asyncDispose](),
  };
});
