import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { OutboxOptions } from '../../../../agent/outbox/options.ts';
import type { Outbox } from '../../../../agent/outbox/outbox.ts';
import { openOutboxInThread } from '../../../../agent/outbox/thread/thread-outbox.ts';
import { createLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import { markedRecord, markOf } from '../../../contract/outbox.ts';
import { verifies } from '../../../requirements.ts';
import { until } from '../../../support/until.ts';
import { createGate, type Gate } from './gate.ts';

const GATED = new URL('gated-thread.ts', import.meta.url);
const YEAR_MS = 365 * 24 * 3_600_000;

/** A folder with what a test hands to an outbox, and time that it can move. */
function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-thread-'));
  const lines: string[] = [];
  const time = { aheadMs: 0, ms: 0 };
  const metrics = new Metrics();
  const gate = createGate();
  const options: OutboxOptions = {
    path: join(folder, 'outbox.db'),
    keyFile: join(folder, 'outbox.key'),
    clock: { now: () => Date.now() + time.aheadMs, monotonicMs: () => time.ms },
    log: createLogger({ component: 'test', destination: { write: (line) => void lines.push(line) } }),
    metrics,
  };
  const open = (more: Partial<OutboxOptions> = {}): Promise<Outbox> => openOutboxInThread({ ...options, ...more }, GATED);
  return { folder, options, open, lines, time, metrics, gate, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

const marks = async (outbox: Outbox): Promise<number[]> => (await outbox.pending(0, 10_000)).map(({ record }) => markOf(record));

describe('the outbox in a thread of its own', () => {
  test('a commit that takes long keeps nobody from their turns, and what comes meanwhile shares the next ones', async () => {
    verifies('OUTBOX-OWN-THREAD');
    using at = setUp();
    await using outbox = await at.open();
    const before = at.metrics.get('storage_commits', 'outbox');
    at.gate.set('closed');
    let done = 0;
    const appending: Promise<unknown>[] = [];
    for (let mark = 0; mark < 1000; mark += 1) {
      appending.push(outbox.append([markedRecord(mark)]).then(() => (done += 1)));
      if (mark % 5 === 4) await turn();
    }
    assert.equal(done, 0);
    at.gate.set('open');
    await Promise.all(appending);
    const commits = at.metrics.get('storage_commits', 'outbox') - before;
    assert.ok(commits <= 8, `${commits} commits of 1000 rows in 200 turns`);
    assert.deepEqual(
      await marks(outbox),
      Array.from({ length: 1000 }, (_, mark) => mark),
    );
  });

  test('of many senders that come in one turn the thread begins with the first, and does not wait for that turn to end', async () => {
    verifies('OUTBOX-OWN-THREAD');
    using at = setUp();
    await using outbox = await at.open();
    at.gate.set('closed');
    const appending = Array.from({ length: 16 }, (_, mark) => outbox.append([markedRecord(mark)]));
    const hasBegun = at.gate.isReached();
    appending.push(...Array.from({ length: 16 }, (_, mark) => outbox.append([markedRecord(16 + mark)])));
    at.gate.set('open');
    await Promise.all(appending);
    assert.ok(hasBegun, 'while nothing else of this turn was done');
    assert.deepEqual(
      await marks(outbox),
      Array.from({ length: 32 }, (_, mark) => mark),
    );
  });

  for (const end of ['exits', 'throws', 'fills'] as const satisfies Gate[]) {
    test(`a thread that ${end}: whoever waits is told, nothing more is stored for a second, then it goes on with all that was acknowledged`, async () => {
      verifies('OUTBOX-THREAD-ENDS', 'ACK-AFTER-COMMIT');
      using at = setUp();
      await using outbox = await at.open();
      const epoch = outbox.epoch;
      await outbox.append([markedRecord(1)]);
      at.gate.set(end);
      const waiting = [outbox.append([markedRecord(2)]), outbox.append([markedRecord(3)]), outbox.quarantined(10), outbox.rekey()];
      const settled = await Promise.allSettled(waiting);
      assert.deepEqual(
        [0, 1, 3].map((i) => settled[i]?.status === 'rejected' && settled[i].reason.code),
        Array(3).fill('STORAGE-THREAD'),
      );
      at.gate.set('open');
      await assert.rejects(outbox.append([markedRecord(4)]), { code: 'STORAGE-THREAD' });
      assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).code], [0, 'STORAGE-THREAD'], 'as it was told last');
      assert.ok(at.lines.some((line) => line.includes('STORAGE-THREAD') && line.includes('the outbox cannot store')));
      let announced = 0;
      outbox.onAppend(() => {
        announced += 1;
      });
      at.time.ms += 1000;
      await outbox.append([markedRecord(5)]);
      assert.notEqual(outbox.epoch, epoch);
      assert.deepEqual([(await marks(outbox)).filter((mark) => mark === 1 || mark === 5), announced > 0], [[1, 5], true]);
      assert.equal((await outbox.status()).code, null);
      assert.ok(at.lines.some((line) => line.includes('the outbox stores again')));
    });
  }

  test('what keeps it from being opened is told as without a thread, and the key stands in no line of the log', async () => {
    verifies('OUTBOX-OWN-THREAD');
    using at = setUp();
    const outbox = await at.open();
    await outbox.append([markedRecord(1)]);
    await assert.rejects(at.open(), { code: 'STORAGE-LOCKED' });
    await outbox[Symbol.asyncDispose]();
    await assert.rejects(outbox.append([markedRecord(2)]), { code: 'STORAGE-CLOSED' });
    const key = readFileSync(at.options.keyFile, 'utf8');
    rmSync(`${at.options.path}.places`);
    writeFileSync(at.options.keyFile, 'ab'.repeat(32));
    await assert.rejects(at.open(), { code: 'STORAGE-KEY' });
    rmSync(at.options.keyFile);
    await assert.rejects(at.open(), { code: 'STORAGE-KEY-FILE' });
    writeFileSync(at.options.keyFile, key, { mode: 0o600 });
    await using again = await at.open();
    assert.deepEqual(await marks(again), [1]);
    assert.ok(!at.lines.join().includes(key.trim()));
  });

  test('a damaged file is set aside and said so, in the log and the metrics of whoever opened it', async () => {
    verifies('OUTBOX-OWN-THREAD');
    using at = setUp();
    const outbox = await at.open();
    await outbox.append([markedRecord(1)]);
    await outbox[Symbol.asyncDispose]();
    writeFileSync(at.options.path, Buffer.alloc(8192, 0x55));
    await using again = await at.open();
    await until(() => at.lines.some((line) => line.includes('was taken over')));
    assert.equal(at.metrics.get('outbox_set_aside'), 1);
    const told = at.lines.find((line) => line.includes('OUTBOX-SET-ASIDE')) ?? '{}';
    assert.equal(JSON.parse(told).level, 'error');
    assert.equal((await again.status()).code, 'OUTBOX-SET-ASIDE');
  });

  test('times are those of the clock of whoever opened it, when it jumps as well', async () => {
    verifies('OUTBOX-OWN-THREAD');
    using at = setUp();
    await using outbox = await at.open();
    at.time.aheadMs = YEAR_MS;
    await outbox.quarantineBytes('bench', 'DECODE-GARBAGE', 'frame', new Uint8Array(3));
    const [entry] = await outbox.quarantined(1);
    assert.ok(Math.abs((entry?.at ?? 0) - Date.now() - YEAR_MS) < YEAR_MS / 2);
  });
});
