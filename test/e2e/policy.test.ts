import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HubStatus } from '../../hub/status.ts';
import { askOperator } from '../../shared/operator/client.ts';
import { codeOf, listen, modern, rawHttp } from '../hub/mcp/support.ts';
import { verifies } from '../requirements.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { HubProcess, hubCommand, writeHubConfig } from './hub-process.ts';

const LATEST = 'vitals://patient/pat-icu-01/latest';
const READ = modern('resources/read', { uri: LATEST });
const REGISTRY = `gateways: [{ identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: null } }]
clients: [{ identity: ai-ward, tenant: clinic, kind: software, role: charge-nurse, wards: [icu] }]
wards: { icu: { tenant: clinic, beds: [ICU-01] } }
`;
const POLICY = `roles: [gateway, operator, charge-nurse]
rules:
  - { id: w, effect: permit, roles: [gateway], actions: [observations.write] }
  - { id: care, effect: permit, roles: [charge-nurse], actions: [patients.list, vitals.read, vitals.subscribe] }
  - { id: o, effect: permit, roles: [operator], actions: [status.read, access.explain, registry.change] }
`;
const FORBIDS = '  - { id: closed, effect: forbid, roles: [charge-nurse], actions: [vitals.read, vitals.subscribe] }\n';

test('a running hub goes by policy.yaml, takes another one at SIGHUP, keeps the last good one, and explains itself, running or not', async () => {
  verifies('POLICY-AS-DATA', 'POLICY-OPERATOR', 'ACCESS-EXPLAINED', 'ACCESS-BEFORE-START', 'REACH-NOW', 'RELOAD-TOLD');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  await writeHubConfig(site, `{ mcp: overlay, policy: ${at('policy.yaml')} }`);
  writeFileSync(at('registry.yaml'), REGISTRY);
  writeFileSync(at('policy.yaml'), POLICY.replaceAll('charge-nurse', 'nurse'));
  assert.match(
    (await hubCommand('check', '--config', at('hub.yaml'))).stderr,
    /REGISTRY-INVALID.*role: expected a role of the policy: nurse/s,
  );
  writeFileSync(at('policy.yaml'), POLICY.replace('effect: permit', 'effect: allow'));
  assert.match((await hubCommand('check', '--config', at('hub.yaml'))).stderr, /POLICY-INVALID.*policy\.yaml:3: rules\[0\]\.effect/s);
  writeFileSync(at('policy.yaml'), POLICY);
  const checked = await hubCommand('check', '--config', at('hub.yaml'));
  assert.equal(checked.code, 0);
  assert.match(
    checked.stdout,
    /^The policy takes from the role operator .*: patients\.list, vitals\.read, observations\.export, store\.backup,/m,
  );

  const explained = () =>
    hubCommand('access', 'explain', '--config', at('hub.yaml'), '--as', 'ai-ward', '--action', 'vitals.read', '--patient', 'pat-icu-01');
  // Before the first start the files say all there is; no store is made for it.
  const before = await hubCommand('access', 'list', '--config', at('hub.yaml'));
  assert.deepEqual([before.code, before.stderr], [0, '']);
  assert.match(before.stdout, /^ai-ward {2}software, role charge-nurse/m);
  assert.match((await explained()).stdout, /^Allowed: vitals\.read/);
  assert.equal(existsSync(at('hub.db')), false);
  {
    await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
    const { pid } = (await askOperator(at('op/hub.sock'), 'status')) as HubStatus;
    const leftAsItWas = async (): Promise<void> => {
      const from = hub.log.length;
      process.kill(pid, 'SIGHUP');
      await hub.says(/"msg":"registry left as it was"/, from);
    };
    await using ward = await site.open('ai-ward');
    await using http = rawHttp(ward);
    assert.equal((await http.post(READ)).status, 200);
    const allowed = await explained();
    assert.deepEqual([allowed.code, allowed.stderr], [0, '']);
    assert.match(allowed.stdout, /^Allowed: vitals\.read for pat-icu-01 by ai-ward .*\nAllowed by the rule care\./);

    writeFileSync(at('policy.yaml'), `${POLICY}  - { id: care }\n`);
    await leftAsItWas();
    const left = (await askOperator(at('op/hub.sock'), 'status')) as HubStatus;
    assert.deepEqual(
      left.notInForce.map(({ file, code }) => [file, code]),
      [[at('policy.yaml'), 'POLICY-INVALID']],
    );
    assert.match(
      (await hubCommand('status', '--config', at('hub.yaml'))).stdout,
      /^NOT IN FORCE +\S+policy\.yaml as it is on disk, since .*: POLICY-INVALID/m,
    );
    writeFileSync(at('policy.yaml'), POLICY.replaceAll('charge-nurse', 'nurse'));
    await leftAsItWas();
    assert.equal(await codeOf(await http.post(READ)), undefined);

    const stream = (await http.post(listen([LATEST]))).text();
    writeFileSync(at('policy.yaml'), POLICY + FORBIDS);
    await hub.reload();
    assert.deepEqual(((await askOperator(at('op/hub.sock'), 'status')) as HubStatus).notInForce, []);
    assert.match(await stream, /"vitalmesh\/ended":"changed"/);
    assert.equal(await codeOf(await http.post(READ)), 'ACCESS-DENIED');
    assert.match((await explained()).stdout, /^Denied: .*\nForbidden by the rule closed,/);

    writeFileSync(at('policy.yaml'), POLICY);
    await hub.reload();
    const again = (await http.post(listen([LATEST]))).text();
    writeFileSync(at('registry.yaml'), REGISTRY.replace('ICU-01: pat-icu-01, ICU-02: null', 'ICU-01: null, ICU-02: pat-icu-01'));
    await hub.reload();
    assert.match(await again, /"vitalmesh\/ended":"changed"/);
    assert.equal(await codeOf(await http.post(READ)), 'NOT-FOUND');
    assert.equal(await hub.stop(), 0);
  }
  const offline = await explained();
  assert.equal(offline.code, 1);
  assert.match(
    offline.stdout,
    /^Denied: .*\nThe patient is out of its reach: it has 0 patients by name, the wards icu; the patient is in no ward/,
  );
  assert.match((await hubCommand('access', 'list', '--config', at('hub.yaml'))).stdout, /^ai-ward {2}software, role charge-nurse/m);
});
