import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openOutbox } from '../../agent/outbox/sqlite.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { markedRecord, markOf } from '../contract/outbox.ts';
import { verifies } from '../requirements.ts';

const FILLER = join(import.meta.dirname, 'outbox-filler.ts');
const LIMIT = 256 * 1024;
const EACH = 1_000_000;

/** Runs the filler until it has said so many marks; the greatest of them. */
async function fill(folder: string, first: number, killAfter: number): Promise<number[]> {
  const child = spawn(process.execPath, [FILLER, folder, String(first), String(LIMIT)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const marks: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    marks.push(Number(line.split(' ')[1]));
    if (marks.length === killAfter) child.kill('SIGKILL');
  }
  const [, signal] = await exit;
  assert.equal(signal, 'SIGKILL');
  return marks;
}

test('killed while it gives rows up: each acknowledged row waits, or a gap tells of it, and never both', async () => {
  verifies('OUTBOX-GAPS', 'OUTBOX-LIMITS', 'ACK-AFTER-COMMIT');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-filler-'));
  try {
    const acknowledged: number[] = [];
    for (const [round, killAfter] of [1500, 900, 50, 2000, 1200].entries()) {
      acknowledged.push(...(await fill(folder, round * EACH + 1, killAfter)));
    }
    const [path, keyFile] = [join(folder, 'outbox.db'), join(folder, 'outbox.key')];
    await using outbox = await openOutbox({ path, keyFile, clock: systemClock, log: silentLogger, metrics: new Metrics() });
    const rows = await outbox.waiting(0, 100_000);
    const waiting = new Set(rows.filter((row) => row.class === 'spot').map((row) => markOf(row.record)));
    const gaps = rows.flatMap((row) => row.record.gap ?? []);
    const at = (mark: number): number => markedRecord(mark).receivedAt;
    const told = (mark: number): boolean => gaps.some(({ from, to }) => from <= at(mark) && at(mark) <= to);
    const missing = acknowledged.filter((mark) => !waiting.has(mark));
    assert.ok(missing.length > 1000, `${missing.length} were given up`);
    assert.ok(missing.every(told));
    // Of the last turn of each round nobody was told, and it may be there.
    const given = gaps.reduce((sum, { rows: count }) => sum + count, 0);
    const all = waiting.size + given;
    assert.ok(all >= acknowledged.length && all <= acknowledged.length + 5 * 10, `${all} of ${acknowledged.length}`);
    assert.ok(gaps.every(({ reason, lost, rows: count, values }) => reason === 'space' && lost === 'spot' && values === count));
    assert.ok((await outbox.status()).usedBytes < 1.1 * LIMIT);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
