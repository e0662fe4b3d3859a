import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { AuditDetail, AuditEvent } from '../access/access.ts';
import { canonicalEvent, entryHead, isGone } from './link.ts';

/** By what the parts of the evidence that tell of one patient are sealed. */
export interface SubjectKey {
  /** Stands in the entries for the patient; never given to another one. */
  subject: number;
  /** 32 random bytes. Once they are gone, nobody reads what they sealed. */
  secret: Uint8Array;
}

/** Whose key it is, as the table of keys says. */
export interface NamedKey extends SubjectKey {
  patient: string;
  /** It was made for the entry that is written: that one says, sealed, whose it is. */
  isNew?: boolean;
}

/** One entry as it can be read: of a patient who was erased everything but the patient, what was asked, and what was shown. */
export interface OpenedEntry {
  event: AuditEvent;
  /** The number that stands for its patient; null for an entry about nobody, or of before patients had keys. */
  subject: number | null;
  /** The numbers of those whom it showed, where it showed many at once; those who were erased are not in `event.patients`. */
  subjects?: readonly number[];
  /** The key of its patient is destroyed. */
  erased: boolean;
  /** What is sealed is not as it was written: it is shown as an entry of an erased patient is. */
  damaged?: true;
  /** The retention removed all but when it was, of which tenant and class. */
  gone?: true;
}

/** What tells of one patient; the hash does, for what it is of can be guessed, and what a client calls itself, for it may be anything. */
interface Sealed extends Pick<AuditDetail, 'response' | 'args' | 'shown' | 'beside' | 'claimed'> {
  patient: string;
}

/** Number of one who was shown; with the name, sealed, in the first entry that has the number. */
type ShownSubject = number | readonly [subject: number, name: string];

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** From here on it is worth its time to compress. */
const LONG = 256;
/** No entry is longer: what cannot be ours is not unpacked without end. */
const MAX_PLAIN_BYTES = 4 * 1024 * 1024;
/** As much as most entries have unpacked; zlib's own 16 KiB would be filled for nothing. */
const CHUNK_BYTES = 4096;

/**
 * The text of an entry: members in this order. What tells of its patient is sealed (AES-256-GCM, nonce before, tag behind, base64), bound to
 * store and subject; all else is legible, so that the chain, and who did how much, can be read after the key is gone. Of what showed many
 * at once the numbers stand there, of `keys` in their order.
 */
export function entryText(event: AuditEvent, keys: readonly NamedKey[], storeId: string): string {
  const [key] = keys;
  if (event.patients !== undefined) return listText(event, keys, storeId);
  if (event.patient === null || key === undefined) return canonicalEvent(event);
  const { principal, role, action, outcome, reason, count, channel, patient, detail = {} } = event;
  const { response, args, shown, beside, claimed, ...open } = detail;
  const { subject, secret } = key;
  const sealed = seal({ patient, response, args, shown, beside, claimed } as Sealed, secret, bound(storeId, subject));
  return JSON.stringify({ ...entryHead(event), principal, role, action, outcome, reason, count, channel, detail: open, subject, sealed });
}

function listText(event: AuditEvent, keys: readonly NamedKey[], storeId: string): string {
  const { principal, role, action, outcome, reason, count, channel, detail } = event;
  const subjects = keys.map(({ subject, secret, patient, isNew }): ShownSubject => {
    return isNew ? [subject, seal({ patient }, secret, bound(storeId, subject))] : subject;
  });
  return JSON.stringify({ ...entryHead(event), principal, role, action, outcome, reason, count, channel, detail, subjects });
}

/**
 * An entry as it was recorded. `keyOf` gives the key of a subject while there is one. A sealed part that is not as it was written leaves what is legible,
 * so that one entry hides no other; the chain says so, too. Undefined for what is no entry of a form that is known here.
 */
export function openEntry(
  entry: string,
  storeId: string,
  keyOf: (subject: number) => Pick<NamedKey, 'patient' | 'secret'> | undefined,
): OpenedEntry | undefined {
  if (isGone(entry)) return { event: JSON.parse(entry) as AuditEvent, subject: null, erased: false, gone: true };
  const written = readEntry(entry);
  if (written === undefined) return undefined;
  const { v: _, class: __, subject, sealed, subjects, detail, patient: named = null, ...legible } = written;
  if (subjects !== undefined) return openList({ ...legible, patient: null, ...(detail && { detail }) }, subjects, storeId, keyOf);
  if (sealed === undefined || subject === undefined) {
    return { event: { ...legible, patient: named, ...(detail && { detail }) }, subject: null, erased: false };
  }
  const secret = keyOf(subject)?.secret;
  const open = { ...legible, patient: null, ...(detail && { detail }) };
  if (secret === undefined) return { event: open, subject, erased: true };
  const content = unsealed(sealed, secret, bound(storeId, subject));
  if (content === undefined) return { event: open, subject, erased: false, damaged: true };
  const { patient, ...hidden } = content;
  return { event: { ...legible, patient, detail: { ...detail, ...hidden } }, subject, erased: false };
}

function openList(
  event: AuditEvent,
  shown: readonly ShownSubject[],
  storeId: string,
  keyOf: (subject: number) => Pick<NamedKey, 'patient' | 'secret'> | undefined,
): OpenedEntry {
  const patients: string[] = [];
  let damaged = false;
  for (const one of shown) {
    const [subject, name] = typeof one === 'number' ? [one] : one;
    const key = keyOf(subject);
    if (key === undefined) continue;
    const said = name === undefined ? key.patient : unsealed(name, key.secret, bound(storeId, subject))?.patient;
    damaged ||= said === undefined;
    patients.push(said ?? key.patient);
  }
  return { event: { ...event, patients }, subject: null, subjects: shown.map(numberOf), erased: false, ...(damaged && { damaged }) };
}

function numberOf(shown: ShownSubject): number {
  return typeof shown === 'number' ? shown : shown[0];
}

/** The numbers of all whom an entry is about, without opening it; none of what is no entry. */
export function subjectsOf(entry: string): readonly number[] {
  const { subject, subjects = [] } = readEntry(entry) ?? {};
  return subject === undefined ? subjects.map(numberOf) : [subject];
}

const TEXTS = ['tenant', 'principal', 'role', 'action', 'outcome', 'reason', 'channel'] as const;

type Written = AuditEvent & { v?: number; class?: string; subject?: number; sealed?: string; subjects?: ShownSubject[] };

/** The JSON of an entry of a form that is known here, as it stands. */
function readEntry(entry: string): Written | undefined {
  try {
    const json = JSON.parse(entry) as Written | null;
    return json !== null && isWritten(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function bound(storeId: string, subject: number): Buffer {
  return Buffer.from(`vitalmesh-evidence-2:${storeId}:${subject}`);
}

/** By hand, for it is asked of every entry that is read. */
function isWritten(json: Partial<Record<keyof Written, unknown>>): boolean {
  const { v = 1, at, count, patient = null, detail = {}, subject = 0, sealed = '', subjects = [] } = json;
  return (
    TEXTS.every((name) => typeof json[name] === 'string') &&
    (v === 1 || v === 2 || v === 3) &&
    Number.isSafeInteger(at) &&
    typeof count === 'number' &&
    (patient === null || typeof patient === 'string') &&
    typeof detail === 'object' &&
    detail !== null &&
    Number.isSafeInteger(subject) &&
    typeof sealed === 'string' &&
    Array.isArray(subjects) &&
    subjects.every(isShown)
  );
}

function isShown(shown: unknown): shown is ShownSubject {
  return Number.isSafeInteger(shown) || (Array.isArray(shown) && Number.isSafeInteger(shown[0]) && typeof shown[1] === 'string');
}

/** As a KeyObject: Node takes four times as long for a key in bytes. */
function seal(content: Partial<Sealed>, secret: Uint8Array, aad: Buffer): string {
  const text = Buffer.from(JSON.stringify(content));
  const isLong = text.length >= LONG;
  // The first byte says which; ids of one gateway repeat each other.
  const plain = Buffer.concat([Buffer.of(Number(isLong)), isLong ? deflateRawSync(text, { level: 1 }) : text]);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(secret), nonce);
  cipher.setAAD(aad);
  const body = cipher.update(plain);
  cipher.final();
  return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64');
}

function unsealed(sealed: string, secret: Uint8Array, aad: Buffer): Sealed | undefined {
  try {
    return unseal(sealed, secret, aad);
  } catch {
    return undefined;
  }
}

function unseal(sealed: string, secret: Uint8Array, aad: Buffer): Sealed {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(secret), bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  const text =
    plain[0] === 1 ? inflateRawSync(plain.subarray(1), { maxOutputLength: MAX_PLAIN_BYTES, chunkSize: CHUNK_BYTES }) : plain.subarray(1);
  return JSON.parse(text.toString('utf8')) as Sealed;
}
