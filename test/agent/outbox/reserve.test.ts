import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keepReserve, releaseReserve } from '../../../agent/outbox/reserve.ts';

test('space is set aside, really written, and given back once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-reserve-'));
  try {
    const path = join(folder, 'outbox.db.reserve');
    keepReserve(path);
    const { size, blocks, mode } = statSync(path);
    assert.deepEqual([size, blocks * 512 >= size, mode & 0o777], [6 * 1024 * 1024, true, 0o600]);
    keepReserve(path);
    assert.deepEqual([releaseReserve(path), releaseReserve(path), existsSync(path)], [true, false, false]);
    keepReserve(join(folder, 'nowhere', 'reserve'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
