import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Principal, Scope } from '../../../hub/access/access.ts';
import { parsePolicy } from '../../../hub/access/load-policy.ts';
import { bindingsFrom } from '../../../hub/registry/bindings.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02, STEP-1: null } }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01 }
clients:
  - { identity: ai-ward, tenant: clinic, kind: person, role: clinician, wards: [icu] }
  - { identity: ai-panel, tenant: clinic, kind: person, role: clinician, panels: [heart] }
  - { identity: ai-none, tenant: clinic, kind: person, role: clinician }
wards:
  icu: { tenant: clinic, beds: [ICU-01, ICU-02] }
  step: { tenant: clinic, beds: [STEP-1] }
panels:
  heart: { tenant: clinic, patients: [pat-home-01, pat-icu-02] }
`;
const MOVED = REGISTRY.replace('ICU-01: pat-icu-01', 'ICU-01: null').replace('STEP-1: null', 'STEP-1: pat-icu-01');
const context = { channel: 'mcp-2026' } as const;

const who = (hub: TestHub, id: string): Principal => hub.registry.principal(id) ?? assert.fail(id);

function reload(hub: TestHub, text: string) {
  const next = parseRegistry(text);
  return hub.registry.replace(next, bindingsFrom([], next.bindings(), 0));
}

async function listed(hub: TestHub, id: string): Promise<string[]> {
  return (await hub.door.listPatients(who(hub, id), context)).map(({ patient }) => patient);
}

test('a ward is whoever lies there, a panel whoever is on it, and nothing listed is nobody', async () => {
  verifies('WARDS-AND-PANELS');
  await using hub = testHub({ registry: REGISTRY, clock: new TestClock() });
  assert.deepEqual(await listed(hub, 'ai-ward'), ['pat-icu-01', 'pat-icu-02']);
  assert.deepEqual(await listed(hub, 'ai-panel'), ['pat-home-01', 'pat-icu-02']);
  assert.deepEqual(await listed(hub, 'ai-none'), []);
  await hub.door.latest(who(hub, 'ai-ward'), 'pat-icu-01', context);
  await assert.rejects(hub.door.latest(who(hub, 'ai-ward'), 'pat-home-01', context), { code: 'NOT-FOUND' });
  await assert.rejects(hub.door.latest(who(hub, 'ai-panel'), 'pat-icu-01', context), { code: 'NOT-FOUND' });
});

test('who is moved out of the ward is out of its reach with the same registry, for reads, lists and what is open', async () => {
  verifies('REACH-NOW');
  await using hub = testHub({ registry: REGISTRY, clock: new TestClock() });
  const ward = who(hub, 'ai-ward');
  const change = { tenant: 'clinic', patient: 'pat-icu-01' };
  assert.ok(hub.door.maySee(ward, change));
  const [moved, ...more] = reload(hub, MOVED);
  assert.deepEqual([moved?.patient, moved?.was?.ward, more], ['pat-icu-01', 'icu', []]);
  assert.ok(!hub.door.maySee(ward, change));
  assert.ok(hub.door.maySee(ward, change, moved?.was), 'it may be told that somebody left');
  await assert.rejects(hub.door.latest(ward, 'pat-icu-01', context), { code: 'NOT-FOUND' });
  await assert.rejects(hub.door.openSubscription(ward, ['pat-icu-02', 'pat-icu-01'], context), { code: 'NOT-FOUND' });
  assert.deepEqual(await listed(hub, 'ai-ward'), ['pat-icu-02']);
  reload(hub, REGISTRY);
  assert.ok(hub.door.maySee(ward, change));
});

test('whoever asked before a patient was moved away is not told where to', async () => {
  verifies('REACH-NOW');
  await using hub = testHub({ registry: REGISTRY, clock: new TestClock() });
  await hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, value: 61 })]));
  const ward = who(hub, 'ai-ward');
  const [from, to] = [TEST_NOW - 3_600_000, TEST_NOW + 1];
  const asked = [
    hub.door.latest(ward, 'pat-icu-01', context),
    hub.door.trend(ward, 'pat-icu-01', { vital: 'hr', from, to, points: 10 }, context),
  ];
  reload(hub, MOVED);
  for (const { bed, ward: shown } of await Promise.all(asked)) assert.deepEqual([bed, shown], ['ICU-01', 'icu']);
});

test('each decision’s evidence names the policy it was made by, and another policy counts from its first call', async () => {
  verifies('POLICY-AS-DATA');
  const rules = (actions: string) => `
roles: [gateway, operator, clinician]
rules:
  - { id: w, effect: permit, roles: [gateway], actions: [observations.write] }
  - { id: r, effect: permit, roles: [clinician], actions: [${actions}] }
`;
  let policy = parsePolicy(rules('vitals.read, patients.list'));
  const first = policy.version;
  await using hub = testHub({ registry: REGISTRY, policy: () => policy, clock: new TestClock() });
  const ward = who(hub, 'ai-ward');
  await hub.door.latest(ward, 'pat-icu-01', context);
  policy = parsePolicy(rules('patients.list'));
  await assert.rejects(hub.door.latest(ward, 'pat-icu-01', context), { code: 'ACCESS-DENIED' });
  assert.deepEqual(
    (await evidenceOf(hub.store)).map(({ outcome, detail }) => [outcome, detail?.policy]),
    [
      ['allowed', first],
      ['denied', policy.version],
    ],
  );
});

test('a scope of one category shows that category alone, row by row', async () => {
  verifies('POLICY-DECIDES');
  await using hub = testHub({ registry: REGISTRY, clock: new TestClock() });
  const one = (seq: number, vital: string) => sampleObservation({ seq, vital, value: 40, device: `d-${seq}` });
  await hub.ingest.batch('gw-icu', sampleBundle([one(1, 'hr'), one(2, 'peep'), one(3, 'spo2')]));
  const scoped = (...scopes: Scope[]): Principal => ({ ...who(hub, 'ai-ward'), scopes });
  const vitals: Scope = { context: 'user', resource: 'Observation', may: 'rs', category: 'vital-signs' };
  const shown = async (principal: Principal) =>
    (await hub.door.latest(principal, 'pat-icu-01', context)).vitals.map(({ vital }) => vital).sort();
  assert.deepEqual(await shown(who(hub, 'ai-ward')), ['hr', 'peep', 'spo2']);
  assert.deepEqual(await shown(scoped(vitals)), ['hr', 'spo2']);
  assert.deepEqual(await shown(scoped({ ...vitals, category: 'procedure' })), ['peep']);
  assert.deepEqual(await shown(scoped({ ...vitals, category: 'laboratory' })), []);
  const [summary] = await hub.door.listPatients(scoped(vitals), context);
  assert.deepEqual(summary?.vitals, ['hr', 'spo2']);
  const asked = { from: TEST_NOW - 60_000, to: TEST_NOW + 1, points: 1 };
  assert.equal((await hub.door.trend(scoped(vitals), 'pat-icu-01', { vital: 'hr', ...asked }, context)).series.length, 1);
  const peep = hub.door.trend(scoped(vitals), 'pat-icu-01', { vital: 'peep', ...asked }, context);
  await assert.rejects(peep, { code: 'ACCESS-SCOPE' });
  const which = { vital: 'peep', device: 'd-2', effective: TEST_NOW };
  await assert.rejects(hub.door.history(scoped(vitals), 'pat-icu-01', which, context), { code: 'ACCESS-SCOPE' });
  await assert.rejects(hub.door.latest(scoped(), 'pat-icu-01', context), { code: 'ACCESS-SCOPE' });
});
