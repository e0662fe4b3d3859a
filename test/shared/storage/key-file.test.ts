import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createKeyFile, ensureKeyFile, readKeyFile } from '../../../shared/storage/key-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-key-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('key files', () => {
  test('a new one has mode 0600, holds 32 random bytes and reads back', () => {
    const path = join(folder, 'deep', 'er', 'key');
    const key = createKeyFile(path);
    assert.equal(key.length, 32);
    assert.deepEqual(readKeyFile(path), key);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'deep')).mode & 0o777, 0o700);
    assert.notDeepEqual(createKeyFile(join(folder, 'other')), key);
  });

  test('an existing file is never written over', () => {
    const path = join(folder, 'taken');
    writeFileSync(path, 'something else', { mode: 0o600 });
    assert.throws(() => createKeyFile(path), { code: 'STORAGE-KEY-FILE' });
    assert.equal(readFileSync(path, 'utf8'), 'something else');
  });

  for (const mode of [0o640, 0o604, 0o660, 0o644]) {
    test(`mode 0${mode.toString(8)} is refused`, () => {
      const path = join(folder, `mode-${mode}`);
      createKeyFile(path);
      chmodSync(path, mode);
      assert.throws(() => readKeyFile(path), { code: 'STORAGE-KEY-FILE', detail: `${path} has mode 0${mode.toString(8)}` });
    });
  }

  const hex = 'ab'.repeat(32);
  const contents: Record<string, string> = {
    empty: '',
    'one digit short': hex.slice(1),
    'one digit long': `${hex}0`,
    'not hexadecimal': `${hex.slice(1)}g`,
    'two keys': `${hex}\n${hex}\n`,
    'a blank line behind': `${hex}\n\n`,
    'a byte order mark': `\ufeff${hex}`,
  };
  for (const [name, content] of Object.entries(contents)) {
    test(`${name}: refused, and the error does not quote it`, () => {
      const path = join(folder, `malformed ${name}`);
      writeFileSync(path, content, { mode: 0o600 });
      assert.throws(
        () => readKeyFile(path),
        (error: Error & { code?: string }) => error.code === 'STORAGE-KEY-FILE' && !error.message.includes(hex.slice(1)),
      );
    });
  }

  test('capital digits, with and without a line end, are the same key', () => {
    for (const [i, content] of [hex.toUpperCase(), `${hex}\n`].entries()) {
      const path = join(folder, `well-formed ${i}`);
      writeFileSync(path, content, { mode: 0o400 });
      assert.equal(readKeyFile(path).toString('hex'), hex);
    }
  });

  test('a missing file and a folder are refused', () => {
    assert.throws(() => readKeyFile(join(folder, 'nowhere')), { code: 'STORAGE-KEY-FILE' });
    const inner = join(folder, 'a-folder');
    mkdirSync(inner, { mode: 0o700 });
    assert.throws(() => readKeyFile(inner), { code: 'STORAGE-KEY-FILE' });
  });

  test('a key is made only where there is no database yet', () => {
    const keyFile = join(folder, 'ensured');
    const database = join(folder, 'ensured.db');
    ensureKeyFile(keyFile, database);
    const key = readKeyFile(keyFile);
    ensureKeyFile(keyFile, database);
    assert.deepEqual(readKeyFile(keyFile), key);
    writeFileSync(database, '');
    rmSync(keyFile);
    assert.throws(() => ensureKeyFile(keyFile, database), { code: 'STORAGE-KEY-FILE' });
  });
});
