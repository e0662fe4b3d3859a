import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { gathered } from '../support/hub.ts';
import { event, type StorePlace } from './store.ts';

/** What every engine must keep of the live feed of the evidence. `place` makes an empty one. */
export function storeFeedContract(name: string, place: () => Promise<StorePlace>): void {
  test(`${name}: entries are read behind a number, in order, so many at a time`, async () => {
    verifies('FEED-IN-ORDER');
    await using at = await place();
    await using store = await at.open();
    await store.record(Array.from({ length: 7 }, (_, i) => event(i, { tenant: i % 2 ? 'clinic' : 'other' })));
    const chain = await gathered(store.audit());
    const seqs = async (after: number, limit: number): Promise<number[]> => (await store.auditBehind(after, limit)).map(({ seq }) => seq);
    assert.deepEqual(await seqs(0, 3), [1, 2, 3]);
    assert.deepEqual(await seqs(5, 100), [6, 7]);
    assert.deepEqual(await seqs(7, 100), []);
    assert.deepEqual(
      (await store.auditBehind(2, 1)).map(({ entry }) => entry),
      chain.slice(2, 3).map(({ entry }) => entry),
    );
  });

  test(`${name}: how far the feed has come is kept over a restart`, async () => {
    verifies('FEED-GOES-ON');
    await using at = await place();
    {
      await using store = await at.open();
      await store.record([event(1), event(2), event(3)]);
      const before = await store.takeFeed(60_000);
      assert.deepEqual([before?.seq, before?.hash.length], [0, 0]);
      const [, second] = await store.auditBehind(0, 2);
      assert.ok(second);
      assert.equal(await store.keepFeed({ seq: 1, hash: Buffer.alloc(32, 1) }), true);
      assert.equal(await store.keepFeed({ seq: second.seq, hash: second.hash }), true);
      await store.leaveFeed();
    }
    await using store = await at.open();
    const after = await store.takeFeed(60_000);
    assert.equal(after?.seq, 2);
    assert.deepEqual(Buffer.from(after?.hash ?? []), Buffer.from((await store.auditHash(2)) ?? []));
  });
}
