import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { DeliveredRow, Outbox, OutboxRow } from '../../../agent/outbox/outbox.ts';
import { type OutboxOptions, openOutbox } from '../../../agent/outbox/sqlite.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-outbox-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function place(options: Partial<OutboxOptions> = {}): () => Promise<Outbox> {
  files += 1;
  const path = join(folder, `${files}.db`);
  return () => openOutbox({ path, keyFile: `${path}.key`, clock: systemClock, log: silentLogger, metrics: new Metrics(), ...options });
}

const [A, B, C] = ['aaaaaaaaaaaaa', 'bbbbbbbbbbbbb', 'ccccccccccccc'];

/** Delivers what waits, a commit of the hub's a row. */
async function deliver(outbox: Outbox, epoch: string | undefined, from = 0): Promise<OutboxRow[]> {
  const rows = await outbox.pending(0, 1000);
  const delivered = rows.map(
    ({ seq, epoch: key }, i): DeliveredRow => ({ seq, epoch: key, ...(epoch && { committed: { epoch, position: from + i + 1 } }) }),
  );
  await outbox.complete(delivered);
  return rows;
}

const records = (first: number, last: number): ReadingRecord[] =>
  Array.from({ length: last - first + 1 }, (_, i) => markedRecord(first + i));
const marks = async (outbox: Outbox): Promise<number[]> => (await outbox.pending(0, 10_000)).map(({ record }) => markOf(record));
const keys = (rows: readonly OutboxRow[]): string[] => rows.map(({ epoch, seq }) => `${epoch}.${seq}`);

test('a store that stands where it stood costs nothing', async () => {
  await using outbox = await place()();
  await outbox.append(records(1, 5));
  await deliver(outbox, A);
  assert.deepEqual(await outbox.redeliver({ epochs: [{ epoch: A, from: 0 }], position: 5 }), { rows: 0, gaps: 0 });
  assert.deepEqual(
    await outbox.redeliver({
      epochs: [
        { epoch: A, from: 0 },
        { epoch: B, from: 7 },
      ],
      position: 9,
    }),
    { rows: 0, gaps: 0 },
  );
  assert.equal((await outbox.status()).pending, 0);
});

test('what lies behind the beginning of the next epoch waits again, with the keys that it had, over restarts and a change of keys', async () => {
  verifies('HUB-RESTORED');
  const open = place();
  let sent: string[];
  {
    await using outbox = await open();
    await outbox.append(records(1, 10));
    sent = keys(await deliver(outbox, A));
    await outbox.append(records(11, 12));
    await outbox.rekey();
  }
  {
    await using outbox = await open();
    const lineage = {
      epochs: [
        { epoch: A, from: 0 },
        { epoch: B, from: 7 },
      ],
      position: 7,
    };
    assert.deepEqual(await outbox.redeliver(lineage), { rows: 3, gaps: 0 });
    assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).delivered], [5, 7]);
    assert.deepEqual(await outbox.redeliver(lineage), { rows: 0, gaps: 0 }, 'once');
  }
  await using outbox = await open();
  const waiting = await outbox.pending(0, 100);
  assert.deepEqual(
    waiting.map(({ record }) => markOf(record)),
    [8, 9, 10, 11, 12],
  );
  assert.deepEqual(keys(waiting.slice(0, 3)), sent.slice(7), 'the old keys, although new ones were taken since they were delivered');
  const rekeyed = await outbox.rekey();
  assert.ok(
    (await outbox.pending(0, 100)).every(({ epoch }) => epoch === rekeyed),
    'and new ones when they are taken from now on',
  );
  await deliver(outbox, B, 7);
  assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).delivered], [0, 12]);
});

test('of an epoch that the lineage does not name, everything waits again; of a present one, what lies behind where the store stands', async () => {
  verifies('HUB-RESTORED');
  await using outbox = await place()();
  await outbox.append(records(1, 3));
  await deliver(outbox, A);
  await outbox.append(records(4, 6));
  await deliver(outbox, B, 3);
  await outbox.append(records(7, 9));
  await deliver(outbox, C, 6);
  assert.equal((await outbox.redeliver({ epochs: [{ epoch: A, from: 0 }], position: 2 })).rows, 7);
  assert.deepEqual(await marks(outbox), [3, 4, 5, 6, 7, 8, 9]);
});

test('a hub that says nothing of its commits gets no promise: what it took stays delivered, until it is another hub on purpose', async () => {
  await using outbox = await place()();
  assert.equal(outbox.storeId, null);
  assert.equal(await outbox.setStoreId('one'), 0);
  await outbox.append(records(1, 3));
  await deliver(outbox, undefined);
  await outbox.append(records(4, 5));
  await deliver(outbox, A);
  assert.equal((await outbox.redeliver({ epochs: [{ epoch: A, from: 0 }], position: 2 })).rows, 0);
  assert.equal(await outbox.setStoreId('one'), 0);
  assert.equal(await outbox.setStoreId('two'), 3);
  assert.equal((await outbox.redeliver({ epochs: [{ epoch: B, from: 0 }], position: 0 })).rows, 2);
  assert.deepEqual(await marks(outbox), [1, 2, 3, 4, 5]);
});

test('the id of the store is kept over restarts', async () => {
  const open = place();
  {
    await using outbox = await open();
    await outbox.setStoreId('one');
  }
  await using outbox = await open();
  assert.equal(outbox.storeId, 'one');
});

test('of many rows all wait again, in small commits', async () => {
  await using outbox = await place()();
  await outbox.append(records(1, 1800));
  for (let from = 0; (await outbox.status()).pending > 0; from += 1000) await deliver(outbox, A, from);
  assert.deepEqual(await outbox.redeliver({ epochs: [{ epoch: A, from: 0 }], position: 100 }), { rows: 1700, gaps: 0 });
  assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).delivered], [1700, 100]);
});

test('rows that were removed meanwhile become gaps, one of each place, which tell what is missing and wait as anything else', async () => {
  verifies('HUB-RESTORED', 'NO-SILENT-DROP');
  const open = place({ keepDeliveredRows: 2 });
  const other = (mark: number): ReadingRecord => ({ ...markedRecord(mark), device: { id: '777', idType: 'serial' } });
  {
    await using outbox = await open();
    await outbox.append([...records(1, 4), other(5), ...records(6, 8), other(9), markedRecord(10)]);
    await deliver(outbox, A);
    assert.equal((await outbox.status()).delivered, 2);
  }
  await using outbox = await open();
  const lineage = {
    epochs: [
      { epoch: A, from: 0 },
      { epoch: B, from: 3 },
    ],
    position: 3,
  };
  assert.deepEqual(await outbox.redeliver(lineage), { rows: 2, gaps: 2 });
  const rows = await outbox.pending(0, 100);
  assert.deepEqual(
    rows.map(({ class: name }) => name),
    ['spot', 'spot', 'gap', 'gap'],
  );
  const gaps = rows.flatMap(({ record: { device, gap } }) => (gap ? [{ device: device.id, ...gap }] : []));
  const told = gaps.map(({ device, reason, lost, from, to, vitals }) => ({ device, reason, lost, from, to, vitals }));
  const of = { reason: 'restored', lost: 'spot', vitals: ['spo2'] };
  const base = 1_700_000_000_000;
  // To the hour: the first three of these are still there.
  assert.deepEqual(told, [
    { device: '501234567', ...of, from: base + 1, to: base + 8 },
    { device: '777', ...of, from: base + 5, to: base + 5 },
  ]);
  assert.deepEqual(await outbox.redeliver(lineage), { rows: 0, gaps: 0 }, 'told once');
});

test('what was removed, and is still at the hub, leaves no gap', async () => {
  await using outbox = await place({ keepDeliveredRows: 2 })();
  await outbox.append(records(1, 10));
  await deliver(outbox, A);
  assert.deepEqual(
    await outbox.redeliver({
      epochs: [
        { epoch: A, from: 0 },
        { epoch: B, from: 8 },
      ],
      position: 8,
    }),
    { rows: 2, gaps: 0 },
  );
});
