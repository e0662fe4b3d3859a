import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readSecretFile } from '../../../agent/sources/secret-file.ts';
import type { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-secret-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string, mode: number): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

test('a secret is one line of a file of its owner', () => {
  assert.equal(readSecretFile(file('good', 'a secret \n', 0o600)), 'a secret ');
  assert.equal(readSecretFile(file('windows', 'x\r\n', 0o400)), 'x');
});

test('a secret that others can read, or that is none, is a coded error that does not repeat it', () => {
  verifies('LOG-CLEAN');
  const refused = (path: string, why: RegExp): void => {
    assert.throws(
      () => readSecretFile(path),
      (error: VitalmeshError) => error.code === 'SOURCE-CREDENTIALS' && why.test(error.message) && !error.message.includes('hunter2'),
    );
  };
  refused(file('group', 'hunter2', 0o640), /mode 0640/);
  refused(file('empty', '\n', 0o600), /empty/);
  refused(file('large', 'hunter2'.repeat(10_000), 0o600), /too large/);
  refused(join(folder, 'missing'), /ENOENT/);
  refused(folder, /mode|EISDIR/);
});
