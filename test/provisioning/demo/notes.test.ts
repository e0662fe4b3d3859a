import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noticed } from '../../../provisioning/demo/notes.ts';
import type { ShownPatient, ShownVital } from '../../../provisioning/demo/shown-patient.ts';
import { verifies } from '../../requirements.ts';

const AT = '2026-11-21T14:03:20.000+00:00';

function vital(key: string, name: string, value: number, stale = false): ShownVital {
  return {
    ...{ vital: key, name, unit: '%', absent: null, at: AT, stale, device: 'OX-0002', observation: `o-${key}`, storedAt: 0 },
    ...(stale ? { value: null, lastKnown: { value } } : { value }),
  };
}

function patient(bed: string | null, ...vitals: ShownVital[]): ShownPatient {
  return { patient: 'p-home-002', bed, vitals };
}

const SPO2 = 'Oxygen saturation (SpO2)';

test('what is stale is told once, in the place of a value', () => {
  verifies('DEMO-CLINICAL');
  const before = patient(null, vital('pi', 'Perfusion index', 3.1), vital('spo2', SPO2, 97));
  const after = patient(null, vital('pi', 'Perfusion index', 3.1, true), vital('spo2', SPO2, 97, true));
  assert.deepEqual(noticed(before, after), [{ kind: 'stale', text: `p-home-002 ${SPO2} — stale, last 97 % at 14:03` }]);
  assert.deepEqual(noticed(after, after), []);
  assert.deepEqual(noticed(undefined, after), [], 'what was never seen as current is no news');
});

test('a doubtful weight is told once, with how far it is from the last and when that was', () => {
  verifies('DEMO-CLINICAL');
  const scale = { ...vital('weight', 'Body weight', 82), unit: 'kg', at: '2026-11-20T18:00:00.000+01:00' };
  const after = patient(null, { ...scale, doubtful: { value: 64, at: '2026-11-21T07:12:00.000+01:00' } });
  const text = 'p-home-002 doubtful: 64 kg, 18 kg less than yesterday: somebody else on the scale?';
  assert.deepEqual(noticed(patient(null, scale), after), [{ kind: 'doubtful', text }]);
  assert.deepEqual(noticed(after, after), []);
  const told = (value: number, at: string) => noticed(patient(null, scale), patient(null, { ...scale, doubtful: { value, at } }))[0]?.text;
  assert.match(told(91.3, '2026-11-20T19:00:00.000+01:00') ?? '', / 9\.3 kg more than at 18:00: /);
  assert.match(told(91, '2026-11-23T19:00:00.000+01:00') ?? '', / 9 kg more than 3 days ago: /);
});

test('another bed is told; somebody at home, or whose bed is not known for sure, has moved nowhere', () => {
  verifies('DEMO-CLINICAL');
  const moved = noticed(patient('BED-3'), patient('BED-4'));
  assert.deepEqual(moved, [{ kind: 'transfer', text: 'p-home-002 lies in BED-4 now, no longer in BED-3' }]);
  for (const [before, now] of [
    ['BED-3', 'BED-3'],
    [null, 'BED-4'],
    ['BED-3', null],
  ] as const)
    assert.deepEqual(noticed(patient(before), patient(now)), []);
});
