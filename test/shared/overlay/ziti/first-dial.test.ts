import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { loadIdentity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { openZitiOverlay } from '../../../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../../../requirements.ts';
import { echo, hubAndGateway } from '../../../support/ziti/hub-and-gateway.ts';

test('a dial right behind the opening waits for the first attempt to connect, however soon the opening was left', {
  timeout: 60_000,
}, async () => {
  verifies('OVERLAY-FIRST-DIAL');
  await using network = await hubAndGateway(true);
  await network.hub.bind('vitals', echo);
  const identity = loadIdentity(network.identityPath('gateway'));
  await using gateway = await openZitiOverlay({ identity, log: silentLogger, openingMs: 0 });
  assert.equal(gateway.state, 'connecting', 'nothing can go out yet');
  const connection = await gateway.dial('vitals', { timeoutMs: 30_000 });
  connection.on('error', () => connection.destroy());
  connection.write('first');
  const [chunk] = await once(connection, 'data');
  assert.equal(String(chunk), 'first');
  connection.end();
});

test('where nobody answers a dial right behind the opening is refused as soon as that is known', { timeout: 60_000 }, async () => {
  verifies('OVERLAY-FIRST-DIAL');
  const network = await hubAndGateway(true);
  const identity = loadIdentity(network.identityPath('gateway'));
  await network[Symbol.asyncDispose]();
  await using gateway = await openZitiOverlay({ identity, log: silentLogger, openingMs: 0 });
  await assert.rejects(gateway.dial('vitals', { timeoutMs: 30_000 }), { code: 'OVERLAY-UNREACHABLE' });
});
