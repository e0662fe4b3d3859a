import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { random } from '../../agent/simulate/physiology.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import type { Store } from '../../hub/store/store.ts';
import { pause } from '../../shared/lifecycle.ts';
import { Metrics } from '../../shared/metrics.ts';
import { ensureKeyFile } from '../../shared/storage/key-file.ts';
import { batchOf, event } from '../contract/store.ts';
import { amend, reading, stretch, undo } from '../contract/store-amend.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { seedOf } from '../support/seed.ts';

const REASSIGNER = join(import.meta.dirname, 'store-reassigner.ts');
const [BATCHES, ROWS] = [50, 50];

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

/** Each row: whose it is, the minutes ago at which it was measured, and whether it is void. */
async function state(store: Store): Promise<Map<string, { patient: string; minutesAgo: number; isVoid: boolean }>> {
  const rows = new Map<string, { patient: string; minutesAgo: number; isVoid: boolean }>();
  for (const patient of ['pat-a', 'pat-b'])
    for (const { id, sortTime, resource } of await gathered(await store.observations('clinic', { patient }, (count) => event(count)))) {
      assert.ok(!rows.has(id), 'a row is of two people');
      rows.set(id, { patient, minutesAgo: Math.round((TEST_NOW - sortTime) / 60_000), isVoid: resource.status === 'entered-in-error' });
    }
  return rows;
}

test('amending that is killed again and again comes to its end: each row is as was decided, none is lost or twice', async (context) => {
  verifies('AMEND-RESUMED');
  const uniform = random(seedOf(context));
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-amender-'));
  try {
    const [path, keyFile] = [join(folder, 'hub.db'), join(folder, 'hub.key')];
    ensureKeyFile(keyFile, path);
    const open = () => openSqliteStore({ path, keyFile, metrics: new Metrics() });
    {
      await using store = open();
      for (let batch = 0; batch < BATCHES; batch += 1)
        await store.storeBatch(
          batchOf(Array.from({ length: ROWS }, (_, i) => reading(1 + batch * ROWS + i, BATCHES - batch, { device: `d-${i % 7}` }))),
        );
      await amend(store, { selection: stretch(40, 20) });
      const id = await amend(store, { kind: 'reassign', to: 'pat-b', selection: stretch(30, 10) });
      await amend(store, { kind: 'reassign', to: 'pat-b', selection: stretch(15, 5) });
      await undo(store, id);
    }
    let kills = 0;
    for (let isDone = false; !isDone; kills += 1) {
      isDone = await run(folder, 2 + Math.floor(uniform() * 6), uniform() * 10);
      await using store = open();
      assert.equal((await state(store)).size, BATCHES * ROWS);
      assert.deepEqual((await store.verify()).findings, []);
      assert.ok(kills < 400, 'it makes no way');
    }
    await using store = open();
    for (const { patient, minutesAgo, isVoid } of (await state(store)).values()) {
      assert.equal(patient, minutesAgo <= 15 && minutesAgo > 5 ? 'pat-b' : 'pat-a', `${minutesAgo} minutes ago`);
      assert.equal(isVoid, minutesAgo <= 40 && minutesAgo > 20, `${minutesAgo} minutes ago`);
    }
    context.diagnostic(`killed ${kills - 1} times`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
