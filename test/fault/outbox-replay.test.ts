import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { MIGRATIONS } from '../../agent/outbox/schema.ts';
import { decodeRecord, type ReadingRecord } from '../../shared/reading.ts';
import { openDatabase } from '../../shared/storage/database.ts';
import { markOf } from '../contract/outbox.ts';
import { verifies } from '../requirements.ts';

const REPLAYER = join(import.meta.dirname, 'outbox-replayer.ts');
const COUNT = 900;
/** What it may still say until the kill has reached it. */
const BEHIND = 64;

/** Runs the replayer; kills it as soon as it said so many lines. Ids of the entries that it called replayed. */
async function replay(folder: string, killAfter = Number.POSITIVE_INFINITY): Promise<string[]> {
  const child = spawn(process.execPath, [REPLAYER, folder, String(COUNT), String(killAfter + BEHIND)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const out: string[] = [];
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    lines += 1;
    const [what, id = '', outcome] = line.split(' ');
    if (what === 'OUT') {
      assert.equal(outcome, 'pending');
      out.push(id);
    }
    if (lines === killAfter) child.kill('SIGKILL');
  }
  const [code, signal] = await exit;
  if (killAfter === Number.POSITIVE_INFINITY) assert.deepEqual([code, signal], [0, null]);
  return out;
}

const nameOf = (record: ReadingRecord): string =>
  record.source === 'bench' ? `row ${markOf(record)}` : `message ${record.subject.patient?.value}`;

function look(folder: string): { waiting: string[]; aside: number } {
  using database = openDatabase({ path: join(folder, 'outbox.db'), keyFile: join(folder, 'outbox.key'), migrations: MIGRATIONS });
  return database.read(() => ({
    waiting: database
      .prepare<[], { body: Buffer }>('SELECT body FROM rows ORDER BY seq')
      .all()
      .map(({ body }) => nameOf(decodeRecord(body))),
    aside: database.prepare<[], { n: number }>('SELECT count(*) AS n FROM quarantine').get()?.n ?? 0,
  }));
}

test('killed while quarantine is replayed: each entry is in quarantine or waits, and in the end all wait once', async () => {
  verifies('QUARANTINE-REPLAYED-ONCE');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-replay-'));
  try {
    const told = new Set<string>();
    let midway = 0;
    for (const killAfter of [1, 2, 258, 300, 514, Number.POSITIVE_INFINITY]) {
      const out = await replay(folder, killAfter);
      for (const id of out) {
        assert.ok(!told.has(id), `${id} was replayed twice`);
        told.add(id);
      }
      const { waiting, aside } = look(folder);
      assert.equal(new Set(waiting).size, waiting.length, 'nothing waits twice');
      assert.equal(waiting.length + aside, 2 * COUNT, 'nothing is missing');
      assert.ok(told.size <= waiting.length, 'what was called replayed waits');
      if (waiting.length > 0 && aside > 0) midway += 1;
    }
    assert.ok(midway >= 2, 'it was killed in the middle');
    const expected = Array.from({ length: COUNT }, (_, i) => [`row ${i + 1}`, `message P-${i + 1}`]).flat();
    const { waiting, aside } = look(folder);
    assert.equal(aside, 0);
    assert.deepEqual(waiting.sort(), expected.sort());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
