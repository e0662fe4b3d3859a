import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { AuditDetail, AuditEvent } from '../access/access.ts';
import { canonicalEvent } from './chain.ts';

/** By what the parts of the evidence that tell of one patient are sealed. */
export interface SubjectKey {
  /** Stands in the entries for the patient; never given to another one. */
  subject: number;
  /** 32 random bytes. Once they are gone, nobody reads what they sealed. */
  secret: Uint8Array;
}

/** One entry as it can be read: of a patient who was erased everything but the patient, what was asked, and what was shown. */
export interface OpenedEntry {
  event: AuditEvent;
  /** The number that stands for its patient; null for an entry about nobody, or of before patients had keys. */
  subject: number | null;
  /** The key of its patient is destroyed. */
  erased: boolean;
  /** What is sealed is not as it was written: it is shown as an entry of an erased patient is. */
  damaged?: true;
}

/** What tells of one patient; the hash does, for what it is of can be guessed. */
interface Sealed extends Pick<AuditDetail, 'response' | 'args' | 'shown'> {
  patient: string;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** From here on it is worth its time to compress. */
const LONG = 256;
/** No entry is longer: what cannot be ours is not unpacked without end. */
const MAX_PLAIN_BYTES = 4 * 1024 * 1024;

/**
 * The text of an entry: members in this order. What tells of its patient is sealed (AES-256-GCM, nonce before, tag behind, base64), bound to
 * store and subject; all else is legible, so that the chain, and who did how much, can be read after the key is gone.
 */
export function entryText(event: AuditEvent, key: SubjectKey | undefined, storeId: string): string {
  if (event.patient === null || key === undefined) return canonicalEvent(event);
  const { at, tenant, principal, role, action, outcome, reason, count, channel, patient, detail = {} } = event;
  const { response, args, shown, ...open } = detail;
  const { subject, secret } = key;
  const sealed = seal({ patient, response, args, shown } as Sealed, secret, bound(storeId, subject));
  return JSON.stringify({ v: 2, at, tenant, principal, role, action, outcome, reason, count, channel, detail: open, subject, sealed });
}

/**
 * An entry as it was recorded. `secretOf` gives the key of a subject while there is one. A sealed part that is not as it was written leaves what is legible,
 * so that one entry hides no other; the chain says so, too. Throws what `JSON.parse` does.
 */
export function openEntry(entry: string, storeId: string, secretOf: (subject: number) => Uint8Array | undefined): OpenedEntry {
  const written = JSON.parse(entry) as AuditEvent & { v?: number; subject?: number; sealed?: string };
  if (written.sealed === undefined || written.subject === undefined) return { event: written, subject: null, erased: false };
  const { v: _, subject, sealed, detail, ...legible } = written;
  const secret = secretOf(subject);
  const open = { ...legible, patient: null, ...(detail && { detail }) };
  if (secret === undefined) return { event: open, subject, erased: true };
  let content: Sealed;
  try {
    content = unseal(sealed, secret, bound(storeId, subject));
  } catch {
    return { event: open, subject, erased: false, damaged: true };
  }
  const { patient, ...hidden } = content;
  return { event: { ...legible, patient, detail: { ...detail, ...hidden } }, subject, erased: false };
}

/** The number of an entry's patient without opening it; null where it has none. */
export function subjectOf(entry: string): number | null {
  return (JSON.parse(entry) as { subject?: number }).subject ?? null;
}

function bound(storeId: string, subject: number): Buffer {
  return Buffer.from(`vitalmesh-evidence-2:${storeId}:${subject}`);
}

function seal(content: Sealed, secret: Uint8Array, aad: Buffer): string {
  const text = Buffer.from(JSON.stringify(content));
  const isLong = text.length >= LONG;
  // The first byte says which; ids of one gateway repeat each other.
  const plain = Buffer.concat([Buffer.of(Number(isLong)), isLong ? deflateRawSync(text, { level: 1 }) : text]);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', secret, nonce);
  cipher.setAAD(aad);
  const body = cipher.update(plain);
  cipher.final();
  return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64');
}

function unseal(sealed: string, secret: Uint8Array, aad: Buffer): Sealed {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  const text = plain[0] === 1 ? inflateRawSync(plain.subarray(1), { maxOutputLength: MAX_PLAIN_BYTES }) : plain.subarray(1);
  return JSON.parse(text.toString('utf8')) as Sealed;
}
