import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { random } from '../../agent/simulate/physiology.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { Metrics } from '../../shared/metrics.ts';
import { ensureKeyFile } from '../../shared/storage/key-file.ts';
import { verifies } from '../requirements.ts';
import { judgeRetained } from '../support/retained-store.ts';
import { seedOf } from '../support/seed.ts';
import { killedChild } from './killed-child.ts';

const RETAINER = join(import.meta.dirname, 'store-retainer.ts');
const KILLS = 10;

interface Said {
  /** The greatest number that was stored; -1 for none. */
  stored: number;
  removed: number;
}

/** Runs the process until it has said so many lines, and kills it some milliseconds later. */
async function run(folder: string, first: number, lines: number, afterMs: number): Promise<Said> {
  const said = { stored: -1, removed: 0 };
  let heard = 0;
  const { signal } = await killedChild([RETAINER, folder, `${first}`], afterMs, (line) => {
    const [what, number] = line.split(' ');
    if (what === 'STORED') said.stored = Number(number);
    else said.removed += Number(number);
    heard += 1;
    return heard === lines;
  });
  assert.equal(signal, 'SIGKILL');
  return said;
}

test(`a store killed ${KILLS} times while its retention runs: each value counts once, in its row or its rollup, and is known when it comes again`, async (context) => {
  verifies('RETENTION-ROLLUP', 'RETENTION-KEYS', 'EXACTLY-ONCE');
  const seed = seedOf(context);
  const uniform = random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-retainer-'));
  try {
    const [path, keyFile] = [join(folder, 'hub.db'), join(folder, 'hub.key')];
    ensureKeyFile(keyFile, path);
    let removed = 0;
    let found = { batches: 0, rows: 0 };
    for (let kill = 0; kill < KILLS; kill += 1) {
      const said = await run(folder, found.batches, 30 + Math.floor(uniform() * 120), uniform() * 20);
      removed += said.removed;
      await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
      found = await judgeRetained(store, said.stored + 1, kill === KILLS - 1 ? 1 : 20);
    }
    assert.ok(removed > 100 && found.rows < found.batches, `${removed} removed`);
    context.diagnostic(
      `${KILLS} kills, ${found.batches} batches of three stored, ${removed} rows and minutes removed: none missing, none counted twice`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
