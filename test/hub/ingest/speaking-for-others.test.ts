import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../../hub/access/load-policy.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import type { Observation } from '../../../shared/fhir.ts';
import { batchEntry } from '../../../shared/uplink/kinds.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_EPOCH, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';

const REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01 }, devices: { pump-1: pat-icu-01 } }
  - { identity: gw-icu-2, tenant: clinic, beds: { ICU-02: pat-icu-02, ICU-03: null } }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01, devices: { scale-2: pat-home-02 } }
  - { identity: gw-home-3, tenant: clinic, patient: pat-home-03 }
`;
const context = { channel: 'operator' } as const;
const own = { value: 'pat-home-01', authority: 'urn:vitalmesh:patient' };
const ofHome3 = { value: 'pat-home-03', authority: 'urn:vitalmesh:patient' };

const ATTACKS: readonly [name: string, by: string, sent: Observation, code: string][] = [
  ['for another home’s patient', 'gw-home', sampleObservation({ agent: 'gw-home', patient: ofHome3 }), 'INGEST-NOT-BOUND'],
  [
    'for another home’s patient, as a record number',
    'gw-home',
    sampleObservation({ agent: 'gw-home', patient: { ...ofHome3, authority: 'x' } }),
    'INGEST-NOT-BOUND',
  ],
  ['over another gateway’s id', 'gw-home', sampleObservation({ agent: 'gw-home-3', seq: 1, patient: own }), 'INGEST-FOREIGN-ID'],
  ['under an id that begins as its own', 'gw-icu', sampleObservation({ agent: 'gw-icu-2', bed: 'ICU-01' }), 'INGEST-FOREIGN-ID'],
  ['for another gateway’s bed', 'gw-icu', sampleObservation({ bed: 'ICU-02' }), 'INGEST-NOT-BOUND'],
  ['for a bed where nobody lies', 'gw-icu-2', sampleObservation({ agent: 'gw-icu-2', bed: 'ICU-03' }), 'INGEST-NOT-BOUND'],
  ['for a bed of no gateway', 'gw-icu', sampleObservation({ bed: 'constructor' }), 'INGEST-NOT-BOUND'],
  ['with its own device in another’s bed', 'gw-icu', sampleObservation({ device: 'pump-1', bed: 'ICU-02' }), 'INGEST-NOT-BOUND'],
  [
    'with its device, for its other patient',
    'gw-home',
    sampleObservation({ agent: 'gw-home', device: 'scale-2', patient: own }),
    'INGEST-NOT-BOUND',
  ],
  ['with a device that is another gateway’s', 'gw-icu-2', sampleObservation({ agent: 'gw-icu-2', device: 'pump-1' }), 'INGEST-NOT-BOUND'],
];

for (const [name, by, sent, code] of ATTACKS) {
  test(`a gateway that writes ${name} is refused, and it is kept and recorded`, async () => {
    verifies('GATEWAY-OWN-ONLY', 'TENANT-EVERYWHERE');
    await using hub = testHub({ registry: REGISTRY, clock: new TestClock() });
    const good = sampleObservation(
      by === 'gw-home' ? { agent: by, seq: 9 } : { agent: by, seq: 9, bed: by === 'gw-icu' ? 'ICU-01' : 'ICU-02' },
    );
    const { outcomes } = await hub.ingest.batch(by, sampleBundle([sent, good]));
    assert.deepEqual(
      outcomes.map(({ status, code: told }) => [status, told]),
      [
        [422, code],
        [201, undefined],
      ],
      'the bad one costs the good one nothing',
    );
    const counts = await hub.door.counts(operatorPrincipal(0, 'clinic'), context);
    assert.deepEqual([counts.observations, counts.quarantined], [1, 1]);
    const denied = (await evidenceOf(hub.store)).filter(({ outcome }) => outcome === 'denied');
    assert.deepEqual(
      denied.map(({ principal, action, reason, count, patient }) => [principal, action, reason, count, patient]),
      [[by, 'observations.write', code, 1, null]],
    );
  });
}

test('another gateway’s observation stays as it is, whatever is sent over its id', async () => {
  verifies('GATEWAY-OWN-ONLY');
  await using hub = testHub({ registry: REGISTRY, clock: new TestClock() });
  const first = sampleObservation({ agent: 'gw-home-3', value: 60 });
  await hub.ingest.batch('gw-home-3', sampleBundle([first]));
  const over = { ...sampleObservation({ agent: 'gw-home', value: 180 }), id: first.id };
  const { outcomes } = await hub.ingest.batch('gw-home', sampleBundle([over]));
  assert.deepEqual(outcomes, [{ id: first.id, status: 422, code: 'INGEST-FOREIGN-ID' }]);
  const [shown] = (await hub.door.latest(operatorPrincipal(0, 'clinic'), 'pat-home-03', context)).vitals;
  assert.deepEqual([shown?.value, shown?.gateway], [60, 'gw-home-3']);
});

test('the URL of an entry decides nothing, and neither does who sends another’s whole batch', async () => {
  verifies('GATEWAY-OWN-ONLY');
  await using hub = testHub({ registry: REGISTRY, clock: new TestClock() });
  const theirs = sampleObservation({ agent: 'gw-home-3' });
  const mine = sampleObservation({ agent: 'gw-home' });
  const entries = [
    { ...batchEntry(mine), request: { method: 'PUT', url: `Observation/${theirs.id}` } },
    { ...batchEntry(theirs), request: { method: 'PUT', url: `Observation/${mine.id}` } },
    { ...batchEntry(theirs), resource: { ...mine, id: `gw-home.${TEST_EPOCH}.1.0/../${theirs.id}` } },
  ];
  const { outcomes } = await hub.ingest.batch('gw-home', { resourceType: 'Bundle', type: 'batch', entry: entries });
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [422, 422, 422],
  );
  assert.equal((await hub.door.counts(operatorPrincipal(0, 'clinic'), context)).observations, 0);
});

test('what a policy forbids gateways altogether is refused whole, and stays with them', async () => {
  verifies('GATEWAY-OWN-ONLY', 'POLICY-AS-DATA');
  const policy = parsePolicy(`
roles: [gateway, operator]
rules:
  - { id: w, effect: permit, roles: [gateway], actions: [observations.write] }
  - { id: closed, effect: forbid, roles: [gateway], actions: [observations.write] }
  - { id: s, effect: permit, roles: [operator], actions: [status.read] }
`);
  await using hub = testHub({ registry: REGISTRY, policy: () => policy, clock: new TestClock(TEST_NOW) });
  await assert.rejects(hub.ingest.batch('gw-icu', sampleBundle([sampleObservation()])), { code: 'ACCESS-DENIED' });
  const { observations, quarantined } = await hub.door.counts(operatorPrincipal(0, 'clinic'), context);
  assert.deepEqual([observations, quarantined], [0, 0]);
  assert.equal((await evidenceOf(hub.store)).find(({ outcome }) => outcome === 'denied')?.reason, 'forbidden');
});
