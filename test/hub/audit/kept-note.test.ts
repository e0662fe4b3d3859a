import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { createAuditor } from '../../../hub/audit/auditor.ts';
import { genesisHash } from '../../../hub/audit/chain.ts';
import type { Checkpoints } from '../../../hub/audit/checkpoints.ts';
import { auditConfig, auditFilesOf } from '../../../hub/audit/config.ts';
import { formatVerdict } from '../../../hub/audit/format-verdict.ts';
import { readKeptNote, writeKeptNote } from '../../../hub/audit/kept-note.ts';
import { chainHash } from '../../../hub/audit/link.ts';
import { type EvidenceVerdict, verifyEvidence } from '../../../hub/audit/notes.ts';
import { openCheckpoints } from '../../../hub/audit/open-checkpoints.ts';
import { readVerifiers } from '../../../hub/audit/signing-key.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { silentLogger } from '../../../shared/log.ts';
import { readCheckpoint } from '../../../shared/signed-note.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';

interface Site {
  hub: TestHub;
  files: ReturnType<typeof auditFilesOf>;
  /** A run of the hub that records so many entries; what it says against the evidence. */
  run(entries: number): Promise<readonly string[]>;
  verdict(): Promise<EvidenceVerdict>;
  /** What signs, before it starts. */
  checkpoints(): Promise<Checkpoints>;
  sizes(): Promise<number[]>;
  /** Changes the store's file without its triggers while no hub has it. */
  tamper(work: (database: Database) => void): Promise<void>;
}

async function site(body: (site: Site) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-kept-'));
  const key = Buffer.alloc(32, 7);
  const clock = new TestClock();
  const open = (): TestHub => testHub({ dir, key, clock });
  const at = { hub: open() };
  let next = 0;
  const store = { type: 'sqlite', path: join(dir, 'hub.db') } as Parameters<typeof auditFilesOf>[1];
  const audit = auditConfig.parse({ checkpointEntries: 1 });
  const files = auditFilesOf(audit, store);
  const checkpoints = (): Promise<Checkpoints> =>
    openCheckpoints({ audit, store }, { store: at.hub.store, clock, metrics: at.hub.metrics, log: silentLogger });
  try {
    await body({
      get hub() {
        return at.hub;
      },
      files,
      checkpoints,
      async run(entries) {
        const made = await checkpoints();
        await made.start(AbortSignal.abort());
        if (entries > 0) await at.hub.store.record(Array.from({ length: entries }, () => event(next++)));
        await made[Symbol.asyncDispose]();
        return made.status().alarms;
      },
      async verdict() {
        const kept = readKeptNote(files.note);
        const { seq: upTo } = await at.hub.store.auditHead();
        return verifyEvidence(at.hub.store.audit(), {
          ...{ storeId: at.hub.store.storeId, upTo, checkpoints: at.hub.store.checkpoints(), keys: readVerifiers(files.verifiers), kept },
        });
      },
      sizes: async () => (await gathered(at.hub.store.checkpoints())).map(({ seq }) => seq),
      async tamper(work) {
        await at.hub.close();
        {
          using database = openDatabase({ path: join(dir, 'hub.db'), key, migrations: STORE_MIGRATIONS });
          database.write(() => {
            const triggers = database
              .prepare<[], { name: string; sql: string }>(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE 'audit%'",
              )
              .all();
            for (const { name } of triggers) database.prepare(`DROP TRIGGER ${name}`).run();
            work(database);
            for (const { sql } of triggers) database.prepare(sql).run();
          });
        }
        at.hub = open();
      },
    });
  } finally {
    await at.hub.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What an operator of such a hub asks, and as whom. */
function operatorOf(hub: TestHub, doubts?: Checkpoints) {
  const auditor = createAuditor({
    ...{ store: hub.store, policy: () => DEFAULT_POLICY, keys: () => [], replay: { ...hub, zone: 'UTC' }, clock: new TestClock() },
    ...(doubts && { doubts }),
  });
  return { auditor, callers: [operatorPrincipal(5, 'clinic')] };
}

/** Writes all entries behind a number anew, so that they agree with each other. */
function rewrite(database: Database, storeId: string, after: number): void {
  const [base] = database.prepare<[number], { hash: Uint8Array }>('SELECT hash FROM audit WHERE seq = ?').all(after);
  let hash: Uint8Array = base?.hash ?? genesisHash(storeId);
  const rows = database
    .prepare<[number], { seq: number; entry: string }>('SELECT seq, entry FROM audit WHERE seq > ? ORDER BY seq')
    .all(after);
  for (const { seq, entry } of rows) {
    const forged = entry.replace('"principal":"', '"principal":"other-');
    hash = chainHash(hash, forged);
    database.prepare<[string, Uint8Array, number]>('UPDATE audit SET entry = ?, hash = ? WHERE seq = ?').run(forged, hash, seq);
  }
}

test('the newest note is kept outside of the store, for its owner alone, and a run goes on from it', async () => {
  verifies('AUDIT-NOTE-KEPT');
  await site(async ({ files, run, verdict }) => {
    assert.deepEqual(await run(3), []);
    assert.equal(readCheckpoint(readFileSync(files.note, 'utf8'))?.size, 3);
    assert.equal(statSync(files.note).mode & 0o777, 0o600);
    assert.deepEqual(await run(2), []);
    assert.equal(readCheckpoint(readFileSync(files.note, 'utf8'))?.size, 5);
    const { intact, signedUpTo } = await verdict();
    assert.deepEqual([intact, signedUpTo], [true, 5]);
  });
});

test('evidence that was cut back to an earlier note, notes and all, is found, and not signed any more', async () => {
  verifies('AUDIT-NOTE-KEPT');
  await site(async ({ run, verdict, sizes, tamper }) => {
    await run(2);
    await run(3);
    await tamper((database) => {
      for (const table of ['auditSubject', 'audit', 'auditCheckpoint']) database.prepare(`DELETE FROM ${table} WHERE seq > 2`).run();
    });
    const cut = await verdict();
    assert.deepEqual([cut.intact, cut.fault, cut.seq], [false, 'cut', 3]);
    assert.deepEqual(await run(4), ['AUDIT-NOT-EXTENDED']);
    assert.deepEqual(await sizes(), [2]);
    const grown = await verdict();
    assert.deepEqual([grown.intact, grown.fault, grown.seq], [false, 'rewritten', 5]);
  });
});

test('evidence that was written anew behind an earlier note is found, and gets no signature', async () => {
  verifies('AUDIT-NOTE-KEPT');
  await site(async ({ hub, run, verdict, sizes, tamper }) => {
    await run(2);
    await run(3);
    await tamper((database) => {
      database.prepare('DELETE FROM auditCheckpoint WHERE seq > 2').run();
      rewrite(database, hub.store.storeId, 2);
    });
    const { fault, seq } = await verdict();
    assert.deepEqual([fault, seq], ['rewritten', 5]);
    assert.deepEqual(await run(1), ['AUDIT-NOT-EXTENDED']);
    assert.deepEqual(await sizes(), [2]);
    assert.equal((await verdict()).intact, false);
  });
});

test('a key that comes to evidence of before is told of and trusted by nobody until an operator lists it', async () => {
  verifies('AUDIT-NOTE-KEPT');
  await site(async ({ hub, files, run, verdict, tamper }) => {
    await run(3);
    await tamper((database) => {
      database.prepare('DELETE FROM auditCheckpoint').run();
      rewrite(database, hub.store.storeId, 0);
    });
    for (const file of Object.values(files)) rmSync(file);
    assert.deepEqual(await run(1), ['AUDIT-KEY-UNLISTED', 'AUDIT-NOTE-LOST']);
    assert.deepEqual(await run(1), ['AUDIT-KEY-UNLISTED', 'AUDIT-NOTE-LOST'], 'said at every start');
    const { fault, unknownKeys } = await verdict();
    assert.deepEqual([fault, unknownKeys.length], ['unsigned', 1]);
  });
});

test('a lost key whose list is still there leaves what comes after it uncovered', async () => {
  verifies('AUDIT-NOTE-KEPT');
  await site(async ({ files, run, verdict }) => {
    await run(3);
    rmSync(files.key);
    assert.deepEqual(await run(2), ['AUDIT-KEY-UNLISTED']);
    const { fault, seq } = await verdict();
    assert.deepEqual([fault, seq], ['unsigned', 4]);
  });
});

test('a kept note that is missing, open to others or none is told of', async () => {
  verifies('AUDIT-NOTE-KEPT');
  await site(async ({ files, run, verdict }) => {
    await run(1);
    rmSync(files.note);
    assert.deepEqual(await run(0), ['AUDIT-NOTE-LOST']);
    writeFileSync(files.note, 'nothing');
    assert.equal((await verdict()).fault, 'forged');
    assert.deepEqual(await run(0), ['AUDIT-NOTE-LOST']);
    rmSync(files.note);
    writeFileSync(files.note, 'nothing', { mode: 0o644 });
    assert.throws(() => readKeptNote(files.note), { code: 'AUDIT-NOTE-LOST' });
  });
});

test('a note that was lost stays told, whatever becomes of it since, until an operator answers for it, which is recorded', async () => {
  verifies('AUDIT-ACKNOWLEDGED');
  await site(async ({ files, hub, run, verdict, checkpoints }) => {
    await run(2);
    rmSync(files.note);
    assert.deepEqual(await run(1), ['AUDIT-NOTE-LOST']);
    assert.deepEqual(await run(1), ['AUDIT-NOTE-LOST'], 'the new note says so');
    const doubted = await verdict();
    assert.deepEqual(
      [doubted.intact, doubted.fault, doubted.seq, doubted.doubts],
      [false, 'doubted', 2, [{ code: 'AUDIT-NOTE-LOST', since: 2 }]],
    );
    rmSync(files.note);
    assert.deepEqual(await run(1), ['AUDIT-NOTE-LOST']);
    assert.deepEqual((await verdict()).doubts, [{ code: 'AUDIT-NOTE-LOST', since: 2 }], 'as before: the notes in the store say so, too');
    const signing = await checkpoints();
    await signing.start(AbortSignal.abort());
    const { auditor, callers } = operatorOf(hub, signing);
    await assert.rejects(auditor.acknowledge(callers, 'AUDIT-NOT-EXTENDED', { channel: 'operator' }), { code: 'AUDIT-NO-ALARM' });
    await assert.rejects(operatorOf(hub).auditor.acknowledge(callers, 'AUDIT-NOTE-LOST', { channel: 'operator' }), {
      code: 'AUDIT-NO-HUB',
    });
    await auditor.acknowledge(callers, 'AUDIT-NOTE-LOST', { channel: 'operator' });
    assert.deepEqual(signing.status().alarms, []);
    await signing[Symbol.asyncDispose]();
    assert.deepEqual(await run(1), []);
    const { intact, doubts, acknowledged } = await verdict();
    assert.deepEqual([intact, doubts], [true, []]);
    assert.deepEqual(
      acknowledged.map(({ by, alarm }) => [by, alarm]),
      [['local:5', 'AUDIT-NOTE-LOST']],
    );
  });
});

test('an earlier note of the store that is put in place of the kept one takes back nothing of what stands', async () => {
  verifies('AUDIT-ACKNOWLEDGED');
  await site(async ({ hub, files, run, verdict }) => {
    await run(2);
    const [first] = await gathered(hub.store.checkpoints());
    rmSync(files.note);
    assert.deepEqual(await run(1), ['AUDIT-NOTE-LOST']);
    writeKeptNote(files.note, first?.note ?? assert.fail());
    assert.deepEqual(await run(1), ['AUDIT-NOTE-LOST']);
    assert.deepEqual((await verdict()).doubts, [{ code: 'AUDIT-NOTE-LOST', since: 2 }]);
  });
});

test('evidence that was cut back to nothing, with the kept note, is told of while the key or the list of keys is there', async () => {
  verifies('AUDIT-NOTE-KEPT');
  for (const left of ['key', 'verifiers'] as const)
    await site(async ({ files, run, tamper }) => {
      assert.deepEqual(await run(3), []);
      await tamper((database) => {
        for (const table of ['auditSubject', 'audit', 'auditCheckpoint', 'patientKey']) database.prepare(`DELETE FROM ${table}`).run();
      });
      for (const name of ['key', 'verifiers', 'note'] as const) if (name !== left) rmSync(files[name]);
      const alarms = await run(1);
      assert.ok(alarms.includes('AUDIT-NOTE-LOST'), left);
      assert.deepEqual(await run(1), alarms, 'said at every start');
    });
});

test('whoever cuts the evidence back to an earlier note, and takes the kept one away, is told of at every start', async () => {
  verifies('AUDIT-ACKNOWLEDGED');
  await site(async ({ files, run, verdict, tamper }) => {
    await run(2);
    await run(3);
    await tamper((database) => {
      for (const table of ['auditSubject', 'audit', 'auditCheckpoint']) database.prepare(`DELETE FROM ${table} WHERE seq > 2`).run();
    });
    rmSync(files.note);
    for (let start = 0; start < 3; start += 1) assert.deepEqual(await run(1), ['AUDIT-NOTE-LOST']);
    // What was cut off once can be cut off again, but not the telling.
    await tamper((database) => {
      for (const table of ['auditSubject', 'audit', 'auditCheckpoint']) database.prepare(`DELETE FROM ${table} WHERE seq > 2`).run();
    });
    assert.deepEqual(await run(1), ['AUDIT-NOTE-LOST', 'AUDIT-NOT-EXTENDED']);
    rmSync(files.note);
    assert.deepEqual(await run(1), ['AUDIT-NOTE-LOST']);
    assert.equal((await verdict()).fault, 'doubted');
  });
});

test('what grows behind the last signature is signed by nobody, and verify says how much and since when', async () => {
  verifies('AUDIT-TAIL');
  await site(async ({ hub, run, verdict }) => {
    await run(3);
    assert.deepEqual((await verdict()).unsigned, { entries: 0, since: null });
    const at = TEST_NOW + 60_000;
    await hub.store.record([event(1, { at }), event(2, { at: at + 5000 })]);
    const found = await verdict();
    assert.deepEqual([found.intact, found.unsigned], [true, { entries: 2, since: at }]);
    assert.match(formatVerdict(found, ''), /^Nothing signed covers the last 2 entries yet since 2026-11-21T10:01:00/m);
    await run(0);
    assert.deepEqual((await verdict()).unsigned, { entries: 0, since: null });
  });
});
