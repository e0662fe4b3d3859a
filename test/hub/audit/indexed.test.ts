import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { genesisHash } from '../../../hub/audit/chain.ts';
import type { UnreadEntry } from '../../../hub/audit/evidence.ts';
import { formatRecord, formatReport } from '../../../hub/audit/format.ts';
import { misfiledEntry } from '../../../hub/audit/indexed.ts';
import { chainHash } from '../../../hub/audit/link.ts';
import { reportOf } from '../../../hub/audit/report.ts';
import { PROOF_STEP } from '../../../hub/audit/schema.ts';
import { entryText } from '../../../hub/audit/sealed.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { gathered, type TestHub, testHub } from '../../support/hub.ts';

const TENANT = 'clinic';
const BY = [
  ['nurse-1', 'pat-icu-01'],
  ['nurse-2', 'pat-icu-02'],
  ['nurse-3', 'pat-icu-01'],
  ['nurse-4', null],
] as const;

interface Tampered {
  hub: TestHub;
  /** Who is said to have seen a patient, and how many entries could not be opened. */
  seen(patient: string): Promise<[string[], number]>;
}

/** A store with four entries, changed without its triggers. */
async function tampered(work: (database: Database) => void, body: (at: Tampered) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-filed-'));
  const key = randomBytes(32);
  let hub = testHub({ dir, key });
  try {
    await hub.store.record(BY.map(([principal, patient], i) => ({ ...event(i), tenant: TENANT, principal, patient })));
    assert.equal(await misfiledEntry(hub.store), null);
    await hub.close();
    {
      using database = openDatabase({ path: join(dir, 'hub.db'), key, migrations: STORE_MIGRATIONS });
      database.write(() => {
        const triggers = database
          .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE 'audit%'")
          .all();
        for (const { name } of triggers) database.prepare(`DROP TRIGGER ${name}`).run();
        work(database);
      });
    }
    hub = testHub({ dir, key });
    const seen = async (patient: string): Promise<[string[], number]> => {
      const { accesses, unopened } = await reportOf(patient, hub.store.evidence(TENANT, {}));
      return [accesses.map(({ principal }) => principal), unopened];
    };
    await body({ hub, seen });
  } finally {
    await hub.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

test('an entry that the index of patients leaves out is found, and the report still has it', async () => {
  verifies('AUDIT-FILED');
  const drop = (database: Database): unknown => database.prepare('DELETE FROM auditSubject WHERE seq = 3').run();
  await tampered(drop, async ({ hub, seen }) => {
    assert.equal(await misfiledEntry(hub.store), 3);
    assert.deepEqual(await seen('pat-icu-01'), [['nurse-1', 'nurse-3'], 0]);
  });
});

test('names of patients that were swapped are found, and the report goes by the entries', async () => {
  verifies('AUDIT-FILED');
  const swap = (database: Database): void => {
    for (const [from, to] of [['pat-icu-01', 'x'] as const, ['pat-icu-02', 'pat-icu-01'] as const, ['x', 'pat-icu-02'] as const])
      database.prepare<[string, string]>('UPDATE patientKey SET patient = ? WHERE patient = ?').run(to, from);
  };
  await tampered(swap, async ({ hub, seen }) => {
    assert.equal(await misfiledEntry(hub.store), 1);
    assert.deepEqual(await seen('pat-icu-01'), [['nurse-1', 'nurse-3'], 0]);
    assert.deepEqual(await seen('pat-icu-02'), [['nurse-2'], 0]);
  });
});

test('a key that is missing is found where no erasure was recorded, and the report says what it cannot open', async () => {
  verifies('AUDIT-FILED');
  const drop = (database: Database): unknown => database.prepare("DELETE FROM patientKey WHERE patient = 'pat-icu-02'").run();
  await tampered(drop, async ({ hub, seen }) => {
    assert.equal(await misfiledEntry(hub.store), 2);
    assert.deepEqual(await seen('pat-icu-02'), [[], 1]);
  });
  const all = (database: Database): void => {
    for (const table of ['auditSubject', 'patientKey']) database.prepare(`DELETE FROM ${table}`).run();
  };
  await tampered(all, async ({ hub, seen }) => {
    assert.equal(await misfiledEntry(hub.store), 1);
    const [, unopened] = await seen('pat-icu-01');
    assert.equal(unopened, 3);
    assert.match(formatReport(await reportOf('pat-icu-01', hub.store.evidence(TENANT, {}))), /^3 entries cannot be opened/m);
  });
});

test('the key of a patient whose erasure stands in the evidence may be gone', async () => {
  verifies('AUDIT-FILED');
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-filed-'));
  const key = randomBytes(32);
  let hub = testHub({ dir, key });
  try {
    await hub.store.record(
      [event(1), event(2, { action: 'patient.erase' })].map((one) => ({ ...one, tenant: TENANT, patient: 'pat-icu-01' })),
    );
    await hub.close();
    {
      using database = openDatabase({ path: join(dir, 'hub.db'), key, migrations: STORE_MIGRATIONS });
      database.write(() => database.prepare('DELETE FROM patientKey').run());
    }
    hub = testHub({ dir, key });
    assert.equal(await misfiledEntry(hub.store), null);
  } finally {
    await hub.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a damaged entry is shown as damaged, and hides no other', async () => {
  verifies('AUDIT-FILED');
  const damage = (database: Database): unknown =>
    database.prepare(`UPDATE audit SET entry = replace(entry, '"sealed":"', '"sealed":"AA') WHERE seq = 1`).run();
  await tampered(damage, async ({ hub, seen }) => {
    const records = await gathered(hub.store.evidence(TENANT, {}));
    assert.deepEqual(
      records.map(({ event: { principal, patient }, damaged = false }) => [principal, patient, damaged]),
      BY.map(([principal, patient], i) => [principal, i === 0 ? null : patient, i === 0]),
    );
    assert.match(records[0] ? formatRecord(records[0]) : '', / DAMAGED /);
    assert.deepEqual(await seen('pat-icu-01'), [['nurse-3'], 1]);
    assert.deepEqual(await seen('pat-icu-02'), [['nurse-2'], 1]);
    assert.equal(await misfiledEntry(hub.store), 1);
  });
});

test('a row of the index that is of no entry, or of another one, is found by the entry that it names', async () => {
  verifies('AUDIT-FILED');
  const cases: [string, string, number][] = [
    ['an entry about nobody', 'INSERT INTO auditSubject (subject, seq) VALUES (1, 4)', 4],
    ['another patient beside its own', 'INSERT INTO auditSubject (subject, seq) VALUES (2, 3)', 3],
    ['another patient instead', 'UPDATE auditSubject SET subject = 2 WHERE seq = 1', 1],
    ['an entry that is not there', 'INSERT INTO auditSubject (subject, seq) VALUES (1, 99)', 99],
    ['what may have been shown, as if it were nothing', "UPDATE auditSubject SET shown = x'' WHERE seq = 3", 3],
    ['nothing shown, as if it were something', "UPDATE auditSubject SET shown = x'0102' WHERE seq = 1", 1],
    ['a patient who is not there', 'INSERT INTO auditSubject (subject, seq) VALUES (77, 2)', 2],
  ];
  for (const [what, statement, seq] of cases) {
    await tampered(
      (database) => database.prepare(statement).run(),
      async ({ hub }) => assert.equal(await misfiledEntry(hub.store), seq, what),
    );
  }
});

test('whom a list showed is listed as well: a row less, one more, and a name of nobody else are found', async () => {
  verifies('AUDIT-FILED', 'AUDIT-SHOWN');
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-filed-'));
  const key = randomBytes(32);
  const list = { ...event(9, { action: 'patients.list', patients: ['pat-a', 'pat-b'] }), tenant: TENANT };
  for (const [statement, seq] of [
    ['SELECT 1', null],
    ['DELETE FROM auditSubject WHERE subject = 2', 1],
    ['INSERT INTO auditSubject (subject, seq) VALUES (3, 1)', 1],
    ["UPDATE patientKey SET patient = 'pat-c' WHERE patient = 'pat-b'", 1],
  ] as const) {
    let hub = testHub({ dir, key });
    try {
      await hub.store.record([list, list]);
      await hub.close();
      {
        using database = openDatabase({ path: join(dir, 'hub.db'), key, migrations: STORE_MIGRATIONS });
        database.write(() => (statement.startsWith('SELECT') ? undefined : database.prepare(statement).run()));
      }
      hub = testHub({ dir, key });
      assert.equal(await misfiledEntry(hub.store), seq, statement);
    } finally {
      await hub.close();
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir);
    }
  }
  rmSync(dir, { recursive: true, force: true });
});

test('what is no entry stops no reading, whether the index over the entries still stands or not, and is told of', async () => {
  verifies('AUDIT-UNREAD');
  for (const [text, index] of [
    ['not JSON', true],
    ['not JSON', false],
    ['{"v":3,"tenant":"clinic","class":"reads"}', true],
    ['{"v":4,"tenant":"clinic","at":1}', true],
    ['[]', false],
  ] as const) {
    const broken = (database: Database): void => {
      if (!index) database.prepare('DROP INDEX auditByTime').run();
      database.prepare<[string]>('UPDATE audit SET entry = ? WHERE seq = 2').run(text);
      database.prepare('DELETE FROM auditSubject WHERE seq = 2').run();
    };
    await tampered(broken, async ({ hub, seen }) => {
      const unread: UnreadEntry[] = [];
      const records = await gathered(hub.store.evidence(TENANT, {}, (entry) => unread.push(entry)));
      assert.deepEqual([records.map(({ seq }) => seq), unread.map(({ seq }) => seq)], [[1, 3, 4], [2]], text);
      assert.deepEqual(await seen('pat-icu-01'), [['nurse-1', 'nurse-3'], 0]);
      const report = await reportOf('pat-icu-01', hub.store.evidence(TENANT, {}), [2]);
      assert.match(formatReport(report), /may have been about this one:\n {2}2 {2}CANNOT BE READ/);
      const told: number[] = [];
      assert.equal(await misfiledEntry(hub.store, (seq) => told.push(seq)), null);
      assert.deepEqual(told, [2]);
    });
  }
});

test('a store of a version before is verified and read as any, its lists as what does not say whom they showed', async () => {
  verifies('AUDIT-FILED', 'AUDIT-SHOWN');
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-filed-'));
  const [path, key, secret] = [join(dir, 'hub.db'), randomBytes(32), randomBytes(32)];
  try {
    {
      using old = openDatabase({ path, key, migrations: STORE_MIGRATIONS.slice(0, STORE_MIGRATIONS.indexOf(PROOF_STEP)) });
      const id = old.prepare<[], { value: string }>("SELECT value FROM meta WHERE name = 'storeId'").get()?.value ?? assert.fail();
      const member = { at: 1000, tenant: TENANT, principal: 'nurse-1', role: 'clinician' };
      const told = { outcome: 'allowed', reason: 'granted', count: 2, channel: 'mcp-2026' };
      const sealed = entryText(event(1, { tenant: TENANT, patient: 'pat-a' }), [{ subject: 1, secret, patient: 'pat-a' }], id);
      const { subject, sealed: part } = JSON.parse(sealed) as { subject: number; sealed: string };
      const entries = [
        { v: 2, ...member, action: 'vitals.read', ...told, detail: {}, subject, sealed: part },
        { ...member, action: 'patients.list', patient: null, ...told, detail: { response: 'ab' } },
      ].map((entry) => JSON.stringify(entry));
      old.write(() => {
        let hash = genesisHash(id);
        old.prepare<[string, Uint8Array]>("INSERT INTO patientKey (tenant, patient, secret) VALUES (?, 'pat-a', ?)").run(TENANT, secret);
        for (const [i, entry] of entries.entries()) {
          hash = chainHash(hash, entry);
          old.prepare<[number, string, Uint8Array]>('INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)').run(i + 1, entry, hash);
        }
        old.prepare('INSERT INTO auditSubject (subject, seq) VALUES (1, 1)').run();
      });
    }
    await using hub = testHub({ dir, key });
    assert.equal(await misfiledEntry(hub.store), null);
    const { accesses, general } = await reportOf('pat-a', hub.store.evidence(TENANT, {}));
    assert.deepEqual([accesses.map(({ action }) => action), general.map(({ action }) => action)], [['vitals.read'], ['patients.list']]);
    await hub.store.record([{ ...event(5, { action: 'patients.list', patients: ['pat-a'] }), tenant: TENANT }]);
    assert.equal(await misfiledEntry(hub.store), null);
    assert.equal((await gathered(hub.store.evidence(TENANT, { patient: 'pat-a' }))).length, 2);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
