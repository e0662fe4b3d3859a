import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIngest } from '../../../hub/ingest/create-ingest.ts';
import { SEEN_DEVICES } from '../../../hub/patients/whereabouts/seen-devices.ts';
import { Whereabouts } from '../../../hub/patients/whereabouts.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { nobodyIn } from '../../../hub/store/placing/placing.ts';
import type { Observation } from '../../../shared/fhir.ts';
import { IDENTIFIER_SYSTEMS } from '../../../shared/observation.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import {
  FOLLOWING_REGISTRY,
  held,
  idOf,
  listening,
  measure,
  minute,
  movementBundle,
  READ,
  readingBundle,
  tell,
} from '../../support/following.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';

function hub(clock = new TestClock()): TestHub {
  return testHub({ clock, registry: FOLLOWING_REGISTRY });
}

test('what is measured in a followed bed is whoever’s movements say, when it was measured', async () => {
  verifies('SUBJECT-BY-MOVEMENTS');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await measure(h, 1, -50, { value: 61 });
  await tell(h, 2, -40, 'A02', { who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01' });
  await tell(h, 3, -30, 'A01', { who: 'bob', bed: 'ICU-01' });
  await measure(h, 2, -20, { value: 62 });
  await measure(h, 3, -20, { value: 63, bed: 'ICU-02', device: 'monitor-2' });
  await measure(h, 4, -45, { value: 64 });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01', 'ICU-02']), { ann: [61, 63, 64], bob: [62] });
});

test('what is nobody’s for sure is stored, quarantined never, and told to nobody', async () => {
  verifies('NOBODY-FOR-SURE');
  await using h = hub();
  const told = listening(h);
  await measure(h, 1, -50, { value: 61 });
  await measure(h, 2, -50, { value: 62, who: 'ann', bed: 'ICU-02' });
  assert.deepEqual(told, []);
  assert.deepEqual(await held(h, ['ann'], ['ICU-01', 'ICU-02']), { 'ICU-01': [61], 'ICU-02': [62] });
  const counts = await h.door.counts(
    { id: 'local:1000', tenant: 'clinic', kind: 'operator', role: 'operator', patients: 'all' },
    { channel: 'operator' },
  );
  assert.equal(counts.quarantined, 0);
  const named = (await evidenceOf(h.store)).filter(({ patient }) => patient !== null);
  assert.deepEqual(named, []);
});

test('who is stated and who lies there differ: it is nobody’s, until the one who was stated lies there', async () => {
  verifies('IDENTITY-CONFLICT');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await measure(h, 1, -50, { value: 61, who: 'ann' });
  await measure(h, 2, -49, { value: 62, who: 'bob' });
  await measure(h, 3, -48, { value: 63, patient: { value: 'bob', authority: 'MONITORS' } });
  await measure(h, 4, -47, { value: 64, patient: { value: 'bob', authority: '' } });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [61, 63, 64], 'ICU-01': [62] });
  await tell(h, 2, -55, 'A03', { who: 'ann', bed: 'ICU-01' });
  await tell(h, 3, -54, 'A01', { who: 'bob', bed: 'ICU-01' });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { bob: [62, 63, 64], 'ICU-01': [61] });
});

test('a movement that comes late moves what was measured since, and both patients’ readers hear that it was corrected', async () => {
  verifies('LATE-MOVEMENT-CORRECTS');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  for (let i = 0; i < 5; i += 1) await measure(h, i + 1, -50 + i * 10, { value: 60 + i });
  const told = listening(h);
  await tell(h, 2, -35, 'A02', { who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01' });
  await tell(h, 3, -25, 'A01', { who: 'bob', bed: 'ICU-01' });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01', 'ICU-02']), { ann: [60, 61], 'ICU-01': [62], bob: [63, 64] });
  const [ann, bob] = [await idOf(h, 'ann'), await idOf(h, 'bob')];
  const corrected = told.filter(({ kind }) => kind === 'corrected').map(({ patient, vitals }) => [patient, vitals]);
  assert.deepEqual(corrected, [
    [ann, ['hr']],
    [bob, ['hr']],
  ]);
  const evidence = (await evidenceOf(h.store)).filter(({ reason }) => reason.startsWith('moved-'));
  assert.deepEqual(
    evidence.map(({ patient, reason, count, action }) => [patient, reason, count, action]),
    [
      [ann, 'moved-away', 3, 'patients.place'],
      [bob, 'moved-here', 2, 'patients.place'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(evidence.find(({ patient }) => patient === ann)), new RegExp(bob), 'nobody else is named in it');
});

test('what was stored of a number that is merged is the survivor’s, and parted again it goes back', async () => {
  verifies('LATE-MOVEMENT-CORRECTS');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'unknown-1', bed: 'ICU-01' });
  await measure(h, 1, -50, { value: 61, who: 'unknown-1' });
  await tell(h, 2, -40, 'A40', { who: 'ann', was: 'unknown-1' });
  await measure(h, 2, -30, { value: 62, who: 'ann' });
  await measure(h, 3, -30, { value: 63, who: 'unknown-1', device: 'monitor-2' });
  assert.deepEqual(await held(h, ['ann', 'unknown-1'], ['ICU-01']), { ann: [61, 62, 63] });
  await tell(h, 3, -20, 'A37', { who: 'ann' }, { who: 'unknown-1' });
  assert.deepEqual(await held(h, ['ann', 'unknown-1'], ['ICU-01']), { 'unknown-1': [61, 63], 'ICU-01': [62] });
});

test('while movements are silent only what names the patient is the patient’s; once they are heard again, all of it', async () => {
  verifies('IDENTITY-UNCONFIRMED');
  const clock = new TestClock(minute(13 * 60));
  await using h = hub(clock);
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  assert.equal(h.whereabouts.overdueSince('clinic'), minute(11 * 60));
  await measure(h, 1, 10 * 60, { value: 61 });
  await measure(h, 2, 12 * 60, { value: 62 });
  await measure(h, 3, 12 * 60, { value: 63, who: 'ann', device: 'monitor-2' });
  assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [61, 63], 'ICU-01': [62] });
  await tell(h, 2, 9 * 60, 'A01', { who: 'bob', bed: 'ICU-02' });
  assert.equal(h.whereabouts.overdueSince('clinic'), undefined);
  assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [61, 62, 63] });
});

test('a device that was put into a bed by hand is there, whatever bed its messages name, and put nowhere it is nobody’s', async () => {
  verifies('DEVICE-BY-HAND');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(h, 2, -60, 'A01', { who: 'bob', bed: 'ICU-02' });
  for (const [seq, minutes] of [
    [1, -50],
    [2, -40],
    [3, -30],
  ] as const)
    await measure(h, seq, minutes, { value: 60 + seq, device: 'vent-1' });
  const move = async (at: number, bed: string | null): Promise<void> => {
    await h.whereabouts.moveDevice({ tenant: 'clinic', gateway: 'gw-icu', device: 'vent-1', bed, at: minute(at) }, []);
    h.corrections.wake();
    await h.corrections.settled();
  };
  await move(-45, 'ICU-02');
  assert.deepEqual(await held(h, ['ann', 'bob']), { ann: [61], bob: [62, 63] });
  await move(-35, null);
  await measure(h, 4, -20, { value: 64, device: 'vent-1' });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['']), { ann: [61], bob: [62], '': [63, 64] });
  await tell(h, 3, -42, 'A03', { who: 'bob' });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-02', '']), { ann: [61], 'ICU-02': [62], '': [63, 64] });
});

test('a serial number and an address that read the same are two devices: a move is of the one that was heard, and of both it is refused', async () => {
  verifies('DEVICE-BY-HAND', 'DEVICE-BY-TYPE');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(h, 2, -60, 'A01', { who: 'bob', bed: 'ICU-02' });
  const measured = async (idType: string, seq: number, minutes: number): Promise<void> => {
    const bundle = readingBundle(seq, minutes, { value: 60 + seq, device: 'D-1' }) as { entry: { resource: Observation }[] };
    const identifier = { system: `${IDENTIFIER_SYSTEMS.device}${idType}`, value: 'D-1' };
    for (const { resource } of bundle.entry) resource.device = { identifier };
    const { outcomes } = await h.ingest.batch('gw-icu', bundle);
    assert.equal(outcomes[0]?.status, 201);
  };
  await measured('serial', 1, -50);
  const move = (bed: string, at: number) =>
    h.whereabouts.moveDevice({ tenant: 'clinic', gateway: 'gw-icu', device: 'D-1', bed, at: minute(at) }, []);
  await move('ICU-02', -45);
  await measured('serial', 2, -40);
  await measured('mac', 3, -40);
  assert.deepEqual(await held(h, ['ann', 'bob']), { ann: [61, 63], bob: [62] });
  await assert.rejects(move('ICU-01', -30), { code: 'PATIENT-DEVICE-TYPES', detail: 'mac, serial' });
  const again = new Whereabouts({ store: h.store, gateways: () => h.registry.gateways(), clock: new TestClock() });
  await again.open();
  const places = await again.placing('clinic');
  const bedOf = (idType?: 'serial' | 'mac') => places?.bedOf({ gateway: 'gw-icu', device: 'D-1', idType }, 'ICU-01', minute(-20));
  assert.deepEqual([bedOf('serial'), bedOf('mac'), bedOf()], ['ICU-02', 'ICU-01', 'ICU-02']);
});

test('of a device that was forgotten, because its gateway names a new one in each message, rows are moved all the same, and the status says so', async () => {
  verifies('DEVICES-SEEN-BOUNDED', 'DEVICE-BY-HAND');
  const clock = new TestClock(minute(-120));
  await using h = hub(clock);
  await h.whereabouts.open();
  clock.set(TEST_NOW);
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(h, 2, -60, 'A01', { who: 'bob', bed: 'ICU-02' });
  await measure(h, 1, -40, { value: 61, device: 'vent-1' });
  const places = await h.whereabouts.placing('clinic');
  for (let i = 0; i < SEEN_DEVICES.ofGateway; i += 1)
    places?.place({ bed: 'ICU-01', gateway: 'gw-icu', device: `no-name-${i}`, at: minute(-40) });
  assert.deepEqual(h.whereabouts.devicesLeftOut(), [{ gateway: 'gw-icu', count: 1 }]);
  await h.whereabouts.moveDevice({ tenant: 'clinic', gateway: 'gw-icu', device: 'vent-1', bed: 'ICU-02', at: minute(-45) }, []);
  h.corrections.wake();
  await h.corrections.settled();
  assert.deepEqual(await held(h, ['ann', 'bob']), { bob: [61] });
});

test('a gateway speaks for its own followed beds alone, and for a bound one as ever', async () => {
  verifies('SUBJECT-BY-MOVEMENTS', 'SUBJECT-BY-HUB');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  const answers = async (options: Parameters<typeof readingBundle>[2]) => {
    const { outcomes } = await h.ingest.batch('gw-mixed', readingBundle(1, -50, { agent: 'gw-mixed', ...options }));
    return outcomes.map(({ status, code }) => (code ? `${status} ${code}` : `${status}`));
  };
  assert.deepEqual(await answers({ bed: 'ICU-01' }), ['422 INGEST-NOT-BOUND']);
  assert.deepEqual(await answers({ bed: 'OR-1' }), ['201']);
  const ann = await idOf(h, 'ann');
  assert.deepEqual(await answers({ bed: 'ICU-03', seq: 2, patient: { value: 'pat-or-0001', authority: '' } }), ['422 INGEST-NOT-BOUND']);
  assert.equal(ann.startsWith('p-'), true);
});

test('nobody knows who lay in the bed when a memory’s clock is in doubt, or when the clocks of gateway and hub are apart', async () => {
  verifies('NOBODY-FOR-SURE');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(h, 2, -30, 'A03', { who: 'ann' });
  const answer = async (seq: number, minutes: number, sentAt?: string, flags?: readonly ['memory', 'clock']) => {
    const at = minute(minutes);
    const bundle = sampleBundle([sampleObservation({ seq, effective: at, receivedAt: at, ...(flags && { flags }) })]) as object;
    const { outcomes } = await h.ingest.batch('gw-icu', { ...bundle, ...(sentAt && { timestamp: sentAt }) });
    return outcomes.map(({ status, code }) => (code ? `${status} ${code}` : `${status}`));
  };
  assert.deepEqual(await answer(1, -40, undefined, ['memory', 'clock']), ['422 INGEST-BEFORE-BINDING']);
  const behind = new Date(TEST_NOW - 20 * 60_000).toISOString();
  assert.deepEqual(await answer(2, -40, behind), ['422 INGEST-BEFORE-BINDING'], 'by the hub’s clock she had left');
  assert.deepEqual(await answer(3, -58, behind), ['201'], 'she lay there by both');
});

test('who was heard of is who is here: in the bed, discharged, or by the number that survived', async () => {
  verifies('SUBJECT-BY-MOVEMENTS');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(h, 2, -60, 'A01', { who: 'bea', bed: 'ICU-02' });
  const [ann, bea] = [await idOf(h, 'ann'), await idOf(h, 'bea')];
  const { whereabouts } = h;
  assert.deepEqual(
    whereabouts
      .patients('clinic')
      .map(({ bed }) => bed)
      .sort(),
    ['ICU-01', 'ICU-02'],
  );
  assert.deepEqual(whereabouts.patient('clinic', ann), { patient: ann, bed: 'ICU-01' });
  assert.equal(whereabouts.inBed('clinic', 'ICU-01'), ann);
  assert.deepEqual([whereabouts.inBed('clinic', 'ICU-03'), whereabouts.inBed('clinic', 'OR-1')], [null, undefined]);
  await tell(h, 3, -30, 'A03', { who: 'ann' });
  assert.deepEqual(whereabouts.patient('clinic', ann), { patient: ann, bed: null, discharged: minute(-30) });
  await tell(h, 4, -20, 'A40', { who: 'ann', was: 'bea' });
  assert.deepEqual(whereabouts.patient('clinic', bea)?.mergedFrom, bea);
  assert.equal(whereabouts.patient('clinic', bea)?.patient, ann);
  assert.equal(whereabouts.patient('clinic', 'p-nobody'), undefined);
  assert.equal(whereabouts.isPatient(bea), true);
  assert.equal(whereabouts.patient('other', ann), undefined);
});

test('in a sandbox movements that are marked as tests move people, in production they are refused and move nobody', async () => {
  verifies('TEST-MOVES-IN-SANDBOX', 'TEST-NOT-LIVE');
  const sandbox = `${FOLLOWING_REGISTRY}tenants: { clinic: { kind: sandbox } }\n`;
  const admission = movementBundle(1, minute(-60), 'A01', [{ who: 'ann', bed: 'ICU-01' }], 'gw-adt', true);
  await using live = hub();
  const refused = await live.ingest.batch('gw-adt', admission);
  assert.deepEqual([refused.outcomes[0]?.status, refused.outcomes[0]?.code], [422, 'INGEST-TEST']);
  await measure(live, 1, -50, { value: 61 });
  assert.deepEqual(await held(live, ['ann'], ['ICU-01']), { 'ICU-01': [61] });

  await using h = testHub({ clock: new TestClock(), registry: sandbox });
  assert.equal((await h.ingest.batch('gw-adt', admission)).outcomes[0]?.status, 201);
  await measure(h, 1, -50, { value: 61 });
  assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [61] });
  const again = new Whereabouts({ store: h.store, gateways: () => h.registry.gateways(), isSandbox: () => true, clock: new TestClock() });
  await again.open();
  assert.deepEqual(again.patients('clinic'), h.whereabouts.patients('clinic'));
  assert.equal(again.patients('clinic').length, 1);

  // The same tenant in production: nobody lies anywhere by what tests said.
  const next = parseRegistry(FOLLOWING_REGISTRY);
  h.registry.replace(next, await h.store.rebind(next.bindings(), TEST_NOW));
  await measure(h, 2, -40, { value: 62 });
  assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [61], 'ICU-01': [62] });
  assert.deepEqual(h.whereabouts.patients('clinic'), []);
});

test('a hub that is started again knows all of it, and moves what was still to be moved', async () => {
  verifies('SUBJECT-BY-MOVEMENTS');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await measure(h, 1, -50, { value: 61, who: 'bob' });
  await h.whereabouts.moveDevice({ tenant: 'clinic', gateway: 'gw-icu', device: 'vent-1', bed: 'ICU-01', at: minute(-45) }, []);
  const again = new Whereabouts({ store: h.store, gateways: () => h.registry.gateways(), clock: new TestClock() });
  await again.open();
  assert.deepEqual(again.patients('clinic'), h.whereabouts.patients('clinic'));
  assert.equal(again.patients('clinic').length, 1);
  const places = await again.placing('clinic');
  assert.ok(places);
  assert.equal(places.bedOf({ gateway: 'gw-icu', device: 'vent-1' }, 'ICU-02', minute(-40)), 'ICU-01');
  assert.equal(places.version, await h.store.placing.placingVersion('clinic'));
  const row = places.place({ bed: 'ICU-01', gateway: 'gw-icu', device: 'm', stated: { value: 'bob', authority: 'HOSP' }, at: minute(-50) });
  assert.deepEqual([row.patient, row.identity], [nobodyIn('ICU-01'), 'conflict']);
});

test('hubs that share a store place by each other’s movements, and batches that a movement overtook are placed anew', async () => {
  verifies('PLACED-IN-THE-COMMIT');
  await using h = hub();
  const clock = new TestClock();
  const other = new Whereabouts({ store: h.store, gateways: () => h.registry.gateways(), clock, isShared: true });
  const { store, registry, feed, metrics } = h;
  const ingest = createIngest({ store, registry, feed, metrics, clock, whereabouts: other });
  await other.open();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  const { outcomes } = await ingest.batch('gw-icu', readingBundle(1, -50, { value: 61 }));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [201],
  );
  await Promise.all([
    ...[2, 3, 4, 5].map((seq) => h.ingest.batch('gw-icu', readingBundle(seq, -50 + seq * 10, { value: 60 + seq }))),
    h.ingest.batch('gw-adt', movementBundle(2, minute(-25), 'A03', [{ who: 'ann' }])),
    ingest.batch('gw-adt', movementBundle(3, minute(-24), 'A01', [{ who: 'bob', bed: 'ICU-01' }])),
    ingest.batch('gw-icu', readingBundle(6, -40, { value: 66 })),
  ]);
  h.corrections.wake();
  await h.corrections.settled();
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [61, 62, 66], bob: [63, 64, 65] }, 'nothing is lost or doubled');
});

test('who was erased is known to nobody any more, and whoever is named like them later is somebody else', async () => {
  verifies('NOBODY-FOR-SURE');
  const clock = new TestClock();
  await using h = hub(clock);
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await measure(h, 1, -50, { value: 61, who: 'ann' });
  await measure(h, 2, -50, { value: 62, who: 'ann', bed: 'ICU-02', device: 'monitor-2' });
  const ann = await idOf(h, 'ann');
  const order = { tenant: 'clinic', patient: ann, reason: 'request', principal: 'local:1000', at: TEST_NOW };
  const evidence = () => ({ ...READ, count: 0, action: 'patient.erase' as const });
  await h.store.erasing.beginErasure({ ...order, names: ['urn:vitalmesh:authority:HOSP|ann'], evidence });
  h.feed.publish({ tenant: 'clinic', patient: ann, kind: 'erased', vitals: [], at: TEST_NOW });
  assert.deepEqual([h.whereabouts.patients('clinic'), h.whereabouts.patient('clinic', ann)], [[], undefined]);
  assert.deepEqual([h.whereabouts.inBed('clinic', 'ICU-01'), h.whereabouts.isPatient(ann)], [null, false]);
  while ((await h.store.erasing.eraseSome(evidence)).more);
  await assert.rejects(measure(h, 3, -40, { value: 63, who: 'ann' }), /INGEST-ERASED/);
  await measure(h, 4, 1, { value: 64, who: 'ann' });
  assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { 'ICU-01': [64] });
  assert.notEqual(await idOf(h, 'ann'), ann);
});

test('there, back and there again within one minute is there; the same told by a second gateway changes nothing', async () => {
  verifies('SUBJECT-BY-MOVEMENTS');
  const registry = FOLLOWING_REGISTRY.replace('patient: pat-home-01 }', 'patient: pat-home-01, movements: true }');
  await using h = testHub({ clock: new TestClock(), registry });
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(h, 2, -60, 'A01', { who: 'bob', bed: 'ICU-02' });
  const there = [
    { who: 'ann', bed: 'ICU-02' },
    { who: 'bob', bed: 'ICU-01' },
  ];
  const back = [
    { who: 'ann', bed: 'ICU-01' },
    { who: 'bob', bed: 'ICU-02' },
  ];
  for (const [i, parties] of [there, back, there].entries()) await tell(h, 3 + i, -50, 'A17', ...parties);
  await measure(h, 1, -40, { value: 61 });
  assert.deepEqual(await held(h, ['ann', 'bob']), { bob: [61] });
  for (const [i, parties] of [there, back, there].entries())
    await h.ingest.batch('gw-home', movementBundle(1 + i, minute(-50), 'A17', parties, 'gw-home'));
  await h.corrections.settled();
  assert.deepEqual(await held(h, ['ann', 'bob']), { bob: [61] });
  // A movement that comes twice in two messages, with nothing in between, was one.
  await tell(h, 6, -30, 'A02', { who: 'bob', bed: 'ICU-03' });
  await tell(h, 7, -30, 'A02', { who: 'bob', bed: 'ICU-03' });
  await tell(h, 8, -20, 'A12', { who: 'bob', bed: 'ICU-01' });
  await measure(h, 2, -10, { value: 62 });
  assert.deepEqual(await held(h, ['ann', 'bob']), { bob: [61, 62] });
});

test('somebody who is erased while it is read who lies where is forgotten at the next look', async () => {
  verifies('NOBODY-FOR-SURE');
  await using h = hub();
  await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  const { placing, erasing } = h.store;
  const ann = await idOf(h, 'ann');
  const evidence = () => ({ ...READ, count: 0, action: 'patient.erase' as const });
  let isErased = false;
  async function* persons() {
    yield* placing.persons();
    if (isErased) return;
    isErased = true;
    await erasing.beginErasure({ tenant: 'clinic', patient: ann, reason: 'request', principal: 'local:1000', at: TEST_NOW, evidence });
    while ((await erasing.eraseSome(evidence)).more);
  }
  const reading = {
    placingVersion: placing.placingVersion.bind(placing),
    personsOf: placing.personsOf.bind(placing),
    deviceMoves: placing.deviceMoves.bind(placing),
    gatewaysOf: placing.gatewaysOf.bind(placing),
    moveDevice: placing.moveDevice.bind(placing),
    reassign: placing.reassign.bind(placing),
    persons,
  };
  const store = { placing: reading, events: h.store.events.bind(h.store) };
  const again = new Whereabouts({ store, gateways: () => h.registry.gateways(), clock: new TestClock() });
  await again.open();
  again.erased('clinic', ann);
  assert.equal(await again.refresh('clinic'), true);
  assert.equal(again.known('clinic', (id) => id === ann).length, 0);
});
