import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { VitalmeshError } from '../errors.ts';

const KEY_BYTES = 32;
const HEX_KEY = /^[0-9a-f]{64}\n?$/i;

/** Stands for the folder of the credentials in a process that was given none. */
const NO_CREDENTIALS = '$CREDENTIALS_DIRECTORY';

/** Where systemd puts the credential of this name for the service that this process is (systemd.exec(5), LoadCredentialEncrypted=). */
export function credentialPath(name: string, env: NodeJS.ProcessEnv = process.env): string {
  return join(env.CREDENTIALS_DIRECTORY ?? NO_CREDENTIALS, name);
}

/** True for what `credentialPath` gave: such a key is never made or changed here. */
export function isCredential(path: string, env: NodeJS.ProcessEnv = process.env): boolean {
  const folder = dirname(path);
  return folder === NO_CREDENTIALS || (env.CREDENTIALS_DIRECTORY !== undefined && folder === join(env.CREDENTIALS_DIRECTORY));
}

/**
 * The 32-byte data key of a file that holds it as 64 hexadecimal digits, with or without a line end. Throws STORAGE-KEY-FILE when
 * the file is missing, malformed, or can be read by anybody but its owner.
 */
export function readKeyFile(path: string): Buffer {
  let text: string;
  try {
    text = readOwnersFile(path, 2 * KEY_BYTES + 2);
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw new VitalmeshError('STORAGE-KEY-FILE', { cause, detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})` });
  }
  if (!HEX_KEY.test(text)) throw new VitalmeshError('STORAGE-KEY-FILE', { detail: `${path} does not hold 64 hexadecimal digits` });
  return Buffer.from(text.slice(0, 2 * KEY_BYTES), 'hex');
}

/**
 * The first `maxBytes` bytes of a file, latin1. Throws STORAGE-KEY-FILE when anybody but its owner can read it, and as `node:fs` does.
 */
export function readOwnersFile(path: string, maxBytes: number): string {
  const fd = openSync(path, 'r');
  try {
    // Of the open file, so that it cannot be exchanged between the look and the reading.
    const { mode } = fstatSync(fd);
    // systemd gives the service's user a credential by an access control list, whose mask shows as the group's right to read.
    const others = isCredential(path) ? 0o037 : 0o077;
    if (process.platform !== 'win32' && (mode & others) !== 0) {
      throw new VitalmeshError('STORAGE-KEY-FILE', { detail: `${path} has mode 0${(mode & 0o777).toString(8)}` });
    }
    const bytes = Buffer.alloc(maxBytes);
    return bytes.toString('latin1', 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

/**
 * Makes a file of mode 0600 with a new random key and returns the key once the file is on disk. Throws STORAGE-KEY-FILE when the
 * file exists already or cannot be written.
 */
export function createKeyFile(path: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  writeKeyFile(path, key);
  return key;
}

/** The same with a key that is there already. */
export function writeKeyFile(path: string, key: Buffer): void {
  try {
    writeOwnersFile(path, `${key.toString('hex')}\n`);
  } catch (cause) {
    throw new VitalmeshError('STORAGE-KEY-FILE', { cause, detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'not writable'})` });
  }
}

/** Makes a file of mode 0600 with this text; it is on disk when this returns. Throws as `node:fs` does, EEXIST where there is one. */
export function writeOwnersFile(path: string, text: string): void {
  const folder = dirname(resolve(path));
  makeFolders(folder);
  writeNew(path, text);
  syncFolder(folder);
}

/** The name is given to a file that is whole and on disk: a power cut leaves the whole key or none, never one that no start gets past. */
function writeNew(path: string, text: string): void {
  const unnamed = `${path}.${randomBytes(4).toString('hex')}`;
  const fd = openSync(unnamed, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
    // Unlike a rename it fails where there is a file of that name.
    linkSync(unnamed, path);
  } finally {
    closeSync(fd);
    unlinkSync(unnamed);
  }
}

/**
 * Makes the key file of a database that does not exist yet. Where there is a database, its key must be there too: a missing one is
 * STORAGE-KEY-FILE, never a new key. A credential is not made: reading it says that it is missing.
 */
export function ensureKeyFile(keyFile: string, databasePath: string): void {
  if (existsSync(keyFile) || isCredential(keyFile)) return;
  refuseNewKey(keyFile, databasePath);
  createKeyFile(keyFile);
}

/** Throws STORAGE-KEY-FILE when a database could not be opened because of its key file; makes nothing. */
export function checkKeyFile(keyFile: string, databasePath: string): void {
  if (existsSync(keyFile) || isCredential(keyFile)) readKeyFile(keyFile);
  else refuseNewKey(keyFile, databasePath);
}

function refuseNewKey(keyFile: string, databasePath: string): void {
  if (existsSync(databasePath)) throw new VitalmeshError('STORAGE-KEY-FILE', { detail: `${keyFile} is missing, ${databasePath} is there` });
}

/** Makes a folder, and those above it that are missing, with mode 0700; their names are on disk when it returns. Throws as `node:fs` does. */
export function makeFolders(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length && made !== dirname(made); made = dirname(made)) syncFolder(dirname(made));
}

/** Makes the names in a folder durable; without it a power cut can take a file away that was itself fsynced. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
