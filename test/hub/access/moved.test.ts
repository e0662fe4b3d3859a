import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Principal } from '../../../hub/access/access.ts';
import type { Arrival } from '../../../hub/store/store.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleObservation, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';
import { SaidPresence } from '../../support/presence.ts';

const REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { A: followed, B: followed } }
clients:
  - { identity: ai-icu, tenant: clinic, kind: person, role: clinician, wards: [icu] }
  - { identity: ai-step, tenant: clinic, kind: person, role: clinician, wards: [step] }
  - { identity: ai-all, tenant: clinic, kind: person, role: clinician, patients: all }
  - { identity: ai-one, tenant: clinic, kind: person, role: clinician, patients: [pat-moved-1] }
  - { identity: ai-research, tenant: clinic, kind: software, role: researcher, purpose: HRESCH, patients: all }
wards:
  icu: { tenant: clinic, beds: [A] }
  step: { tenant: clinic, beds: [B] }
`;
const context = { channel: 'mcp-2026' } as const;
const QUERY = { vital: 'hr', from: TEST_NOW - 60_000, to: TEST_NOW, points: 1 };

interface Site extends AsyncDisposable {
  hub: TestHub;
  presence: SaidPresence;
  who(id: string): Principal;
}

/** A hub with a heart rate of each of two patients in followed beds. */
async function site(): Promise<Site> {
  const presence = new SaidPresence().put({ 'pat-moved-1': 'A', 'pat-moved-2': 'B' });
  const hub = testHub({ registry: REGISTRY, clock: new TestClock(), presence });
  for (const [i, patient] of ['pat-moved-1', 'pat-moved-2'].entries()) await store(hub, patient, i + 1);
  return {
    hub,
    presence,
    who: (id) => hub.registry.principal(id) ?? assert.fail(id),
    [Symbol.asyncDispose]: () => hub.close(),
  };
}

async function store({ store }: TestHub, patient: string, seq: number): Promise<void> {
  const observation = sampleObservation({ seq, effective: TEST_NOW - 5000, receivedAt: TEST_NOW - 5000, bed: 'A' });
  const times = {
    effective: TEST_NOW - 5000,
    offsetMin: 0,
    receivedAt: TEST_NOW - 5000,
    sortTime: TEST_NOW - 5000,
    freshAt: TEST_NOW - 5000,
  };
  const what = { vital: 'hr', device: 'monitor-1', value: 70 + seq, unit: '/min', absent: null, components: [], flags: [] };
  const arrival: Arrival = {
    ...{ ...what, ...times, patient, place: 'bed', test: false, id: observation.id ?? '', status: 'final' },
    received: JSON.stringify(observation),
  };
  const evidence = () => [
    {
      at: TEST_NOW,
      tenant: 'clinic',
      principal: 'gw-icu',
      role: 'gateway',
      action: 'observations.write',
      patient,
      outcome: 'allowed',
      reason: 'granted',
      count: 1,
      channel: 'uplink',
    } as const,
  ];
  await store.storeBatch({ tenant: 'clinic', gateway: 'gw-icu', at: TEST_NOW, sentAt: null, arrivals: [arrival], refusals: [], evidence });
}

test('reach follows movements: the new ward reads, the old one does not, and lists are of now', async () => {
  verifies('MOVEMENTS-REACH');
  await using s = await site();
  const listed = async (id: string) =>
    (await s.hub.door.listPatients(s.who(id), context)).map(({ patient, bed, ward }) => [patient, bed, ward]);
  assert.deepEqual(await listed('ai-icu'), [['pat-moved-1', 'A', 'icu']]);
  assert.equal((await s.hub.door.latest(s.who('ai-icu'), 'pat-moved-1', context)).vitals[0]?.value, 71);
  s.presence.put({ 'pat-moved-1': 'B', 'pat-moved-2': 'A' });
  await assert.rejects(s.hub.door.latest(s.who('ai-icu'), 'pat-moved-1', context), { code: 'NOT-FOUND' });
  assert.equal((await s.hub.door.latest(s.who('ai-step'), 'pat-moved-1', context)).ward, 'step');
  assert.deepEqual(await listed('ai-step'), [['pat-moved-1', 'B', 'step']]);
});

test('of a discharged patient nothing is current, and whoever reached them through the bed does not any more', async () => {
  verifies('DISCHARGE-ENDS');
  await using s = await site();
  s.presence.discharge('pat-moved-1', TEST_NOW - 1000);
  await assert.rejects(s.hub.door.latest(s.who('ai-icu'), 'pat-moved-1', context), { code: 'NOT-FOUND' });
  const { discharged, bed, vitals, unplaced } = await s.hub.door.latest(s.who('ai-all'), 'pat-moved-1', context);
  assert.deepEqual([discharged, bed, unplaced], ['2026-11-21T09:59:59.000+00:00', null, undefined]);
  assert.deepEqual(
    vitals.map(({ value, stale, lastKnown }) => [value, stale, lastKnown?.value]),
    [[null, true, 71]],
  );
  const trend = await s.hub.door.trend(s.who('ai-one'), 'pat-moved-1', QUERY, context);
  assert.equal(trend.series[0]?.buckets[0]?.mean, 71, 'how it was can still be read');
  assert.deepEqual(
    (await s.hub.door.listPatients(s.who('ai-all'), context)).map(({ patient }) => patient),
    ['pat-moved-2'],
  );
});

test('somebody of whom nobody knows where they lie is told as that, and as in no ward', async () => {
  verifies('MOVEMENTS-REACH');
  await using s = await site();
  s.presence.put({ 'pat-moved-1': null });
  const { unplaced, bed, discharged } = await s.hub.door.latest(s.who('ai-one'), 'pat-moved-1', context);
  assert.deepEqual([unplaced, bed, discharged], [true, null, undefined]);
  await assert.rejects(s.hub.door.latest(s.who('ai-icu'), 'pat-moved-1', context), { code: 'NOT-FOUND' });
});

test('a merged id gives the one that survived in every read, says so, and the evidence is of that one', async () => {
  verifies('MERGED-RESOLVES');
  await using s = await site();
  s.presence.merge('pat-moved-1', 'pat-moved-2');
  const { door } = s.hub;
  for (const id of ['ai-one', 'ai-all', 'ai-step']) {
    const who = s.who(id);
    const latest = await door.latest(who, 'pat-moved-1', context);
    assert.deepEqual([latest.patient, latest.mergedFrom, latest.bed, latest.vitals[0]?.value], ['pat-moved-2', 'pat-moved-1', 'B', 72], id);
    const trend = await door.trend(who, 'pat-moved-1', QUERY, context);
    assert.deepEqual([trend.patient, trend.mergedFrom], ['pat-moved-2', 'pat-moved-1'], id);
    const versions = await door.history(who, 'pat-moved-1', { vital: 'hr', device: 'monitor-1', effective: TEST_NOW - 5000 }, context);
    assert.deepEqual(
      versions.map(({ mergedFrom, value }) => [mergedFrom, value]),
      [['pat-moved-1', 72]],
    );
    assert.equal((await door.latest(who, 'pat-moved-2', context)).mergedFrom, undefined);
  }
  await assert.rejects(door.latest(s.who('ai-icu'), 'pat-moved-1', context), { code: 'NOT-FOUND' });
  const reads = (await evidenceOf(s.hub.store)).filter(({ action, outcome }) => action === 'vitals.read' && outcome === 'allowed');
  assert.deepEqual([...new Set(reads.map(({ patient }) => patient))], ['pat-moved-2']);
});

test('whoever is masked is told no id of a merge: the name of the one that is no more is nobody’s', async () => {
  verifies('MERGED-RESOLVES', 'MASK-ALLOW-LIST');
  await using s = await site();
  const { door } = s.hub;
  const who = s.who('ai-research');
  const [one, other] = await Promise.all(
    (await door.listPatients(who, context)).map(async ({ patient }) => ({
      name: patient,
      latest: await door.latest(who, patient, context),
    })),
  );
  s.presence.merge('pat-moved-1', 'pat-moved-2');
  const names = (await door.listPatients(who, context)).map(({ patient }) => patient);
  assert.equal(names.length, 1);
  const gone = [one, other].find((was) => was && !names.includes(was.name)) ?? assert.fail();
  await assert.rejects(door.latest(who, gone.name, context), { code: 'NOT-FOUND' });
  const text = JSON.stringify(await door.latest(who, names[0] ?? '', context));
  assert.ok(!text.includes('pat-moved') && !text.includes('mergedFrom'));
});
