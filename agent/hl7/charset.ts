import { TextDecoder } from 'node:util';
import { VitalmeshError } from '../../shared/errors.ts';

const ISO_8859 = /^(?:ISO[ -]?)?8859[/-](1|2|3|4|5|6|7|8|9|10|11|13|14|15|16)$/;

/** Character sets of MSH-18 beside ISO 8859 (HL7 v2.6 table 0211, and spellings of it that senders use), as labels of the Encoding standard. */
const CHARSETS: Readonly<Record<string, string>> = {
  ASCII: 'us-ascii',
  'US-ASCII': 'us-ascii',
  'ISO IR6': 'us-ascii',
  'UNICODE UTF-8': 'utf-8',
  'UTF-8': 'utf-8',
  UTF8: 'utf-8',
  UNICODE: 'utf-8',
  'GB 18030-2000': 'gb18030',
  'GB18030-2000': 'gb18030',
  GB18030: 'gb18030',
  'ISO IR87': 'iso-2022-jp',
};

const decoders = new Map<string, TextDecoder>();

/**
 * Text of a message that is not plain ASCII, or `latin1` itself where the bytes already are what they seem. The whole message is
 * decoded before it is split, because in GB 18030 and ISO IR87 the second byte of a character can look like a separator.
 * `declared` is the first repetition of MSH-18; without one, UTF-8 is taken if the bytes are valid UTF-8, else ISO 8859-1.
 * Throws HL7-CHARSET for a set that is not known.
 */
export function decodeText(bytes: Uint8Array, latin1: string, declared: string, hasBom: boolean): string {
  const name = declared.trim().toUpperCase();
  if (name === '' || hasBom) return utf8(bytes) ?? latin1;
  const part = ISO_8859.exec(name)?.[1];
  if (part === '1') return latin1;
  const label = part ? `iso-8859-${part}` : Object.hasOwn(CHARSETS, name) ? CHARSETS[name] : undefined;
  if (label === undefined) throw new VitalmeshError('HL7-CHARSET');
  // Senders declare ASCII and send what they have.
  if (label === 'us-ascii') return utf8(bytes) ?? latin1;
  return decoder(label, false).decode(bytes);
}

/** True for a set whose characters beyond ASCII are made of ASCII bytes behind an escape. */
export function isEscapedCharset(declared: string): boolean {
  return CHARSETS[declared.trim().toUpperCase()] === 'iso-2022-jp';
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder('utf-8', true).decode(bytes);
  } catch {
    return undefined;
  }
}

function decoder(label: string, fatal: boolean): TextDecoder {
  const key = `${label}${fatal ? '!' : ''}`;
  const known = decoders.get(key) ?? new TextDecoder(label, { fatal });
  decoders.set(key, known);
  return known;
}
