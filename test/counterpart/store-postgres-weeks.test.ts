import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openPostgresStore, type PostgresStore } from '../../hub/store/postgres/postgres.ts';
import { RETAINED, type RetentionPolicy } from '../../hub/store/retention.ts';
import type { Arrival } from '../../hub/store/store.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { retained } from '../contract/store-retention.ts';
import { verifies } from '../requirements.ts';
import { gathered } from '../support/hub.ts';
import { type PostgresDatabase, PostgresServer } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

const DAY = 24 * 3_600_000;
const WEEK = 7 * DAY;
const NOW = Date.now();
/** The beginning of the week that was so many before the present one. */
const week = (before: number): number => (Math.floor(NOW / WEEK) - before) * WEEK;

function open({ app, owner }: PostgresDatabase): Promise<PostgresStore> {
  return openPostgresStore({ address: app, owner, metrics: new Metrics(), log: silentLogger });
}

/** Measured, and stored, at one time. */
async function stored(store: PostgresStore, seq: number, at: number, change: Partial<Arrival> = {}): Promise<void> {
  const arrival = { ...arrivalOf({ seq, value: seq, effective: at, receivedAt: at }), ...change };
  assert.deepEqual((await store.storeBatch(batchOf([arrival], { at }))).results, ['stored']);
}

/** Those of weeks, by the parent and how many weeks ago. */
async function partitions({ name }: PostgresDatabase): Promise<string[]> {
  return await server.asRoot(name, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relispartition AND relkind = 'r' AND relname ~ '_[0-9]+$' ORDER BY 1",
    );
    const weeks = rows.map((row) => row.name.split('_')).map(([parent, number]) => `${parent} ${week(0) / WEEK - Number(number)}`);
    return weeks.filter((part) => !part.startsWith('event'));
  });
}

const ids = async (store: PostgresStore): Promise<number[]> =>
  (await gathered(await store.observations('clinic', {}, (rows) => event(rows)))).map(({ value }) => value ?? 0);

const forever = Object.fromEntries(RETAINED.map((name) => [name, null])) as RetentionPolicy;

test('partitions of which the retention left nothing are dropped, each by itself; what comes for such a week makes it anew', async () => {
  verifies('RETENTION-PARTITIONS');
  const database = await server.database();
  await using store = await open(database);
  await stored(store, 1, week(6));
  await stored(store, 2, week(5), { vital: 'temp' });
  await stored(store, 3, week(4));
  await stored(store, 4, week(1));
  await stored(store, 5, NOW);
  assert.deepEqual(await store.retain({ policy: forever, now: NOW }), { removed: {}, more: false });
  const all = [6, 5, 4, 1, 0].flatMap((ago) => [`observation ${ago}`, `packed ${ago}`]);
  assert.deepEqual(new Set(await partitions(database)), new Set(all), 'nothing was removed');
  assert.deepEqual(await retained(store, { continuous: DAY }, NOW), { continuous: 3 });
  const left = all.filter((part) => !/[64]$/.test(part));
  assert.deepEqual(
    new Set(await partitions(database)),
    new Set(left),
    'the last two weeks stay, empty as they are, and what holds something',
  );
  assert.deepEqual(await ids(store), [2, 5]);
  await stored(store, 6, week(6));
  await stored(store, 7, week(1));
  assert.deepEqual(await ids(store), [2, 5, 6, 7]);
  assert.deepEqual((await store.verify()).findings, []);
});

test('who reads keeps what it sees, who writes goes on, and the partition goes when the reader has ended', async () => {
  verifies('RETENTION-PARTITIONS', 'RETENTION-SMALL-STEPS');
  const database = await server.database();
  await using store = await open(database);
  await stored(store, 1, week(6));
  await stored(store, 2, NOW);
  await using other = await open(database);
  const found = await store.read(async (reader) => {
    // Its snapshot is of now; it has not looked at the table yet.
    await reader.query('SELECT 1');
    const removed = await retained(other, { continuous: DAY }, NOW);
    const isThere = (await partitions(database)).includes('observation 6');
    await stored(other, 3, NOW);
    return { removed, isThere, now: await ids(other), before: (await reader.query('SELECT key FROM observation')).length };
  }, 'clinic');
  assert.deepEqual(found, { removed: { continuous: 1 }, isThere: true, now: [2, 3], before: 2 });
  await retained(other, { continuous: DAY }, NOW);
  assert.ok(!(await partitions(database)).includes('observation 6'));
  await stored(store, 4, week(6));
  assert.deepEqual(await ids(store), [2, 3, 4], 'a hub that knew of the partition');
});

test('the role of the hub drops nothing in which there is a row of any tenant, and nothing of now', async () => {
  verifies('RETENTION-PARTITIONS', 'STORE-TENANT-ROWS');
  const database = await server.database();
  await using store = await open(database);
  await store.storeBatch(batchOf([arrivalOf({ seq: 1, effective: week(6), receivedAt: week(6) })], { at: week(6), tenant: 'other' }));
  await stored(store, 2, NOW);
  const dropped = (parent: string, ago: number): Promise<boolean | undefined> =>
    store.apart(1000, async (transaction) => {
      const [found] = await transaction.query<{ dropped: boolean }>('SELECT drop_week($1, $2) AS dropped', [parent, week(ago) / WEEK]);
      return found?.dropped;
    });
  for (const [parent, ago] of [
    ['observation', 6],
    ['packed', 6],
    ['event', 0],
    ['event', -1],
    ['event', 7],
    ['patient', 6],
  ] as const)
    assert.equal(await dropped(parent, ago), false, `${parent} ${ago}`);
  assert.equal(await dropped('event', 6), true, 'of which there never was any');
  assert.equal((await gathered(await store.observations('other', {}, (rows) => event(rows)))).length, 1);
});
