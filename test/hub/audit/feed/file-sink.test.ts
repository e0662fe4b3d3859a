import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileSink } from '../../../../hub/audit/feed/file-sink.ts';
import { type FeedReceiver, fedEntry, feedSinkContract } from '../../../contract/feed-sink.ts';
import { verifies } from '../../../requirements.ts';

interface Place extends FeedReceiver {
  path: string;
}

async function place(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-feed-'));
  const path = join(folder, 'evidence.jsonl');
  return {
    path,
    sink: () => new FileSink(path),
    received: async () =>
      linesOf(path).map(({ at: _, ...fields }) => new Map(Object.entries(fields).map(([name, value]) => [name, String(value)]))),
    away: async () => {
      renameSync(path, `${path}.kept`);
      mkdirSync(path);
    },
    back: async () => {
      rmdirSync(path);
      renameSync(`${path}.kept`, path);
    },
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Whole lines of a file, those left out that were cut. */
function linesOf(path: string): Record<string, unknown>[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>];
      } catch {
        return [];
      }
    });
}

const seqsOf = (path: string): unknown[] => linesOf(path).map(({ seq }) => seq);
const put = async (sink: FileSink, ...seqs: number[]): Promise<void> => {
  await sink.send(seqs.map((seq) => fedEntry(seq)));
  await sink.confirm();
};

feedSinkContract('file', place);

test('nobody else can read the file, whoever made it', async () => {
  verifies('FEED-CLEAN');
  await using at = await place();
  await using sink = new FileSink(at.path);
  await put(sink, 1);
  assert.equal(statSync(at.path).mode & 0o777, 0o600);
  renameSync(at.path, `${at.path}.1`);
  appendFileSync(at.path, '');
  chmodSync(at.path, 0o644);
  await put(sink, 2);
  assert.equal(statSync(at.path).mode & 0o777, 0o600);
});

test('a file that is renamed is followed by a new one, and no line is lost or comes twice', async () => {
  verifies('FEED-GOES-ON');
  await using at = await place();
  await using sink = new FileSink(at.path);
  await put(sink, 1, 2);
  renameSync(at.path, `${at.path}.1`);
  await put(sink, 3);
  rmSync(at.path);
  await put(sink, 4);
  assert.deepEqual([seqsOf(`${at.path}.1`), seqsOf(at.path)], [[1, 2], [4]]);
});

test('a file that is copied and truncated is gone on with from its beginning', async () => {
  verifies('FEED-GOES-ON');
  await using at = await place();
  await using sink = new FileSink(at.path);
  await put(sink, 1, 2);
  copyFileSync(at.path, `${at.path}.1`);
  truncateSync(at.path);
  await put(sink, 3);
  assert.deepEqual([seqsOf(`${at.path}.1`), seqsOf(at.path)], [[1, 2], [3]]);
  assert.doesNotMatch(readFileSync(at.path, 'utf8'), /\0/);
});

test('a line of which a part was written stays alone, wherever it was cut', async () => {
  verifies('FEED-GOES-ON');
  await using at = await place();
  {
    await using sink = new FileSink(at.path);
    await put(sink, 1, 2);
  }
  const whole = readFileSync(at.path);
  const firstEnd = whole.indexOf('\n') + 1;
  for (let end = firstEnd; end <= whole.length; end += 7) {
    truncateSync(at.path, 0);
    appendFileSync(at.path, whole.subarray(0, end));
    await using sink = new FileSink(at.path);
    await put(sink, 2, 3);
    assert.deepEqual([...new Set(seqsOf(at.path))], [1, 2, 3], `cut at ${end}`);
  }
});

test('a link or a pipe in the place of the file is refused, and nothing waits for it', async () => {
  verifies('FEED-CLEAN');
  await using at = await place();
  symlinkSync('/tmp/elsewhere', at.path);
  await using linked = new FileSink(at.path);
  await assert.rejects(linked.send([fedEntry(1)]), { code: 'AUDIT-FEED-FILE' });
  rmSync(at.path);
  assert.equal(spawnSync('mkfifo', [at.path]).status, 0);
  await using piped = new FileSink(at.path);
  await assert.rejects(piped.send([fedEntry(1)]), { code: 'AUDIT-FEED-FILE' });
});
