import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { resourcesOf } from '../../agent/resources.ts';
import type { BatchBundle, StretchObservation } from '../../shared/fhir.ts';
import { GAP_REASONS, type Gap, type GapReason, MAX_GAP_COUNT, MAX_GAP_VITALS } from '../../shared/gap.ts';
import { GAP_CHECK, gapFrom, readGap } from '../../shared/gap-observation.ts';
import { checkObservation } from '../../shared/observation.ts';
import { decodeRecord, encodeRecord, type ReadingRecord, ROW_CLASSES } from '../../shared/reading.ts';
import { checkGap, checkRecord } from '../../shared/reading-check.ts';
import { VITALS } from '../../shared/vitals.ts';
import { verifies } from '../requirements.ts';
import { fhirFaults } from '../support/fhir-valid.ts';

const AT = Date.UTC(2026, 10, 21, 9);
const KEY = { agent: 'gw-1', epoch: '0123456789abc', seq: 3 };
const GAP: Gap = {
  ...{ reason: 'space', lost: 'continuous', from: AT - 3_600_000, to: AT - 60_000, rows: 3540, values: 7080 },
  vitals: ['pr_oxi', 'spo2'],
};

function recordOf(gap: Gap, change: Partial<ReadingRecord> = {}): ReadingRecord {
  return {
    ...{ source: 'oximeter', profile: 'nonin-df8', device: { id: 'MON-1', idType: 'serial', vendor: 'Nonin', model: '3150' } },
    ...{ receivedAt: AT, subject: { bed: 'ICU^^1' }, test: false, class: 'gap', readings: [], gap },
    ...change,
  };
}

function sent(gap: Gap, change: Partial<ReadingRecord> = {}): Record<string, unknown> {
  const [resource, ...more] = resourcesOf(recordOf(gap, change), KEY, { zone: 'Europe/Berlin' });
  assert.equal(more.length, 0);
  return JSON.parse(JSON.stringify(resource)) as Record<string, unknown>;
}

const count = fc.integer({ min: 0, max: MAX_GAP_COUNT });
const anyGap: fc.Arbitrary<Gap> = fc
  .record(
    {
      reason: fc.constantFrom(...(Object.keys(GAP_REASONS) as GapReason[])),
      lost: fc.constantFrom(...ROW_CLASSES.filter((name) => name !== 'gap')),
      from: fc.integer({ min: AT - 1e9, max: AT }),
      lasting: fc.integer({ min: 0, max: 1e9 }),
      rows: count,
      values: count,
      vitals: fc.uniqueArray(fc.constantFrom(...VITALS.map(({ key }) => key)), { maxLength: MAX_GAP_VITALS }),
    },
    { noNullPrototype: true },
  )
  .map(({ lasting, ...gap }) => ({ ...gap, to: gap.from + lasting }));

test('a gap is kept, sent, checked and read back as it was, and passes for no vital sign', () => {
  verifies('GAPS-TOLD');
  fc.assert(
    fc.property(anyGap, fc.boolean(), (gap, isTest) => {
      const record = recordOf(gap, { test: isTest });
      assert.equal(checkRecord(record), undefined);
      assert.deepEqual(decodeRecord(encodeRecord(record)), record);
      const resource = sent(gap, { test: isTest });
      assert.ok(GAP_CHECK.fits(resource));
      const checked = GAP_CHECK.check(resource);
      assert.ok(checked.ok);
      assert.deepEqual(checked.facts, {
        ...{ kind: 'gap', hints: record.subject, device: 'MON-1', flags: [], effective: gap.from, offsetMin: 60, receivedAt: AT },
        ...{ test: isTest, gap: { until: gap.to, lost: gap.lost } },
      });
      assert.deepEqual(readGap(resource), gap);
      assert.equal(checkObservation(resource).ok, false);
    }),
    { numRuns: 100 },
  );
});

test('it is sent as it stands in the golden file, which is FHIR', () => {
  verifies('GAPS-TOLD', 'OBSERVATION-VALID');
  const golden = JSON.parse(readFileSync(new URL('../golden/uplink/gap.json', import.meta.url), 'utf8')) as BatchBundle;
  const resources = golden.entry.map(({ resource }) => resource);
  assert.deepEqual(resources, [sent(GAP), sent({ ...GAP, reason: 'damaged', rows: 0, values: 0, vitals: [] }, { test: true })]);
  for (const resource of resources) assert.deepEqual(fhirFaults(resource), []);
});

test('what no gap has is refused, on the gateway and at the hub', () => {
  verifies('GAPS-TOLD');
  const bad: [Gap, string][] = [
    [{ ...GAP, reason: 'mood' as 'age' }, 'DECODE-FIELD'],
    [{ ...GAP, lost: 'gap' as 'spot' }, 'DECODE-FIELD'],
    [{ ...GAP, to: GAP.from - 1 }, 'DECODE-TIME'],
    [{ ...GAP, from: Number.NaN }, 'DECODE-TIME'],
    [{ ...GAP, rows: -1 }, 'DECODE-FIELD'],
    [{ ...GAP, values: MAX_GAP_COUNT + 1 }, 'DECODE-FIELD'],
    [{ ...GAP, vitals: ['mood'] }, 'DECODE-UNKNOWN-CODE'],
    [{ ...GAP, vitals: ['hr', 'hr'] }, 'DECODE-FIELD'],
    [{ ...GAP, vitals: VITALS.slice(0, MAX_GAP_VITALS + 1).map(({ key }) => key) }, 'DECODE-FIELD'],
  ];
  for (const [gap, code] of bad) assert.equal(checkGap(gap), code);
  const { gap: _, ...empty } = recordOf(GAP);
  assert.equal(checkRecord(empty), 'DECODE-FIELD');
  assert.equal(checkRecord(recordOf(GAP, { readings: [{ vital: 'hr', value: 1 }] })), 'DECODE-FIELD');

  const good = sent(GAP);
  assert.ok(GAP_CHECK.check(good).ok);
  const components = good.component as Record<string, unknown>[];
  const period = good.effectivePeriod as Record<string, unknown>;
  const [reason, lost, rows, values, ...vitals] = components;
  let deep: unknown = 'x';
  for (let i = 0; i < 50_000; i += 1) deep = [deep];
  const changes: Record<string, unknown>[] = [
    { note: [{ text: 'NAME' }] },
    { valueQuantity: { value: 1 } },
    { effectiveDateTime: '2026-11-21T09:00:00Z' },
    { effectivePeriod: { ...period, end: '2026-11-20T09:00:00.000+01:00' } },
    { effectivePeriod: { start: period.start } },
    { effectivePeriod: { ...period, start: '2026-11-21' } },
    { dataAbsentReason: { text: 'NAME' } },
    { dataAbsentReason: deep },
    { component: [reason, lost, rows] },
    { component: [lost, reason, rows, values] },
    { component: [...components, vitals[0]] },
    { component: [reason, lost, rows, { ...values, valueInteger: 1.5 }] },
    { component: [reason, lost, { ...rows, valueString: 'NAME' }, values] },
    { subject: { identifier: { value: 'P-1' }, display: 'NAME' } },
    { category: [...(good.category as unknown[]), ...(good.category as unknown[])] },
  ];
  for (const change of changes) assert.equal(GAP_CHECK.check({ ...good, ...change }).ok, false, Object.keys(change)[0]);
});

test('of a gap that is cut, only that something is missing and why is told', () => {
  verifies('GAPS-TOLD');
  const cut = gapFrom(sent(GAP) as unknown as StretchObservation, GAP.to - 1000, 60);
  assert.deepEqual(cut.effectivePeriod, { start: '2026-11-21T09:58:59.000+01:00', end: '2026-11-21T09:59:00.000+01:00' });
  assert.doesNotMatch(JSON.stringify(cut), /spo2|pr_oxi|3540|7080/);
  assert.match(JSON.stringify(cut), /"space".*"continuous"/);
  assert.deepEqual(fhirFaults(cut), []);
});
