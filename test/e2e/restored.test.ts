import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { verifies } from '../requirements.ts';
import { sampleBundle, sampleObservation, testHub } from '../support/hub.ts';
import { until } from '../support/uplink.ts';
import { countsOf, drained, homeRecord, listen, type OutboxFile, outboxFile, send, storedValuesOf } from '../support/uplink-site.ts';

/** A place for a hub's store that can be copied, and the copy put back, while it is closed. */
function hubPlace() {
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-hub-'));
  const key = Buffer.alloc(32, 7);
  const [store, copy] = [join(dir, 'hub.db'), join(dir, 'copy.db')];
  return {
    open: () => testHub({ dir, key }),
    copy: () => copyFileSync(store, copy),
    putBack() {
      for (const suffix of ['-wal', '-shm']) rmSync(store + suffix, { force: true });
      copyFileSync(copy, store);
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

async function append(outbox: Outbox, values: readonly number[]): Promise<void> {
  for (const value of values) await outbox.append([homeRecord(undefined, value)]);
}

test('yesterday’s copy of the hub’s store is put back: the gateway sends what came since, whether it noticed the fall or not', async () => {
  verifies('HUB-RESTORED', 'EXACTLY-ONCE');
  for (const agentRestarts of [false, true]) {
    for (const othersCameFirst of [false, true]) {
      const network = createMemoryNetwork();
      using place = hubPlace();
      const file = outboxFile();
      let outbox = await file.open();
      {
        await using hub = place.open();
        await using _server = await listen(network, hub);
        await using _agent = await send(network, outbox);
        await append(outbox, range(40, 59));
        await drained(outbox);
      }
      place.copy();
      let agent = await send(network, outbox);
      {
        await using hub = place.open();
        await using _server = await listen(network, hub);
        await append(outbox, range(60, 79));
        await drained(outbox);
        assert.deepEqual(await storedValuesOf(hub), range(40, 79));
      }
      place.putBack();
      if (agentRestarts) {
        await agent[Symbol.asyncDispose]();
        await outbox[Symbol.asyncDispose]();
        outbox = await file.open();
        agent = await send(network, outbox);
      }
      await using hub = place.open();
      // Others send before this gateway is back: the store is as far as it was, and yet another one.
      for (const seq of othersCameFirst ? range(1, 60) : []) {
        await hub.ingest.batch('gw-other', sampleBundle([sampleObservation({ agent: 'gw-other', seq })]));
      }
      await using _server = await listen(network, hub);
      await append(outbox, range(80, 84));
      await until(() => agent.uplink.status().state === 'connected');
      await drained(outbox);
      assert.deepEqual(await storedValuesOf(hub), range(40, 84), `restart ${agentRestarts}, others ${othersCameFirst}`);
      const { observations, quarantined, duplicates } = await countsOf(hub);
      assert.deepEqual({ observations, quarantined, duplicates }, { observations: 45, quarantined: 0, duplicates: 0 });
      assert.equal((await outbox.status()).quarantined, 0);
      await agent[Symbol.asyncDispose]();
      await outbox[Symbol.asyncDispose]();
    }
  }
});

test('a copy that is put back twice, and one that is older than the last', async () => {
  verifies('HUB-RESTORED', 'EXACTLY-ONCE');
  const network = createMemoryNetwork();
  using place = hubPlace();
  await using outbox = await outboxFile().open();
  let next = 40;
  const days = async (count: number): Promise<void> => {
    for (let day = 0; day < count; day += 1) {
      await using hub = place.open();
      await using _server = await listen(network, hub);
      await using _agent = await send(network, outbox);
      await append(outbox, range(next, next + 4));
      next += 5;
      await drained(outbox);
      assert.deepEqual(await storedValuesOf(hub), range(40, next - 1));
    }
  };
  await days(1);
  place.copy();
  for (let restored = 0; restored < 3; restored += 1) {
    await days(2);
    place.putBack();
  }
  await days(1);
});

test('a hub restored from a copy that is older than what the gateway keeps is told where the gap is', async () => {
  verifies('HUB-RESTORED', 'NO-SILENT-DROP');
  const network = createMemoryNetwork();
  using place = hubPlace();
  await using outbox = await outboxFile().open({ keepDeliveredRows: 5 });
  const day = async (values: readonly number[]): Promise<(number | null)[]> => {
    await using hub = place.open();
    await using _server = await listen(network, hub);
    await using _agent = await send(network, outbox);
    await append(outbox, values);
    await drained(outbox);
    return storedValuesOf(hub);
  };
  await day(range(40, 44));
  place.copy();
  await day(range(45, 64));
  place.putBack();
  // The newest five it still has; of the fifteen before them it says that they are missing.
  assert.deepEqual(await day([65]), [...range(40, 44), ...range(60, 65)]);
  await using hub = place.open();
  assert.equal((await countsOf(hub)).events, 1);
});

test('a hub with a new store gets nothing before an operator names it, and then all that the gateway keeps', async () => {
  verifies('STORE-KNOWN', 'EXACTLY-ONCE');
  const network = createMemoryNetwork();
  const { open } = outboxFile();
  {
    await using hub = testHub();
    await using _server = await listen(network, hub);
    await using outbox = await open();
    await using _agent = await send(network, outbox);
    await append(outbox, range(40, 49));
    await drained(outbox);
  }
  await using hub = testHub();
  await using _server = await listen(network, hub);
  await using outbox = await open();
  await append(outbox, range(50, 54));
  await using agent = await send(network, outbox);
  await until(() => agent.uplink.status().code === 'UPLINK-STORE');
  assert.deepEqual(await storedValuesOf(hub), []);
  await outbox.setStoreId(hub.store.storeId);
  await drained(outbox);
  await until(async () => (await outbox.status()).delivered === 15);
  assert.deepEqual(await storedValuesOf(hub), range(40, 54));
});

test('an agent restored from an old image of its disk sends again what the hub has, and nothing is stored twice', async () => {
  verifies('EXACTLY-ONCE', 'KEY-REUSED');
  const network = createMemoryNetwork();
  await using hub = testHub();
  await using _server = await listen(network, hub);
  const file = outboxFile();
  const image = await imageOf(file, 40);
  const goOn = async (values: readonly number[]): Promise<void> => {
    await using outbox = await file.open();
    await using _agent = await send(network, outbox);
    await append(outbox, values);
    await drained(outbox);
    assert.equal((await outbox.status()).quarantined, 0);
  };
  await goOn(range(41, 50));
  // From the image on, the same numbers are given to other rows; only the epoch tells them apart.
  image.putBack();
  await goOn(range(51, 60));
  image.putBack();
  await goOn(range(61, 65));
  assert.deepEqual(await storedValuesOf(hub), range(40, 65));
  assert.equal((await countsOf(hub)).duplicates, 2, 'the row of the image, sent three times');
});

/** An outbox with one row that waits, as it is on disk. */
async function imageOf({ path, open }: OutboxFile, value: number): Promise<{ putBack(): void }> {
  {
    await using outbox = await open();
    await append(outbox, [value]);
  }
  copyFileSync(path, `${path}.image`);
  return {
    putBack() {
      // The image is of the whole disk: what lay beside the file is as old.
      for (const suffix of ['-wal', '-shm', '.mark']) rmSync(path + suffix, { force: true });
      copyFileSync(`${path}.image`, path);
    },
  };
}
