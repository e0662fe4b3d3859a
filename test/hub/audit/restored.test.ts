import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AuditDetail } from '../../../hub/access/access.ts';
import { formatVerdict } from '../../../hub/audit/format-verdict.ts';
import { type Against, type EvidenceVerdict, verifyEvidence } from '../../../hub/audit/notes.ts';
import { openSigningKey } from '../../../hub/audit/signing-key.ts';
import type { Witness } from '../../../hub/audit/witness.ts';
import { makeBackup } from '../../../hub/backup/backup.ts';
import { createRecoveryKey } from '../../../hub/backup/recovery-key.ts';
import { restoreBackup } from '../../../hub/backup/restore.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import type { Store } from '../../../hub/store/store.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { originOf, readCheckpoint, signCheckpoint } from '../../../shared/signed-note.ts';
import { createKeyFile } from '../../../shared/storage/key-file.ts';
import { arrivalOf, batchOf, event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW, TestClock } from '../../support/hub.ts';

interface Site {
  /** Of before the restore, up to its end. */
  old: Store;
  /** Made of the backup, as the restore left it. */
  restored: Store;
  /** Last entry of the backup. */
  position: number;
  /** What a gateway keeps of a store as it stands, at this time. */
  witness(store: Store, at?: number): Promise<Witness>;
  /** Signs a store as it stands; gives the note. */
  sign(store: Store): Promise<string>;
  verdict(store: Store, against?: Partial<Against>): Promise<EvidenceVerdict>;
}

const HOUR_MS = 3_600_000;

/** A store of five entries that was backed up, went on for three more, and was put back an hour later. */
async function site(body: (site: Site) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-restored-'));
  const [path, keyFile, recoveryKeyFile] = [join(folder, 'store.db'), join(folder, 'store.key'), join(folder, 'recovery.key')];
  const clock = new TestClock();
  const recipients = [createRecoveryKey(recoveryKeyFile)];
  createKeyFile(keyFile);
  try {
    await using old = openSqliteStore({ path, keyFile, metrics: new Metrics(), clock });
    await old.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
    const key = openSigningKey(join(folder, 'audit-key'), old.storeId, join(folder, 'audit-keys'));
    const sign = async (store: Store): Promise<string> => {
      const { seq, hash } = await store.auditHead();
      const note = signCheckpoint({ origin: originOf(store.storeId), size: seq, hash }, key.privateKey);
      await store.keepCheckpoint({ seq, note });
      return note;
    };
    await old.record([event(1), event(2), event(3), event(4)]);
    await sign(old);
    const from = join(folder, 'backup');
    const { position } = await makeBackup({ store: old, to: from, recipients, clock });
    await old.record([event(5), event(6), event(7)]);
    await sign(old);
    clock.advance(HOUR_MS);
    const to = { to: join(folder, 'restored.db'), keyFile: join(folder, 'restored.key') };
    await restoreBackup({ from, recoveryKeyFile, ...to, clock, uid: 7 });
    await using restored = openSqliteStore({ path: to.to, keyFile: to.keyFile, metrics: new Metrics(), clock });
    await body({
      ...{ old, restored, position, sign },
      async witness(store, at = TEST_NOW + 60_000) {
        const note = readCheckpoint(await sign(store)) ?? assert.fail();
        return { gateway: 'gw', key: key.verifier, checkpoint: note, at };
      },
      async verdict(store, against = {}) {
        const { seq: upTo } = await store.auditHead();
        const given = { storeId: store.storeId, upTo, checkpoints: store.checkpoints(), keys: [key.verifier] };
        return verifyEvidence(store.audit(), { ...given, ...against });
      },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a restore is told from a cut: by whom and when, which entries only their witnesses have, and what is proven', async () => {
  verifies('AUDIT-RESTORED');
  await site(async ({ old, restored, position, witness, sign, verdict }) => {
    const witnesses = [await witness(old)];
    const unsigned = await verdict(restored, { witnesses });
    assert.deepEqual([unsigned.intact, unsigned.fault, unsigned.seq], [false, 'restored', position + 1]);
    assert.deepEqual(unsigned.lost, { from: position, to: position + 3, notes: 1, restore: position + 1, known: false });
    assert.match(formatVerdict(unsigned, 'f'), /has NOT signed that entry/);
    await restored.record([event(8), event(9), event(10), event(11)]);
    await sign(restored);
    const found = await verdict(restored, { witnesses });
    assert.deepEqual(found.restores, [
      { seq: position + 1, at: TEST_NOW + HOUR_MS, by: 'local:7', position, madeAt: TEST_NOW, signed: true },
    ]);
    const said = formatVerdict(found, 'f');
    assert.match(said, /does not hold\. Entry 6: the evidence was put back by hand\./);
    assert.match(said, /Put back by hand at 2026-11-21T11:00:00.*by local:7: from a backup that ended at entry 5, made at 2026-11-21T10/);
    assert.match(said, /Entries 6 to 8 at least.*1 notes/);
    assert.match(said, /Not proven: that it was an honest restore/);
    const known = await verdict(restored, { witnesses, knownRestores: [position + 1] });
    assert.deepEqual([known.intact, known.fault], [true, null]);
    assert.match(formatVerdict(known, 'f'), /are intact.*\n(.*\n)*.*Entries 6 to 8 at least.*\n +You know of this restore/);
    assert.doesNotMatch(formatVerdict(known, 'f'), /--known-restore/);
    const own = await verdict(restored);
    assert.deepEqual([own.intact, own.restores.length, own.lost], [true, 1, null], 'without a witness nothing says that entries are lost');
  });
});

test('a known restore that is none is an error, which says where there is one', async () => {
  verifies('AUDIT-RESTORED');
  await site(async ({ old, restored, position, witness, verdict }) => {
    const witnesses = [await witness(old)];
    await assert.rejects(verdict(restored, { witnesses, knownRestores: [position + 2] }), {
      code: 'AUDIT-NO-RESTORE',
      detail: `entry ${position + 2} is none; restores are the entries ${position + 1}`,
    });
    await assert.rejects(verdict(old, { knownRestores: [2] }), {
      code: 'AUDIT-NO-RESTORE',
      detail: /there is no restore in this evidence$/,
    });
  });
});

test('what a restore lost is told as far as the hub had signed, once an operator answered for it as before', async () => {
  verifies('AUDIT-RESTORED', 'AUDIT-ACKNOWLEDGED');
  await site(async ({ old, restored, position, witness, sign, verdict }) => {
    const early = await witness(old);
    // The hub of before signed two more, of which no gateway has a note.
    await old.record([event(8), event(9)]);
    const kept = await sign(old);
    const before = await verdict(restored, { witnesses: [early], kept });
    const whole = { from: position, to: position + 5, restore: position + 1 };
    assert.deepEqual(before.lost, { ...whole, notes: 2, known: false });
    const args = { alarm: 'AUDIT-NOT-EXTENDED', since: position + 5 };
    await restored.record([event(9), event(10, { action: 'audit.acknowledge', detail: { args } })]);
    const own = await sign(restored);
    const after = await verdict(restored, { witnesses: [early], kept: own });
    assert.deepEqual([after.lost, after.fault], [{ ...whole, notes: 1, known: false }, 'restored']);
    const alone = await verdict(restored, { kept: own });
    assert.deepEqual([alone.intact, alone.lost], [true, { ...whole, notes: 0, known: false }]);
    assert.match(
      formatVerdict(alone, 'f'),
      /Entries 6 to 10 at least, as they were before, are not in this store: so far the hub had signed/,
    );
    assert.match(formatVerdict(alone, 'f'), /AUDIT-NOT-EXTENDED was acknowledged by/);
  });
});

test('an answer for something later says nothing of what a restore lost, behind which the hub had signed since', async () => {
  verifies('AUDIT-RESTORED');
  await site(async ({ restored, position, sign, verdict }) => {
    await restored.record([event(8)]);
    await sign(restored);
    const args = { alarm: 'AUDIT-NOT-EXTENDED', since: position + 50 };
    await restored.record([event(9), event(10, { action: 'audit.acknowledge', detail: { args } })]);
    await sign(restored);
    assert.equal((await verdict(restored)).lost, null);
  });
});

test('nothing but a restore of its own end accounts for a note: no cut, no claim of another end, no note of before it or taken since', async () => {
  verifies('AUDIT-RESTORED');
  await site(async ({ old, restored, position, witness, sign, verdict }) => {
    const late = await witness(old, TEST_NOW + 2 * HOUR_MS);
    await restored.record([event(8), event(9), event(10), event(11)]);
    await sign(restored);
    assert.deepEqual(
      [(await verdict(restored, { witnesses: [late] })).fault],
      ['rewritten'],
      'a gateway that got it afterwards got it from this hub',
    );
    const early = { ...late, at: TEST_NOW, checkpoint: { ...late.checkpoint, size: position, hash: Buffer.alloc(32) } };
    const before = await verdict(restored, { witnesses: [early] });
    assert.deepEqual([before.fault, before.seq], ['rewritten', position], 'what the backup held is not accounted for by it');
    const { hash } = await old.auditHead();
    const kept = await sign(old);
    const signedSince = await verdict(restored, { kept });
    assert.deepEqual([signedSince.fault, signedSince.seq], ['rewritten', 8], 'the hub keeps no note of before what it signed since');
    assert.ok(hash.length === 32);
  });
});

test('an entry that claims a restore without being of the end of the chain is no restore', async () => {
  verifies('AUDIT-RESTORED');
  await site(async ({ old, restored, position, witness, verdict }) => {
    const witnesses = [await witness(restored, TEST_NOW + 2 * HOUR_MS)];
    const claim = (args: AuditDetail['args']) => event(1, { at: TEST_NOW + 3 * HOUR_MS, action: 'store.restore', detail: { args } });
    const { seq, hash } = await old.auditHead();
    const digest = Buffer.from(hash).toString('hex');
    await old.record([claim({ position, digest, madeAt: TEST_NOW })]);
    await old.record([claim({ position: seq + 1, digest, madeAt: TEST_NOW })]);
    await old.record([claim({ position: seq + 2 })]);
    assert.deepEqual((await verdict(old)).restores, []);
    assert.equal((await verdict(old, { witnesses })).fault, 'rewritten');
  });
});
