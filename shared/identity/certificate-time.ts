import type { Instant } from '../clock.ts';
import type { Validity } from '../time/network-clock.ts';
import { type DerReader, notDer, TAG } from './der.ts';

const UTC_TIME = /^\d{12}Z$/;
const GENERALIZED_TIME = /^\d{14}Z$/;
/** From this two-digit year on a UTCTime is of the century before (RFC 5280 §4.1.2.5.1). */
const LAST_CENTURY = '50';

/** The content of a Validity (RFC 5280 §4.1.2.5). Throws IDENTITY-CHAIN where one of the two is no time. */
export function readTimes(content: DerReader): Validity {
  return { notBefore: readTime(content), notAfter: readTime(content) };
}

/** A Time as RFC 5280 §4.1.2.5 has it: to the second, in UTC, on a day that there is. node:crypto makes NaN of others, which no comparison refuses. */
function readTime(content: DerReader): Instant {
  const { tag, content: bytes } = content.next();
  const text = Buffer.from(bytes).toString('latin1');
  if (tag === TAG.utcTime && UTC_TIME.test(text)) return instantOf(`${text < LAST_CENTURY ? '20' : '19'}${text}`);
  if (tag === TAG.generalizedTime && GENERALIZED_TIME.test(text)) return instantOf(text);
  throw notDer('a time of another form');
}

/** Of YYYYMMDDHHMMSSZ. */
function instantOf(text: string): Instant {
  const iso = text.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6.000Z');
  const at = Date.parse(iso);
  // Some days and hours that there are not are taken for later ones.
  if (Number.isNaN(at) || new Date(at).toISOString() !== iso) throw notDer('a time that there is not');
  return at;
}
