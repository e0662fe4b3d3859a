import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatListed } from '../../../hub/audit/format.ts';
import { showingOf } from '../../../hub/audit/saw.ts';
import { verifies } from '../../requirements.ts';
import { evidenceRecord } from '../../support/evidence.ts';
import { TEST_NOW } from '../../support/hub.ts';

const ONE = 'gw.e.1.0';
const shown = [[ONE, TEST_NOW]] as const;

test('an entry that does not say what it showed may have shown an observation, and one that cannot be opened is told apart', () => {
  verifies('AUDIT-READ');
  const of = (...record: Parameters<typeof evidenceRecord>): string => showingOf(evidenceRecord(...record), ONE);
  assert.equal(of({ action: 'vitals.read', detail: { shown } }), 'shown');
  assert.equal(of({ action: 'vitals.read', detail: { shown: [['gw.e.2.0', TEST_NOW]] } }), 'not');
  assert.equal(of({ action: 'vitals.read', count: 2, detail: {} }), 'maybe', 'a policy that keeps no ids');
  for (const patient of ['pat-icu-01', null]) {
    assert.equal(of({ detail: {}, action: 'observations.export', patient, count: 2 }), 'maybe');
    assert.equal(of({ detail: {}, action: 'observations.export', patient, count: 0 }), 'not');
    assert.equal(of({ detail: {}, action: 'observations.export', patient, count: 2, outcome: 'denied' }), 'not');
  }
  assert.equal(of({ detail: {}, action: 'observations.export', patient: null, patients: ['pat-icu-01'], count: 2 }), 'maybe');
  assert.equal(
    of({ detail: {}, action: 'observations.export', patient: null, patients: [], count: 2 }),
    'not',
    'each of its patients has an entry',
  );
  assert.equal(of({ detail: {}, action: 'observations.write', count: 2 }), 'not');
  assert.equal(of({ detail: {}, action: 'vitals.read', count: 2, patient: null }, { erased: true }), 'unopened');
  assert.equal(of({ detail: {}, action: 'vitals.read', count: 2, patient: null }, { damaged: true }), 'unopened');
  assert.equal(of({ detail: {}, action: 'observations.write', count: 2, patient: null }, { erased: true }), 'not');
  assert.match(formatListed({ unopened: 3 }), /^3 entries cannot be opened.*may have shown this observation/);
});
