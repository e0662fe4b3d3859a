import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Moved } from '../../../hub/registry/live-registry.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { verifies } from '../../requirements.ts';
import { boundSinceEver } from '../../support/hub.ts';
import { SaidPresence } from '../../support/presence.ts';

const REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { A: followed, B: followed, C: pat-static-01 } }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01 }
clients:
  - { identity: ai-a, tenant: clinic, kind: person, role: clinician, patients: [pat-moved-1] }
  - { identity: ai-all, tenant: clinic, kind: person, role: clinician, patients: all }
wards:
  icu: { tenant: clinic, beds: [A] }
  step: { tenant: clinic, beds: [B, C] }
panels:
  heart: { tenant: clinic, patients: [pat-moved-1, pat-home-01] }
`;

function live(presence: SaidPresence) {
  const registry = boundSinceEver(parseRegistry(REGISTRY), presence);
  const told: (readonly Moved[])[] = [];
  registry.onMoved((moved) => told.push(moved));
  return { registry, told };
}

test('whoever lies in a followed bed is a patient of its ward, from that movement on, and is told with where they were', () => {
  verifies('BEDS-FOLLOWED', 'MOVEMENTS-REACH');
  const presence = new SaidPresence();
  const { registry, told } = live(presence);
  assert.deepEqual(registry.inBed('clinic', 'A'), null);
  presence.put({ 'pat-moved-1': 'A' });
  const inA = { patient: 'pat-moved-1', bed: 'A', ward: 'icu', panels: ['heart'] };
  assert.deepEqual(registry.patients('clinic'), [
    { patient: 'pat-home-01', bed: null, panels: ['heart'] },
    inA,
    { patient: 'pat-static-01', bed: 'C', ward: 'step' },
  ]);
  assert.equal(registry.inBed('clinic', 'A'), 'pat-moved-1');
  assert.ok(registry.isPatient('pat-moved-1'));
  assert.equal(registry.patient('other', 'pat-moved-1'), undefined);
  presence.put({ 'pat-moved-1': 'B' });
  presence.put({ 'pat-moved-1': 'B' });
  presence.discharge('pat-moved-1', 1000);
  const inB = { ...inA, bed: 'B', ward: 'step' };
  assert.deepEqual(told, [
    [{ tenant: 'clinic', patient: 'pat-moved-1' }],
    [{ tenant: 'clinic', patient: 'pat-moved-1', was: inA }],
    [{ tenant: 'clinic', patient: 'pat-moved-1', was: inB }],
  ]);
  assert.deepEqual(registry.patient('clinic', 'pat-moved-1'), {
    patient: 'pat-moved-1',
    bed: null,
    panels: ['heart'],
    discharged: 1000,
  });
  assert.deepEqual(
    registry.patients('clinic').map(({ patient }) => patient),
    ['pat-home-01', 'pat-static-01'],
  );
});

test('whoever a panel names is a patient also where no gateway speaks for them, and that is said', () => {
  verifies('WARDS-AND-PANELS');
  const presence = new SaidPresence();
  const { registry } = live(presence);
  const alone = { patient: 'pat-moved-1', bed: null, panels: ['heart'], withoutGateway: true };
  assert.deepEqual(registry.patient('clinic', 'pat-moved-1'), alone);
  assert.ok(registry.patients('clinic').some(({ patient, withoutGateway }) => patient === 'pat-moved-1' && withoutGateway));
  assert.equal(registry.patient('other', 'pat-moved-1'), undefined);
  presence.put({ 'pat-moved-1': 'A' });
  assert.equal(registry.patient('clinic', 'pat-moved-1')?.withoutGateway, undefined);
});

test('a reload of the file tells of those whose ward it changed, also where movements put them there', () => {
  verifies('MOVEMENTS-REACH', 'WARDS-AND-PANELS');
  const presence = new SaidPresence().put({ 'pat-moved-1': 'A' });
  const { registry, told } = live(presence);
  const was = registry.patient('clinic', 'pat-moved-1');
  const moved = registry.replace(parseRegistry(REGISTRY.replace('beds: [A]', 'beds: [B]').replace('[B, C]', '[A, C]')), []);
  assert.deepEqual(moved, [{ tenant: 'clinic', patient: 'pat-moved-1', was }]);
  presence.put({ 'pat-moved-1': 'A' });
  assert.deepEqual(told, [], 'what the reload told is not told again');
});

test('a merged id means the one that survived, on its panels and in rows of clients, and both are told', () => {
  verifies('MERGED-RESOLVES');
  const presence = new SaidPresence().put({ 'pat-moved-1': 'A', 'pat-moved-2': 'B' });
  const { registry, told } = live(presence);
  const before = registry.principal('ai-a');
  assert.deepEqual(before?.patients, ['pat-moved-1']);
  assert.equal(registry.principal('ai-a')?.patients, before?.patients, 'rows are the same ones while nothing is merged');
  presence.merge('pat-moved-1', 'pat-moved-2');
  const survivor = { patient: 'pat-moved-2', bed: 'B', ward: 'step', panels: ['heart'] };
  assert.deepEqual(registry.patient('clinic', 'pat-moved-1'), { ...survivor, mergedFrom: 'pat-moved-1' });
  assert.deepEqual(registry.patient('clinic', 'pat-moved-2'), survivor);
  assert.deepEqual(registry.principal('ai-a')?.patients, ['pat-moved-1', 'pat-moved-2']);
  assert.deepEqual(registry.clients()[0]?.patients, ['pat-moved-1', 'pat-moved-2']);
  assert.equal(registry.principal('ai-all')?.patients, 'all');
  assert.deepEqual(
    told.flat().map(({ patient, was }) => [patient, was?.bed]),
    [
      ['pat-moved-1', 'A'],
      ['pat-moved-2', 'B'],
    ],
  );
});

test('whom a row of the registry binds stays that patient, in the bed of now, and is never discharged', () => {
  verifies('MERGED-RESOLVES', 'LISTED-AND-MOVED');
  const presence = new SaidPresence().put({ 'pat-home-01': 'A', 'pat-moved-2': 'B', 'pat-static-01': 'B' });
  const { registry } = live(presence);
  assert.deepEqual(registry.patient('clinic', 'pat-home-01'), { patient: 'pat-home-01', bed: 'A', ward: 'icu', panels: ['heart'] });
  assert.deepEqual(registry.patient('clinic', 'pat-static-01'), { patient: 'pat-static-01', bed: 'B', ward: 'step' });
  presence.merge('pat-home-01', 'pat-moved-2');
  assert.deepEqual(registry.patient('clinic', 'pat-home-01'), {
    ...{ patient: 'pat-home-01', bed: null, panels: ['heart'] },
    alsoKnownAs: { patient: 'pat-moved-2', bed: 'B', ward: 'step' },
  });
  assert.deepEqual(registry.patient('clinic', 'pat-moved-2')?.panels, ['heart'], 'whoever reads the panel reaches both');
  presence.discharge('pat-static-01', 1000);
  assert.deepEqual(registry.patient('clinic', 'pat-static-01'), { patient: 'pat-static-01', bed: 'C', ward: 'step', leftBed: 1000 });
  presence.merge('pat-moved-2', 'pat-home-01');
  assert.deepEqual(registry.patient('clinic', 'pat-moved-2')?.mergedFrom, 'pat-moved-2');
  assert.deepEqual(registry.patient('clinic', 'pat-moved-2')?.patient, 'pat-home-01');
});

test('what movements tell of whom a row binds is told with where they were, and a reload tells it too', () => {
  verifies('LISTED-AND-MOVED', 'MOVEMENTS-REACH');
  const presence = new SaidPresence().put({ 'pat-home-01': 'A', 'pat-moved-2': 'B' });
  const { registry, told } = live(presence);
  const inA = { patient: 'pat-home-01', bed: 'A', ward: 'icu', panels: ['heart'] };
  presence.discharge('pat-home-01', 1000);
  assert.deepEqual(told.pop(), [{ tenant: 'clinic', patient: 'pat-home-01', was: inA }]);
  const left = { patient: 'pat-home-01', bed: null, panels: ['heart'], leftBed: 1000 };
  assert.deepEqual(registry.patient('clinic', 'pat-home-01'), left);
  presence.discharge('pat-home-01', 2000);
  assert.deepEqual(told.pop(), [{ tenant: 'clinic', patient: 'pat-home-01', was: left }]);
  presence.doubt('pat-home-01', ['A', 'B']);
  const { unplaced, possible, ward } = registry.patient('clinic', 'pat-home-01') ?? {};
  const beds = [
    { bed: 'A', ward: 'icu' },
    { bed: 'B', ward: 'step' },
  ];
  assert.deepEqual([unplaced, possible, ward], [true, beds, undefined], 'nobody reads them by a ward in which they may be');
  presence.merge('pat-home-01', 'pat-moved-2');
  told.length = 0;
  presence.put({ 'pat-moved-2': 'A' });
  presence.merge('pat-home-01', 'pat-moved-2');
  assert.deepEqual(registry.patient('clinic', 'pat-home-01')?.alsoKnownAs, { patient: 'pat-moved-2', bed: 'A', ward: 'icu' });
  assert.ok(told.flat().some(({ patient }) => patient === 'pat-home-01'));
  assert.deepEqual(registry.replace(parseRegistry(REGISTRY), []), []);
});

test('a row of a client that names whom a row binds names the other id of theirs, too', () => {
  verifies('LISTED-AND-MOVED');
  const presence = new SaidPresence().put({ 'pat-home-01': 'A', 'pat-moved-2': 'B' });
  const registry = boundSinceEver(
    parseRegistry(REGISTRY.replace('patients: [pat-moved-1] }\n  -', 'patients: [pat-home-01] }\n  -')),
    presence,
  );
  assert.deepEqual(registry.principal('ai-a')?.patients, ['pat-home-01']);
  presence.merge('pat-home-01', 'pat-moved-2');
  assert.deepEqual(registry.principal('ai-a')?.patients, ['pat-home-01', 'pat-moved-2']);
  presence.put({ 'pat-home-01': 'A' });
  assert.deepEqual(registry.principal('ai-a')?.patients, ['pat-home-01'], 'once they are parted, no longer');
});

test('whoever is moved to where nobody follows is on no list, as after a discharge, and comes from nowhere', () => {
  verifies('LEFT-NOT-DISCHARGED', 'MOVEMENTS-REACH');
  const presence = new SaidPresence().put({ 'pat-moved-1': 'A' });
  const { registry, told } = live(presence);
  const inA = { patient: 'pat-moved-1', bed: 'A', ward: 'icu', panels: ['heart'] };
  presence.leave('pat-moved-1', 1000);
  assert.deepEqual(told.pop(), [{ tenant: 'clinic', patient: 'pat-moved-1', was: inA }]);
  const { leftBed, elsewhere, unplaced, ward } = registry.patient('clinic', 'pat-moved-1') ?? {};
  assert.deepEqual([leftBed, elsewhere, unplaced, ward], [1000, true, undefined, undefined]);
  assert.ok(registry.patients('clinic').every(({ patient }) => patient !== 'pat-moved-1'));
  presence.put({ 'pat-moved-1': 'B' });
  assert.deepEqual(told.pop(), [{ tenant: 'clinic', patient: 'pat-moved-1' }]);
});
