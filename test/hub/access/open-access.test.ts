import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type AccessStatus, formatAccess } from '../../../hub/access/access-status.ts';
import { type AccessConfig, accessConfig, issuerOf, modesOf, resourceOf } from '../../../hub/access/config.ts';
import { checkAccess, openAccess } from '../../../hub/access/open-access.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { parseConfig } from '../../../shared/config.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW, TEST_REGISTRY, TestClock } from '../../support/hub.ts';
import { ISSUER, testIssuer } from '../../support/tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-access-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const config = (text: string): AccessConfig => parseConfig(accessConfig, text, { name: 'hub.yaml' });
const issuers = (more: string): string => `issuers:\n  - { name: hospital, issuer: ${ISSUER}, jwks: { file: keys.json }, ${more} }\n`;

function complaint(text: string): string {
  try {
    config(text);
  } catch (error) {
    assert.ok(error instanceof VitalmeshError);
    return error.detail ?? '';
  }
  return assert.fail('it was taken');
}

test('of people both are needed unless hub.yaml says otherwise', () => {
  verifies('CALLER-PROVES');
  assert.deepEqual(modesOf(config('{}')), { person: 'both', software: undefined });
  assert.deepEqual(modesOf(config('mcp: overlay')), { person: 'overlay', software: 'overlay' });
  assert.deepEqual(modesOf(config('mcp: { software: oauth }')), { person: 'both', software: 'oauth' });
  assert.match(complaint('mcp: none'), /mcp: /);
  assert.match(complaint('mcp: { people: overlay }'), /mcp/);
});

test('an issuer is as its product has it, and each thing may be said otherwise', () => {
  verifies('TOKEN-SHAPES');
  const {
    issuers: [keycloak],
  } = config(issuers('like: keycloak'));
  assert.ok(keycloak);
  const usual = issuerOf(keycloak, 'http://vitals-mcp/mcp');
  assert.deepEqual(
    [usual.audiences, usual.types, usual.claims.client, usual.require],
    [['http://vitals-mcp/mcp'], ['jwt', 'at+jwt'], ['azp', 'client_id'], { typ: 'Bearer' }],
  );
  const {
    issuers: [other],
  } = config(
    issuers(
      'like: entra, audiences: ["api://x"], claims: { subject: sub }, maxLifetimeSeconds: 600, scopeNames: { V.Read: [user/Observation.rs] }',
    ),
  );
  assert.ok(other);
  const { audiences, claims, maxLifetimeSeconds, scopeNames } = issuerOf(other, 'http://vitals-mcp/mcp');
  assert.deepEqual(
    [audiences, claims, maxLifetimeSeconds],
    [['api://x'], { subject: 'sub', scopes: ['scp', 'roles'], client: ['azp'] }, 600],
  );
  assert.deepEqual(scopeNames, { 'V.Read': ['user/Observation.rs'] });
  assert.equal(resourceOf(config('{}'), 'vitals-mcp'), 'http://vitals-mcp/mcp');
  assert.equal(resourceOf(config('resource: https://vitals.example/mcp'), 'x'), 'https://vitals.example/mcp');
});

test('what must not stand in it is refused: shared secrets, plain HTTP, doubles, scopes that are none', () => {
  verifies('CONFIG-ERRORS-HELP', 'TOKEN-ATTACKS');
  for (const algorithm of ['none', 'HS256', 'RS1', 'A128GCM']) assert.match(complaint(issuers(`algorithms: [${algorithm}]`)), /algorithms/);
  assert.match(complaint(issuers('').replace('https:', 'http:')), /issuer: expected an address that begins with https/);
  assert.match(complaint(issuers('jwks: x').replace('jwks: { file: keys.json }, ', '')), /jwks/);
  assert.match(
    complaint(`issuers: [{ name: a, issuer: ${ISSUER}, jwks: { service: sso, url: "http://sso/keys" } }]`),
    /expected an address/,
  );
  assert.match(
    complaint(
      `issuers:\n  - { name: a, issuer: ${ISSUER}, jwks: { file: k } }\n  - { name: a, issuer: "https://b.example", jwks: { file: k } }`,
    ),
    /once/,
  );
  assert.match(
    complaint(`issuers:\n  - { name: a, issuer: ${ISSUER}, jwks: { file: k } }\n  - { name: b, issuer: ${ISSUER}, jwks: { file: k } }`),
    /once/,
  );
  assert.match(complaint(issuers('scopeNames: { a: [openid] }')), /expected a scope of SMART/);
  assert.match(complaint('resource: http://vitals-mcp/other'), /path \/mcp/);
});

test('a hub starts only with keys that it can use, says when people need one credential alone, and which clients cannot get in', async () => {
  verifies('CALLER-PROVES', 'ISSUER-KEYS', 'RELOAD-TOLD');
  const clock = new TestClock();
  const idp = await testIssuer({ now: () => clock.now() });
  const file = join(folder, 'keys.json');
  const logged: string[] = [];
  const metrics = new Metrics();
  const log = { ...silentLogger, warn: (what: object | string, text?: string) => logged.push(text ?? String(what)) } as unknown as Logger;
  await using overlay = createMemoryNetwork().overlay({ id: 'hub', name: 'hub' });
  const registry = parseRegistry(TEST_REGISTRY);
  const open = (text: string) => openAccess(config(text), { registry, overlay, service: 'vitals-mcp', clock, metrics, log });
  const withKeys = issuers('').replace('keys.json', file);

  await assert.rejects(open(withKeys), { code: 'ACCESS-ISSUER-KEYS', detail: /ENOENT/ });
  await assert.rejects(checkAccess(config(withKeys), registry, TEST_NOW), { code: 'ACCESS-ISSUER-KEYS' });
  writeFileSync(file, JSON.stringify({ keys: [{ ...idp.jwks.keys[0], d: 'AAAA' }] }));
  await assert.rejects(open(withKeys), { code: 'ACCESS-ISSUER-KEYS', detail: /private/ });
  writeFileSync(file, JSON.stringify(idp.jwks));
  logged.length = 0;
  const access = await open(withKeys);
  assert.deepEqual(access.resource, { resource: 'http://vitals-mcp/mcp', issuers: [ISSUER] });
  assert.deepEqual(access.status(), {
    mcp: { person: 'both', software: 'listed' },
    issuers: [{ name: 'hospital', from: file, keys: 1, at: clock.now(), code: null, since: null }],
    unusable: [
      { as: 'ai-nurse', tenant: 'clinic', why: 'token' },
      { as: 'ai-old', tenant: 'clinic', why: 'token' },
    ],
    stray: 0,
  });
  assert.match(
    (await checkAccess(config(withKeys), registry, TEST_NOW)) ?? '',
    /^2 clients of registry\.yaml cannot get in: ai-nurse \(its row lists no token, which must be shown\); ai-old/,
  );
  const revoked = parseRegistry(`${TEST_REGISTRY}revoked: [{ issuer: hospital, jti: a }, { issuer: hospitl, jti: a }]\n`);
  assert.match(
    (await checkAccess(config(withKeys), revoked, TEST_NOW)) ?? '',
    /^1 revocation of registry\.yaml without effect: no issuer/m,
  );
  assert.deepEqual(logged, [
    '2 clients of registry.yaml cannot get in: ai-nurse (its row lists no token, which must be shown); ai-old (its row lists no token, which must be shown)',
  ]);
  writeFileSync(file, '{');
  await access.renew();
  const [failed] = access.status().issuers;
  assert.deepEqual([failed?.code, failed?.since, failed?.from, failed?.keys], ['ACCESS-ISSUER-KEYS', clock.now(), file, 1]);
  assert.deepEqual([metrics.get('issuer_keys', 'good'), metrics.get('issuer_keys', 'ACCESS-ISSUER-KEYS') > 0], [1, true]);
  assert.equal(access.callers.fresh(await access.callers.prove('ai-monitor', undefined)).id, 'ai-monitor');
  assert.throws(() => access.callers.fresh({ overlay: 'ai-nurse' }), { code: 'ACCESS-TOKEN-NEEDED' });

  logged.length = 0;
  const trial = await open('mcp: overlay');
  assert.deepEqual(logged, [
    'FOR A TRIAL: people are let in by one credential alone (access.mcp)',
    '1 client of registry.yaml cannot get in: ai-old (its notAfter has passed)',
  ]);
  assert.equal(trial.callers.fresh(await trial.callers.prove('ai-nurse', undefined)).id, 'ai-nurse');
  assert.equal(await checkAccess(config('mcp: overlay'), parseRegistry(TEST_REGISTRY.replace(/.*ai-old.*\n/, '')), TEST_NOW), undefined);
  await assert.rejects(trial.callers.prove('ai-nurse', 'Bearer a.b.c'), { code: 'ACCESS-TOKEN' });
});

test('the status says loudly what is for a trial, and nothing where all is as it must be', () => {
  const status: AccessStatus = {
    mcp: { person: 'both', software: 'listed' },
    issuers: [{ name: 'hospital', from: 'keys.json', keys: 2, at: 0, code: null, since: null }],
    unusable: [],
    stray: 0,
  };
  assert.deepEqual(formatAccess(status), []);
  assert.deepEqual(formatAccess({ ...status, mcp: { person: 'overlay', software: 'overlay' } }), [
    ['Access', 'FOR A TRIAL: people are let in by their overlay identity alone (access.mcp of hub.yaml)'],
  ]);
  const [[, unusable = ''] = []] = formatAccess({ ...status, unusable: [{ as: 'ai-bare', tenant: 'clinic', why: 'issuer' }] });
  assert.match(unusable, /^1 client of registry\.yaml cannot get in: ai-bare \(the issuer of its token is none of hub\.yaml\)$/);
  const many = Array.from({ length: 22 }, (_, i) => ({ as: `ai-${i}`, tenant: 'clinic', why: 'token' as const }));
  const [[, more = ''] = []] = formatAccess({ ...status, unusable: many });
  assert.match(more, /^22 clients .*; ai-19 \([^;]*; and 2 more$/);
  const [[, stray = ''] = []] = formatAccess({ ...status, stray: 2 });
  assert.match(stray, /^2 revocations of registry\.yaml without effect/);
  const [[name, lost = ''] = []] = formatAccess({
    ...status,
    issuers: [{ name: 'hospital', from: 'keys.json', keys: null, at: null, code: 'ACCESS-ISSUER-KEYS', since: TEST_NOW }],
  });
  assert.match(
    `${name}: ${lost}`,
    /^Issuer hospital: keys\.json NOT IN FORCE since 2026-11-21T10:00:00\.000\+00:00, but no keys; ACCESS-ISSUER-KEYS \(/,
  );
});
