import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuditEvent } from '../../../hub/access/access.ts';
import { appendAudit, readAudit, readEvidence } from '../../../hub/audit/audit-log.ts';
import { type ChainedEntry, genesisHash, verifyAudit } from '../../../hub/audit/chain.ts';
import { canonicalEvent, chainHash } from '../../../hub/audit/link.ts';
import { EVIDENCE_STEP } from '../../../hub/audit/schema.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';

const STORE = 'store-1';

function chainOf(length: number): ChainedEntry[] {
  let hash: Uint8Array = genesisHash(STORE);
  return Array.from({ length }, (_, i) => {
    const entry = canonicalEvent(event(i));
    hash = chainHash(hash, entry);
    return { seq: i + 1, entry, hash };
  });
}

test('a chain that nobody touched is intact', async () => {
  const chain = chainOf(20);
  assert.deepEqual(await verifyAudit(chain, STORE), { intact: true, entries: 20, gone: 0, head: chain.at(-1)?.hash });
  assert.deepEqual(await verifyAudit([], STORE), { intact: true, entries: 0, gone: 0, head: genesisHash(STORE) });
});

test('every alteration, removal, insertion and exchange is found at its first entry', async () => {
  verifies('AUDIT-CHAINED');
  const length = 12;
  const chain = chainOf(length);
  const at = fc.integer({ min: 0, max: length - 1 });
  const found = async (changed: readonly ChainedEntry[], first: number): Promise<void> => {
    const verdict = await verifyAudit(changed, STORE);
    assert.ok(!verdict.intact);
    assert.equal(verdict.seq, first);
  };
  await fc.assert(
    fc.asyncProperty(at, at, async (i, k) => {
      const entry = chain[i] ?? assert.fail();
      const other = chain[k] ?? assert.fail();
      await found(chain.with(i, { ...entry, entry: entry.entry.replace('"allowed"', '"denied"') }), i + 1);
      const hash = Buffer.from(entry.hash);
      hash[0] = (hash[0] ?? 0) ^ 1;
      await found(chain.with(i, { ...entry, hash }), i + 1);
      if (i < length - 1) await found(chain.toSpliced(i, 1), i + 1);
      if (i < length - 1) await found([...chain.slice(0, i), ...chain.slice(i + 1).map((e, n) => ({ ...e, seq: i + 1 + n }))], i + 1);
      await found(chain.toSpliced(i, 0, entry), i === 0 ? 2 : i + 2);
      if (i !== k) await found(chain.with(i, { ...other, seq: i + 1 }).with(k, { ...entry, seq: k + 1 }), Math.min(i, k) + 1);
    }),
    { numRuns: 100 },
  );
});

test('a chain cut at its end, or written anew, is found by a checkpoint', async () => {
  verifies('AUDIT-CHAINED');
  const chain = chainOf(10);
  const { seq, hash } = chain[7] ?? assert.fail();
  assert.ok((await verifyAudit(chain, STORE, [{ seq, hash }])).intact);
  assert.deepEqual(await verifyAudit(chain.slice(0, 5), STORE, [{ seq, hash }]), { intact: false, seq: 6, fault: 'cut' });
  assert.deepEqual(await verifyAudit(chain, STORE, [{ seq, hash: randomBytes(32) }]), { intact: false, seq, fault: 'rewritten' });
});

test('a chain of another store does not fit', async () => {
  assert.deepEqual(await verifyAudit(chainOf(3), 'store-2'), { intact: false, seq: 1, fault: 'altered' });
});

test('an event has one form, whatever the order of its members', async () => {
  const { at, ...rest } = event(1);
  assert.equal(canonicalEvent({ ...rest, at }), canonicalEvent(event(1)));
});

async function withDatabase(body: (database: Database) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-audit-'));
  try {
    using database = openDatabase({ path: join(folder, 'audit.db'), key: randomBytes(32), migrations: STORE_MIGRATIONS });
    await body(database);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the table takes the next entry and nothing else', async () => {
  verifies('AUDIT-CHAINED');
  await withDatabase(async (database) => {
    database.write(() => appendAudit(database, STORE, [event(1), event(2), event(3)]));
    const forbidden = [
      "UPDATE audit SET entry = 'x' WHERE seq = 2",
      'DELETE FROM audit WHERE seq = 3',
      'DELETE FROM audit',
      "INSERT OR REPLACE INTO audit (seq, entry, hash) VALUES (2, 'x', x'00')",
      "INSERT INTO audit (seq, entry, hash) VALUES (9, 'x', x'00')",
      "INSERT INTO audit (seq, entry, hash) VALUES (2, 'x', x'00') ON CONFLICT DO UPDATE SET entry = 'x'",
    ];
    for (const sql of forbidden) {
      assert.throws(
        () => database.write(() => database.prepare(sql).run()),
        (error: Error) => /append-only/.test(String(error.cause)),
        sql,
      );
    }
    const verdict = await verifyAudit(readAudit(database), STORE);
    assert.ok(verdict.intact && verdict.entries === 3);
  });
});

test('whoever gets around the triggers is found', async () => {
  verifies('AUDIT-CHAINED');
  const tampering = [
    ['UPDATE audit SET entry = replace(entry, \'"count":2\', \'"count":9\') WHERE seq = 2', 2],
    ['DELETE FROM audit WHERE seq = 2', 2],
    ['UPDATE audit SET seq = seq + 100 WHERE seq = 1; UPDATE audit SET seq = 1 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 101', 1],
  ] as const;
  for (const [sql, first] of tampering) {
    await withDatabase(async (database) => {
      database.write(() => appendAudit(database, STORE, [event(1), event(2), event(3), event(4)]));
      database.write(() => {
        for (const trigger of ['audit_no_update', 'audit_no_delete']) database.prepare(`DROP TRIGGER ${trigger}`).run();
        for (const step of sql.split(';')) database.prepare(step).run();
      });
      const verdict = await verifyAudit(readAudit(database), STORE);
      assert.ok(!verdict.intact);
      assert.equal(verdict.seq, first);
    });
  }
});

test('a transaction that is undone takes its evidence along, and the chain goes on', async () => {
  verifies('AUDIT-CHAINED');
  await withDatabase(async (database) => {
    database.write(() => appendAudit(database, STORE, [event(1)]));
    assert.throws(() =>
      database.write(() => {
        appendAudit(database, STORE, [event(2)]);
        throw new RangeError('undone');
      }),
    );
    database.write(() => appendAudit(database, STORE, [event(3)]));
    assert.deepEqual(
      [...readAudit(database)].map(({ entry }) => entry),
      [canonicalEvent(event(1)), canonicalEvent(event(3))],
    );
    assert.ok((await verifyAudit(readAudit(database), STORE)).intact);
  });
});

test('a long chain is walked in parts', async () => {
  await withDatabase(async (database) => {
    database.write(() =>
      appendAudit(
        database,
        STORE,
        Array.from({ length: 2500 }, (_, i) => event(i)),
      ),
    );
    const verdict = await verifyAudit(readAudit(database), STORE);
    assert.ok(verdict.intact && verdict.entries === 2500);
  });
});

test('a patient’s key that is destroyed takes what it sealed along, and the chain still verifies', async () => {
  verifies('AUDIT-SEALED');
  await withDatabase(async (database) => {
    const about = (patient: string): AuditEvent => event(1, { patient });
    database.write(() => appendAudit(database, STORE, [about('pat-1'), about('pat-2'), about('pat-1')]));
    database.write(() => database.prepare("DELETE FROM patientKey WHERE patient = 'pat-1'").run());
    const read = [...readEvidence(database, STORE, 'clinic', {})].flat();
    assert.deepEqual(
      read.map(({ event: { patient }, erased }) => [patient, erased]),
      [
        [null, true],
        ['pat-2', false],
        [null, true],
      ],
    );
    assert.deepEqual([...readEvidence(database, STORE, 'clinic', { patient: 'pat-1' })].flat(), []);
    assert.ok((await verifyAudit(readAudit(database), STORE)).intact);
    database.write(() => appendAudit(database, STORE, [about('pat-1')]));
    const subjects = [...readEvidence(database, STORE, 'clinic', {})].flat().map(({ subject }) => subject);
    assert.deepEqual(subjects, [1, 2, 1, 3], 'a number is never given again');
  });
});

test('entries of before, which name their patient, are found by patient once the store is opened by this version', async () => {
  verifies('AUDIT-SEALED');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-audit-'));
  try {
    const [path, key] = [join(folder, 'audit.db'), randomBytes(32)];
    {
      using old = openDatabase({ path, key, migrations: STORE_MIGRATIONS.slice(0, STORE_MIGRATIONS.indexOf(EVIDENCE_STEP)) });
      const append = (seq: number, entry: string, hash: Buffer): void =>
        void old.write(() =>
          old.prepare<[number, string, Buffer]>('INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)').run(seq, entry, hash),
        );
      let hash = genesisHash(STORE);
      for (const [i, recorded] of [event(1, { patient: 'pat-1' }), event(2), event(3, { patient: 'pat-1' })].entries()) {
        const text = JSON.stringify(recorded);
        hash = createHash('sha256').update(hash).update(text).digest();
        append(i + 1, text, hash);
      }
    }
    using database = openDatabase({ path, key, migrations: STORE_MIGRATIONS });
    database.write(() => appendAudit(database, STORE, [event(4, { patient: 'pat-1' })]));
    const counts = [...readEvidence(database, STORE, 'clinic', { patient: 'pat-1' })].flat().map(({ event: { count } }) => count);
    assert.deepEqual(counts, [1, 3, 4]);
    assert.ok((await verifyAudit(readAudit(database), STORE)).intact);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
