import assert from 'node:assert/strict';
import { loadIdentity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import type { Channel } from '../../../shared/overlay/ziti/channel/contract.ts';
import type { EdgeRouter, ServiceSession } from '../../../shared/overlay/ziti/controller/contract.ts';
import { zitiParts } from '../../../shared/overlay/ziti/ziti.ts';
import type { PlannedFabric } from './network.ts';

/** The connection id of a raw dial. */
export const RAW_CONN_ID = 1;

/** A channel of an identity that may dial one service, and a session for that; to the first router, unless another one is wanted. */
export async function dialingChannel(
  fabric: PlannedFabric,
  identity: string,
  stack: AsyncDisposableStack,
  isWanted: (router: EdgeRouter) => boolean = () => true,
): Promise<{ channel: Channel; session: ServiceSession }> {
  const { controller, openChannel } = zitiParts({ identity: loadIdentity(fabric.identityPath(identity)), log: silentLogger });
  stack.use(controller);
  const api = await controller.signIn();
  const [service] = await controller.services();
  const session = await controller.createSession(service?.id ?? '', 'Dial');
  const router = session.routers.find(isWanted);
  assert.ok(router);
  return { channel: stack.use(await openChannel(router, api, new AbortController().signal)), session };
}

/** Dials on such a channel, frame by frame as others than we would: `marker` is header 1025, none when empty. */
export async function rawDial(channel: Channel, session: ServiceSession, marker: string): Promise<void> {
  const headers = [[1000, RAW_CONN_ID], ...(marker ? ([[1025, marker]] as const) : [])] as const;
  await channel.request({ type: 60783, headers, body: Buffer.from(session.token) }, AbortSignal.timeout(10_000));
}
