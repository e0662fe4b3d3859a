import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CallersTold, callerFaults, compare, formatCallers, type Sight } from '../../../provisioning/demo/callers.ts';
import { type DemoSummary, faults, formatSummary } from '../../../provisioning/demo/summary.ts';
import { verifies } from '../../requirements.ts';

const sight = (patient: string, bed: string | null, hr: number, at = '2026-11-22T05:46:52.000Z'): Sight => ({
  patient,
  bed,
  vitals: [
    { name: 'SpO2', value: '97 %', at },
    { name: 'Heart rate', value: `${hr} /min`, at },
  ],
});

const NURSE = [sight('p-home-001', null, 70), sight('p-icu-0001', 'BED-1', 71), { patient: 'p-icu-0002', bed: 'BED-2', vitals: [] }];
const MASKED = '2141-06-19T05:46:52.000Z';
const RESEARCH = [sight('masked-b', null, 71, MASKED), sight('masked-a', null, 70, MASKED), { patient: 'masked-c', bed: null, vitals: [] }];
const UNKNOWN = 'ACCESS-UNKNOWN-CALLER';

test('one patient in bed is shown as three callers get it, the pseudonym found by what was measured', () => {
  const told = compare(NURSE, RESEARCH, UNKNOWN);
  assert.deepEqual([told.nurse?.patient, told.nurse?.bed, told.nurse?.patients], ['p-icu-0001', 'BED-1', 3]);
  assert.deepEqual([told.research?.patient, told.research?.bed, told.research?.at], ['masked-b', null, MASKED]);
  assert.deepEqual([told.nurse?.vital, told.nurse?.value], [told.research?.vital, told.research?.value]);
  assert.deepEqual(callerFaults(told), []);
  assert.deepEqual(formatCallers(told).split('\n').length, 4);
  assert.equal(compare(NURSE.slice(0, 1), RESEARCH, UNKNOWN).nurse?.patient, 'p-home-001');
  assert.equal(compare([], RESEARCH, UNKNOWN).nurse, null);
});

test('the demo goes wrong where the stranger gets in or the research agent is told who, where or when', () => {
  const told = compare(NURSE, RESEARCH, UNKNOWN);
  const { nurse, research } = told;
  assert.ok(nurse && research);
  const wrong: [Partial<CallersTold>, RegExp][] = [
    [{ stranger: null }, /let in/],
    [{ stranger: 'ACCESS-DENIED' }, /refused with ACCESS-DENIED/],
    [{ nurse: null }, /nobody/],
    [{ research: null }, /not shown the patient/],
    [{ research: { ...research, patients: 2 } }, /2 of 3/],
    [{ research: { ...research, patient: nurse.patient } }, /patient id/],
    [{ research: { ...research, bed: 'BED-1' } }, /a bed/],
    [{ research: { ...research, at: nurse.at } }, /real time/],
  ];
  for (const [change, said] of wrong) {
    const found = callerFaults({ ...told, ...change });
    assert.equal(found.length, 1, String(said));
    assert.match(found[0] ?? '', said);
  }
});

test('a run whose evidence does not hold is wrong, and says so', () => {
  verifies('DEMO-CALLERS');
  const summary: DemoSummary = {
    patients: 3,
    sources: { hl7: 1, serial: 1, mqtt: 1 },
    observations: { decoded: 3, stored: 3, ofNobody: 0, duplicates: 0, quarantined: 0 },
    notifications: 3,
    latencyMs: { p50: 1, p99: 2 },
    hubListeningSockets: 0,
    seen: { stale: 'p-home-002 Oxygen saturation — stale, last 97 % at 14:03' },
    callers: compare(NURSE, RESEARCH, UNKNOWN),
    evidence: { entries: 12, intact: true, witnesses: 1 },
  };
  assert.deepEqual(faults(summary), []);
  assert.match(formatSummary(summary), /^evidence: 12 entries, chain intact$/m);
  assert.match(
    formatSummary(summary),
    /^A transfer:\n {2}the run was too short for it\nA stale probe:\n {2}p-home-002 .* — stale, last 97 % at 14:03$/m,
  );
  const altered = { ...summary, evidence: { ...summary.evidence, intact: false } };
  assert.deepEqual(faults(altered), ['the evidence is not as it was written']);
  assert.doesNotMatch(formatSummary(altered), /intact/);
  assert.deepEqual(faults({ ...summary, evidence: { ...summary.evidence, entries: 0 } }), ['there is no evidence']);
  assert.equal(faults({ ...summary, callers: { ...summary.callers, stranger: null } }).length, 1);
});
