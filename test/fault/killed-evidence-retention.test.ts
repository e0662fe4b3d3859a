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
import { judgeEvidence } from '../support/retained-evidence.ts';
import { seedOf } from '../support/seed.ts';
import { killedChild } from './killed-child.ts';

const RETAINER = join(import.meta.dirname, 'evidence-retainer.ts');
const KILLS = 10;

/** Runs the process until it has said so many lines, and kills it some milliseconds later; gives how many days it answered for, and what it removed. */
async function run(folder: string, first: number, lines: number, afterMs: number): Promise<{ days: number; removed: number }> {
  const said = { days: first, removed: 0 };
  let heard = 0;
  const { signal } = await killedChild([RETAINER, folder, `${first}`], afterMs, (line) => {
    const [what, number] = line.split(' ');
    if (what === 'RECORDED') said.days = Number(number) + 1;
    else said.removed += Number(number);
    heard += 1;
    return heard === lines;
  });
  assert.equal(signal, 'SIGKILL');
  return said;
}

test(`a store killed ${KILLS} times while its evidence is removed: what remains verifies, what is gone is told of, and nothing is gone before its time`, async (context) => {
  verifies('AUDIT-RETAINED');
  const seed = seedOf(context);
  const uniform = random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-retainer-'));
  try {
    const [path, keyFile] = [join(folder, 'hub.db'), join(folder, 'hub.key')];
    ensureKeyFile(keyFile, path);
    let removed = 0;
    let found = { days: 0, gone: 0 };
    for (let kill = 0; kill < KILLS; kill += 1) {
      const said = await run(folder, found.days, 60 + Math.floor(uniform() * 120), uniform() * 20);
      removed += said.removed;
      await using store = openSqliteStore({ path, keyFile, metrics: new Metrics() });
      found = await judgeEvidence(store, said.days);
    }
    assert.ok(removed > 100 && found.gone > 100, `${removed} removed`);
    context.diagnostic(
      `${KILLS} kills, ${found.days} days of two entries, ${removed} entries and contents removed: none before its time, each told of`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
