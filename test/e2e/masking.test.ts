import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isPseudonym } from '../../hub/access/masking/pseudonyms.ts';
import { patientsSchema } from '../../hub/mcp/views.ts';
import { SERVICE } from '../hub/mcp/support.ts';
import { verifies } from '../requirements.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { connectModern } from '../support/mcp-clients.ts';
import { HubProcess, writeHubConfig } from './hub-process.ts';

test('a running hub gives a researcher names of its own, and the same ones after a restart', async () => {
  verifies('MASK-PSEUDONYMS', 'MASK-ALLOW-LIST');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  await writeHubConfig(site);
  writeFileSync(
    at('registry.yaml'),
    `gateways: [{ identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02 } }]
clients: [{ identity: ai-research, tenant: clinic, kind: software, role: researcher, purpose: HRESCH, patients: all }]
`,
  );
  const names = async (): Promise<string[]> => {
    await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
    await using overlay = await site.open('ai-research');
    await using client = await connectModern(overlay, SERVICE);
    const { patients, masked } = patientsSchema.parse(await client.read('vitals://patients'));
    assert.deepEqual([masked, patients.map(({ bed }) => bed)], ['deidentified', [null, null]]);
    await assert.rejects(client.read('vitals://patient/pat-icu-01/latest'));
    await client.close();
    assert.equal(await hub.stop(), 0);
    assert.doesNotMatch(hub.log, /pat-icu|ICU-0|masked-/);
    return patients.map(({ patient }) => patient);
  };
  const first = await names();
  assert.ok(first.length === 2 && first.every(isPseudonym));
  assert.equal(statSync(at('hub.db.masking')).mode & 0o777, 0o600);
  assert.deepEqual(await names(), first);
});
