import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Mark } from '../../../agent/outbox/mark.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { markedRecord } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-wear-'));
after(() => rmSync(root, { recursive: true, force: true }));

const DAY_MS = 86_400_000;

test('bytes written are counted by day, over restarts, and are no less than what the log grew by', async () => {
  verifies('OUTBOX-WEAR');
  const folder = mkdtempSync(join(root, 'w-'));
  const [path, keyFile] = [join(folder, 'outbox.db'), join(folder, 'outbox.key')];
  const clock = { ms: Date.UTC(2026, 0, 1, 12), now: () => clock.ms, monotonicMs: () => clock.ms };
  const open = () => openOutbox({ path, keyFile, clock, log: silentLogger, metrics: new Metrics() });
  const first = await open();
  const before = (await first.status()).writtenBytes.today;
  const logBefore = statSync(`${path}-wal`).size;
  for (let i = 0; i < 40; i += 1) await first.append([markedRecord(i)]);
  const { today, yesterday } = (await first.status()).writtenBytes;
  const grown = statSync(`${path}-wal`).size - logBefore;
  assert.ok(grown > 40 * 4096, `${grown}`);
  assert.equal(today - before, grown);
  assert.equal(yesterday, 0);
  // More than a log holds before it is emptied: what was moved to the file is in it, too.
  for (let i = 0; i < 400; i += 1) await first.append([markedRecord(i)]);
  const filled = (await first.status()).writtenBytes.today;
  assert.ok(filled > today + 900 * 4096, `${filled}`);
  await first[Symbol.asyncDispose]();
  clock.ms += DAY_MS;
  const second = await open();
  assert.deepEqual((await second.status()).writtenBytes, { today: 0, yesterday: filled });
  await second[Symbol.asyncDispose]();
  clock.ms += 2 * DAY_MS;
  await using third = await open();
  assert.deepEqual((await third.status()).writtenBytes, { today: 0, yesterday: 0 });
});

test('a mark keeps its numbers, each as far as it is whole', () => {
  verifies('OUTBOX-WEAR');
  const path = join(root, 'mark');
  const written = { day: 20_454, today: 1_000_000, yesterday: 5 };
  {
    using mark = new Mark(path);
    mark.raise(17);
    mark.note({ oldestAt: 1_767_225_600_000, written });
    mark.raise(18);
  }
  using mark = new Mark(path);
  assert.deepEqual([mark.seq, mark.noted], [18, { oldestAt: 1_767_225_600_000, written }]);
  writeFileSync(path, '0000000000000017\n00000017672');
  using torn = new Mark(path);
  assert.deepEqual([torn.seq, torn.noted.oldestAt, torn.noted.written.today], [17, 0, 0]);
});

test('a mark that is closed is written no more: another file may have its number by then', () => {
  verifies('OUTBOX-WEAR');
  const mark = new Mark(join(root, 'closed'));
  mark.raise(17);
  mark[Symbol.dispose]();
  const path = join(root, 'other');
  const others = Array.from({ length: 4 }, () => openSync(path, 'w+'));
  mark.raise(18);
  mark.note({ oldestAt: 1, written: { day: 1, today: 1, yesterday: 1 } });
  mark[Symbol.dispose]();
  for (const other of others) closeSync(other);
  assert.equal(readFileSync(path, 'utf8'), '');
});
