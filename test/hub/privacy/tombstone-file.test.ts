import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { settleErasures } from '../../../hub/privacy/finish-erasures.ts';
import { readTombstones, writeTombstones } from '../../../hub/privacy/tombstone-file.ts';
import { markOf, type Tombstone } from '../../../hub/store/erasing/tombstone.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';

const WHO = 'pat-icu-01';

function forged(change: Partial<Tombstone> = {}): Tombstone {
  const secret = randomBytes(32);
  const mark = markOf(secret, 'patient', 'clinic', WHO);
  return { tenant: 'clinic', secret, mark, at: TEST_NOW, reason: 'DSR-1', principal: 'local:0', others: [], ...change };
}

test('a list that no hub wrote is refused, so that its text does not come into the evidence', () => {
  verifies('ERASE-READOPTED');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-tombstones-'));
  try {
    const path = join(folder, 'hub.db.erased');
    writeTombstones(path, [forged()]);
    assert.deepEqual(
      readTombstones(path).map(({ reason }) => reason),
      ['DSR-1'],
    );
    for (const change of [{ reason: 'Mrs Doe, asked by phone' }, { principal: 'Mrs Doe' }, { reason: '' }]) {
      writeTombstones(path, [forged(change)]);
      assert.throws(() => readTombstones(path), { code: 'PATIENT-TOMBSTONES' });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('nobody is erased by the list who is under legal hold: the store is not opened', async () => {
  verifies('ERASE-READOPTED', 'ERASE-HOLD');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-tombstones-'));
  await using hub = testHub({ clock: new TestClock() });
  try {
    await hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, effective: TEST_NOW - 1000 })]));
    const hold = { tenant: 'clinic', patient: WHO, reason: 'CASE', principal: 'local:0', at: TEST_NOW };
    await hub.store.erasing.hold(hold, event(0, { patient: WHO }));
    const path = join(folder, 'hub.db.erased');
    writeTombstones(path, [forged()]);
    await assert.rejects(
      settleErasures(hub.store.erasing, path, () => TEST_NOW),
      { code: 'PATIENT-TOMBSTONES' },
    );
    assert.deepEqual(await hub.store.erasing.erasureCounts(), { erased: 0, underWay: 0, held: 1 });
    assert.equal((await hub.store.counts('clinic', () => event(0))).observations, 1);
    assert.deepEqual(
      (await evidenceOf(hub.store)).filter(({ action }) => action === 'patient.erase'),
      [],
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
