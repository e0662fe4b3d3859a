import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { checkKeyFile, createKeyFile, credentialPath, ensureKeyFile, readKeyFile } from '../../../shared/storage/key-file.ts';
import { verifies } from '../../requirements.ts';

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

describe('systemd credentials', () => {
  const credentials = join(folder, 'credentials');
  const before = process.env.CREDENTIALS_DIRECTORY;
  mkdirSync(credentials);
  process.env.CREDENTIALS_DIRECTORY = credentials;
  after(() => {
    if (before === undefined) delete process.env.CREDENTIALS_DIRECTORY;
    else process.env.CREDENTIALS_DIRECTORY = before;
  });
  const held = (name: string, mode: number, content = 'ab'.repeat(32)): string => {
    const path = credentialPath(name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };

  test('one is read as systemd hands it out: for its owner alone, or for the one user of its access control list', () => {
    verifies('KEY-CREDENTIAL');
    for (const mode of [0o400, 0o440, 0o600]) assert.equal(readKeyFile(held(`mode-${mode}`, mode)).toString('hex'), 'ab'.repeat(32));
  });

  test('one that others can read or change, or of another form, is refused', () => {
    verifies('KEY-CREDENTIAL');
    for (const mode of [0o444, 0o460, 0o404]) assert.throws(() => readKeyFile(held(`open-${mode}`, mode)), { code: 'STORAGE-KEY-FILE' });
    assert.throws(() => readKeyFile(held('short', 0o400, 'abc')), { code: 'STORAGE-KEY-FILE' });
  });

  test('one that is missing is an error before there is a file to open, and is never made', () => {
    verifies('KEY-CREDENTIAL');
    for (const path of [credentialPath('missing'), credentialPath('missing', {})]) {
      ensureKeyFile(path, join(folder, 'no-database'));
      assert.throws(() => readKeyFile(path), { code: 'STORAGE-KEY-FILE', detail: `${path} (ENOENT)` });
      assert.throws(() => checkKeyFile(path, join(folder, 'no-database')), { code: 'STORAGE-KEY-FILE' });
    }
  });
});
