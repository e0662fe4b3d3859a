import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BindingKind, bindingsFrom, bindingsOf, type KeptBinding } from '../../../hub/registry/bindings.ts';
import { LiveRegistry } from '../../../hub/registry/live-registry.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { verifies } from '../../requirements.ts';

const NOW = 5000;

const kept = (kind: BindingKind, name: string, patient: string | null, since: number, tenant = 'clinic'): KeptBinding => ({
  gateway: 'gw-a',
  kind,
  name,
  tenant,
  patient,
  since,
});

test('a binding keeps its time while it stays as it was, and every change begins anew', () => {
  verifies('SUBJECT-BY-HUB', 'TENANT-EVERYWHERE');
  const cases: [string, KeptBinding[], KeptBinding[]][] = [
    ['unchanged', [kept('bed', 'A', 'pat-bed-01', 7)], [kept('bed', 'A', 'pat-bed-01', 7)]],
    ['other patient', [kept('bed', 'A', 'pat-bed-01', 7)], [kept('bed', 'A', 'pat-bed-02', NOW)]],
    ['emptied', [kept('bed', 'A', 'pat-bed-01', 7)], [kept('bed', 'A', null, NOW)]],
    ['stays empty', [kept('bed', 'A', null, 7)], [kept('bed', 'A', null, 7)]],
    ['given back', [kept('bed', 'A', null, 7)], [kept('bed', 'A', 'pat-bed-01', NOW)]],
    ['other tenant', [kept('patient', '', 'pat-home-01', 7)], [kept('patient', '', 'pat-home-01', NOW, 'other')]],
    ['device', [kept('device', 'A', 'pat-bed-01', 7)], [kept('device', 'A', 'pat-bed-02', NOW)]],
    ['new beside known', [kept('bed', 'A', null, 7)], [kept('bed', 'A', null, 7), kept('device', 'A', 'pat-bed-01', NOW)]],
    ['first listed', [], [kept('bed', 'A', 'pat-bed-01', NOW), kept('patient', '', 'pat-home-01', NOW)]],
  ];
  for (const [what, before, after] of cases)
    assert.deepEqual(
      bindingsFrom(
        before,
        after.map(({ since: _, ...next }) => next),
        NOW,
      ),
      after,
      what,
    );
});

test('what is gone stays with the time of that, once', () => {
  verifies('SUBJECT-BY-HUB');
  const gone = bindingsFrom([kept('device', 'A', 'pat-bed-01', 7)], [], NOW);
  assert.deepEqual(gone, [kept('device', 'A', null, NOW)]);
  assert.deepEqual(bindingsFrom(gone, [], NOW + 1), gone);
});

test('every place of a gateway is a binding, empty beds too', () => {
  const row = {
    identity: 'gw-a',
    tenant: 'clinic',
    patient: 'pat-home-01',
    beds: { A: 'pat-bed-01', B: null },
    devices: { A: 'pat-dev-01' },
  };
  assert.deepEqual(
    bindingsOf(row).map(({ kind, name, patient }) => [kind, name, patient]),
    [
      ['patient', '', 'pat-home-01'],
      ['bed', 'A', 'pat-bed-01'],
      ['bed', 'B', null],
      ['device', 'A', 'pat-dev-01'],
    ],
  );
});

test('the registry in force says since when', () => {
  const registry = parseRegistry('gateways: [{ identity: gw-a, tenant: clinic, beds: { A: pat-bed-01 } }]');
  assert.equal(new LiveRegistry(registry, []).gateway('gw-a')?.since, undefined);
  const live = new LiveRegistry(registry, [kept('bed', 'A', 'pat-bed-01', 7), kept('device', 'A', null, 8), kept('patient', '', null, 9)]);
  const since = live.gateway('gw-a')?.since;
  assert.deepEqual([since?.beds.get('A'), since?.devices.get('A'), since?.patient], [7, 8, 9]);
});
