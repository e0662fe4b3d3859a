import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Anchor, signAnchor } from '../../../hub/audit/anchors.ts';
import { type ChainedEntry, genesisHash } from '../../../hub/audit/chain.ts';
import { EVIDENCE_CLASSES } from '../../../hub/audit/classes.ts';
import { formatVerdict } from '../../../hub/audit/format-verdict.ts';
import { canonicalEvent, chainHash, isGone, withoutContent } from '../../../hub/audit/link.ts';
import { type Against, type EvidenceVerdict, verifyEvidence } from '../../../hub/audit/notes.ts';
import { EVIDENCE_RETENTION_STEP } from '../../../hub/audit/retention-schema.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import type { Store } from '../../../hub/store/store.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { originOf, readCheckpoint } from '../../../shared/signed-note.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { gathered } from '../../support/hub.ts';
import { aged, keyOf, OTHER, OWN, orderOf, policyOf, retainAll, sign, verdictOf } from '../../support/retained-evidence.ts';

interface Place {
  path: string;
  key: Buffer;
  store: Store;
}

/** A store of which entries 1 to 4 are gone, and of 6 and 8 the content; each note of the hub as it was signed. */
async function retained(body: (at: Place, notes: string[]) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-retained-'));
  const [path, key] = [join(folder, 'hub.db'), randomBytes(32)];
  try {
    await using store = openSqliteStore({ path, key, metrics: new Metrics() });
    const notes: string[] = [];
    for (const [name, days] of [
      ['reads', 90],
      ['writes', 85],
      ['reads', 84],
      ['refusals', 83],
      ['reads', 50],
      ['writes', 45],
      ['reads', 44],
      ['writes', 40],
      ['reads', 10],
    ] as const) {
      await store.record([aged(name, days, { patient: `pat-${days % 3}` })]);
      notes.push(await sign(store));
    }
    await retainAll(store, policyOf(60, { writes: 30 }));
    notes.push(await sign(store));
    await body({ path, key, store }, notes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Parts extends Against {
  chain: ChainedEntry[];
  anchors: Anchor[];
}

async function partsOf(store: Store): Promise<Parts> {
  const [chain, checkpoints, anchors] = [await gathered(store.audit()), await gathered(store.checkpoints()), [...(await store.anchors())]];
  return { chain, checkpoints, anchors, storeId: store.storeId, upTo: chain.at(-1)?.seq ?? 0, keys: [keyOf(store)] };
}

const verified = ({ chain, ...against }: Parts): Promise<EvidenceVerdict> => verifyEvidence(chain, against);

test('every way to remove more than was signed, or to say that more was, is found and named', async () => {
  verifies('AUDIT-RETAINED');
  await retained(async ({ store }) => {
    const parts = await partsOf(store);
    const { storeId, chain, anchors } = parts;
    assert.deepEqual(chain.map(({ entry }) => isGone(entry)).slice(0, 5), [false, true, false, true, false]);
    assert.equal((await verified(parts)).fault, null);
    const at = (seq: number): ChainedEntry => chain.find((one) => one.seq === seq) ?? assert.fail();
    const with_ = (entry: ChainedEntry): ChainedEntry[] => chain.map((one) => (one.seq === entry.seq ? entry : one));
    const emptied = (seq: number): ChainedEntry => ({ ...at(seq), entry: withoutContent(at(seq).entry) ?? assert.fail() });
    const anchor = (what: Anchor['what']): Anchor => anchors.find((one) => one.what === what) ?? assert.fail();
    const others = (what: Anchor['what']): Anchor[] => anchors.filter((one) => one.what !== what);
    const moved = (what: Anchor['what'], seq: number, key = OWN.privateKey): Anchor[] => {
      const { hash } = at(seq);
      return [...others(what), { ...anchor(what), seq, hash, note: signAnchor(storeId, { what, seq, hash }, key) }];
    };
    const checkpoint = (await gathered(store.checkpoints())).find(({ seq }) => seq === 7)?.note ?? assert.fail();
    const gone = at(6).entry;
    const cases: [string, Partial<Parts>, string, number][] = [
      ['the content of another class', { chain: with_(emptied(5)) }, 'removed', 5],
      ['content behind the anchor of its class', { chain: with_(emptied(9)) }, 'removed', 9],
      ['an entry more from the beginning', { chain: chain.slice(1) }, 'missing', 5],
      ['an entry from within, which had no content', { chain: chain.filter(({ seq }) => seq !== 6) }, 'missing', 6],
      ['no anchor of the beginning', { anchors: others('entries') }, 'missing', 1],
      ['no anchor of a class', { anchors: others('writes') }, 'removed', 6],
      [
        'an anchor of the beginning by somebody else',
        { chain: chain.slice(1), anchors: moved('entries', 5, OTHER.privateKey) },
        'false-anchor',
        5,
      ],
      [
        'an anchor of a class by somebody else',
        { chain: with_(emptied(9)), anchors: moved('writes', 9, OTHER.privateKey) },
        'false-anchor',
        9,
      ],
      [
        'a checkpoint of the hub as an anchor',
        { chain: chain.slice(3), anchors: [...others('entries'), { ...anchor('entries'), seq: 7, hash: at(7).hash, note: checkpoint }] },
        'false-anchor',
        7,
      ],
      [
        'an anchor of one class for another',
        { anchors: [...anchors, { ...anchor('writes'), what: 'reads' }] },
        'false-anchor',
        anchor('writes').seq,
      ],
      [
        'an anchor with another number',
        { chain: chain.slice(1), anchors: [...others('entries'), { ...anchor('entries'), seq: 5 }] },
        'false-anchor',
        5,
      ],
      ['an anchor that the hub signed, of which the rows are still there', { anchors: moved('entries', 6) }, 'missing', 7],
      ['another digest', { chain: with_({ ...at(6), entry: gone.replace(/"gone":".{4}/, '"gone":"AAAA') }) }, 'altered', 6],
      [
        'the same digest, written otherwise',
        { chain: with_({ ...at(6), entry: gone.replace(/.="}$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}="}`) }) },
        'altered',
        6,
      ],
      ['another class', { chain: with_({ ...at(6), entry: gone.replace('"writes"', '"reads"') }) }, 'altered', 6],
      ['another time', { chain: with_({ ...at(6), entry: gone.replace('"at":1', '"at":2') }) }, 'altered', 6],
      ['content where it was gone', { chain: with_({ ...at(6), entry: canonicalEvent(aged('writes', 45)) }) }, 'altered', 6],
      ['nothing at all', { chain: with_({ ...at(6), entry: '{"v":3,' }) }, 'altered', 6],
      ['another hash', { chain: with_({ ...at(6), hash: at(7).hash }) }, 'altered', 6],
      ['the keys of the hub not known', { keys: [] }, 'false-anchor', 4],
    ];
    for (const [what, change, fault, seq] of cases) {
      const verdict = await verified({ ...parts, ...change });
      assert.deepEqual([verdict.intact, verdict.fault, verdict.seq], [false, fault, seq], what);
    }
  });
});

test('whatever byte of what remains is changed, it is found', async () => {
  verifies('AUDIT-RETAINED', 'AUDIT-CHAINED');
  await retained(async ({ store }) => {
    const parts = await partsOf(store);
    const at = fc.nat({ max: parts.chain.length - 1 });
    await fc.assert(
      fc.asyncProperty(at, fc.nat(), fc.integer({ min: 1, max: 127 }), async (i, place, bits) => {
        const entry = parts.chain[i] ?? assert.fail();
        const bytes = Buffer.from(entry.entry);
        const k = place % bytes.length;
        bytes[k] = (bytes[k] ?? 0) ^ bits;
        const verdict = await verified({ ...parts, chain: parts.chain.with(i, { ...entry, entry: bytes.toString('latin1') }) });
        assert.deepEqual([verdict.intact, verdict.fault, verdict.seq], [false, 'altered', entry.seq]);
      }),
      { numRuns: 300 },
    );
    for (const [i, anchor] of parts.anchors.entries())
      for (const change of [
        { seq: anchor.seq + 1 },
        { hash: randomBytes(32) },
        { note: `${anchor.note}x`.replace('\n', '\n1') },
        { what: 'refusals' as const },
      ]) {
        const verdict = await verified({ ...parts, anchors: parts.anchors.with(i, { ...anchor, ...change }) });
        assert.ok(!verdict.intact, JSON.stringify(change));
      }
  });
});

test('what a gateway kept still speaks against what remains, and it is said where its notes are older', async () => {
  verifies('AUDIT-RETAINED', 'AUDIT-WITNESSED');
  await retained(async ({ store }, notes) => {
    const parts = await partsOf(store);
    const witness = (note: string) => ({ gateway: 'gw', key: keyOf(store), at: 0, checkpoint: readCheckpoint(note) ?? assert.fail() });
    const all = await verified({ ...parts, witnesses: notes.map(witness) });
    assert.deepEqual([all.fault, all.witnesses, all.olderWitnesses], [null, notes.length, 3]);
    assert.match(formatVerdict(all, 'w.json'), /3 notes? of gateways? .*older/);
    const other = { origin: originOf(store.storeId), hash: randomBytes(32) };
    for (const size of [4, 5, 6, 9]) {
      const { fault, seq } = await verified({ ...parts, witnesses: [{ ...witness(notes[0] ?? ''), checkpoint: { ...other, size } }] });
      assert.deepEqual([fault, seq], ['rewritten', size]);
    }
  });
});

test('an entry has the same place in the chain with its content and without, and with no other content', () => {
  verifies('AUDIT-RETAINED');
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(text, text, text, (tenant, principal, other) => {
      const entry = canonicalEvent(event(1, { tenant, principal }));
      const left = withoutContent(entry) ?? assert.fail();
      const before = randomBytes(32);
      assert.deepEqual(chainHash(before, left), chainHash(before, entry));
      assert.deepEqual([isGone(entry), isGone(left), withoutContent(left)], [false, true, undefined]);
      assert.deepEqual(JSON.parse(left).tenant, JSON.parse(entry).tenant);
      if (other !== principal)
        assert.notDeepEqual(chainHash(before, canonicalEvent(event(1, { tenant, principal: other }))), chainHash(before, left));
    }),
  );
  assert.equal(withoutContent(JSON.stringify(event(1))), undefined, 'one of before cannot be without');
});

test('the tables let nothing go but behind an anchor, and no anchor go back', async () => {
  verifies('AUDIT-RETAINED', 'AUDIT-CHAINED');
  await retained(async ({ path, key, store }) => {
    await store[Symbol.asyncDispose]();
    using database = openDatabase({ path, key, migrations: STORE_MIGRATIONS });
    const text = (seq: number): string =>
      database.prepare<[number], { entry: string }>('SELECT entry FROM audit WHERE seq = ?').get(seq)?.entry ?? '';
    const quoted = (value = ''): string => `'${value.replaceAll("'", "''")}'`;
    const forbidden = [
      'DELETE FROM audit WHERE seq = 5',
      'DELETE FROM audit',
      `UPDATE audit SET entry = ${quoted(withoutContent(text(5)))} WHERE seq = 5`,
      `UPDATE audit SET entry = ${quoted(withoutContent(text(9)))} WHERE seq = 9`,
      `UPDATE audit SET entry = ${quoted(text(5))} WHERE seq = 6`,
      'DELETE FROM auditCheckpoint WHERE seq = 5',
      'DELETE FROM auditAnchor',
      "UPDATE auditAnchor SET seq = 3 WHERE what = 'entries'",
      "UPDATE auditAnchor SET seq = 5 WHERE what = 'entries'",
      "UPDATE auditAnchor SET what = 'reads' WHERE what = 'writes'",
      "INSERT OR REPLACE INTO auditAnchor SELECT what, 3, hash, at, note FROM auditAnchor WHERE what = 'entries'",
      "INSERT INTO auditAnchor SELECT 'anything', seq, hash, 0, '' FROM audit WHERE seq = 9",
      "INSERT INTO auditAnchor VALUES ('reads', 99, x'00', 0, '')",
    ];
    for (const sql of forbidden)
      assert.throws(
        () => database.write(() => database.prepare(sql).run()),
        (error: Error) => /append-only/.test(String(error.cause)),
        sql,
      );
  });
});

test('a copy of a store keeps what says how much was removed, and verifies by itself', async () => {
  verifies('AUDIT-RETAINED', 'BACKUP-RESTORES');
  await retained(async ({ path, key, store }) => {
    const copy = `${path}.copy`;
    await store.copyTo?.(copy);
    await using copied = openSqliteStore({ path: copy, key, metrics: new Metrics() });
    const { fault, removedUpTo, emptied } = await verdictOf(copied);
    assert.deepEqual([fault, removedUpTo, emptied], [null, 4, 2]);
    assert.deepEqual(await copied.anchors(), await store.anchors());
  });
});

test('evidence that was tampered with is not removed, so that it is found', async () => {
  verifies('AUDIT-RETAINED');
  await retained(async ({ path, key, store }) => {
    await store[Symbol.asyncDispose]();
    const changed = (database: Database): void => {
      database.prepare('DROP TRIGGER audit_no_update').run();
      database.prepare("UPDATE audit SET entry = replace(entry, 'pat', 'tap'), hash = hash WHERE seq = 7").run();
      database.prepare(`UPDATE audit SET entry = replace(entry, '"test"', '"nobody"') WHERE seq = 7`).run();
    };
    {
      using database = openDatabase({ path, key, migrations: STORE_MIGRATIONS });
      database.write(() => changed(database));
    }
    await using again = openSqliteStore({ path, key, metrics: new Metrics() });
    const order = orderOf(again, policyOf(20));
    await assert.rejects(again.retainEvidence(order), { code: 'AUDIT-NOT-REMOVED', detail: 'entry 7' });
    const { fault, seq, removedUpTo } = await verdictOf(again);
    assert.deepEqual([fault, seq, removedUpTo], ['altered', 7, 4]);
  });
});

test('content that somebody removed by hand is not signed for when its time comes', async () => {
  verifies('AUDIT-RETAINED');
  await retained(async ({ path, key, store }) => {
    await store[Symbol.asyncDispose]();
    {
      using database = openDatabase({ path, key, migrations: STORE_MIGRATIONS });
      const { entry } = database.prepare<[], { entry: string }>('SELECT entry FROM audit WHERE seq = 9').get() ?? assert.fail();
      database.write(() => {
        database.prepare('DROP TRIGGER audit_no_update').run();
        database.prepare<[string]>('UPDATE audit SET entry = ? WHERE seq = 9').run(withoutContent(entry) ?? assert.fail());
      });
    }
    await using again = openSqliteStore({ path, key, metrics: new Metrics() });
    assert.equal((await verdictOf(again)).fault, 'removed');
    await assert.rejects(retainAll(again, policyOf(60, { reads: 5 })), { code: 'AUDIT-NOT-REMOVED', detail: 'entry 9' });
    assert.equal((await verdictOf(again)).fault, 'removed');
  });
});

test('every class of evidence has its length, and an event is of one', () => {
  verifies('AUDIT-RETAINED');
  for (const name of EVIDENCE_CLASSES) assert.equal((JSON.parse(canonicalEvent(aged(name, 1))) as { class: string }).class, name);
});

test('entries of a version before go whole only, and the chain goes on from them', async () => {
  verifies('AUDIT-RETAINED');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-retained-'));
  const [path, key] = [join(folder, 'hub.db'), randomBytes(32)];
  try {
    {
      using old = openDatabase({ path, key, migrations: STORE_MIGRATIONS.slice(0, STORE_MIGRATIONS.indexOf(EVIDENCE_RETENTION_STEP)) });
      const storeId = old.prepare<[], { value: string }>("SELECT value FROM meta WHERE name = 'storeId'").get()?.value ?? '';
      let hash: Buffer = genesisHash(storeId);
      const texts = [
        JSON.stringify(aged('writes', 90, { patient: 'pat-1' })),
        JSON.stringify({ v: 2, ...aged('writes', 80), patient: undefined, detail: {}, subject: 1, sealed: 'AAAA' }),
        'no JSON at all',
        JSON.stringify(aged('reads', 50)),
      ];
      old.write(() => {
        old.prepare("INSERT INTO patientKey (tenant, patient, secret) VALUES ('clinic', 'pat-1', randomblob(32))").run();
        for (const [i, text] of texts.entries()) {
          hash = createHash('sha256').update(hash).update(text).digest();
          old.prepare<[number, string, Buffer]>('INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)').run(i + 1, text, hash);
          if (i < 2) old.prepare<[number]>('INSERT INTO auditSubject (subject, seq) VALUES (1, ?)').run(i + 1);
        }
      });
    }
    await using store = openSqliteStore({ path, key, metrics: new Metrics() });
    await store.record([aged('writes', 45, { patient: 'pat-2' }), aged('reads', 5)]);
    await sign(store);
    assert.deepEqual(await retainAll(store, policyOf(null, { writes: 30 })), { writes: 1 });
    const { fault, emptied, removedUpTo } = await verdictOf(store);
    assert.deepEqual([fault, emptied, removedUpTo], [null, 1, 0]);
    assert.deepEqual(await retainAll(store, policyOf(60, { writes: 30 })), { entries: 2 }, 'what has no time is as young as what follows');
    assert.deepEqual(await retainAll(store, policyOf(49, { writes: 30 })), { entries: 2 });
    const after = await verdictOf(store);
    assert.deepEqual([after.fault, after.emptied, after.removedUpTo], [null, 1, 4]);
    assert.equal((await gathered(store.evidence('clinic', { patient: 'pat-1' }))).length, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
