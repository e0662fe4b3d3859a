import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EvidenceVerdict } from '../../../hub/audit/notes.ts';
import { openSigningKey } from '../../../hub/audit/signing-key.ts';
import { originOf } from '../../../shared/signed-note.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { TEST_NOW } from '../../support/hub.ts';

import { type Ran, rowsOf } from '../../support/operator-command.ts';
import { auditSite as site } from './audit-site.ts';

const verdictOf = (ran: Ran): EvidenceVerdict => rowsOf<EvidenceVerdict>(ran)[0] ?? assert.fail(ran.stderr);

test('an alarm of the evidence is acknowledged by a hub that runs, and by no other; the keys and restores that one knows of are taken as such', async () => {
  verifies('AUDIT-ACKNOWLEDGED', 'AUDIT-SIGNED');
  await site(async ({ audit, sign, folder, signing }) => {
    assert.match((await audit('acknowledge', '--alarm', 'AUDIT-NOTE-LOST')).stderr, /^AUDIT-NO-HUB/);
    assert.match((await audit('acknowledge', '--alarm', 'AUDIT-KEY')).stderr, /^USAGE.*AUDIT-NOTE-LOST or AUDIT-NOT-EXTENDED/);
    await sign();
    const copy = join(folder, 'copy-of-keys');
    writeFileSync(copy, `${signing.verifier}\n`);
    assert.equal((await audit('verify', '--keys', copy)).code, 0);
    const known = await audit('verify', '--known-restore', '3');
    assert.deepEqual([known.code, known.stdout], [1, '']);
    assert.match(known.stderr, /^AUDIT-NO-RESTORE: .*entry 3 is none; there is no restore in this evidence/);
    const other = openSigningKey(join(folder, 'other'), originOf('x').slice(10), join(folder, 'other-keys'));
    writeFileSync(copy, `${other.verifier}\n`);
    assert.equal(verdictOf(await audit('verify', '--keys', copy, '--json')).fault, 'unsigned');
    writeFileSync(copy, '');
    assert.match((await audit('verify', '--keys', copy)).stderr, /^AUDIT-KEY/);
    assert.match((await audit('verify', '--known-restore', 'x')).stderr, /^USAGE/);
  });
});

test('a chain that nobody touched is intact and signed, and verifying it is recorded', async () => {
  verifies('AUDIT-SIGNED');
  await site(async ({ audit, hub, sign }) => {
    const unsigned = await audit('verify', '--json');
    assert.deepEqual([unsigned.code, verdictOf(unsigned).fault], [1, 'unsigned']);
    await sign();
    const ran = await audit('verify', '--json');
    const { intact, entries, signedUpTo } = verdictOf(ran);
    assert.deepEqual([ran.code, intact], [0, true]);
    assert.ok(entries > signedUpTo && signedUpTo > 5);
    assert.match((await audit('verify')).stdout, /entries are intact/);
    const last = (await evidenceOf(hub.store)).at(-1);
    assert.deepEqual([last?.action, last?.outcome], ['audit.verify', 'allowed']);
  });
});

test('whoever changes the file is found: an entry altered, dropped, exchanged, the end cut, a note forged or taken away', async () => {
  verifies('AUDIT-CHAINED', 'AUDIT-SIGNED');
  const drop = ['audit_no_update', 'audit_no_delete', 'audit_only_next', 'auditCheckpoint_no_update', 'auditCheckpoint_no_delete'];
  const cases: [string, string[], string, number | undefined][] = [
    ['an outcome', [`UPDATE audit SET entry = replace(entry, '"denied"', '"allowed"') WHERE entry LIKE '%"denied"%'`], 'altered', 5],
    ['a hash', ['UPDATE audit SET hash = zeroblob(32) WHERE seq = 3'], 'altered', 3],
    ['an entry gone', ['DELETE FROM audit WHERE seq = 3'], 'missing', 3],
    [
      'two exchanged',
      ['UPDATE audit SET seq = -1 WHERE seq = 2', 'UPDATE audit SET seq = 2 WHERE seq = 3', 'UPDATE audit SET seq = 3 WHERE seq = -1'],
      'altered',
      2,
    ],
    ['the end cut, behind which the hub went on', ['DELETE FROM audit WHERE seq > 4'], 'rewritten', undefined],
    ['a note forged', ["UPDATE auditCheckpoint SET note = replace(note, substr(note, 45, 8), 'AAAAAAAA')"], 'forged', undefined],
    ['all notes gone', ['DELETE FROM auditCheckpoint'], 'unsigned', 1],
  ];
  for (const [what, statements, fault, seq] of cases) {
    await site(async ({ audit, sign, tamper }) => {
      await sign();
      await tamper((database) => {
        for (const trigger of drop) database.prepare(`DROP TRIGGER ${trigger}`).run();
        for (const statement of statements) database.prepare(statement).run();
      });
      const ran = await audit('verify', '--json');
      const verdict = verdictOf(ran);
      assert.deepEqual([ran.code, verdict.intact, verdict.fault], [1, false, fault], what);
      if (seq !== undefined) assert.equal(verdict.seq, seq, what);
      assert.match((await audit('verify')).stdout, /does not hold/);
    });
  }
});

test('a hub that rewrites and signs its own evidence is found by what a gateway kept of it', async () => {
  verifies('AUDIT-WITNESSED', 'AUDIT-SIGNED');
  await site(async ({ audit, hub, sign, folder, signing, tamper }) => {
    await sign();
    const notes = await (async () => {
      const kept: { at: number; note: string }[] = [];
      for await (const { note } of hub.store.checkpoints()) kept.push({ at: TEST_NOW, note });
      return kept;
    })();
    const witness = join(folder, 'witness.json');
    const stores = [{ origin: originOf(hub.store.storeId), key: signing.verifier, notes }];
    writeFileSync(witness, JSON.stringify({ witness: 1, gateway: 'gw-icu', stores }));
    const good = await audit('verify', '--witness', witness, '--json');
    assert.deepEqual([good.code, verdictOf(good).witnesses], [0, 1]);
    await tamper((database) => {
      for (const name of ['auditSubject', 'audit', 'auditCheckpoint']) {
        const drop = database
          .prepare<[string], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?")
          .all(name);
        for (const trigger of drop) database.prepare(`DROP TRIGGER ${trigger.name}`).run();
        database.prepare(`DELETE FROM ${name}`).run();
      }
    });
    for (let i = 0; i < 8; i += 1) await audit('list');
    await sign();
    assert.equal((await audit('verify', '--json')).code, 0, 'the hub alone says that all is well');
    const found = await audit('verify', '--witness', witness, '--json');
    assert.deepEqual([found.code, verdictOf(found).fault], [1, 'rewritten']);
    writeFileSync(witness, '{}');
    assert.match((await audit('verify', '--witness', witness)).stderr, /^AUDIT-WITNESS/);
  });
});
