import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { verifies } from '../../../requirements.ts';
import { reaches } from '../../../support/overlay-states.ts';
import { echo, type HubAndGateway, hubAndGateway } from '../../../support/ziti/hub-and-gateway.ts';

/** A dial that succeeds, however often it has to be tried until the network has come round. */
async function dialledAtLast({ gateway }: HubAndGateway): Promise<Duplex> {
  for (;;) {
    try {
      return (await gateway.dial('vitals')).on('error', () => undefined);
    } catch (error) {
      assert.match(String((error as { code?: string }).code), /^OVERLAY-(?:DENIED|NO-SERVICE|NO-TERMINATOR|UNREACHABLE|SESSION)$/);
    }
  }
}

async function codeOf(dialling: Promise<Duplex>): Promise<string | undefined> {
  return dialling.then(
    () => undefined,
    ({ code }) => code,
  );
}

async function echoes(connection: Duplex): Promise<void> {
  connection.write('ping');
  const [chunk] = await once(connection, 'data');
  assert.equal(String(chunk), 'ping');
}

describe('changes by the operator of the network', { timeout: 60_000 }, () => {
  test('a Dial permission taken cuts the connection and refuses the next; given again, the next succeeds', async () => {
    verifies('OVERLAY-SERVICE-SESSIONS');
    await using network = await hubAndGateway(true);
    await network.hub.bind('vitals', echo);
    const connection = await dialledAtLast(network);
    await echoes(connection);
    const cut = once(connection, 'error');
    await network.fabric.admin.deletePolicy('gateway Dial');
    const [error] = await cut;
    assert.equal(error.code, 'OVERLAY-CLOSED');
    await assert.rejects(network.gateway.dial('vitals'), { code: /^OVERLAY-(?:DENIED|NO-SERVICE)$/ });
    await network.fabric.admin.createPolicy({ name: 'again', type: 'Dial', identityRoles: ['@gateway'], serviceRoles: ['@vitals'] });
    const again = (await network.gateway.dial('vitals')).on('error', () => undefined);
    await echoes(again);
  });

  test('a Bind permission taken and given again brings the binding back by itself', async () => {
    verifies('OVERLAY-REBIND');
    await using network = await hubAndGateway(true);
    const binding = await network.hub.bind('vitals', echo);
    await network.fabric.admin.deletePolicy('hub Bind');
    await assert.rejects(network.gateway.dial('vitals'), { code: 'OVERLAY-NO-TERMINATOR' });
    assert.equal(network.hub.state, 'ready');
    while (binding.failure !== 'OVERLAY-NO-SERVICE') await setImmediate();
    await network.fabric.admin.createPolicy({ name: 'again', type: 'Bind', identityRoles: ['@hub'], serviceRoles: ['@vitals'] });
    await echoes(await dialledAtLast(network));
  });

  test('a service deleted and made again under its name is hosted and dialled again', async () => {
    verifies('OVERLAY-REBIND');
    await using network = await hubAndGateway(true);
    const { admin } = network.fabric;
    await network.hub.bind('vitals', echo);
    await echoes(await dialledAtLast(network));
    await admin.deleteService('vitals');
    await assert.rejects(network.gateway.dial('vitals'), { code: 'OVERLAY-NO-SERVICE' });
    await admin.createService({ name: 'vitals' });
    await admin.createPolicy({ name: 'bind again', type: 'Bind', identityRoles: ['@hub'], serviceRoles: ['@vitals'] });
    await admin.createPolicy({ name: 'dial again', type: 'Dial', identityRoles: ['@gateway'], serviceRoles: ['@vitals'] });
    await echoes(await dialledAtLast(network));
  });

  for (const who of ['hub', 'gateway'] as const) {
    test(`the ${who} disabled is cut off, and back when it is enabled`, async () => {
      verifies('OVERLAY-SESSION-RENEWED');
      await using network = await hubAndGateway(true);
      const binding = await network.hub.bind('vitals', echo);
      const connection = await dialledAtLast(network);
      await echoes(connection);
      const cut = once(connection, 'error');
      const lost = reaches(network[who], 'lost');
      await network.fabric.admin.disableIdentity(who);
      await Promise.all([cut, lost]);
      const gone = network[who];
      // Until the controller has been asked, only the channel is known to be gone.
      while ((await codeOf(gone.dial('vitals'))) === 'OVERLAY-UNREACHABLE') await setImmediate();
      assert.equal(await codeOf(gone.dial('vitals')), 'OVERLAY-SIGN-IN');
      assert.equal(binding.failure, who === 'hub' ? 'OVERLAY-SIGN-IN' : undefined);
      await network.fabric.admin.enableIdentity(who);
      await reaches(network[who], 'ready');
      await echoes(await dialledAtLast(network));
    });
  }
});
