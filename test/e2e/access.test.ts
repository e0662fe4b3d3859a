import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyAudit } from '../../hub/audit/chain.ts';
import type { HubStatus } from '../../hub/status.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { systemClock } from '../../shared/clock.ts';
import { Metrics } from '../../shared/metrics.ts';
import { askOperator } from '../../shared/operator/client.ts';
import { readKeyFile } from '../../shared/storage/key-file.ts';
import { codeOf, listen, modern, rawHttp } from '../hub/mcp/support.ts';
import { verifies } from '../requirements.ts';
import { evidenceOf } from '../support/evidence.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { ISSUER, testIssuer } from '../support/tokens.ts';
import { HubProcess, hubCommand, program, writeHubConfig } from './hub-process.ts';

const READ = modern('resources/read', { uri: 'vitals://patients' });
const ROW = 'tenant: clinic, kind: person, role: clinician, patients: [pat-icu-01]';
const REGISTRY = `gateways: [{ identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01 } }]
clients:
  - { identity: ai-nurse, token: { issuer: hospital, subject: nurse-1 }, ${ROW} }
  - { identity: ai-old, ${ROW} }
`;

test('a running hub lets people in by identity and token, ends their streams at a revocation, and keeps all of it as evidence', async () => {
  verifies('CALLER-PROVES', 'RIGHTS-END-STREAMS', 'REGISTRY-RECORDED', 'REFUSALS-RECORDED', 'ISSUER-KEYS', 'CLIENT-TOKEN');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  const idp = await testIssuer({ now: () => systemClock.now() });
  await writeHubConfig(site, `{ issuers: [{ name: hospital, issuer: "${ISSUER}", jwks: { file: ${at('keys.json')} } }] }`);
  writeFileSync(at('registry.yaml'), REGISTRY);
  assert.match((await hubCommand('check', '--config', at('hub.yaml'))).stderr, /ACCESS-ISSUER-KEYS/);
  writeFileSync(at('keys.json'), JSON.stringify(idp.jwks));
  const checked = await hubCommand('check', '--config', at('hub.yaml'));
  assert.deepEqual([checked.code, checked.stderr], [0, '']);
  assert.match(checked.stdout, /^1 client of registry\.yaml cannot get in: ai-old \(its row lists no token, which must be shown\)/m);

  const token = await idp.sign();
  {
    await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
    const status = (await askOperator(at('op/hub.sock'), 'status')) as HubStatus;
    assert.deepEqual(
      [status.access.mcp.person, status.access.unusable, status.access.issuers[0]?.keys],
      ['both', [{ as: 'ai-old', tenant: 'clinic', why: 'token' }], 1],
    );
    const explained = await hubCommand(
      'access',
      'explain',
      '--config',
      at('hub.yaml'),
      '--as',
      'ai-old',
      '--action',
      'vitals.read',
      '--patient',
      'pat-icu-01',
    );
    assert.equal(explained.code, 1);
    assert.match(explained.stdout, /^Denied: vitals\.read .*\nThe credential step refuses it .*lists no token/);
    await using nurse = await site.open('ai-nurse');
    await using http = rawHttp(nurse);
    const bearer = { authorization: `Bearer ${token}` };
    assert.equal(await codeOf(await http.post(READ)), 'ACCESS-TOKEN-NEEDED');
    const answer = await http.post(READ, bearer);
    assert.match(await answer.text(), /pat-icu-01/);
    await using other = await site.open('ai-stranger');
    await using stranger = rawHttp(other);
    assert.equal(await codeOf(await stranger.post(READ, bearer)), 'ACCESS-CREDENTIALS');

    const identity = await site.network.identityFile(site.folder, 'ai-nurse');
    writeFileSync(at('token.jwt'), `${token}\n`, { mode: 0o600 });
    const example = () =>
      program(
        join(import.meta.dirname, '..', '..', 'provisioning', 'example', 'latest.ts'),
        ...['latest', '--identity', identity, '--token', at('token.jwt')],
        ...['--patient', 'pat-icu-01', '--switch', site.socketPath],
      );
    const shown = await example();
    assert.deepEqual([shown.code, shown.stderr], [0, '']);
    assert.match(shown.stdout, /^Patient pat-icu-01 \(bed ICU-01\), as of .*\nNo vital signs are on record\./);
    chmodSync(at('token.jwt'), 0o644);
    assert.match((await example()).stderr, /^ACCESS-TOKEN-FILE: .*others can read it/);

    const stream = await http.post(listen(['vitals://patients']), bearer);
    assert.equal(stream.status, 200);
    const whole = stream.text();
    writeFileSync(at('registry.yaml'), `${REGISTRY}revoked: [{ issuer: hospital, jti: token-1 }]\n`);
    await hub.reload();
    assert.match(await whole, /"vitalmesh\/ended":"revoked"/);
    writeFileSync(at('registry.yaml'), REGISTRY);
    await hub.reload();
    await hub.says(/"kept":1,"msg":"revocations that the registry no longer lists stay in force/);
    assert.equal(await codeOf(await http.post(READ, bearer)), 'ACCESS-TOKEN');
    const next = await http.post(READ, { authorization: `Bearer ${await idp.sign({ jti: 'token-2' })}` });
    assert.match(await next.text(), /pat-icu-01/);
    assert.equal(await hub.stop(), 0);
    for (const part of token.split('.')) assert.ok(!hub.log.includes(part));
  }
  await using store = openSqliteStore({ path: at('hub.db'), key: readKeyFile(at('hub.key')), metrics: new Metrics(), clock: systemClock });
  assert.ok((await verifyAudit(store.audit(), store.storeId)).intact);
  const entries = await evidenceOf(store);
  const told = entries
    .filter(({ action }) => ['session.open', 'registry.change', 'vitals.subscribe'].includes(action))
    .map(({ principal, action, outcome, reason }) => `${principal.replace(/\d+$/, 'uid')} ${action} ${outcome} ${reason}`);
  assert.deepEqual(told, [
    // The registry, and the tools that are served.
    'local:uid registry.change allowed loaded',
    'local:uid registry.change allowed loaded',
    'ai-stranger session.open denied ACCESS-CREDENTIALS',
    'ai-nurse vitals.subscribe allowed granted',
    'local:uid registry.change allowed added',
    'ai-nurse vitals.subscribe allowed closed',
    'ai-nurse session.open denied revoked',
  ]);
  const read = entries.find(({ action, outcome }) => action === 'patients.list' && outcome === 'allowed');
  assert.deepEqual(read?.detail?.credential, {
    kind: 'both',
    overlay: 'ai-nurse',
    oauth: { issuer: 'hospital', subject: 'nurse-1', jti: 'token-1' },
  });
  for (const part of token.split('.')) assert.ok(!JSON.stringify(entries).includes(part));
});

test('a hub that lets people in by their identity alone says so, in log and status', async () => {
  verifies('CALLER-PROVES');
  await using site = await LocalNetwork.start();
  const at = (name: string): string => join(site.folder, name);
  writeFileSync(at('registry.yaml'), REGISTRY);
  await writeHubConfig(site, '{ mcp: overlay }');
  await using hub = await HubProcess.start(at('hub.yaml'), at('op/hub.sock'));
  await hub.says(/FOR A TRIAL: people are let in by one credential alone/);
  assert.match(
    (await hubCommand('status', '--config', at('hub.yaml'))).stdout,
    /^Access +FOR A TRIAL: people are let in by their overlay identity alone/m,
  );
  await using old = await site.open('ai-old');
  await using http = rawHttp(old);
  assert.match(await (await http.post(READ)).text(), /pat-icu-01/);
  assert.equal(await hub.stop(), 0);
});
