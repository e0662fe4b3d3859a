import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { restoreBackup } from '../../../hub/backup/restore.ts';
import { rowsOfErased } from '../../../hub/privacy/erased-again.ts';
import { settleErasures } from '../../../hub/privacy/finish-erasures.ts';
import { keyOfTombstones, readTombstones, setAside, writeTombstones } from '../../../hub/privacy/tombstone-file.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { markOf, type Tombstone, whoWasErased } from '../../../hub/store/erasing/tombstone.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { FOLLOWING_REGISTRY, held, idOf, measure, tell } from '../../support/following.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TEST_REGISTRY, TestClock, testHub } from '../../support/hub.ts';

const WHO = 'pat-icu-01';

function forged(change: Partial<Tombstone> = {}): Tombstone {
  const secret = randomBytes(32);
  const mark = markOf(secret, 'patient', 'clinic', WHO);
  return { tenant: 'clinic', secret, mark, at: TEST_NOW, reason: 'DSR-1', principal: 'local:0', others: [], ...change };
}

async function inFolder(body: (path: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-tombstones-'));
  try {
    await body(join(folder, 'hub.db.erased'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function put(path: string, content: unknown): void {
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
}

interface Written {
  version: number;
  generation: number;
  tombstones: { reason: string; others: string[] }[];
  mac: string;
}

test('a list is read as it was written, and one that no hub wrote is refused, so that its text does not come into the evidence', () =>
  inFolder((path) => {
    verifies('ERASE-READOPTED');
    assert.deepEqual(readTombstones(path), []);
    const one = forged({ others: ['ab'.repeat(32)] });
    writeTombstones(path, [one]);
    assert.deepEqual(readTombstones(path), [one]);
    writeTombstones(path, [one, forged()]);
    assert.equal(readTombstones(path).length, 2);
    for (const file of [path, keyOfTombstones(path)]) assert.equal(statSync(file).mode & 0o777, 0o600);
    for (const content of ['{}', 'x', '{"version":2}']) {
      put(path, content);
      assert.throws(() => readTombstones(path), { code: 'PATIENT-TOMBSTONES' });
      assert.throws(() => writeTombstones(path, []), { code: 'PATIENT-TOMBSTONES' });
    }
    for (const change of [{ reason: 'Mrs Doe, asked by phone' }, { principal: 'Mrs Doe' }, { reason: '' }]) {
      rmSync(path);
      rmSync(keyOfTombstones(path), { force: true });
      writeTombstones(path, [forged(change)]);
      assert.throws(() => readTombstones(path), { code: 'PATIENT-TOMBSTONES' });
    }
  }));

test('whoever has the list alone adds and drops no row unseen, changes none, and puts none of before back', () =>
  inFolder((path) => {
    verifies('ERASE-LIST-KEPT');
    writeTombstones(path, [forged({ reason: 'A' })]);
    const before = readFileSync(path, 'utf8');
    writeTombstones(path, [forged({ reason: 'A' }), forged({ reason: 'B' })]);
    const good = readFileSync(path, 'utf8');
    const alter = (change: (list: Written) => unknown): string => JSON.stringify(change(JSON.parse(good) as Written));
    const [more] = (JSON.parse(before) as Written).tombstones;
    const altered: Record<string, string> = {
      dropped: alter((list) => ({ ...list, tombstones: list.tombstones.slice(1) })),
      added: alter((list) => ({ ...list, tombstones: [...list.tombstones, more] })),
      changed: alter((list) => ({ ...list, tombstones: list.tombstones.map((row) => ({ ...row, reason: 'C' })) })),
      shortened: alter((list) => ({ ...list, tombstones: list.tombstones.map((row) => ({ ...row, others: ['00'.repeat(32)] })) })),
      turned: alter((list) => ({ ...list, tombstones: list.tombstones.toReversed() })),
      later: alter((list) => ({ ...list, generation: list.generation + 1 })),
      old: before,
      bare: alter(({ tombstones }) => ({ version: 1, tombstones })),
    };
    for (const [how, content] of Object.entries(altered)) {
      put(path, content);
      assert.throws(() => readTombstones(path), { code: 'PATIENT-TOMBSTONES-ALTERED' }, how);
      assert.throws(() => writeTombstones(path, []), { code: 'PATIENT-TOMBSTONES-ALTERED' }, how);
    }
    rmSync(path);
    assert.throws(() => readTombstones(path), { code: 'PATIENT-TOMBSTONES-ALTERED' });
    put(path, good);
    assert.equal(readTombstones(path).length, 2);
    rmSync(keyOfTombstones(path));
    assert.throws(() => readTombstones(path), { code: 'PATIENT-TOMBSTONES-ALTERED' });
  }));

test('a list of before lists had a key is taken over, and so is one whose writing was cut off before its key said so', () =>
  inFolder((path) => {
    verifies('ERASE-LIST-KEPT');
    writeTombstones(path, [forged()]);
    const first = readFileSync(path, 'utf8');
    const { tombstones } = JSON.parse(first) as Written;
    rmSync(keyOfTombstones(path));
    put(path, { version: 1, tombstones });
    const kept = readTombstones(path);
    assert.equal(kept.length, 1);
    writeTombstones(path, kept);
    const key = readFileSync(keyOfTombstones(path), 'utf8');
    writeTombstones(path, [...kept, forged()]);
    put(keyOfTombstones(path), key);
    assert.equal(readTombstones(path).length, 2);
    writeTombstones(path, [...kept, forged(), forged()]);
    assert.equal(readTombstones(path).length, 3);
    assert.ok(setAside(path, TEST_NOW)?.endsWith(`.aside-${TEST_NOW}`));
    assert.deepEqual(readTombstones(path), []);
    assert.equal(setAside(path, TEST_NOW), undefined);
  }));

test('no backup is put back beside a list that is not as it was written', () =>
  inFolder(async (path) => {
    verifies('ERASE-LIST-KEPT');
    writeTombstones(path, [forged()]);
    rmSync(path);
    const to = path.slice(0, -'.erased'.length);
    const options = { from: `${to}.backup`, recoveryKeyFile: `${to}.recovery`, to, keyFile: `${to}.key`, clock: new TestClock(), uid: 0 };
    await assert.rejects(restoreBackup(options), { code: 'PATIENT-TOMBSTONES-ALTERED' });
    assert.ok(!existsSync(to));
  }));

test('where registry.yaml names somebody who was erased, the row is said, and not the person', () => {
  verifies('ERASE-LISTED-AGAIN');
  const registry = parseRegistry(TEST_REGISTRY, 'registry.yaml');
  const rows = rowsOfErased(registry, whoWasErased([forged(), forged({ tenant: 'other' })]));
  assert.deepEqual(rows, ['beds of gateway gw-icu; patients of 1 client']);
  assert.deepEqual(rowsOfErased(registry, whoWasErased([])), []);
});

test('a list that cannot be followed erases nobody and stops no start: not one that is altered, nor one that names somebody under legal hold', () =>
  inFolder(async (path) => {
    verifies('ERASE-READOPTED', 'ERASE-HOLD', 'ERASE-LIST-KEPT');
    await using hub = testHub({ clock: new TestClock() });
    await hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, effective: TEST_NOW - 1000 })]));
    const hold = { tenant: 'clinic', patient: WHO, reason: 'CASE', principal: 'local:0', at: TEST_NOW };
    await hub.store.erasing.hold(hold, event(0, { patient: WHO }));
    const settled = async (): Promise<unknown> => (await settleErasures(hub.store, path, () => TEST_NOW)).fault?.code;
    writeTombstones(path, [forged()]);
    assert.equal(await settled(), 'PATIENT-TOMBSTONES');
    const list = readFileSync(path, 'utf8');
    put(path, list.replace('DSR-1', 'DSR-2'));
    assert.equal(await settled(), 'PATIENT-TOMBSTONES-ALTERED');
    await hub.store.erasing.release('clinic', WHO, 'CASE', event(0));
    assert.equal(await settled(), 'PATIENT-TOMBSTONES-ALTERED');
    assert.deepEqual(await hub.store.erasing.erasureCounts(), { erased: 0, underWay: 0, held: 0 });
    assert.equal((await hub.store.counts('clinic', () => event(0))).observations, 1);
    assert.deepEqual(
      (await evidenceOf(hub.store)).filter(({ action }) => action === 'patient.erase'),
      [],
    );
    put(path, list);
    assert.equal(await settled(), undefined);
    assert.equal((await hub.store.counts('clinic', () => event(0))).observations, 0);
  }));

test('a list that names somebody to whom readings were given of whoever is under legal hold is not followed, until the hold ends', () =>
  inFolder(async (path) => {
    verifies('ERASE-READOPTED', 'ERASE-HOLD');
    await using hub = testHub({ clock: new TestClock() });
    await hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, effective: TEST_NOW - 1000 })]));
    const other = 'pat-icu-02';
    const selection = { patient: WHO, from: TEST_NOW - 2000, to: TEST_NOW };
    const given = { tenant: 'clinic', kind: 'reassign', to: other, selection, reason: 'wrong-patient', at: TEST_NOW } as const;
    await hub.store.amend.amend(given, (kept) => kept.map((one) => event(1, { patient: one.patient })));
    hub.corrections.wake();
    await hub.corrections.settled();
    const hold = { tenant: 'clinic', patient: WHO, reason: 'CASE', principal: 'local:0', at: TEST_NOW };
    await hub.store.erasing.hold(hold, event(0, { patient: WHO }));
    const settled = async (): Promise<unknown> => (await settleErasures(hub.store, path, () => TEST_NOW)).fault?.code;
    const secret = randomBytes(32);
    writeTombstones(path, [forged({ secret, mark: markOf(secret, 'patient', 'clinic', other) })]);
    const stored = async (): Promise<number> => (await hub.store.counts('clinic', () => event(0))).observations;
    assert.equal(await settled(), 'PATIENT-TOMBSTONES');
    assert.deepEqual([await stored(), await hub.store.erasing.erasureCounts()], [1, { erased: 0, underWay: 0, held: 1 }]);
    await hub.store.erasing.release('clinic', WHO, 'CASE', event(0));
    assert.deepEqual([await settled(), await stored()], [undefined, 0]);
    // Of whom this store has erased nothing is taken any more, whoever is held by then.
    await hub.store.erasing.hold(hold, event(0, { patient: WHO })).catch(() => undefined);
    assert.equal(await settled(), undefined);
  }));

test('nor one by which readings that a late movement took away from somebody under legal hold would be erased', () =>
  inFolder(async (path) => {
    verifies('ERASE-READOPTED', 'ERASE-HOLD');
    await using h = testHub({ clock: new TestClock(), registry: FOLLOWING_REGISTRY });
    await tell(h, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
    await measure(h, 1, -50, { value: 61 });
    const [ann, bob] = [await idOf(h, 'ann'), await idOf(h, 'bob')];
    const hold = { tenant: 'clinic', patient: ann, reason: 'CASE', principal: 'local:0', at: TEST_NOW - 60_000 };
    await h.store.erasing.hold(hold, event(0, { patient: ann }));
    await tell(h, 2, -56, 'A03', { who: 'ann', bed: 'ICU-01' });
    await tell(h, 3, -55, 'A01', { who: 'bob', bed: 'ICU-01' });
    assert.deepEqual(await held(h, ['ann', 'bob']), { bob: [61] });
    const secret = randomBytes(32);
    writeTombstones(path, [forged({ secret, mark: markOf(secret, 'patient', 'clinic', bob) })]);
    const { fault } = await settleErasures(h.store, path, () => TEST_NOW);
    assert.equal(fault?.code, 'PATIENT-TOMBSTONES');
    assert.deepEqual(await held(h, ['ann', 'bob']), { bob: [61] });
  }));
