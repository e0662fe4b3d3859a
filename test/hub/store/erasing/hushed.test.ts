import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { hushed } from '../../../../hub/store/erasing/hushed.ts';
import { ErasedPeople, markOf } from '../../../../hub/store/erasing/tombstone.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW } from '../../../support/hub.ts';

test('of a refused part without a readable time nothing is kept where its gateway spoke for somebody who was erased', () => {
  verifies('ERASE-LATE');
  const secret = randomBytes(32);
  const mark = markOf(secret, 'patient', 'clinic', 'p');
  const others = [markOf(secret, 'gateway', 'clinic', 'gw-icu').toString('hex')];
  const erased = new ErasedPeople('clinic', [{ secret, mark, at: TEST_NOW, others }]);
  const kept = (received: string, gateway = 'gw-icu'): string =>
    hushed({ id: 'i', code: 'INGEST-INVALID', rule: 'r', received }, gateway, erased).received;
  const at = (time: string): string => JSON.stringify({ effectiveDateTime: time, value: 61 });
  for (const unreadable of ['{"value":61}', at('2026-11-31T10:00:00Z'), at('2026-11-20'), 'no JSON']) {
    assert.equal(kept(unreadable), '');
    assert.equal(kept(unreadable, 'gw-else'), unreadable);
  }
  const later = at(new Date(TEST_NOW + 60_000).toISOString());
  assert.equal(kept(later), later);
});
