import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readSync, realpathSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { VitalmeshError } from '../errors.ts';
import { type Cipher, openConnection, recode } from './connection.ts';
import { isCredential, readKeyFile, syncFolder, writeKeyFile } from './key-file.ts';
import { acquireOwnerLock } from './owner-lock.ts';
import { provesKey } from './page-mac.ts';
import { storageError } from './sqlite-errors.ts';

export interface RekeyOptions {
  path: string;
  /** The key file that the file is opened with, now and afterwards; or a credential, which stays as it is. */
  keyFile: string;
  /** Where the new key goes when `keyFile` is a credential; must not exist. */
  newKeyFile?: string;
  cipher?: Cipher;
}

const CACHE_KIB = 8192;
const BLOCK_BYTES = 128 * 1024;

/** The copy under the new key, until it takes the place of the file. */
const copyOf = (path: string): string => `${path}.next`;
/** The new key, from when the copy is whole until it takes the place of the old one. */
const nextOf = (keyFile: string): string => `${keyFile}.next`;

/**
 * Gives an encrypted file that nobody has open a new key: a copy is written with it, then copy and key take the places of the old ones, in an
 * order in which `settleRekey` can tell at every moment where it was cut off. The file keeps its old bytes until the copy was opened and
 * checked. Throws STORAGE-LOCKED, -KEY-FILE, -KEY, -DAMAGED, -FULL, -IO, -OPEN; the file opens with its old key then.
 */
export function rekeyFile({ path: named, keyFile: namedKey, newKeyFile, cipher = 'sqlcipher' }: RekeyOptions): void {
  using _ = acquireOwnerLock(named);
  // A link would be replaced by what it points to.
  const [path, keyFile] = [real(named), real(namedKey)];
  const finalKey = isCredential(keyFile) ? undefined : keyFile;
  const next = finalKey === undefined ? newKeyFile : nextOf(finalKey);
  if (next === undefined)
    throw new VitalmeshError('USAGE', { detail: 'the key is a credential: --new-key FILE says where the new one goes' });
  if (finalKey === undefined && existsSync(next)) throw new VitalmeshError('STORAGE-KEY-FILE', { detail: `${next} exists` });
  settleRekey(path, keyFile, cipher);
  const key = randomBytes(32);
  try {
    copyClosed(path, readKeyFile(keyFile), cipher);
    recode(copyOf(path), readKeyFile(keyFile), key, cipher);
    openConnection({ path: copyOf(path), key, cipher, cacheKib: CACHE_KIB, mayCreate: false }).close();
    syncFile(copyOf(path));
    syncFolder(dirname(path));
    rmSync(next, { force: true });
    writeKeyFile(next, key);
  } catch (thrown) {
    removeCopy(path);
    throw asStorageError(thrown, path);
  }
  swap(copyOf(path), path);
  if (finalKey !== undefined) swap(next, finalKey);
}

/**
 * Finishes or undoes a change of the key that was cut off; to be called by the owner of the file before it is opened. The new key is
 * on disk only while the copy is whole: with the copy still there nothing was exchanged, without it the file is the copy.
 */
export function settleRekey(named: string, namedKey: string, cipher: Cipher = 'sqlcipher'): void {
  const [path, keyFile] = [real(named), real(namedKey)];
  const next = nextOf(keyFile);
  if (isCredential(keyFile) || !existsSync(next)) removeCopy(path);
  else if (existsSync(copyOf(path))) {
    // The key first: without the copy it would say that they were exchanged.
    rmSync(next);
    syncFolder(dirname(next));
    removeCopy(path);
  } else if (isOf(path, next, cipher)) swap(next, keyFile);
}

/** True when the file is one of this key, damaged or not. */
function isOf(path: string, keyFile: string, cipher: Cipher): boolean {
  try {
    openConnection({ path, key: readKeyFile(keyFile), cipher, cacheKib: CACHE_KIB, mayCreate: false }).close();
    return true;
  } catch (thrown) {
    const { code } = storageError(thrown);
    if (code === 'STORAGE-DAMAGED') return provesKey(path, readKeyFile(keyFile));
    if (code === 'STORAGE-KEY' || code === 'STORAGE-KEY-FILE') return false;
    throw thrown;
  }
}

/** Moves the log into the file by opening and closing it, and copies it. */
function copyClosed(path: string, key: Buffer, cipher: Cipher): void {
  openConnection({ path, key, cipher, cacheKib: CACHE_KIB, mayCreate: false }).close();
  // A log that stayed would be taken for one of the copy.
  if (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size) throw new VitalmeshError('STORAGE-IO', { detail: `${path}-wal stayed` });
  syncFolder(dirname(path));
  copyBytes(path, copyOf(path));
}

function copyBytes(from: string, to: string): void {
  const input = openSync(from, 'r');
  try {
    const output = openSync(to, 'wx', 0o600);
    try {
      const block = Buffer.allocUnsafe(BLOCK_BYTES);
      for (let read = readSync(input, block); read > 0; read = readSync(input, block)) {
        for (let done = 0; done < read; ) done += writeSync(output, block, done, read - done);
      }
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
}

function removeCopy(path: string): void {
  for (const suffix of ['-wal', '-journal', '']) rmSync(copyOf(path) + suffix, { force: true });
}

function swap(from: string, to: string): void {
  try {
    renameSync(from, to);
    syncFolder(dirname(to));
  } catch (thrown) {
    throw asStorageError(thrown, to);
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function real(path: string): string {
  return existsSync(path) ? realpathSync(path) : resolve(path);
}

function asStorageError(thrown: unknown, path: string): VitalmeshError {
  const { code } = thrown as NodeJS.ErrnoException;
  if (thrown instanceof VitalmeshError || code === undefined || code.startsWith('SQLITE_')) return storageError(thrown);
  return new VitalmeshError(code === 'ENOSPC' ? 'STORAGE-FULL' : 'STORAGE-IO', { cause: thrown, detail: `${path} (${code})` });
}
