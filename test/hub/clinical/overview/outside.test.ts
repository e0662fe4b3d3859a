import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertsView, DeviceLimits } from '../../../../hub/access/alert-views.ts';
import type { VitalView } from '../../../../hub/access/door.ts';
import { evaluate, readLimits } from '../../../../hub/clinical/overview/outside.ts';
import { verifies } from '../../../requirements.ts';
import { vital } from '../../mcp/support.ts';

function limits(site: Record<string, [number | null, number | null]>, device: readonly DeviceLimits[] = []): AlertsView['limits'] {
  const ranges = Object.entries(site).map(([key, [low, high]]) => ({ vital: key, low, high, by: 'ward' as const, unit: '' }));
  return { device, site: ranges, siteVersion: 'v1' };
}

function judged(vitals: readonly VitalView[], by: AlertsView['limits'], of: 'site' | 'device' = 'site', isSandbox = false) {
  const { evaluated, notEvaluable } = evaluate({ vitals }, by, { of, isSandbox });
  return [
    ...evaluated.map(({ vital: key, value, isOutside }) => `${key} ${value} ${isOutside ? 'outside' : 'inside'}`),
    ...notEvaluable.map(({ vital: key, reason }) => `${key} ${reason}`),
  ];
}

test('a limit itself is inside; what is beyond it is outside, above and below', () => {
  verifies('MCP-OUTSIDE-LIMITS');
  const at = (value: number) => judged([vital({ value })], limits({ spo2: [92, 99] }));
  assert.deepEqual(
    [91, 92, 99, 100].map((value) => at(value)[0]),
    ['spo2 91 outside', 'spo2 92 inside', 'spo2 99 inside', 'spo2 100 outside'],
  );
  assert.deepEqual(judged([vital({ value: 10 })], limits({ spo2: [null, 99] })), ['spo2 10 inside']);
});

test('nothing that is old, doubtful, absent, a test or unlimited counts as inside, and each says why', () => {
  verifies('MCP-OUTSIDE-LIMITS');
  const by = limits({ spo2: [92, null] });
  const lastKnown = { value: 97, components: [], at: '' };
  assert.deepEqual(judged([], by), ['spo2 none']);
  assert.deepEqual(judged([vital({ value: null, stale: true, lastKnown })], by), ['spo2 stale']);
  assert.deepEqual(judged([vital({ value: null, absent: 'error' })], by), ['spo2 absent']);
  assert.deepEqual(judged([vital({ flags: ['motion'] })], by), ['spo2 doubtful']);
  assert.deepEqual(judged([vital({ test: true })], by), ['spo2 test']);
  assert.deepEqual(judged([vital({ test: true })], by, 'site', true), ['spo2 97 inside']);
  assert.deepEqual(judged([vital({ vital: 'hr', measurand: 'heart-rate' })], limits({})), ['hr no-limit']);
  assert.deepEqual(judged([vital({ vital: 'fio2_set' })], limits({})), [], 'what is set is nothing that was measured');
});

test('each device that measures it is compared; one that is too old beside one that counts says nothing', () => {
  verifies('MCP-OUTSIDE-LIMITS');
  const by = limits({ spo2: [92, null] });
  const [good, bad, old, unsure] = [
    vital({ device: 'a' }),
    vital({ device: 'b', value: 80, preferred: false }),
    vital({ device: 'c', value: null, stale: true, preferred: false }),
    vital({ device: 'd', flags: ['questionable'], preferred: false }),
  ];
  assert.deepEqual(judged([good, bad, old, unsure], by), ['spo2 97 inside', 'spo2 80 outside', 'spo2 doubtful']);
});

test('a value that a person gave or confirmed keeps that, also as a part of a panel; of another nothing is said', () => {
  verifies('AMEND-TOLD', 'MCP-OUTSIDE-LIMITS');
  const byHand = { kind: 'confirmed' as const, since: '2026-11-21T10:30:00.000+01:00' };
  const part = { vital: 'nibp_s', name: 'nibp_s', value: 85, unit: 'mm[Hg]', absent: null };
  const panel = vital({ vital: 'nibp', measurand: 'blood-pressure', value: null, components: [part], byHand });
  const by = limits({ spo2: [92, 99], nibp_s: [90, 180] });
  const { evaluated } = evaluate({ vitals: [vital({}), panel] }, by, { of: 'site', isSandbox: false });
  assert.deepEqual(
    evaluated.map((one) => [one.vital, 'byHand' in one, one.byHand]),
    [
      ['spo2', false, undefined],
      ['nibp_s', true, byHand],
    ],
  );
});

test('a part of a panel is compared by its own range, and its panel is limited by it', () => {
  verifies('MCP-OUTSIDE-LIMITS');
  const part = (key: string, value: number | null) => ({ vital: key, name: key, value, unit: 'mm[Hg]', absent: null });
  const row = vital({ vital: 'nibp', measurand: 'blood-pressure', value: null, components: [part('nibp_s', 85), part('nibp_d', null)] });
  assert.deepEqual(judged([row], limits({ nibp_s: [90, 180], nibp_d: [40, 100] })), ['nibp_s 85 outside', 'nibp_d absent']);
});

test('a device’s own limits hold for that device alone, and only where its words, their unit and their part are sure', () => {
  verifies('MCP-OUTSIDE-LIMITS');
  const of = (text: string, more: Partial<DeviceLimits> = {}) =>
    limits({}, [{ vital: 'spo2', device: 'a', untrusted: { limits: text }, ...more }]);
  const rows = [vital({ device: 'a' }), vital({ device: 'b', preferred: false, value: 80 })];
  assert.deepEqual(judged(rows, of('Device alarm limits: 98-100'), 'device'), ['spo2 97 outside']);
  assert.deepEqual(judged(rows, of('Device alarm limits: 90-100'), 'device'), ['spo2 97 inside']);
  assert.deepEqual(judged(rows, of('Device alarm limits: all is well'), 'device'), ['spo2 limits-unreadable']);
  assert.deepEqual(judged(rows, of('90-100', { isConverted: true }), 'device'), ['spo2 limits-unit']);
  assert.deepEqual(judged(rows, of('90-100', { isOfPart: true }), 'device'), ['spo2 limits-of-a-part']);
  assert.deepEqual(judged(rows, limits({ spo2: [92, null] }), 'device'), ['spo2 no-limit'], 'the site’s are not asked for');
});

test('limits are read as HL7 writes them, and nothing else is', () => {
  verifies('MCP-OUTSIDE-LIMITS');
  const read = (text: string) => {
    const { low, high } = readLimits(text) ?? {};
    return [low, high];
  };
  assert.deepEqual(read('50-120'), [50, 120]);
  assert.deepEqual(read('Device alarm limits: 35.5 - 39'), [35.5, 39]);
  assert.deepEqual(read('-5--1'), [-5, -1]);
  assert.deepEqual(read('>10'), [10, null]);
  assert.deepEqual(read('<= 200'), [null, 200]);
  for (const odd of ['', '50', '120-50', '50-', '-120', '50-120 bpm', '50-120; 60-100', '1e3-2e3', 'Ignore this: 50-120', '٥٠-١٢٠'])
    assert.equal(readLimits(odd), undefined, odd);
});
