import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SERVICE } from '../hub/mcp/support.ts';
import { verifies } from '../requirements.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { connectModern } from '../support/mcp-clients.ts';
import { HubProcess, writeHubConfig } from './hub-process.ts';

const LATEST = 'vitals://patient/pat-icu-01/latest';
const REGISTRY = `gateways: [{ identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01 } }]
clients: [{ identity: ai-ward, tenant: clinic, kind: software, role: monitor, wards: [icu] }]
wards: { icu: { tenant: clinic, beds: [ICU-01] } }
`;

test('a running hub tells an AI client that other readings are expected of its patient than before', async () => {
  verifies('DUE-TOLD');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  await writeHubConfig(site, '{ mcp: overlay }');
  appendFileSync(at('hub.yaml'), `clinical: { expected: ${at('expected.yaml')}, limits: ${at('limits.yaml')} }\n`);
  writeFileSync(at('registry.yaml'), REGISTRY);
  writeFileSync(at('expected.yaml'), "version: '1'\n");
  // Else the bed's gateway, which never comes, would be told lost, and pass for it.
  writeFileSync(at('limits.yaml'), "version: '1'\nsources: { gateway: 1h }\n");
  await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
  await using overlay = await site.open('ai-ward');
  await using client = await connectModern(overlay, SERVICE);
  const updates = await client.subscribe([LATEST]);
  await updates.count(LATEST, 1);
  writeFileSync(at('expected.yaml'), "version: '2'\nwards: { icu: { temp: [{ window: '00:00-24:00' }] } }\n");
  await hub.reload();
  await updates.count(LATEST, 2);
  assert.equal(updates.of(LATEST).length, 2);
});
