import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcesOf } from '../../../agent/resources.ts';
import { DemoDevices } from '../../../hub/clinical/demo-devices.ts';
import { createIngest } from '../../../hub/ingest/create-ingest.ts';
import { registryChanges } from '../../../hub/registry/changes.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';
import { sampleBundle, sampleObservation, TEST_EPOCH, TEST_NOW, TEST_REGISTRY, TestClock, testHub } from '../../support/hub.ts';

const LIVE = TEST_REGISTRY.replace('kind: sandbox', 'kind: production');
const context = { channel: 'mcp-2026' } as const;

function hubOf(registry: string) {
  const clock = new TestClock();
  const hub = testHub({ clock, registry });
  const demos = new DemoDevices();
  const { store, registry: live, feed, metrics } = hub;
  const told: string[] = [];
  feed.subscribe(({ kind, patient }) => told.push(`${kind} ${patient}`));
  const ingest = createIngest({ store, registry: live, feed, metrics, clock, demos });
  return { ...hub, clock, demos, ingest, told };
}

const record = (more: Partial<ReadingRecord>): ReadingRecord => ({
  ...{ source: 'icu', profile: 'sample', device: { id: 'monitor-1', idType: 'serial' }, receivedAt: TEST_NOW, subject: { bed: 'ICU-01' } },
  ...{ test: true, class: 'alert', readings: [] },
  ...more,
});

test('a tenant in production takes no test data of any kind, and one that is not listed otherwise is in production', async () => {
  verifies('TEST-NOT-LIVE');
  for (const registry of [LIVE, TEST_REGISTRY.replace(/^tenants.*$/m, '')]) {
    await using h = hubOf(registry);
    const observation = sampleObservation({ seq: 1, test: true });
    const [alert] = resourcesOf(
      record({ alerts: [{ text: 'low', phase: 'start', state: 'active', priority: 'high', type: 'physiological' }] }),
      { agent: 'gw-icu', epoch: TEST_EPOCH, seq: 2 },
    );
    const { outcomes } = await h.ingest.batch('gw-icu', sampleBundle([observation, alert, sampleObservation({ seq: 3, value: 80 })]));
    assert.deepEqual(
      outcomes.map(({ status, code }) => [status, code]),
      [
        [422, 'INGEST-TEST'],
        [422, 'INGEST-TEST'],
        [201, undefined],
      ],
    );
    const who = h.registry.principal('ai-monitor') ?? assert.fail();
    const { vitals } = await h.door.latest(who, 'pat-icu-01', context);
    assert.deepEqual(
      vitals.map(({ value }) => value),
      [80],
    );
    assert.deepEqual((await h.door.alerts(who, 'pat-icu-01', context)).alerts, []);
    assert.equal(h.metrics.snapshot()['ingest_quarantined{INGEST-TEST}'], 2);
  }
});

test('a sandbox takes test data, marked as ever', async () => {
  verifies('TEST-NOT-LIVE');
  await using h = hubOf(TEST_REGISTRY);
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, test: true, flags: ['demo'] })]));
  const who = h.registry.principal('ai-monitor') ?? assert.fail();
  const [row] = (await h.door.latest(who, 'pat-icu-01', context)).vitals;
  assert.deepEqual([row?.value, row?.test], [72, true]);
  assert.deepEqual(h.demos.of('clinic', 'pat-icu-01', [], TEST_NOW), []);
});

test('what a gateway is not bound to is refused for that, test or not', async () => {
  await using h = hubOf(LIVE);
  const { outcomes } = await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, test: true, bed: 'ICU-99' })]));
  assert.equal(outcomes[0]?.code, 'INGEST-NOT-BOUND');
});

test('a monitor in demonstration mode is remembered and told of once, until it measures again; a test message says nothing of the monitor', async () => {
  verifies('TEST-NOT-LIVE');
  await using h = hubOf(LIVE);
  const send = async (seq: number, more: Parameters<typeof sampleObservation>[0]): Promise<void> =>
    void (await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq, receivedAt: h.clock.now(), ...more })])));
  await send(1, { test: true });
  assert.deepEqual(h.demos.of('clinic', 'pat-icu-01', [], TEST_NOW), []);
  assert.deepEqual(h.told, []);
  await send(2, { test: true, flags: ['demo'] });
  h.clock.advance(5000);
  await send(3, { test: true, flags: ['demo'] });
  const demo = { device: 'monitor-1', since: TEST_NOW, lastAt: TEST_NOW + 5000 };
  assert.deepEqual(h.demos.of('clinic', 'pat-icu-01', [], h.clock.now()), [demo]);
  assert.deepEqual(h.demos.of('clinic', 'pat-icu-02', [], h.clock.now()), []);
  assert.deepEqual(h.demos.of('other', 'pat-icu-01', [], h.clock.now()), []);
  assert.deepEqual(h.told, ['sources pat-icu-01']);
  const row = { gateway: 'gw-icu', device: 'monitor-1', receivedAt: TEST_NOW + 4000 };
  assert.equal(h.demos.of('clinic', 'pat-icu-01', [row], h.clock.now()).length, 1, 'what came before it');
  assert.deepEqual(h.demos.of('clinic', 'pat-icu-01', [{ ...row, receivedAt: TEST_NOW + 5001 }], h.clock.now()), []);
  assert.deepEqual(h.demos.of('clinic', 'pat-icu-01', [], TEST_NOW + 5000 + 3_600_000), [], 'nothing more was heard of it');
});

test('that a tenant became a sandbox, or is none any more, is a change of the registry', () => {
  const [live, sandbox] = [parseRegistry(LIVE), parseRegistry(TEST_REGISTRY)];
  const change = { tenant: 'clinic', what: 'changed', row: 'tenant', id: 'clinic', fields: ['kind'] };
  assert.deepEqual(registryChanges(live, sandbox), [change]);
  assert.deepEqual(registryChanges(sandbox, live), [change]);
  assert.deepEqual(registryChanges(live, live), []);
  assert.throws(() => parseRegistry(`${TEST_REGISTRY}`.replace('clinic: { kind', 'clinics: { kind')), { code: 'REGISTRY-INVALID' });
});
