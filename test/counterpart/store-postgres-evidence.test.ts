import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { misfiledEntry } from '../../hub/audit/indexed.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { event } from '../contract/store.ts';
import { storeEvidenceContract } from '../contract/store-evidence.ts';
import { storeEvidenceRetentionContract } from '../contract/store-evidence-retention.ts';
import { aReceiver, storeFeedContract } from '../contract/store-feed.ts';
import { storeServedContract } from '../contract/store-served.ts';
import { storeUsageContract } from '../contract/store-usage.ts';
import { verifies } from '../requirements.ts';
import { gathered } from '../support/hub.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';
import { aged, policyOf, retainAll, sign } from '../support/retained-evidence.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeEvidenceContract('postgres', storePlaces(server));
storeEvidenceRetentionContract('postgres', storePlaces(server), 8);
storeUsageContract('postgres', storePlaces(server));
storeServedContract('postgres', storePlaces(server));
storeFeedContract('postgres', storePlaces(server));

const SIEM = aReceiver('siem');

test('of hubs that share a database one has the feed; another goes on where it stopped, and then the first keeps nothing more', async () => {
  verifies('FEED-GOES-ON');
  await using place = await storePlaces(server)();
  await using one = await place.open();
  await using two = await place.open();
  assert.ok(await one.feedPlaces.take(SIEM, 60_000));
  assert.ok(await one.feedPlaces.keep(SIEM.id, { seq: 5, hash: Buffer.alloc(32, 5) }));
  assert.equal(await two.feedPlaces.take(SIEM, 60_000), undefined);
  assert.equal(await two.feedPlaces.keep(SIEM.id, { seq: 9, hash: Buffer.alloc(32, 9) }), false);
  assert.equal((await one.feedPlaces.take(SIEM, 0))?.seq, 5);
  assert.equal((await two.feedPlaces.take(SIEM, 60_000))?.seq, 5);
  assert.equal(await one.feedPlaces.take(SIEM, 60_000), undefined);
  assert.equal(await one.feedPlaces.keep(SIEM.id, { seq: 6, hash: Buffer.alloc(32, 6) }), false);
  await one.feedPlaces.leave(SIEM.id);
  assert.equal(await one.feedPlaces.take(SIEM, 60_000), undefined);
  await two.feedPlaces.leave(SIEM.id);
  assert.equal((await one.feedPlaces.take(SIEM, 60_000))?.seq, 5);
});

test('hubs that share a database and feed different receivers do not wait for each other; a place without a name is the first one that is named', async () => {
  verifies('FEED-EACH-RECEIVER');
  const database = await server.database();
  const { app: address, owner } = database;
  const open = () => openPostgresStore({ address, owner, metrics: new Metrics(), log: silentLogger });
  await using one = await open();
  await using two = await open();
  await server.asRoot(database.name, async (client) => {
    await client.query("INSERT INTO vitalmesh.audit_feed (seq, hash, holder, until) VALUES (7, 'x', 'a hub of before', now())");
  });
  assert.equal((await one.feedPlaces.take(SIEM, 60_000))?.seq, 7);
  assert.equal((await two.feedPlaces.take(aReceiver('other'), 60_000))?.seq, 0);
  assert.equal(await two.feedPlaces.take(SIEM, 60_000), undefined);
  assert.equal(await one.feedPlaces.take(aReceiver('other'), 60_000), undefined);
});

test('what is no entry stops no reading in a shared database either, with its index or without', async () => {
  verifies('AUDIT-UNREAD');
  for (const [text, index] of [
    ['not JSON', true],
    ['not JSON', false],
    ['{"v":4,"tenant":"clinic"}', true],
  ] as const) {
    const database = await server.database();
    const { app: address, owner } = database;
    await using store = await openPostgresStore({ address, owner, metrics: new Metrics(), log: silentLogger });
    await store.record([event(1, { patient: 'pat-1' }), event(2), event(3, { patient: 'pat-1' })]);
    await server.asRoot(database.name, async (client) => {
      await client.query('SET search_path = vitalmesh');
      await client.query('ALTER TABLE audit DISABLE TRIGGER USER');
      if (!index) await client.query('DROP INDEX audit_time');
      await client.query('UPDATE audit SET entry = $1 WHERE seq = 2', [text]);
    });
    const unread: number[] = [];
    const records = await gathered(store.evidence('clinic', {}, ({ seq }) => unread.push(seq)));
    assert.deepEqual([records.map(({ seq }) => seq), unread], [[1, 3], [2]]);
    assert.deepEqual(
      (await gathered(store.evidence('clinic', { patient: 'pat-1' }))).map(({ seq }) => seq),
      [1, 3],
    );
    const told: number[] = [];
    assert.equal(await misfiledEntry(store, (seq) => told.push(seq)), null);
    assert.deepEqual(told, [2]);
  }
});

test('the role of the hub removes nothing but behind an anchor, and even the superuser moves none back', async () => {
  verifies('AUDIT-RETAINED');
  const database = await server.database();
  const { app: address, owner } = database;
  {
    await using store = await openPostgresStore({ address, owner, metrics: new Metrics(), log: silentLogger });
    await store.record([aged('writes', 90), aged('reads', 80), aged('writes', 40), aged('reads', 5)]);
    await sign(store);
    await retainAll(store, policyOf(60, { writes: 30 }));
  }
  const anchor = "(what, seq, hash, at, note) SELECT 'reads', seq, sha256(hash), 0, '' FROM audit WHERE seq = 4";
  const refused: readonly [string, RegExp][] = [
    ["SELECT empty_evidence('{4}')", /append-only/],
    ['SELECT empty_evidence(ARRAY[3]::bigint[])', /append-only/],
    ['UPDATE audit SET entry = entry', /permission denied/],
    ['DELETE FROM audit', /permission denied/],
    ['DELETE FROM audit_anchor', /permission denied/],
    ['UPDATE audit_anchor SET seq = seq - 1', /append-only/],
    [`INSERT INTO audit_anchor ${anchor}`, /append-only/],
  ];
  const client = new pg.Client(address);
  await client.connect();
  try {
    for (const [sql, error] of refused) {
      await client.query("BEGIN; SET LOCAL search_path = vitalmesh; SET LOCAL vitalmesh.evidence = 'all'");
      await assert.rejects(client.query(sql), error, sql);
      await client.query('ROLLBACK');
    }
    await client.query("BEGIN; SET LOCAL search_path = vitalmesh; SET LOCAL vitalmesh.evidence = 'all'; SELECT drop_evidence(); COMMIT");
  } finally {
    await client.end();
  }
  await server.asRoot(database.name, async (root) => {
    const kept = await root.query<{ n: string }>('SELECT count(*) AS n FROM vitalmesh.audit WHERE seq <= 4');
    assert.equal(Number(kept.rows[0]?.n), 2, 'nothing is dropped but behind the anchor');
    for (const sql of [
      'DELETE FROM vitalmesh.audit WHERE seq = 4',
      'DELETE FROM vitalmesh.audit_anchor',
      'TRUNCATE vitalmesh.audit_anchor',
      "UPDATE vitalmesh.audit_anchor SET seq = 1 WHERE what = 'entries'",
      'UPDATE vitalmesh.audit SET entry = left(entry, 50) WHERE seq = 4',
    ])
      await assert.rejects(root.query(sql), /append-only/, sql);
  });
});
