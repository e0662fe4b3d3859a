import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { pause } from '../../shared/lifecycle.ts';
import { createLogger } from '../../shared/log.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { verifies } from '../requirements.ts';
import { type AgentProcess, AskedProcess, INGEST, registryOf } from '../support/fabric-site.ts';
import { testHub } from '../support/hub.ts';
import { Oximeter } from '../support/oximeter.ts';
import { asleep } from '../support/sleeping-site.ts';
import { until } from '../support/uplink.ts';
import { WallClock } from '../support/wall-clock.ts';
import { plannedFabric } from '../support/ziti/network.ts';
import { serveOverZiti } from '../support/ziti-uplink.ts';

const PLAN = {
  services: [INGEST],
  identities: { hub: { dial: [], bind: [INGEST] }, gateway: { dial: [INGEST], bind: [] } },
};
const TOKEN_S = 3;
/** The token is dead by then, and the channel that was opened with it cut. */
const SLEEP_MS = (TOKEN_S + 4) * 1000;
const YEAR_MS = 365 * 24 * 3_600_000;

test('with tokens of seconds: a gateway that sleeps again and again, and whose clock is set again and again, signs in once', {
  timeout: 400_000,
}, async (t) => {
  verifies('OVERLAY-SLEEP', 'OVERLAY-TOKEN-RENEWED');
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-tokens-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const signIns: string[] = [];
  const log = createLogger({
    component: 'fabric',
    destination: {
      write(line) {
        const { msg, identity } = JSON.parse(line) as { msg: string; identity: string };
        if (msg === 'identity signed in') signIns.push(identity);
      },
    },
  });
  const network = stack.use(await plannedFabric(PLAN, true, { oidc: { accessTokenS: TOKEN_S }, routerLimits: { tokenGraceMs: 0 }, log }));
  const [hubIdentity, gateway] = [loadIdentity(network.identityPath('hub')), loadIdentity(network.identityPath('gateway'))];
  const hub = stack.use(testHub({ registry: registryOf([gateway.id]) }));
  stack.use(await serveOverZiti(hubIdentity, hub));
  const device = stack.use(await DeviceServer.listen());
  const config = join(folder, 'agent.yaml');
  writeFileSync(
    config,
    stringify({
      identity: network.identityPath('gateway'),
      outbox: { path: join(folder, 'outbox.db'), keyFile: join(folder, 'outbox.key') },
      overlay: { type: 'ziti' },
      uplink: { service: INGEST, hub: [hubIdentity.id] },
      operator: { socket: join(folder, 'operator.sock') },
      test: true,
      sources: [{ type: 'serial', name: 'oximeter', port: `tcp://127.0.0.1:${device.port}`, profile: 'nonin-df8', device: 'NONIN-0001' }],
    }),
  );
  const clock = new WallClock(folder, 'agent');
  const agent: AgentProcess = stack.use(clock.governs(() => new AskedProcess('agent', config, join(folder, 'operator.sock'))));
  const oximeter = stack.use(new Oximeter(await device.call()));
  const stored = (): number => hub.metrics.get('ingest_observations', 'stored');
  const flows = async (): Promise<void> => {
    const before = stored();
    await until(() => stored() > before + 100);
    await agent.until(({ uplink, outbox }) => uplink.state === 'connected' && outbox.pending < 20);
  };
  await flows();
  for (let i = 0; i < 2; i += 1) {
    await asleep([agent], () => pause(SLEEP_MS));
    const wokeMs = performance.now();
    await flows();
    t.diagnostic(`back ${Math.round(performance.now() - wokeMs)} ms after it woke`);
  }
  for (let i = 0; i < 4; i += 1) {
    await clock.set(i % 2 === 0 ? YEAR_MS : 0, agent);
    await flows();
  }
  const sent = oximeter.finish().length;
  await agent.until(({ outbox }) => outbox.pending === 0);
  assert.equal(stored(), sent);
  assert.equal(signIns.filter((id) => id === gateway.id).length, 1);
});
