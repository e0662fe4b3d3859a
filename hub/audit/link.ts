import { createHash, hash } from 'node:crypto';
import type { AuditEvent } from '../access/access.ts';
import { classOf } from './classes.ts';

/** How every entry begins whose content can be removed while the chain goes on. Those of before are hashed as they stand. */
const LINKED = '{"v":3,';
/** With this member the content begins, which ends with the text. No value before it can hold it, because JSON escapes quotation marks. */
const CONTENT = ',"principal":';
/** What stands there instead: SHA-256 of the content, base64. */
const GONE = ',"gone":"';
const GONE_END = '"}';
const DIGEST_CHARS = 44;

const HASH_BYTES = 32;

/** What an entry says first, of which nothing is ever removed: members in this order. */
export function entryHead({ at, tenant, action, outcome }: Pick<AuditEvent, 'at' | 'tenant' | 'action' | 'outcome'>): object {
  return { v: 3, at, tenant, class: classOf(action, outcome) };
}

/** The one form in which an event is hashed and kept: JSON with these members in this order. */
export function canonicalEvent(event: AuditEvent): string {
  const { principal, role, action, patient, outcome, reason, count, channel, detail } = event;
  return JSON.stringify({ ...entryHead(event), principal, role, action, patient, outcome, reason, count, channel, detail });
}

/**
 * The hash that ties an entry to all before it: SHA-256 of the previous hash, the head, and the SHA-256 of the content; so it is the same whether the content is there or gone. No
 * entry can be taken for one of the other kind: only a head begins as one does. Of what is neither it is empty, which no hash equals.
 */
export function chainHash(previous: Uint8Array, entry: string): Buffer {
  if (!entry.startsWith(LINKED)) return createHash('sha256').update(previous).update(entry).digest();
  const at = entry.indexOf(CONTENT, LINKED.length);
  if (at >= 0) return linked(previous, entry.slice(0, at), hash('sha256', entry.slice(at), 'binary'));
  const digest = digestIn(entry);
  return digest === undefined ? Buffer.alloc(0) : linked(previous, entry.slice(0, goneAt(entry)), digest);
}

/** Of heads that are no longer than most; written over each time. */
const scratch = Buffer.alloc(1024);

/** `digest` is Latin-1: a string costs a third of the Buffer that `hash` would make. */
function linked(previous: Uint8Array, head: string, digest: string): Buffer {
  const mostBytes = 2 * HASH_BYTES + 3 * head.length;
  const bytes = mostBytes <= scratch.length ? scratch : Buffer.alloc(mostBytes);
  bytes.set(previous, 0);
  const end = HASH_BYTES + bytes.write(head, HASH_BYTES);
  bytes.write(digest, end, HASH_BYTES, 'latin1');
  return Buffer.from(hash('sha256', bytes.subarray(0, end + HASH_BYTES), 'binary'), 'latin1');
}

/** The entry without its content; undefined for one of before, which cannot be without. */
export function withoutContent(entry: string): string | undefined {
  const at = entry.startsWith(LINKED) ? entry.indexOf(CONTENT, LINKED.length) : -1;
  return at < 0 ? undefined : `${entry.slice(0, at)}${GONE}${hash('sha256', entry.slice(at), 'base64')}${GONE_END}`;
}

/** Whether the content of an entry was removed. */
export function isGone(entry: string): boolean {
  return entry.startsWith(GONE, goneAt(entry)) && entry.startsWith(LINKED) && !entry.includes(CONTENT);
}

function goneAt(entry: string): number {
  return entry.length - GONE_END.length - DIGEST_CHARS - GONE.length;
}

function digestIn(entry: string): string | undefined {
  if (!isGone(entry) || !entry.endsWith(GONE_END)) return undefined;
  const text = entry.slice(-GONE_END.length - DIGEST_CHARS, -GONE_END.length);
  const bytes = Buffer.from(text, 'base64');
  // One digest has one text.
  return bytes.length === HASH_BYTES && bytes.toString('base64') === text ? bytes.toString('latin1') : undefined;
}
