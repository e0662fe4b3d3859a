import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setInterval as every } from 'node:timers/promises';
import type { VitalmeshError } from '../../../../shared/errors.ts';
import { loadIdentity } from '../../../../shared/identity/identity.ts';
import { type Logger, silentLogger } from '../../../../shared/log.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import type { Channel } from '../../../../shared/overlay/ziti/channel/contract.ts';
import { FLOW } from '../../../../shared/overlay/ziti/circuit/contract.ts';
import { newMarker } from '../../../../shared/overlay/ziti/circuit/marker.ts';
import { openZitiOverlay } from '../../../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../../../requirements.ts';
import { echo } from '../../../support/ziti/hub-and-gateway.ts';
import { type PlannedFabric, plannedFabric } from '../../../support/ziti/network.ts';
import { dialingChannel, RAW_CONN_ID, rawDial } from '../../../support/ziti/raw-dialer.ts';

const SERVICE = 'vitals';
const PLAN = {
  services: [SERVICE],
  identities: { hub: { dial: [], bind: [SERVICE] }, gateway: { dial: [SERVICE], bind: [] }, deaf: { dial: [SERVICE], bind: [] } },
};
/** Far more than the window of a router and the buffers of its sockets hold. */
const BULK_BYTES = 40_000_000;
const STALL_MS = 1000;
/** As many units as an end of ours ever grants at a time. */
const GRANT = ((256 << 16) | FLOW.GRANT) >>> 0;

interface Site extends AsyncDisposable {
  fabric: PlannedFabric;
  hub: Overlay;
  gateway: Overlay;
  warnings: { caller?: string }[];
  /** The overlay of an identity, which the caller disposes. */
  open(identity: string): Promise<Overlay>;
}

/** A plain service whose host has bulk for the first who dials, and echoes what the others say. */
async function siteWithBulk(onFirst: (connection: Duplex) => void): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const fabric = stack.use(await plannedFabric(PLAN, false));
  const warnings: { caller?: string }[] = [];
  const log = { ...silentLogger, warn: (details: { caller?: string }) => void warnings.push(details) } as Logger;
  const open = (name: string): Promise<Overlay> => {
    const identity = loadIdentity(fabric.identityPath(name));
    return openZitiOverlay({ identity, log, backoff: { minMs: 5, maxMs: 50 }, channel: { stallMs: STALL_MS } });
  };
  const hub = stack.use(await open('hub'));
  const gateway = stack.use(await open('gateway'));
  let connections = 0;
  await hub.bind(SERVICE, (connection) => {
    connections += 1;
    if (connections > 1) {
      echo(connection);
      return;
    }
    connection.on('error', () => undefined);
    onFirst(connection);
    connection.write(Buffer.alloc(BULK_BYTES));
  });
  const running = stack.move();
  return { fabric, hub, gateway, warnings, open, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function answers(connection: Duplex): Promise<void> {
  connection.write('1');
  await once(connection, 'data');
}

/** Dials until it is answered. */
async function dialledAgain(overlay: Overlay): Promise<Duplex> {
  for (;;) {
    const connection = await overlay.dial(SERVICE).catch(() => undefined);
    if (!connection) continue;
    connection.on('error', () => undefined);
    await answers(connection);
    return connection;
  }
}

/** A channel of the identity `deaf` that has dialled, as others than we would, and reads nothing behind the answer. */
async function deafDialer(site: Site, marker: string, stack: AsyncDisposableStack): Promise<Channel> {
  const { channel, session } = await dialingChannel(site.fabric, 'deaf', stack);
  await rawDial(channel, session, marker);
  channel.hold();
  return channel;
}

for (const [who, marker] of [
  ['of another kind', ''],
  ['that grants without reading', newMarker()],
] as const) {
  test(`a dialer ${who} that does not read loses its connection and is turned away; its neighbours are served again`, {
    timeout: 60_000,
  }, async () => {
    verifies('OVERLAY-STALL');
    const cut = Promise.withResolvers<VitalmeshError>();
    await using site = await siteWithBulk((connection) => connection.once('error', cut.resolve));
    await using stack = new AsyncDisposableStack();
    const channel = await deafDialer(site, marker, stack);
    const stop = new AbortController();
    void cut.promise.then(() => stop.abort());
    const granting = marker ? grant(channel, stop.signal) : undefined;
    const neighbour = await site.gateway.dial(SERVICE).catch(() => undefined);
    const neighbourGone = neighbour && once(neighbour, 'error');
    const reason = await cut.promise;
    await granting;
    assert.deepEqual([reason.code, reason.detail], ['OVERLAY-CLOSED', 'the other side does not read']);
    const again = await dialledAgain(site.gateway);
    await neighbourGone;
    await using deaf = await site.open('deaf');
    // The router quotes the host at such length that its reason is cut off.
    await assert.rejects(deaf.dial(SERVICE), { code: 'OVERLAY-UNREACHABLE', detail: /^exceeded maximum/ });
    const told = site.warnings.filter(({ caller }) => caller !== undefined);
    assert.deepEqual(
      told.map(({ caller }) => caller),
      [loadIdentity(site.fabric.identityPath('deaf')).id],
    );
    await answers(again);
  });
}

test('a slow reader of ours, which grants nothing while it does not read, stalls nobody and is not cut', { timeout: 60_000 }, async () => {
  verifies('OVERLAY-STALL');
  await using site = await siteWithBulk(() => undefined);
  const slow = await site.gateway.dial(SERVICE);
  slow.on('error', () => undefined);
  const neighbour = await site.gateway.dial(SERVICE);
  neighbour.on('error', () => undefined);
  // Over three times the limit, a neighbour is answered all the time.
  const until = performance.now() + 3 * STALL_MS;
  while (performance.now() < until) await answers(neighbour);
  let bytes = 0;
  slow.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes === BULK_BYTES) slow.end();
  });
  await once(slow, 'finish');
  await answers(neighbour);
  assert.deepEqual(site.warnings, []);
});

/** Says again and again that it takes more. */
async function grant(channel: Channel, stopped: AbortSignal): Promise<void> {
  const headers = [
    [1000, RAW_CONN_ID],
    [1010, GRANT],
  ] as const;
  for await (const _ of every(5)) {
    if (stopped.aborted) return;
    channel.send({ type: 60786, headers });
  }
}
