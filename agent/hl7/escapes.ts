import { decodeAll } from './charset.ts';
import type { Separators } from './segment.ts';

const HEX = /^X(?:[0-9A-Fa-f]{2})+$/;

/**
 * Escape sequences resolved (HL7 v2.6 ch. 2.7): separators, hexadecimal data (bytes in the character set of the message), `\.br\` as a blank;
 * highlighting is left out. A sequence that is not known stays as text.
 */
export function unescapeText(text: string, separators: Separators): string {
  const mark = separators.escape;
  if (mark === '' || !text.includes(mark)) return text;
  const pieces = text.split(mark);
  let resolved = pieces[0] ?? '';
  for (let i = 1; i < pieces.length; i += 1) {
    const sequence = pieces[i] ?? '';
    const meaning = i + 1 < pieces.length ? meaningOf(sequence, separators) : undefined;
    if (meaning === undefined) resolved += mark + sequence;
    else {
      i += 1;
      resolved += meaning + (pieces[i] ?? '');
    }
  }
  return resolved;
}

/** Separators and line ends of a text as escape sequences. */
export function escapeText(text: string, separators: Separators): string {
  const { escape: mark, field, component, repetition, subcomponent } = separators;
  const names = new Map([
    [mark, 'E'],
    [field, 'F'],
    [component, 'S'],
    [repetition, 'R'],
    [subcomponent, 'T'],
  ]);
  return Array.from(text, (char) => {
    const name = names.get(char);
    if (name === undefined) return char;
    return mark === '' ? ' ' : mark + name + mark;
  }).join('');
}

function meaningOf(sequence: string, separators: Separators): string | undefined {
  switch (sequence) {
    case 'F':
      return separators.field;
    case 'S':
      return separators.component;
    case 'T':
      return separators.subcomponent;
    case 'R':
      return separators.repetition;
    case 'E':
      return separators.escape;
    case 'H':
    case 'N':
      return '';
    case '.br':
      return ' ';
    default:
      return HEX.test(sequence) ? textOfHex(sequence.slice(1), separators.charset) : undefined;
  }
}

/** Bytes in the character set of the message; undefined where that is not known, and the sequence stays as it is. */
function textOfHex(hex: string, charset = ''): string | undefined {
  const bytes = Buffer.from(hex, 'hex');
  try {
    return decodeAll(bytes, bytes.toString('latin1'), charset.trim().toUpperCase());
  } catch {
    return undefined;
  }
}
