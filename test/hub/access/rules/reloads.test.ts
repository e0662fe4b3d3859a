import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LivePolicy, loadRules } from '../../../../hub/access/load-rules.ts';
import { reloadRules } from '../../../../hub/access/rules/reload-rules.ts';
import { formatNotInForce, Reloads } from '../../../../hub/access/rules/reloads.ts';
import type { Change } from '../../../../hub/feed.ts';
import { LiveRegistry } from '../../../../hub/registry/live-registry.ts';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import { verifies } from '../../../requirements.ts';
import { TestClock } from '../../../support/hub.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-reloads-'));
after(() => rmSync(folder, { recursive: true }));
const [registryFile, policyFile] = [join(folder, 'registry.yaml'), join(folder, 'policy.yaml')];
const REGISTRY = 'gateways:\n  - { identity: gw, tenant: clinic, patient: pat-aaaa-1 }\n';
const MOVED = 'gateways:\n  - { identity: gw, tenant: clinic, patient: pat-bbbb-1 }\n';
const POLICY = `roles: [gateway, operator]
rules:
  - { id: w, effect: permit, roles: [gateway], actions: [observations.write] }
  - { id: o, effect: permit, roles: [operator], actions: [registry.change] }
`;
const config = { registry: registryFile, access: { policy: policyFile } };
const soon = async (): Promise<void> => undefined;

function site() {
  writeFileSync(registryFile, REGISTRY);
  writeFileSync(policyFile, POLICY);
  const clock = Object.assign(new TestClock(), { trust: 'machine' as const });
  const rules = loadRules(config);
  const [registry, policies] = [new LiveRegistry(rules.registry, []), new LivePolicy(rules.policy)];
  const metrics = new Metrics();
  const published: Pick<Change, 'patient'>[] = [];
  const state = { failing: undefined as VitalmeshError | undefined, renewed: 0 };
  const reloads = new Reloads({
    ...{ config, registry, policies, clock, metrics, log: silentLogger, engine: 'sqlite', uid: 0 },
    store: {
      record: async () => {
        if (state.failing) throw state.failing;
      },
      rebind: async () => [],
      tenants: () => ['clinic'],
    },
    feed: { publish: (change) => published.push(change) as unknown as Change },
    access: {
      renew: async () => {
        state.renewed += 1;
      },
    },
    read: (from, standing) => reloadRules(from, standing, soon),
  });
  return { clock, registry, policies, metrics, published, state, reloads };
}

test('which file on disk is not in force, since when and why, is known until the files are in force again', async () => {
  verifies('RELOAD-TOLD');
  const { clock, registry, policies, metrics, published, state, reloads } = site();
  const [first, since] = [policies.current.version, clock.now()];
  assert.deepEqual([reloads.notInForce(), metrics.get('rules_not_in_force')], [[], 0]);

  writeFileSync(registryFile, MOVED.replace('tenant: clinic', 'tenant: Clinic'));
  await reloads.reload();
  const bad = { file: registryFile, since, code: 'REGISTRY-INVALID' };
  const [{ detail, ...told } = {}, ...others] = reloads.notInForce();
  assert.deepEqual([told, others], [bad, []]);
  assert.match(detail ?? '', /^registry\.yaml:2: gateways\[0\]\.tenant: [^\n]*$/);
  assert.equal(registry.patient('clinic', 'pat-bbbb-1'), undefined);
  assert.deepEqual(formatNotInForce([{ ...bad, code: 'REGISTRY-INVALID', detail: 'registry.yaml:2: x' }]), [
    [
      'NOT IN FORCE',
      `${registryFile} as it is on disk, since 2026-11-21T10:00:00.000+00:00: REGISTRY-INVALID (The registry has errors): registry.yaml:2: x`,
    ],
  ]);

  clock.advance(60_000);
  writeFileSync(policyFile, `${POLICY}# another\n`);
  await reloads.reload();
  assert.deepEqual(
    reloads.notInForce().map(({ file, since: when, code }) => [file, when - since, code]),
    [
      [registryFile, 0, 'REGISTRY-INVALID'],
      [policyFile, 60_000, 'REGISTRY-INVALID'],
    ],
    'the good one of two waits for the bad one',
  );
  assert.deepEqual([policies.current.version, metrics.get('rules_not_in_force')], [first, 2]);

  writeFileSync(registryFile, MOVED);
  state.failing = new VitalmeshError('STORAGE-FULL');
  await reloads.reload();
  assert.deepEqual(
    reloads.notInForce().map(({ code, since: when }) => [code, when - since]),
    [
      ['STORAGE-FULL', 0],
      ['STORAGE-FULL', 60_000],
    ],
  );
  state.failing = undefined;
  rmSync(policyFile);
  await reloads.reload();
  assert.deepEqual(
    reloads.notInForce().map(({ code }) => code),
    ['POLICY-INVALID', 'POLICY-INVALID'],
  );

  writeFileSync(policyFile, `${POLICY}# another\n`);
  await reloads.reload();
  assert.deepEqual([reloads.notInForce(), metrics.get('rules_not_in_force')], [[], 0]);
  assert.notEqual(policies.current.version, first);
  assert.deepEqual(
    published.map(({ patient }) => patient),
    ['pat-bbbb-1', 'pat-aaaa-1'],
  );
  assert.deepEqual(
    ['good', 'REGISTRY-INVALID', 'POLICY-INVALID', 'STORAGE-FULL'].map((label) => metrics.get('rules_reloads', label)),
    [1, 2, 1, 1],
  );
  assert.equal(state.renewed, 5, 'keys are got whatever becomes of the files');
});

test('while a registry of 2,000 homes is read again, this thread goes on', async (t) => {
  verifies('RELOAD-ASIDE');
  writeFileSync(policyFile, POLICY);
  const rows = Array.from({ length: 2_000 }, (_, i) => `  - { identity: gw-${i}, tenant: clinic, patient: pat-home-${i} }`);
  writeFileSync(registryFile, `gateways:\n${rows.join('\n')}\n`);
  let [turns, running] = [0, true];
  const turn = (): void => {
    turns += 1;
    if (running) setImmediate(turn);
  };
  t.after(() => {
    running = false;
  });
  const { registry } = await reloadRules(config, [], async () => turn());
  assert.equal(registry.gatewayCount, 2_000);
  assert.ok(turns > 100, `the loop turned ${turns} times`);
});
