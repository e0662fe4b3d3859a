import { TextDecoder } from 'node:util';
import { VitalmeshError } from '../../shared/errors.ts';
import { decodeSwitching, switchesSets } from './code-extension.ts';

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
  'JIS X 0202': 'iso-2022-jp',
};

/** Sets that come in by an escape sequence only, and so may stand behind the first one of MSH-18 (table 0211). */
const SWITCHED = new Set(['ISO IR6', 'ISO IR14', 'ISO IR87', 'ISO IR159', 'JIS X 0202']);

const decoders = new Map<string, TextDecoder>();

/** What MSH-18 names: the set of the message, and those that it may switch to. */
export interface DeclaredCharsets {
  /** The first repetition; '' for none. */
  own: string;
  others: readonly string[];
  /** The escape character of the message. */
  mark: string;
}

/**
 * Text of a message that is not plain ASCII, or `latin1` itself where the bytes already are what they seem. The whole message is
 * decoded before it is split, because in GB 18030 and ISO IR87 the second byte of a character can look like a separator.
 * Without a first repetition of MSH-18, UTF-8 is taken if the bytes are valid UTF-8, else ISO 8859-1; where more of them name
 * sets, escape sequences switch to those. Throws HL7-CHARSET for a set that is not known.
 */
export function decodeText(bytes: Uint8Array, latin1: string, declared: DeclaredCharsets, hasBom: boolean): string {
  if (hasBom) return utf8(bytes) ?? latin1;
  const own = declared.own.trim().toUpperCase();
  if (!maySwitch(declared) || !switchesSets(latin1, declared.mark)) return decodeAll(bytes, latin1, own);
  return decodeSwitching(latin1, declared.mark, (run, label) => {
    const part = Buffer.from(run, 'latin1');
    if (label === 'iso-8859-1') return run;
    return label === undefined ? decodeAll(part, run, own) : decoder(label, false).decode(part);
  });
}

/** True for a message whose ASCII bytes may be other characters behind an escape sequence. */
export function mayBeSwitched(declared: DeclaredCharsets, latin1: string): boolean {
  return maySwitch(declared) && switchesSets(latin1, declared.mark);
}

function maySwitch({ own, others }: DeclaredCharsets): boolean {
  const isSwitched = (name: string): boolean => SWITCHED.has(name.trim().toUpperCase());
  if (CHARSETS[own.trim().toUpperCase()] === 'iso-2022-jp') return true;
  return others.some((name) => isSwitched(name) || ISO_8859.test(name.trim().toUpperCase()));
}

/** Bytes as text of one set, by its name in table 0211. Throws HL7-CHARSET for one that is not known. */
export function decodeAll(bytes: Uint8Array, latin1: string, name: string): string {
  if (name === '') return utf8(bytes) ?? latin1;
  const part = ISO_8859.exec(name)?.[1];
  if (part === '1') return latin1;
  const label = part ? `iso-8859-${part}` : Object.hasOwn(CHARSETS, name) ? CHARSETS[name] : undefined;
  if (label === undefined) throw new VitalmeshError('HL7-CHARSET');
  // Senders declare ASCII and send what they have.
  if (label === 'us-ascii') return utf8(bytes) ?? latin1;
  return decoder(label, false).decode(bytes);
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
