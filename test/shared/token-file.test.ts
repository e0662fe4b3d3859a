import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tokenFromFile } from '../../shared/token-file.ts';
import { verifies } from '../requirements.ts';

test('a token is what its file holds now; a file that others read, that is away or holds something else is an error that repeats nothing', (t) => {
  verifies('CLIENT-TOKEN');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-token-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'token.jwt');
  const token = tokenFromFile(path);
  assert.throws(token, { code: 'ACCESS-TOKEN-FILE' });
  writeFileSync(path, 'aaa.bbb.ccc\n', { mode: 0o600 });
  assert.equal(token(), 'aaa.bbb.ccc');
  writeFileSync(path, 'ddd.eee.f-_~=');
  assert.equal(token(), 'ddd.eee.f-_~=');
  for (const other of ['', 'two tokens', 'aaa\r\nX-Other: 1', 'Bearer aaa']) {
    writeFileSync(path, other);
    assert.throws(token, { code: 'ACCESS-TOKEN-FILE', detail: `${path} holds no token` });
  }
  writeFileSync(path, 'aaa.bbb.ccc');
  chmodSync(path, 0o640);
  assert.throws(token, { code: 'ACCESS-TOKEN-FILE', detail: `${path}: others can read it` });
});
