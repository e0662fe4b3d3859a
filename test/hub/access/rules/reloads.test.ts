import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
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
/** So long movements are kept: of a registry in which no bed follows any. */
const DAY_MS = 24 * 3_600_000;
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
    ...{ config, registry, policies, clock, metrics, log: silentLogger, engine: 'sqlite', keeping: { movement: DAY_MS }, uid: 0 },
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

test('whatever of the store fails while files are put in force, the evidence names what is in force as soon as it can be written', async () => {
  verifies('RELOAD-EVIDENCE');
  const files = [REGISTRY, MOVED];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 8 }), async (script) => {
      const failing = [...script];
      const { registry, policies, clock, reloads: _, ...rest } = site();
      // What a reader of the evidence takes to be in force, and what it was before.
      let [named, before, isLost] = [registry.revision, registry.revision, false];
      const step = (): boolean => failing.shift() === true;
      const reloads = new Reloads({
        ...{
          config,
          registry,
          policies,
          clock,
          metrics: rest.metrics,
          log: silentLogger,
          engine: 'sqlite',
          keeping: { movement: DAY_MS },
          uid: 0,
        },
        store: {
          record: async (events) => {
            isLost = step();
            if (isLost) throw new VitalmeshError('STORAGE-FULL');
            const [first] = events;
            const revision = String(first?.detail?.args?.registry);
            if (first?.outcome === 'failed') named = before;
            else [before, named] = [named, revision];
          },
          rebind: async () => {
            if (step()) throw new VitalmeshError('STORAGE-FULL');
            return [];
          },
          tenants: () => ['clinic'],
        },
        feed: { publish: (change) => change as unknown as Change },
        access: { renew: async () => undefined },
        read: async () => ({ ...loadRules(config), kept: 0 }),
      });
      for (let i = 1; i < 6; i += 1) {
        writeFileSync(registryFile, files[i % 2] ?? '');
        await reloads.reload();
        assert.ok(isLost || named === registry.revision, `reload ${i}`);
      }
      failing.length = 0;
      await reloads.rebind();
      assert.equal(named, registry.revision);
    }),
    { examples: [[[false, true]], [[false, true, true]], [[false, true, true, true, false, true, true]]] },
  );
});

test('a check that does not end leaves the last good files in force, says so, and the next reload works', async () => {
  verifies('RELOAD-LIMIT');
  const { registry, policies, clock, metrics } = site();
  const checks: (typeof reloadRules)[] = [
    async () => {
      throw new VitalmeshError('REGISTRY-UNCHECKED');
    },
    (from, standing) => reloadRules(from, standing, soon),
  ];
  const reloads = new Reloads({
    ...{ config, registry, policies, clock, metrics, log: silentLogger, engine: 'sqlite', keeping: { movement: DAY_MS }, uid: 0 },
    store: { record: async () => undefined, rebind: async () => [], tenants: () => ['clinic'] },
    feed: { publish: (change) => change as unknown as Change },
    access: { renew: async () => undefined },
    read: (from, standing) => (checks.shift() ?? reloadRules)(from, standing),
  });
  writeFileSync(registryFile, MOVED);
  await reloads.reload();
  assert.deepEqual(
    reloads.notInForce().map(({ file, code }) => [file, code]),
    [[registryFile, 'REGISTRY-UNCHECKED']],
  );
  await reloads.reload();
  assert.deepEqual([reloads.notInForce(), registry.patient('clinic', 'pat-bbbb-1') !== undefined], [[], true]);
});

test('beds that would follow movements which the store does not keep for good do not come into force', async () => {
  verifies('MOVEMENTS-KEPT');
  const { registry, reloads } = site();
  writeFileSync(registryFile, 'gateways:\n  - { identity: gw, tenant: clinic, beds: { ICU-01: followed } }\n');
  await reloads.reload();
  assert.deepEqual(
    reloads.notInForce().map(({ file, code }) => [file, code]),
    [[registryFile, 'REGISTRY-MOVEMENTS']],
  );
  assert.equal(registry.patient('clinic', 'pat-aaaa-1') !== undefined, true);
});
