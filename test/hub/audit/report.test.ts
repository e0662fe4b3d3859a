import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '../../../hub/access/access.ts';
import { reportOf } from '../../../hub/audit/report.ts';
import { verifies } from '../../requirements.ts';
import { evidenceRecord } from '../../support/evidence.ts';
import { TEST_NOW } from '../../support/hub.ts';

type Told = Partial<AuditEvent>;

const begun = (count: number, at = TEST_NOW): Told => ({ at, count, reason: 'granted' });
const ended = (count: number, patients: string[], at = TEST_NOW): Told => ({ at, count, patients, reason: 'closed' });

/** Who is said to have seen `pat-a`, and how many exports may have shown anybody. */
async function said(told: readonly Told[]): Promise<[own: number, general: number]> {
  const records = told.map((one) => evidenceRecord({ action: 'observations.export', patient: null, principal: 'local:7', ...one }));
  const { accesses, general } = await reportOf(
    'pat-a',
    (async function* () {
      yield* records;
    })(),
  );
  const times = (all: readonly { times: number }[]): number => all.reduce((sum, one) => sum + one.times, 0);
  return [times(accesses), times(general)];
}

test('an export of everybody that has no end stays in the report, whatever the same principal exports beside it', async () => {
  verifies('AUDIT-SHOWN');
  const later = TEST_NOW + 1;
  const cases: [name: string, told: Told[], own: number, general: number][] = [
    ['it alone', [begun(2)], 0, 1],
    ['an empty one behind it', [begun(2), begun(0, later), ended(0, [], later)], 0, 1],
    ['an empty one of the same millisecond', [begun(2), begun(0), ended(0, [])], 0, 1],
    ['an empty one before it', [begun(0), begun(2, later), ended(0, [])], 0, 1],
    ['an empty one that nobody read', [begun(2), begun(0, later)], 0, 1],
    ['one of others behind it', [begun(2), begun(2, later), ended(2, ['pat-b'], later)], 0, 1],
    ['one of this patient behind it', [begun(2), begun(2, later), ended(2, ['pat-a'], later)], 1, 1],
    ['one that was made patient by patient', [begun(2), begun(0, later), ended(2, [], later)], 0, 1],
  ];
  for (const [name, told, own, general] of cases) assert.deepEqual(await said(told), [own, general], name);
});

test('an export of everybody that has its end is no other, in whatever order they end', async () => {
  verifies('AUDIT-SHOWN');
  const later = TEST_NOW + 1;
  assert.deepEqual(await said([begun(2), ended(2, ['pat-b'])]), [0, 0]);
  assert.deepEqual(await said([begun(2), ended(0, [])]), [0, 0], 'nothing of it was read');
  assert.deepEqual(await said([begun(2), begun(3, later), ended(3, ['pat-a'], later), ended(2, ['pat-b'])]), [1, 0]);
  assert.deepEqual(await said([begun(2), begun(3), ended(2, ['pat-b']), ended(3, ['pat-b'])]), [0, 0]);
});
