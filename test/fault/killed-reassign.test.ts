import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { random } from '../../agent/simulate/physiology.ts';
import { nobodyIn } from '../../hub/store/placing/placing.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import type { Store } from '../../hub/store/store.ts';
import { pause } from '../../shared/lifecycle.ts';
import { Metrics } from '../../shared/metrics.ts';
import { ensureKeyFile } from '../../shared/storage/key-file.ts';
import { batchOf, event } from '../contract/store.ts';
import { ordered, orderOf, placedReading } from '../contract/store-placing.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { seedOf } from '../support/seed.ts';

const REASSIGNER = join(import.meta.dirname, 'store-reassigner.ts');
const BATCHES = 60;
const ROWS = 50;
/** Nobody's at first, one's and then another's; by minutes ago. */
const ORDERS = [orderOf(nobodyIn('ICU^1^A'), 'pat-a', 100), orderOf('pat-a', 'pat-b', 50), orderOf('pat-b', 'pat-a', 25)];

/** Runs the process and kills it some milliseconds after its first `lines` lines; true when it came to its end before. */
async function run(folder: string, lines: number, afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [REASSIGNER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let [heard, isDone] = [0, false];
  for await (const line of createInterface({ input: child.stdout })) {
    heard += 1;
    isDone ||= line === 'DONE';
    if (heard === lines) void pause(afterMs).then(() => child.kill('SIGKILL'));
  }
  const [code, signal] = await exit;
  assert.ok(signal === 'SIGKILL' || code === 0, `${code} ${signal}`);
  return isDone;
}

/** Each row, by the minutes ago at which it was measured; of everybody, those too that are nobody's. */
async function whose(store: Store): Promise<Map<string, [patient: string, minutesAgo: number]>> {
  const rows = new Map<string, [string, number]>();
  for (const patient of ['pat-a', 'pat-b', nobodyIn('ICU^1^A')])
    for (const { id, sortTime } of await gathered(await store.observations('clinic', { patient }, (count) => event(count)))) {
      assert.ok(!rows.has(id), 'a row is of two people');
      rows.set(id, [patient, Math.round((TEST_NOW - sortTime) / 60_000)]);
    }
  return rows;
}

test('moving rows that is killed again and again comes to its end: each row is whose the orders say, none is lost or twice', async (context) => {
  verifies('REASSIGN-RESUMED');
  const uniform = random(seedOf(context));
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-reassigner-'));
  try {
    const [path, keyFile] = [join(folder, 'hub.db'), join(folder, 'hub.key')];
    ensureKeyFile(keyFile, path);
    {
      await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
      for (let batch = 0; batch < BATCHES; batch += 1) {
        const rows = Array.from({ length: ROWS }, (_, i) =>
          placedReading(1 + batch * ROWS + i, BATCHES - batch, { patientId: nobodyIn('ICU^1^A'), device: `d-${i % 7}` }),
        );
        await store.storeBatch(batchOf(rows));
      }
      await ordered(store, ORDERS);
    }
    let kills = 0;
    for (let isDone = false; !isDone; kills += 1) {
      isDone = await run(folder, 2 + Math.floor(uniform() * 6), uniform() * 10);
      await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
      assert.equal((await whose(store)).size, BATCHES * ROWS);
      assert.deepEqual((await store.verify()).findings, []);
      assert.ok(kills < 400, 'it makes no way');
    }
    await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
    for (const [patient, minutesAgo] of (await whose(store)).values())
      assert.equal(patient, minutesAgo <= 50 && minutesAgo > 25 ? 'pat-b' : 'pat-a', `${minutesAgo} minutes ago`);
    context.diagnostic(`killed ${kills - 1} times`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
