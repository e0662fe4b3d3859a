import { hash } from 'node:crypto';
import type { MessageKey } from '../decoding.ts';
import { headerOf } from './message.ts';

/** Of the 32 that SHA-256 has. */
const DIGEST_BYTES = 16;
/** MSH-10 stands within it in every message whose id is of sensible length. */
const HEADER_BYTES = 512;

/**
 * Which message this is, for dialects whose MSH-10 is unique: named by profile, source, MSH-3, MSH-4 and MSH-10, and told from others of
 * the name by all of its bytes. Undefined when MSH-10 or MSH-7 is empty: without a time, what a monitor says after it was switched off and
 * on may be, byte by byte, what it said before.
 */
export function messageKey(profile: string, source: string, message: Uint8Array): MessageKey | undefined {
  const header = headerOf(message.subarray(0, HEADER_BYTES));
  const id = header?.field(10).trim() ?? '';
  if (!header || id === '' || header.field(7).trim() === '') return undefined;
  const name = [profile, source, header.field(3), header.field(4), id].join('\u0000');
  return { name: digest(name), content: digest(message) };
}

function digest(data: string | Uint8Array): string {
  return hash('sha256', data, 'binary').slice(0, DIGEST_BYTES);
}
