import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileSink } from '../../hub/audit/feed/file-sink.ts';
import { fedEntry } from '../contract/feed-sink.ts';
import { verifies } from '../requirements.ts';
import { SmallDisk } from '../support/small-disk.ts';

const ROUNDS = 20;
const PAGE = 250;

test('the disk of the feed’s file is full again and again: it says so, and what was confirmed is there, whole and without a hole', async (context) => {
  verifies('FEED-GOES-ON', 'FEED-GAP-ALARM');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-feed-'));
  try {
    await using disk = await SmallDisk.over(folder, 8 * 1024 * 1024);
    const path = join(disk.path, 'evidence.jsonl');
    await using sink = new FileSink(path);
    let confirmed = 0;
    let refused = 0;
    const next = async (): Promise<void> => {
      await sink.send(Array.from({ length: PAGE }, (_, i) => fedEntry(confirmed + i + 1)));
      await sink.confirm();
      confirmed += PAGE;
    };
    for (let round = 0; round < ROUNDS; round++) {
      await next();
      disk.fill();
      // What is left of the last page of the file takes some of it, so that a line is cut.
      const failure = await next().then(
        () => undefined,
        (error: unknown) => error as { code: string; detail: string },
      );
      if (failure !== undefined) {
        refused += 1;
        assert.deepEqual([failure.code, failure.detail], ['AUDIT-FEED-FILE', `${path} (ENOSPC)`]);
      }
      disk.free();
    }
    await next();
    const lines = readFileSync(path, 'utf8').split('\n');
    const seqs = lines.flatMap((line) => {
      try {
        return [(JSON.parse(line) as { seq: number }).seq];
      } catch {
        return [];
      }
    });
    context.diagnostic(`${refused} of ${ROUNDS} rounds refused, ${confirmed} entries, ${lines.length - 1 - seqs.length} lines cut`);
    assert.ok(refused > ROUNDS / 2, `${refused}`);
    assert.deepEqual(
      [...new Set(seqs)],
      Array.from({ length: confirmed }, (_, i) => i + 1),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
