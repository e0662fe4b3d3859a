import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Correction } from '../../../hub/patients/hand/corrected.ts';
import { came, transferText } from '../../../provisioning/demo/transfer.ts';
import { verifies } from '../../requirements.ts';

const MOVED_AT = Date.UTC(2026, 10, 21, 14, 3, 5);

function correction(bed: string, was: string | null, is: string | null, rows: number, readers: readonly string[] = []): Correction {
  const readBy = readers.map((principal, seq) => ({ seq, at: MOVED_AT, principal, action: 'vitals.read', patient: was ?? '' }));
  return { at: MOVED_AT + 4000, bed, device: null, from: MOVED_AT, to: null, was, is, rows, readBy };
}

test('a transfer is told once both beds were put right, with how many had been shown what was wrong', () => {
  verifies('DEMO-CLINICAL');
  const here = correction('BED-4', null, 'p-1', 24);
  assert.equal(came([], MOVED_AT), undefined);
  assert.equal(came([here], MOVED_AT), undefined);
  const found = came([here, correction('BED-3', 'p-1', null, 18, ['nurse', 'nurse']), correction('BED-1', 'p-2', null, 99)], MOVED_AT);
  assert.ok(found);
  assert.equal(
    transferText(found),
    "p-1 went from BED-3 to BED-4 at 14:03:05, which was told 4 s late. Corrected: 24 values of BED-4 became theirs, 18 of BED-3 are nobody's; shown before to 1 reader",
  );
});
