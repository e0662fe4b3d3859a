import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resourcesOf } from '../../agent/resources.ts';
import { ALERT_FACETS, type DeviceAlert } from '../../shared/alert.ts';
import { ALERT_CHECK, readAlert } from '../../shared/alert-observation.ts';
import { checkObservation } from '../../shared/observation.ts';
import { decodeRecord, encodeRecord, FLAGS, type Flag, type ReadingRecord } from '../../shared/reading.ts';
import { checkAlert, checkRecord } from '../../shared/reading-check.ts';
import { verifies } from '../requirements.ts';

const AT = Date.UTC(2026, 10, 21, 9);
const KEY = { agent: 'gw-1', epoch: '0123456789abc', seq: 3 };

const ALERT: DeviceAlert = {
  code: { system: 'MDC', code: '196648' },
  text: 'SpO2 low',
  phase: 'start',
  state: 'active',
  priority: 'high',
  type: 'physiological',
  source: { vital: 'spo2', mdc: 150456 },
  instance: 'AL-77',
  effective: AT - 1500,
  offsetMin: 60,
  flags: ['clock'],
};

function recordOf(alerts: DeviceAlert[], change: Partial<ReadingRecord> = {}): ReadingRecord {
  const device = { id: 'MON-1', idType: 'serial' as const };
  const subject = { bed: 'ICU^^1', patient: { value: 'P-1', authority: 'HOSP' } };
  return {
    source: 'icu',
    profile: 'hl7-pcd01',
    device,
    receivedAt: AT,
    subject,
    test: false,
    class: 'alert',
    readings: [],
    alerts,
    ...change,
  };
}

const sent = (record: ReadingRecord): Record<string, unknown>[] =>
  JSON.parse(JSON.stringify(resourcesOf(record, KEY))) as Record<string, unknown>[];

const clean = fc.string({ unit: fc.constantFrom(...'aZ09 .-äß中'), minLength: 1, maxLength: 40 }).filter((text) => text.trim() !== '');
const anyAlert: fc.Arbitrary<DeviceAlert> = fc.record(
  {
    text: clean,
    phase: fc.constantFrom(...ALERT_FACETS.phase.values),
    state: fc.constantFrom(...ALERT_FACETS.state.values),
    priority: fc.constantFrom(...ALERT_FACETS.priority.values),
    type: fc.constantFrom(...ALERT_FACETS.type.values),
    inactivation: fc.constantFrom(...ALERT_FACETS.inactivation.values),
    code: fc.record({ system: fc.oneof(fc.constant('MDC'), clean), code: clean }, { noNullPrototype: true }),
    source: fc.constantFrom({ vital: 'hr' }, { mdc: 150456 }),
    instance: clean,
    effective: fc.integer({ min: AT - 1e9, max: AT }),
    flags: fc.uniqueArray(fc.constantFrom(...(Object.keys(FLAGS) as Flag[])), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['text', 'phase', 'state', 'priority', 'type'], noNullPrototype: true },
);

test('an alert is kept, sent, checked and read back as it was', () => {
  verifies('ALERTS-RELAYED');
  fc.assert(
    fc.property(anyAlert, fc.boolean(), (alert, isTest) => {
      const record = recordOf([alert], { test: isTest });
      assert.equal(checkRecord(record), undefined);
      assert.deepEqual(decodeRecord(encodeRecord(record)), record);
      const [resource] = sent(record);
      assert.ok(resource && ALERT_CHECK.fits(resource));
      const checked = ALERT_CHECK.check(resource);
      assert.ok(checked.ok);
      assert.deepEqual(checked.facts, {
        kind: 'alert',
        hints: record.subject,
        device: 'MON-1',
        flags: alert.flags ?? [],
        effective: alert.effective ?? AT,
        offsetMin: 0,
        receivedAt: AT,
        test: isTest,
      });
      assert.deepEqual(readAlert(resource), { effective: AT, offsetMin: 0, ...alert });
    }),
  );
});

test('several alerts of one record have an id each, and none passes for a vital sign', () => {
  verifies('ALERTS-RELAYED');
  const resources = sent(recordOf([ALERT, { ...ALERT, phase: 'end' }]));
  assert.deepEqual(
    resources.map(({ id }) => id),
    ['gw-1.0123456789abc.3.0', 'gw-1.0123456789abc.3.1'],
  );
  for (const resource of resources) assert.equal(checkObservation(resource).ok, false);
});

test('what no alert has is refused, on the gateway and at the hub', () => {
  verifies('ALERTS-RELAYED', 'DEVICE-TEXT-IS-DATA');
  const { code: _, text: __, ...bare } = ALERT;
  const bad: [DeviceAlert, string][] = [
    [bare, 'DECODE-FIELD'],
    [{ ...ALERT, text: 'a\nb' }, 'DECODE-FIELD'],
    [{ ...ALERT, text: 'x'.repeat(200) }, 'DECODE-FIELD'],
    [{ ...ALERT, phase: 'began' as 'start' }, 'DECODE-FIELD'],
    [{ ...ALERT, source: { vital: 'mood' } }, 'DECODE-FIELD'],
    [{ ...ALERT, effective: Number.NaN }, 'DECODE-TIME'],
    // On its way it would be longer than the hub takes.
    [{ ...ALERT, code: { system: '中'.repeat(120), code: '1' } }, 'DECODE-FIELD'],
  ];
  for (const [alert, code] of bad) assert.equal(checkAlert(alert), code);

  const [good] = sent(recordOf([ALERT]));
  assert.ok(good && ALERT_CHECK.check(good).ok);
  const components = good.component as unknown[];
  const changes: Record<string, unknown>[] = [
    { note: [{ text: 'NAME' }] },
    { component: components.slice(1) },
    { component: [...components, components[0]] },
    { valueString: 'a\u0007' },
    { status: 'registered' },
    { effectiveDateTime: '2026-11-21' },
    { extension: [...(good.extension as unknown[]), { url: 'https://elsewhere.example', valueString: 'NAME' }] },
    { extension: [...(good.extension as unknown[]), (good.extension as unknown[])[0]] },
    { subject: { identifier: { value: 'P-1' }, display: 'NAME' } },
    { code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '196616', display: 'MDC_EVT_ALARM' }], text: 'other' } },
  ];
  const [alarm] = (good.code as { coding: unknown[] }).coding;
  for (const system of ['urn:vitalmesh:alert-code:', 'urn:vitalmesh:alert-code:%', 'urn:vitalmesh:alert-code:%E4', 'http://loinc.org']) {
    const resource: Record<string, unknown> = { ...good, code: { coding: [alarm, { system, code: '1' }], text: 'Alert of a device' } };
    assert.equal(ALERT_CHECK.check(resource).ok, false, system);
    assert.equal(readAlert(resource), undefined, system);
  }
  for (const change of changes) assert.equal(ALERT_CHECK.check({ ...good, ...change }).ok, false, Object.keys(change)[0]);
});

test('what kind a resource is of is seen by its category alone, whatever that is', () => {
  verifies('ALERTS-RELAYED');
  const [good] = sent(recordOf([ALERT]));
  const [own] = (good?.category ?? []) as unknown[];
  const other = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] };
  for (const category of [[own], [other, own]]) assert.equal(ALERT_CHECK.fits({ ...good, category }), true);
  let deep: unknown = own;
  for (let i = 0; i < 100_000; i += 1) deep = [deep];
  for (const category of [[other], [], undefined, null, 'alert', [null, 1, { coding: {} }], deep, [{ coding: deep }]])
    assert.equal(ALERT_CHECK.fits({ ...good, category }), false);
});
