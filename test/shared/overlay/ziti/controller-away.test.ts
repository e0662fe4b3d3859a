import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import type { VitalmeshError } from '../../../../shared/errors.ts';
import { loadIdentity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import type { Channel } from '../../../../shared/overlay/ziti/channel/contract.ts';
import { dialCircuit } from '../../../../shared/overlay/ziti/circuit/dial.ts';
import { isHeartbeat } from '../../../../shared/overlay/ziti/circuit/frames.ts';
import { openZitiOverlay } from '../../../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../../../requirements.ts';
import { echo } from '../../../support/ziti/hub-and-gateway.ts';
import { type PlannedFabric, plannedFabric } from '../../../support/ziti/network.ts';
import { dialingChannel } from '../../../support/ziti/raw-dialer.ts';

const [BEATING, MUTE] = ['vitals', 'mute'];
const PLAN = {
  services: [BEATING, MUTE],
  identities: {
    hub: { dial: [], bind: [BEATING] },
    gateway: { dial: [BEATING], bind: [] },
    muteHub: { dial: [], bind: [MUTE] },
    muteGateway: { dial: [MUTE], bind: [] },
  },
};
const QUICK = { controllerFoundMs: 50, linkReportMs: 0, bindReportMs: 20, bindsAgainMs: 50 };
const SILENT = 'the other end is silent';
const NEVER_MS = 3_600_000;

async function open(fabric: PlannedFabric, name: string, heartbeatMs: number): Promise<Overlay> {
  const identity = loadIdentity(fabric.identityPath(name));
  return await openZitiOverlay({ identity, log: silentLogger, maxRouters: 1, backoff: { minMs: 5, maxMs: 50 }, circuit: { heartbeatMs } });
}

async function echoes(connection: Duplex): Promise<void> {
  connection.write('reading');
  const [answer] = await once(connection, 'data');
  assert.equal(String(answer), 'reading');
}

/** Resolves with why it ended; it may be cut at any time. */
function ended(connection: Duplex): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  connection.on('error', () => undefined);
  connection.once('close', () => resolve(connection.errored ? (connection.errored as VitalmeshError).detail : 'closed'));
  return promise;
}

/** Resolves when a circuit that is dialled on this channel from now on has heard a heartbeat. */
function heartbeatOn(channel: Channel): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const attach = channel.attach.bind(channel);
  channel.attach = (connId, sink) =>
    attach(connId, {
      frame(frame) {
        sink.frame(frame);
        if (isHeartbeat(frame)) resolve();
      },
      channelLost: (reason) => sink.channelLost(reason),
    });
  return promise;
}

describe('connections that are older than a restart of the controller', { timeout: 180_000 }, () => {
  test('live on when they are busy, and when they are idle by their heartbeats; those without end', async () => {
    verifies('OVERLAY-CONTROLLER-AWAY', 'OVERLAY-HEARTBEAT');
    await using stack = new AsyncDisposableStack();
    const fabric = stack.use(await plannedFabric(PLAN, true, { routerLimits: { ...QUICK, idleCircuitMs: 3000 } }));
    const [hub, gateway] = [stack.use(await open(fabric, 'hub', 90)), stack.use(await open(fabric, 'gateway', 90))];
    const [muteHub, muteGateway] = [
      stack.use(await open(fabric, 'muteHub', NEVER_MS)),
      stack.use(await open(fabric, 'muteGateway', NEVER_MS)),
    ];
    await hub.bind(BEATING, echo);
    const hosted = Promise.withResolvers<unknown>();
    await muteHub.bind(MUTE, (connection) => hosted.resolve(ended(connection)));
    const [idle, busy, mute] = [await gateway.dial(BEATING), await gateway.dial(BEATING), await muteGateway.dial(MUTE)];
    for (const connection of [idle, busy]) {
      void ended(connection);
      await echoes(connection);
    }
    mute.write('reading');
    const over = ended(mute);
    const { controller } = fabric.fabric;
    await controller.stop();
    await controller.start();
    const load = setInterval(() => busy.write('.'), 20);
    stack.defer(() => clearInterval(load));
    busy.resume();
    await Promise.all([over, hosted.promise]);
    await echoes(idle);
    assert.deepEqual([idle.destroyed, busy.destroyed, mute.destroyed], [false, false, true]);
    const later = await gateway.dial(BEATING);
    void ended(later);
    await echoes(later);
  });

  test('are cut by the end that its router does not tell, when it hears nothing from the other', async () => {
    verifies('OVERLAY-CONTROLLER-AWAY', 'OVERLAY-HEARTBEAT');
    await using stack = new AsyncDisposableStack();
    const moreRouters = [{ host: '127.0.0.1', port: 0, limits: { idleCircuitMs: NEVER_MS } }];
    const fabric = stack.use(await plannedFabric(PLAN, true, { routerLimits: { ...QUICK, idleCircuitMs: 100 }, moreRouters }));
    const [, far] = fabric.fabric.routers;
    assert.ok(far);
    await far.stop();
    const hub = stack.use(await open(fabric, 'hub', 450));
    await far.start();
    const accepted = Promise.withResolvers<Duplex>();
    await hub.bind(BEATING, accepted.resolve);
    const farPort = Number(new URL(far.url).port);
    const { channel, session } = await dialingChannel(fabric, 'gateway', stack, ({ port }) => port === farPort);
    const beaten = heartbeatOn(channel);
    const { signal } = new AbortController();
    const limits = { heartbeatMs: 450 };
    const connection = await dialCircuit({ channel, session, encryptionRequired: true, callerName: 'gateway', signal, limits });
    const unheard = ended(connection);
    const host = await accepted.promise;
    const told = ended(host);
    host.write('reading');
    await once(connection, 'data');
    // The silence of an end that never beat means nothing.
    await beaten;
    await fabric.fabric.controller.stop();
    await fabric.fabric.controller.start();
    assert.notEqual(await told, SILENT);
    assert.equal(await unheard, SILENT);
    assert.equal(channel.closed.aborted, false);
  });
});
