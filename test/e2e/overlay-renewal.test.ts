import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentStatus } from '../../agent/status.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { validityOf } from '../../shared/identity/identity-status.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { verifies } from '../requirements.ts';
import { type AgentProcess, FabricSite, type HubProcess, storedValues } from '../support/fabric-site.ts';
import { Oximeter } from '../support/oximeter.ts';

/** Renewals of a process since its start are counted by the time of the last one. */
async function renewed(process: HubProcess | AgentProcess, times: number): Promise<void> {
  let last: number | null = null;
  for (let seen = 0; seen < times; seen += 1) {
    const { identity } = await (process as AgentProcess).until(
      (status) => status.identity?.renewal?.lastRenewedAt !== undefined && status.identity.renewal.lastRenewedAt !== last,
    );
    last = identity?.renewal?.lastRenewedAt ?? null;
  }
}

test('certificates of half a minute: hub and agent renew theirs under load, every reading is stored once; a killed agent is back each time', async () => {
  verifies('RENEWAL-MAKE-BEFORE-BREAK', 'EXACTLY-ONCE');
  await using site = await FabricSite.start('--certificate-life', '30');
  const hubIdentity = await site.enrol('hub', 'hubs');
  const gateway = await site.enrol('gateway', 'gateways');
  await using stack = new AsyncDisposableStack();
  const device = stack.use(await DeviceServer.listen());
  const hub = stack.use(await site.hub(hubIdentity, [gateway]));
  const agent = stack.use(await site.agent(gateway, hubIdentity, device.port));
  // At its start an agent may find no network yet.
  const lostBefore = lostIn(await agent.status());
  const oximeter = stack.use(new Oximeter(await device.call()));

  await Promise.all([renewed(hub, 2), renewed(agent, 2)]);
  const sent = oximeter.finish().sort();
  await hub.until(({ counts }) => counts.observations >= sent.length);
  assert.deepEqual(await storedValues(hub), sent);
  const { counts } = await hub.status();
  assert.deepEqual([counts.observations, counts.quarantined, counts.duplicates], [sent.length, 0, 0]);
  const status = await agent.status();
  assert.deepEqual([status.identity?.id, status.identity?.renewal?.code], [gateway.id, null]);
  assert.deepEqual(lostIn(status), lostBefore, 'no renewal, of either side, cost a connection');
  for (const { file, identity: enrolled } of [hubIdentity, gateway])
    assert.ok(validityOf(loadIdentity(file)).notAfter > validityOf(enrolled).notAfter);

  let running = agent;
  for (let kills = 0; kills < 3; kills += 1) {
    assert.equal(await running.stop('SIGKILL'), 'SIGKILL');
    running = stack.use(await site.agent(gateway, hubIdentity, device.port));
    await renewed(running, kills === 2 ? 1 : 0);
  }
});

/** The connections that an uplink lost, by reason. */
function lostIn({ metrics }: AgentStatus): [string, number][] {
  return Object.entries(metrics).filter(([name]) => name.startsWith('uplink_lost'));
}
