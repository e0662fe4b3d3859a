import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { random } from '../../agent/simulate/physiology.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { misfiledEntry } from '../../hub/audit/indexed.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { pause } from '../../shared/lifecycle.ts';
import { Metrics } from '../../shared/metrics.ts';
import { ensureKeyFile } from '../../shared/storage/key-file.ts';
import { event } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { gathered } from '../support/hub.ts';
import { numberedBatch, orderAt } from '../support/retained-store.ts';
import { seedOf } from '../support/seed.ts';

const ERASER = join(import.meta.dirname, 'store-eraser.ts');
const WHO = 'pat-icu-01';
const BATCHES = 160;

/** Runs the process for so many steps, and kills it some milliseconds after it began; true when it came to the end before. */
async function run(folder: string, steps: number, afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [ERASER, folder, WHO, String(steps)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let isDone = false;
  for await (const line of createInterface({ input: child.stdout })) {
    isDone ||= line === 'DONE';
    if (line === 'BEGUN') void pause(afterMs).then(() => child.kill('SIGKILL'));
  }
  const [code, signal] = await exit;
  assert.ok(signal === 'SIGKILL' || code === 0, `${code} ${signal}`);
  return isDone;
}

test('an erasure that is killed again and again comes to its end: of the person nothing is left, of the other everything', async (context) => {
  verifies('ERASE-RESUMED', 'ERASE-EVIDENCE');
  const seed = seedOf(context);
  const uniform = random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-eraser-'));
  try {
    const [path, keyFile] = [join(folder, 'hub.db'), join(folder, 'hub.key')];
    ensureKeyFile(keyFile, path);
    let others = 0;
    {
      await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
      for (let number = 0; number < BATCHES; number += 1) await store.storeBatch(numberedBatch(number));
      // Half of it is rolled up by then.
      for (let more = true; more; ) ({ more } = await store.retain(orderAt(BATCHES / 2)));
      await store.latest('clinic', WHO, (rows) => event(rows, { patient: WHO }));
      others = (await gathered(await store.observations('clinic', { patient: 'pat-icu-02' }, () => event(0)))).length;
    }
    let kills = 0;
    for (let isDone = false; !isDone; kills += 1) {
      // Further and later each time: within a step on a fast machine, and behind the last one in the end on a slow one.
      isDone = await run(folder, 1 + Math.floor(kills / 2), uniform() * 2 * 1.6 ** kills);
      await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
      // Between two lives nobody sees anything of the person as current, and the store agrees with itself.
      assert.deepEqual(await store.latest('clinic', WHO, () => event(0)), []);
      assert.deepEqual((await store.verify()).findings, []);
      assert.equal((await store.erasing.erasureCounts()).erased, 1);
      assert.ok(kills < 400, 'it makes no way');
    }
    await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
    assert.deepEqual(await store.erasing.erasureCounts(), { erased: 1, underWay: 0, held: 0 });
    assert.deepEqual(await gathered(await store.observations('clinic', { patient: WHO }, () => event(0))), []);
    assert.deepEqual(await gathered(store.erasing.rollupsOf('clinic', WHO)), []);
    assert.equal((await gathered(await store.observations('clinic', { patient: 'pat-icu-02' }, () => event(0)))).length, others);
    assert.ok((await verifyAudit(store.audit(), store.storeId)).intact);
    assert.equal(await misfiledEntry(store), null);
    assert.ok(statSync(path).size > 0);
    assert.ok(kills > 2, 'the first two lives do a step at most');
    context.diagnostic(`killed ${kills - 1} times`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
