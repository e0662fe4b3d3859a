import { hash } from 'node:crypto';
import type { Instant } from '../../shared/clock.ts';
import type { MessageKey } from '../decoding.ts';
import { headerOf } from './message.ts';
import { trimmed } from './segment.ts';
import { parseHl7Time } from './time.ts';

/** Of the 32 that SHA-256 has. */
const DIGEST_BYTES = 16;
/** A sender repeats what was not acknowledged after the longest outage that a weekend has; a clock that lost its time is further away. */
const MAX_AWAY_MS = 7 * 24 * 3_600_000;

/** Whose message it is, and when it came. */
interface Receipt {
  profile: string;
  source: string;
  /** Of a time in MSH-7 without one. */
  zone: string;
  receivedAt: Instant;
}

/**
 * Which message this is, for dialects whose MSH-10 is unique: named by profile, source, MSH-3, MSH-4 and MSH-10, and told from others of
 * the name by all of its bytes. Undefined when MSH-10 is empty, or MSH-7 gives no time within a week of now: a monitor that counts from 1
 * and from the same date whenever it is switched on may say, byte by byte, what it said before, and mean something that it measured now.
 * `header`: the MSH of the message, character = byte, where it was read before.
 */
export function messageKey(
  message: Uint8Array,
  { profile, source, zone, receivedAt }: Receipt,
  header = headerOf(message),
): MessageKey | undefined {
  const id = trimmed(header?.field(10) ?? '');
  if (!header || id === '') return undefined;
  const sent = parseHl7Time(trimmed(header.component(7, 1)), zone);
  if (!sent || Math.abs(receivedAt - sent.at) > MAX_AWAY_MS) return undefined;
  const name = `${profile}\0${source}\0${header.field(3)}\0${header.field(4)}\0${id}`;
  return { name: digest(name), content: digest(message) };
}

function digest(data: string | Uint8Array): string {
  return hash('sha256', data, 'binary').slice(0, DIGEST_BYTES);
}
