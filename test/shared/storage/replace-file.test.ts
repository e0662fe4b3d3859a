import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { replaceFile } from '../../../shared/storage/replace-file.ts';

test('a file is made for its owner alone and replaced whole, and one that cannot be replaced leaves no draft', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-replace-'));
  try {
    const path = join(folder, 'note');
    replaceFile(path, 'first');
    replaceFile(path, Buffer.from('second'));
    assert.equal(readFileSync(path, 'utf8'), 'second');
    assert.equal(statSync(path).mode & 0o777, 0o600);

    const occupied = join(folder, 'occupied');
    mkdirSync(join(occupied, 'inside'), { recursive: true });
    assert.throws(() => replaceFile(occupied, 'third'), { code: 'EISDIR' });
    assert.deepEqual(readdirSync(folder).sort(), ['note', 'occupied']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
