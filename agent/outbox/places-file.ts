import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { VitalmeshError } from '../../shared/errors.ts';
import { replaceFile } from '../../shared/storage/replace-file.ts';
import type { Place } from './places.ts';

/** Of this form; another version has another one. */
const FORM = Buffer.from('vitalmesh-places-1\n');
const [NONCE_BYTES, TAG_BYTES] = [12, 16];
/** More than a thousand places are. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The file beside an outbox. */
export function placesOf(path: string): string {
  return `${path}.places`;
}

/** Undefined when there is none. Throws STORAGE-DAMAGED for one that is torn, or of another key, and as `node:fs` does. */
export function readPlaces(path: string, key: Buffer): Place[] | undefined {
  const bytes = bytesOf(path);
  if (bytes === undefined) return undefined;
  const [nonce, tag] = [FORM.length + NONCE_BYTES, FORM.length + NONCE_BYTES + TAG_BYTES];
  if (bytes.length < tag || bytes.length > MAX_BYTES || !bytes.subarray(0, FORM.length).equals(FORM)) throw damaged(path);
  const cipher = createDecipheriv('aes-256-gcm', ownKey(key), bytes.subarray(FORM.length, nonce)).setAuthTag(bytes.subarray(nonce, tag));
  try {
    // What the tag proves was written by `writePlaces`.
    return JSON.parse(Buffer.concat([cipher.update(bytes.subarray(tag)), cipher.final()]).toString()) as Place[];
  } catch (cause) {
    throw damaged(path, cause);
  }
}

/** True when it was written with this key: then an outbox beside it that does not open with it is damaged. */
export function provesKey(path: string, key: Buffer): boolean {
  try {
    return readPlaces(path, key) !== undefined;
  } catch {
    // Damaged itself, or of another key.
    return false;
  }
}

/** Replaces the file by a whole one that is on disk; returns its size in bytes. Throws as `node:fs` does, and leaves the one before then. */
export function writePlaces(path: string, key: Buffer, places: readonly Place[]): number {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', ownKey(key), nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(places)), cipher.final()]);
  const bytes = Buffer.concat([FORM, nonce, cipher.getAuthTag(), sealed]);
  replaceFile(path, bytes);
  return bytes.length;
}

function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** No key is used for two ciphers. */
function ownKey(key: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', 'vitalmesh outbox places', 32));
}

function damaged(path: string, cause?: unknown): VitalmeshError {
  return new VitalmeshError('OUTBOX-PLACES', { detail: path, cause });
}
