import assert from 'node:assert/strict';
import { join } from 'node:path';
import { verifyAudit } from '../../../hub/audit/chain.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import type { ArrivedBatch, Store } from '../../../hub/store/store.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { ensureKeyFile } from '../../../shared/storage/key-file.ts';
import { arrivalOf, batchOf, event } from '../../contract/store.ts';
import { gathered, TEST_NOW } from '../hub.ts';

const ROWS = 3;
const SENT: ArrivedBatch[] = [];

/** The batch of this number: observations of two patients, and a part that was refused. */
export function sentBatch(number: number): ArrivedBatch {
  SENT[number] ??= makeBatch(number);
  return SENT[number];
}

function makeBatch(number: number): ArrivedBatch {
  const arrivals = Array.from({ length: ROWS }, (_, i) =>
    arrivalOf({
      seq: 1 + number * ROWS + i,
      value: 40 + (number % 100),
      patientId: i === 0 ? 'pat-icu-02' : 'pat-icu-01',
      effective: TEST_NOW + number * 1000,
      receivedAt: TEST_NOW + number * 1000,
    }),
  );
  const refusals = [{ id: '', code: 'INGEST-INVALID' as const, rule: 'no code', received: `{"number":${number}}` }];
  return batchOf(arrivals, { refusals });
}

/** Everything answered for is there once, whole batches or nothing, the evidence is a chain, and the store works. */
export async function judgeStore(folder: string, said: readonly string[]): Promise<void> {
  const told = (what: string): string[] => said.filter((line) => line.startsWith(`${what} `)).map((line) => line.slice(what.length + 1));
  const [path, keyFile] = [join(folder, 'var/lib', 'hub.db'), join(folder, 'etc', 'hub.key')];
  ensureKeyFile(keyFile, path);
  const store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
  try {
    for (const id of told('STORE')) assert.equal(store.storeId, id, 'another store');
    const stored = told('STORED').map(Number);
    await judgeChain(store, told('RECORDED'), Math.max(0, ...told('AUDIT').map(Number)));
    const before = await gathered(await store.observations('clinic', {}, (rows) => event(rows)));
    const ids = new Set(before.map(({ id }) => id));
    assert.equal(ids.size, before.length, 'an observation is there twice');
    for (const number of stored)
      for (const { id } of sentBatch(number).arrivals) assert.ok(ids.has(id), `${id} was answered for and is missing`);
    assert.equal(before.length % ROWS, 0, 'a batch is there in part');
    const counts = await store.counts('clinic', (rows) => event(rows));
    assert.deepEqual([counts.observations, counts.quarantined], [before.length, before.length / ROWS]);
    await judgeRepeated(store, stored, before.length / ROWS);
    const newest = await store.latest('clinic', 'pat-icu-01', (rows) => event(rows));
    const highest = Math.max(before.length / ROWS, ...stored.map((number) => number + 1));
    assert.deepEqual(
      newest.map(({ sortTime }) => sortTime),
      [TEST_NOW + highest * 1000],
    );
  } finally {
    await store[Symbol.asyncDispose]();
  }
  using database = openDatabase({ path, keyFile, migrations: STORE_MIGRATIONS });
  const pragma = (text: string): unknown[] => database.read(() => database.prepare(text).all());
  assert.deepEqual(pragma('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
}

async function judgeChain(store: Store, recorded: readonly string[], entries: number): Promise<void> {
  const verdict = await verifyAudit(store.audit(), store.storeId);
  assert.ok(verdict.intact && verdict.entries >= entries, `the evidence is not whole: ${JSON.stringify(verdict)}`);
  const reasons = new Set((await gathered(store.audit())).map(({ entry }) => (JSON.parse(entry) as { reason: string }).reason));
  for (const reason of recorded) assert.ok(reasons.has(reason), `the evidence of ${reason} is missing`);
}

/** What a gateway that got no answer does: sends all of it again. Batches were stored in the order of their numbers. */
async function judgeRepeated(store: Store, stored: readonly number[], held: number): Promise<void> {
  const numbers = new Set([...stored.slice(-3), held - 1, held].filter((number) => number >= 0));
  for (const number of numbers) {
    const { results } = await store.storeBatch(sentBatch(number));
    assert.deepEqual(results, Array(ROWS).fill(number < held ? 'held' : 'stored'), `batch ${number}`);
  }
}
