import { silentLogger } from '../../../../../shared/log.ts';
import type { Channel } from '../../../../../shared/overlay/ziti/channel/contract.ts';
import { type ChannelOptions, openChannel } from '../../../../../shared/overlay/ziti/channel/open.ts';
import { testNetwork } from '../../../../support/identities.ts';
import { type RawPeer, type RawRouter, rawRouter } from '../../../../support/raw-router.ts';

export const network = await testNetwork();
export const identity = await network.identity('hc..xMvev');

/** Options that reach a router of `network` with its identity. */
export function towards({ host, port }: { host: string; port: number }): ChannelOptions {
  return { host, port, identity, sessionToken: 'fe88054d-7851-4af0-8ef4-14f679a2bf2c', log: silentLogger };
}

export interface Opened extends AsyncDisposable {
  channel: Channel;
  peer: RawPeer;
  router: RawRouter;
}

/** A channel past its hello and the router's end of it. */
export async function opened(options: Partial<ChannelOptions> = {}): Promise<Opened> {
  const router = await rawRouter(network);
  const opening = openChannel({ ...towards(router), ...options });
  const peer = await router.accept();
  await peer.greet();
  const channel = await opening;
  return {
    channel,
    peer,
    router,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await channel[Symbol.asyncDispose]();
    },
  };
}
