import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { storeEvidenceContract } from '../contract/store-evidence.ts';
import { storeFeedContract } from '../contract/store-feed.ts';
import { storeEvidenceRetentionContract } from '../contract/store-evidence-retention.ts';
import { storeUsageContract } from '../contract/store-usage.ts';
import { verifies } from '../requirements.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeEvidenceContract('postgres', storePlaces(server));
storeEvidenceRetentionContract('postgres', storePlaces(server), 8);
storeUsageContract('postgres', storePlaces(server));
storeFeedContract('postgres', storePlaces(server));

test('of hubs that share a database one has the feed; another goes on where it stopped, and then the first keeps nothing more', async () => {
  verifies('FEED-GOES-ON');
  await using place = await storePlaces(server)();
  await using one = await place.open();
  await using two = await place.open();
  assert.ok(await one.takeFeed(60_000));
  assert.ok(await one.keepFeed({ seq: 5, hash: Buffer.alloc(32, 5) }));
  assert.equal(await two.takeFeed(60_000), undefined);
  assert.equal(await two.keepFeed({ seq: 9, hash: Buffer.alloc(32, 9) }), false);
  assert.equal((await one.takeFeed(0))?.seq, 5);
  assert.equal((await two.takeFeed(60_000))?.seq, 5);
  assert.equal(await one.takeFeed(60_000), undefined);
  assert.equal(await one.keepFeed({ seq: 6, hash: Buffer.alloc(32, 6) }), false);
  await one.leaveFeed();
  assert.equal(await one.takeFeed(60_000), undefined);
  await two.leaveFeed();
  assert.equal((await one.takeFeed(60_000))?.seq, 5);
});
