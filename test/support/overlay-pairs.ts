import type { Duplex } from 'node:stream';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { LocalNetwork } from './local-network.ts';
import { plannedFabric } from './ziti/network.ts';
import { openQuickly } from './ziti-uplink.ts';

/** Somebody who dials and somebody who hosts, on one overlay. */
export interface OverlayPair extends AsyncDisposable {
  /** Both ends of a new connection: the dialer's, the host's. */
  connect(): Promise<[near: Duplex, far: Duplex]>;
}

const SERVICE = 'uplink';

/** One of each kind of overlay there is. */
export const OVERLAY_PAIRS: Readonly<Record<string, () => Promise<OverlayPair>>> = {
  async memory() {
    const network = createMemoryNetwork();
    await using stack = new AsyncDisposableStack();
    return await pairOf(stack, network.overlay({ id: 'gw', name: 'gw' }), network.overlay({ id: 'hub', name: 'hub' }));
  },
  async local() {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await LocalNetwork.start());
    return await pairOf(stack, await network.open('gw'), await network.open('hub'));
  },
  async ziti() {
    await using stack = new AsyncDisposableStack();
    const identities = { gw: { dial: [SERVICE], bind: [] }, hub: { dial: [], bind: [SERVICE] } };
    const { identityPath } = stack.use(await plannedFabric({ services: [SERVICE], identities }, true));
    return await pairOf(stack, await openQuickly(loadIdentity(identityPath('gw'))), await openQuickly(loadIdentity(identityPath('hub'))));
  },
};

/** Takes over what is in the stack so far. */
async function pairOf(stack: AsyncDisposableStack, dialing: Overlay, hosting: Overlay): Promise<OverlayPair> {
  stack.use(hosting);
  stack.use(dialing);
  let arrived: (far: Duplex) => void = (far) => far.destroy();
  await hosting.bind(SERVICE, (far) => arrived(far));
  const made = stack.move();
  return {
    async connect() {
      const far = Promise.withResolvers<Duplex>();
      arrived = far.resolve;
      const near = await dialing.dial(SERVICE);
      return [near, await far.promise];
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}
