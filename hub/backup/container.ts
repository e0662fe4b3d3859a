import { createHash, type Hash, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { VitalmeshError } from '../../shared/errors.ts';
import { seal, unseal } from './hpke.ts';
import { recipientKey } from './recovery-key.ts';

/**
 * A backup is one file: the encrypted database as it lay on disk, then the *label* and the data key sealed for each recipient, as JSON, then how
 * long that is and a mark. They stand at the end because they tell the digest of what is before them. The label is what the keys are
 * sealed with: whoever changes a byte of it can no longer open them.
 */
export interface Label {
  format: 'vitalmesh-backup';
  version: 1;
  /** Version of the software that made it. */
  software: string;
  /** UTC ms. */
  madeAt: number;
  storeId: string;
  /** Every commit of the store up to this position is in it, and none in part. */
  position: number;
  /** Epoch of the store then. */
  epoch: string;
  cipher: 'sqlcipher';
  bodyBytes: number;
  /** Of the body, hexadecimal. */
  sha256: string;
}

const labelSchema = z.object({
  format: z.literal('vitalmesh-backup'),
  version: z.literal(1),
  software: z.string().max(100),
  madeAt: z.int(),
  storeId: z.string().max(100),
  position: z.int().nonnegative(),
  epoch: z.string().max(100),
  cipher: z.literal('sqlcipher'),
  bodyBytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const sealedText = z.string().max(200);
const trailerSchema = z.object({
  label: z.string(),
  keys: z.array(z.object({ recipient: sealedText, enc: sealedText, ciphertext: sealedText })).min(1),
});

export interface SealedKey {
  recipient: string;
  enc: string;
  ciphertext: string;
}

export interface Container {
  label: Label;
  /** The label as it stands in the file, byte for byte. */
  labelText: string;
  keys: readonly SealedKey[];
}

const MARK = Buffer.from('VMBACK01', 'latin1');
const END_BYTES = 4 + MARK.length;
const MAX_TRAILER_BYTES = 1024 * 1024;
const BLOCK_BYTES = 1024 * 1024;
const INFO = Buffer.from('vitalmesh-backup-1');

/** What is to be written behind the body. `dataKey`: 32 bytes, sealed for every recipient. */
export function trailerOf(label: Label, dataKey: Buffer, recipients: readonly string[]): Buffer {
  const labelText = JSON.stringify(label);
  const keys = recipients.map((recipient): SealedKey => {
    const context = { info: INFO, aad: Buffer.from(labelText) };
    const { enc, ciphertext } = seal(recipientKey(recipient), dataKey, context, randomBytes(32));
    return { recipient, enc: enc.toString('base64url'), ciphertext: ciphertext.toString('base64url') };
  });
  const json = Buffer.from(JSON.stringify({ label: labelText, keys }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([json, length, MARK]);
}

/** Reads label and keys from the end of a file. Throws BACKUP-DAMAGED when it is no whole backup, BACKUP-VERSION when a newer one. */
export async function readContainer(file: FileHandle): Promise<Container> {
  const { size } = await file.stat();
  const end = await readWhole(file, size - END_BYTES, END_BYTES);
  const length = end.readUInt32BE(0);
  if (!end.subarray(4).equals(MARK)) throw damaged('it does not end as a backup does; it was cut off, or is none');
  if (length > MAX_TRAILER_BYTES || length > size - END_BYTES) throw damaged('its label cannot be read');
  const trailer = parsed(trailerSchema, (await readWhole(file, size - END_BYTES - length, length)).toString('utf8'));
  const version = (parsed(z.object({ version: z.unknown() }), trailer.label) as { version: unknown }).version;
  if (version !== 1) throw new VitalmeshError('BACKUP-VERSION');
  const label = parsed(labelSchema, trailer.label);
  if (label.bodyBytes !== size - END_BYTES - length) throw damaged('its length is not that of its label');
  return { label, labelText: trailer.label, keys: trailer.keys };
}

/** The data key, by the recovery key of one of the recipients. Throws BACKUP-KEY when it is none of theirs, or the label was changed. */
export function openDataKey({ labelText, keys }: Container, recoveryKey: Buffer): Buffer {
  for (const { enc, ciphertext } of keys) {
    const sealed = { enc: Buffer.from(enc, 'base64url'), ciphertext: Buffer.from(ciphertext, 'base64url') };
    const key = unseal(recoveryKey, sealed, { info: INFO, aad: Buffer.from(labelText) });
    if (key?.length === 32) return key;
  }
  throw new VitalmeshError('BACKUP-KEY', { detail: 'this key opens none of the copies of the data key in it' });
}

/** Reads so many bytes from the beginning of a file, in blocks, and gives their digest; `block` takes each. */
export async function digestOf(file: FileHandle, bytes: number, block?: (bytes: Buffer) => Promise<void>): Promise<string> {
  const hash: Hash = createHash('sha256');
  for (let at = 0; at < bytes; at += BLOCK_BYTES) {
    const read = await readWhole(file, at, Math.min(BLOCK_BYTES, bytes - at));
    hash.update(read);
    await block?.(read);
  }
  return hash.digest('hex');
}

async function readWhole(file: FileHandle, at: number, length: number): Promise<Buffer> {
  if (at < 0) throw damaged('it is too short');
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) throw damaged('it became shorter while it was read');
    done += bytesRead;
  }
  return bytes;
}

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new VitalmeshError('BACKUP-DAMAGED', { cause, detail: 'its label cannot be read' });
  }
}

function damaged(detail: string): VitalmeshError {
  return new VitalmeshError('BACKUP-DAMAGED', { detail });
}
