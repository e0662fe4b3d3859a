import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { verifies } from '../requirements.ts';
import { type Enrolled, FabricSite, registryOf } from '../support/fabric-site.ts';
import { testHub } from '../support/hub.ts';
import { Oximeter } from '../support/oximeter.ts';
import { MemoryOutbox, until } from '../support/uplink.ts';
import { assertAllStoredOnce } from '../support/ziti/counts.ts';
import { drained, sendOverZiti, serveOverZiti, spot, valuesOf } from '../support/ziti-uplink.ts';

describe('the network is killed and comes back', () => {
  let site: FabricSite;
  let hubIdentity: Enrolled;
  let gateways: Enrolled[];

  before(async () => {
    site = await FabricSite.start();
    hubIdentity = await site.enrol('hub', 'hubs');
    gateways = [await site.enrol('gateway-1', 'gateways'), await site.enrol('gateway-2', 'gateways')];
  });

  after(() => site[Symbol.asyncDispose]());

  test('under load, with processes: the hub hosts again, the agents resume, nothing is lost and nothing stored twice', async () => {
    verifies('EXACTLY-ONCE', 'OVERLAY-REBIND', 'OVERLAY-SESSION-RENEWED');
    await using stack = new AsyncDisposableStack();
    const devices = await Promise.all(gateways.map(async () => stack.use(await DeviceServer.listen())));
    const [hub, ...agents] = await Promise.all([
      site.hub(hubIdentity, gateways),
      ...gateways.map((gateway, i) => site.agent(gateway, hubIdentity, devices[i]?.port ?? 0)),
    ]);
    for (const process of [hub, ...agents]) stack.use(process);
    const oximeters = await Promise.all(devices.map(async (device) => stack.use(new Oximeter(await device.call()))));
    await hub.until(({ counts }) => counts.observations > 100);

    assert.equal(await site.fabric.stop('SIGKILL'), 'SIGKILL');
    await Promise.all(agents.map((agent) => agent.until(({ outbox, overlay }) => overlay === 'lost' && outbox.pending > 20)));
    await hub.until(({ overlay, gateways: connected }) => overlay === 'lost' && connected.length === 0);
    const { observations: before } = (await hub.status()).counts;
    await site.startFabric();
    // Still under load.
    await hub.until(({ overlay, uplink, counts }) => overlay === 'ready' && uplink.bound && counts.observations > before + 100);

    await assertAllStoredOnce(hub, agents, oximeters);
  });

  test('right before a batch is committed, and between a commit and its answer: each reading once', async () => {
    verifies('EXACTLY-ONCE', 'ANSWER-AFTER-COMMIT');
    await using hub = testHub({ registry: registryOf(gateways.map(({ id }) => id)) });
    const batch = hub.ingest.batch.bind(hub.ingest);
    let armed: 'before' | 'after' | undefined;
    const killWhen = async (when: 'before' | 'after'): Promise<void> => {
      if (armed !== when) return;
      armed = undefined;
      await site.fabric.stop('SIGKILL');
    };
    hub.ingest.batch = async (identity, bundle) => {
      await killWhen('before');
      const outcomes = await batch(identity, bundle);
      await killWhen('after');
      return outcomes;
    };
    await using _served = await serveOverZiti(hubIdentity.identity, hub);
    const outboxes = gateways.map(() => new MemoryOutbox());
    await using stack = new AsyncDisposableStack();
    for (const [i, { identity }] of gateways.entries()) {
      stack.use(await sendOverZiti(identity, hubIdentity.id, outboxes[i] ?? new MemoryOutbox()));
    }
    const sent: number[] = [];
    const append = async (): Promise<void> => {
      for (const outbox of outboxes) {
        const values = Array.from({ length: 5 }, (_, i) => 1 + sent.length + i);
        sent.push(...values);
        await outbox.append(values.map(spot));
      }
    };
    for (const when of ['before', 'after'] as const) {
      armed = when;
      await append();
      await until(() => !site.fabric.running);
      await append();
      await site.startFabric();
    }
    await append();
    await Promise.all(outboxes.map(drained));
    assert.deepEqual(await valuesOf(hub), sent);
    assert.ok(hub.metrics.get('uplink_entries', '200') > 0, 'what was committed and not answered is sent again');
  });
});
