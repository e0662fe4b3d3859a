import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { FabricAdmin } from '../../provisioning/fabric/admin.ts';
import { type Fabric, startFabric } from '../../provisioning/fabric/fabric.ts';
import { silentLogger } from '../../shared/log.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { verifies } from '../requirements.ts';
import { type Enrolled, FabricSite, INGEST } from '../support/fabric-site.ts';
import { Oximeter } from '../support/oximeter.ts';
import { assertAllStoredOnce } from '../support/ziti/counts.ts';
import { TcpRelay } from '../support/ziti/tcp-relay.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

/** Hub and agents as processes in a network of this process, whose controller is reached at two addresses and at no other. */
class TwoAddresses extends FabricSite {
  network!: Fabric;
  readonly addresses: string[] = [];

  override get admin(): FabricAdmin {
    return this.network.admin;
  }

  async enrolWithBoth(name: string, attribute: string): Promise<Enrolled> {
    const enrolled = await this.enrol(name, attribute);
    const file = JSON.parse(readFileSync(enrolled.file, 'utf8')) as { ztAPI: string; ztAPIs?: string[] };
    const both = this.addresses.map((address) => `${address}/edge/client/v1`);
    writeFileSync(enrolled.file, JSON.stringify({ ...file, ztAPI: both[0], ztAPIs: both }), { mode: 0o600 });
    return enrolled;
  }
}

test('the first controller dies under load, then the second while the first is back: nothing lost, nothing twice, no circuit cut', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER', 'EXACTLY-ONCE');
  await using stack = new AsyncDisposableStack();
  const relays = [stack.use(await TcpRelay.start()), stack.use(await TcpRelay.start())] as const;
  const site = stack.use(new TwoAddresses());
  for (const { port } of relays) site.addresses.push(`https://127.0.0.1:${port}`);
  site.network = stack.use(
    await startFabric({
      ...{ home: site.home, controller: ANYWHERE, router: ANYWHERE, log: silentLogger, controllerAddresses: site.addresses },
      // Each of them renews its token within that time, and so needs a controller.
      oidc: { accessTokenS: 12 },
    }),
  );
  const target = Number(new URL(site.network.controllerUrl).port);
  for (const relay of relays) relay.aim(target);
  for (const name of [INGEST, 'vitals-mcp']) await site.admin.createService({ name });
  await site.allow('Dial', 'gateways', INGEST);
  for (const name of [INGEST, 'vitals-mcp']) await site.allow('Bind', 'hubs', name);
  const hubIdentity = await site.enrolWithBoth('hub', 'hubs');
  const gateways = [await site.enrolWithBoth('gateway-1', 'gateways'), await site.enrolWithBoth('gateway-2', 'gateways')];
  const devices = await Promise.all(gateways.map(async () => stack.use(await DeviceServer.listen())));
  const [hub, ...agents] = await Promise.all([
    site.hub(hubIdentity, gateways),
    ...gateways.map((gateway, i) => site.agent(gateway, hubIdentity, devices[i]?.port ?? 0)),
  ]);
  const oximeters = await Promise.all(devices.map(async (device) => stack.use(new Oximeter(await device.call()))));
  const processes = [hub, ...agents];
  await hub.until(({ counts }) => counts.observations > 100);
  const before = processes.map(({ stderr }) => stderr.length);
  const useOther = async ({ port }: TcpRelay): Promise<void> => {
    const told = new RegExp(`"controller":"127\\.0\\.0\\.1:${port}"[^\\n]*"msg":"another controller of the network is used"`);
    await Promise.all(processes.map((process) => process.says(told, 'stderr')));
    const { observations } = (await hub.status()).counts;
    await hub.until(({ counts }) => counts.observations > observations + 100);
  };

  relays[0].aim(undefined);
  await useOther(relays[1]);
  relays[0].aim(target);
  relays[1].aim(undefined);
  await useOther(relays[0]);

  await assertAllStoredOnce(hub, agents, oximeters);
  for (const [i, { stderr }] of processes.entries())
    assert.doesNotMatch(stderr.slice(before[i]), /uplink|channel to an edge router|hosted/, 'nothing was made anew');
});
