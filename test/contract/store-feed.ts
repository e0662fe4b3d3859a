import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedReceiver } from '../../hub/audit/feed/receiver.ts';
import type { Store } from '../../hub/store/store.ts';
import { verifies } from '../requirements.ts';
import { gathered } from '../support/hub.ts';
import { event, type StorePlace } from './store.ts';

/** Somebody who is fed, called so. */
export function aReceiver(id: string, begin: FeedReceiver['begin'] = 'first'): FeedReceiver {
  return { id, kind: 'syslog', to: `${id} port 6514`, begin };
}

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
    const siem = aReceiver('siem');
    {
      await using store = await at.open();
      await store.record([event(1), event(2), event(3)]);
      const before = await store.feedPlaces.take(siem, 60_000);
      assert.deepEqual([before?.seq, before?.hash.length], [0, 0]);
      const [, second] = await store.auditBehind(0, 2);
      assert.ok(second);
      assert.equal(await store.feedPlaces.keep(siem.id, { seq: 1, hash: Buffer.alloc(32, 1) }), true);
      assert.equal(await store.feedPlaces.keep(siem.id, { seq: second.seq, hash: second.hash }), true);
      await store.feedPlaces.leave(siem.id);
    }
    await using store = await at.open();
    const after = await store.feedPlaces.take(siem, 60_000);
    assert.equal(after?.seq, 2);
    assert.deepEqual(Buffer.from(after?.hash ?? []), Buffer.from((await store.auditHash(2)) ?? []));
  });

  test(`${name}: each receiver has its own place, from its own beginning on, and another one changes nothing of it`, async () => {
    verifies('FEED-EACH-RECEIVER');
    await using at = await place();
    {
      await using store = await at.open();
      const { feedPlaces } = store;
      assert.deepEqual(await feedPlaces.receivers(), []);
      await store.record([event(1), event(2), event(3)]);
      await feedPlaces.take(aReceiver('old'), 0);
      await keepAt(store, 'old', 2);
      assert.equal((await feedPlaces.take(aReceiver('first'), 0))?.seq, 0);
      const now = await feedPlaces.take(aReceiver('now', 'now'), 0);
      assert.equal(now?.seq, 3);
      assert.deepEqual(Buffer.from(now?.hash ?? []), Buffer.from((await store.auditHash(3)) ?? []));
      await store.record([event(4), event(5)]);
      assert.equal((await feedPlaces.take(aReceiver('now', 'now'), 0))?.seq, 3, 'it began once');
      await keepAt(store, 'first', 1);
    }
    await using store = await at.open();
    const shown = async (): Promise<unknown[]> =>
      (await store.feedPlaces.receivers()).map(({ id, kind, to, began, confirmed }) => [id, kind, to, began, confirmed]);
    assert.deepEqual(await shown(), [
      ['first', 'syslog', 'first port 6514', 0, 1],
      ['now', 'syslog', 'now port 6514', 3, 3],
      ['old', 'syslog', 'old port 6514', 0, 2],
    ]);
    // Sent again from before it began: then it has that, too.
    await store.feedPlaces.take(aReceiver('now', 'now'), 0);
    await keepAt(store, 'now', 1);
    await keepAt(store, 'now', 4);
    assert.deepEqual((await shown())[1], ['now', 'syslog', 'now port 6514', 1, 4]);
    assert.equal((await store.feedPlaces.take(aReceiver('old', 'now'), 0))?.seq, 2, 'where it begins says nothing once it is known');
  });

  test(`${name}: of a store without evidence even what comes from now on is all of it`, async () => {
    verifies('FEED-EACH-RECEIVER');
    await using at = await place();
    await using store = await at.open();
    const { seq: newest } = await store.auditHead();
    assert.equal((await store.feedPlaces.take(aReceiver('now', 'now'), 0))?.seq, newest);
  });
}

async function keepAt(store: Store, receiver: string, seq: number): Promise<void> {
  assert.equal(await store.feedPlaces.keep(receiver, { seq, hash: (await store.auditHash(seq)) ?? Buffer.alloc(0) }), true);
}
