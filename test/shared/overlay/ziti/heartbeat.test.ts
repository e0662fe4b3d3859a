import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { VitalmeshError } from '../../../../shared/errors.ts';
import { loadIdentity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import type { Channel } from '../../../../shared/overlay/ziti/channel/contract.ts';
import { newMarker } from '../../../../shared/overlay/ziti/circuit/marker.ts';
import { type Frame, u32 } from '../../../../shared/overlay/ziti/wire/frame.ts';
import { openZitiOverlay } from '../../../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../../../requirements.ts';
import { echo } from '../../../support/ziti/hub-and-gateway.ts';
import { type PlannedFabric, plannedFabric } from '../../../support/ziti/network.ts';
import { dialingChannel, RAW_CONN_ID, rawDial } from '../../../support/ziti/raw-dialer.ts';

const SERVICE = 'vitals';
const PLAN = {
  services: [SERVICE],
  identities: { hub: { dial: [], bind: [SERVICE] }, gateway: { dial: [SERVICE], bind: [] }, mute: { dial: [SERVICE], bind: [] } },
};
const GRANT = 0x00c0_8000;
const HEARTBEAT = 0x8000;
/** Of a host that beats at each of these, one that did not hear an answer would have cut us long before. */
const ANSWERED = 10;

async function openBeating(fabric: PlannedFabric, name: string): Promise<Overlay> {
  const identity = loadIdentity(fabric.identityPath(name));
  return await openZitiOverlay({ identity, log: silentLogger, backoff: { minMs: 5, maxMs: 50 }, circuit: { heartbeatMs: 90 } });
}

/** A channel of the identity `mute` with a connection that has granted, as a dialer of ours does. */
async function grantingDialer(fabric: PlannedFabric, onFrame: (frame: Frame) => void, stack: AsyncDisposableStack): Promise<Channel> {
  const { channel, session } = await dialingChannel(fabric, 'mute', stack);
  channel.attach(RAW_CONN_ID, { frame: onFrame, channelLost: () => undefined });
  await rawDial(channel, session, newMarker());
  sendFlags(channel, GRANT);
  return channel;
}

function sendFlags(channel: Channel, flags: number): void {
  const headers = [
    [1000, RAW_CONN_ID],
    [1010, flags],
  ] as const;
  channel.send({ type: 60786, headers });
}

test('idle connections live on by heartbeats that the router carries, and one whose other end falls silent is cut', {
  timeout: 60_000,
}, async () => {
  verifies('OVERLAY-HEARTBEAT');
  await using stack = new AsyncDisposableStack();
  const fabric = stack.use(await plannedFabric(PLAN, false));
  const hub = stack.use(await openBeating(fabric, 'hub'));
  const gateway = stack.use(await openBeating(fabric, 'gateway'));
  const cut = Promise.withResolvers<VitalmeshError>();
  const closed = Promise.withResolvers<void>();
  let connections = 0;
  await hub.bind(SERVICE, (connection) => {
    connections += 1;
    if (connections === 1) echo(connection);
    else connection.on('error', cut.resolve);
  });
  const idle = await gateway.dial(SERVICE);
  idle.on('error', () => undefined);
  let beats = 0;
  const channel = await grantingDialer(
    fabric,
    (frame) => {
      if (frame.type === 60785) closed.resolve();
      if (frame.type !== 60786 || frame.body.length > 0 || u32(frame.headers, 1010) !== HEARTBEAT) return;
      beats += 1;
      if (beats <= ANSWERED) sendFlags(channel, HEARTBEAT);
    },
    stack,
  );
  const reason = await cut.promise;
  await closed.promise;
  assert.deepEqual([reason.code, reason.detail], ['OVERLAY-CLOSED', 'the other end is silent']);
  assert.ok(beats > ANSWERED);
  idle.write('still here');
  const [said] = await once(idle, 'data');
  assert.equal(String(said), 'still here');
  assert.equal(connections, 2);
});
