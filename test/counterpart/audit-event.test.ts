import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTIONS, type AuditEvent, PURPOSES } from '../../hub/access/access.ts';
import { auditEventOf } from '../../hub/audit/fhir.ts';
import { verifies } from '../requirements.ts';
import { evidenceRecord } from '../support/evidence.ts';
import { hapiValidate } from '../support/hapi.ts';

const STORE = '0123456789abcdef0123456789abcdef';
const OUTCOMES: readonly AuditEvent['outcome'][] = ['allowed', 'denied', 'failed'];

test('HAPI finds no error in an AuditEvent of any action, outcome, purpose and credential, about a patient, nobody, or somebody erased', async () => {
  verifies('AUDIT-EXPORT');
  const { detail: _, ...old } = evidenceRecord({}).event;
  const records = [
    ...ACTIONS.flatMap((action) =>
      OUTCOMES.flatMap((outcome) => [
        evidenceRecord({ action, outcome }),
        evidenceRecord({ action, outcome, patient: null }, { subject: null }),
        evidenceRecord({ action, outcome, patient: null, detail: {} }, { subject: 4, erased: true }),
      ]),
    ),
    ...PURPOSES.map((purpose) => evidenceRecord({ detail: { purpose, args: { vital: 'hr', from: 0, device: null } } })),
    evidenceRecord({ principal: 'local:0', role: 'operator', channel: 'operator', detail: { credential: { kind: 'local' } } }),
    { ...evidenceRecord({}), event: old },
  ].map((record, i) => ({ ...record, seq: i + 1 }));
  const lines = records.map((record) => JSON.stringify(auditEventOf(record, STORE)));
  const result = await hapiValidate(lines.join('\n'));
  assert.equal(result.errors, 0, result.text);
  assert.deepEqual([result.resources, result.valid], [records.length, records.length]);
});
