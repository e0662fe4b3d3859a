import { randomBytes } from 'node:crypto';

/**
 * 31 symbols, without i, l, o, u and z, which are misread. A prime many: then a sum with different weights finds every wrong character and every two that
 * changed places, which no sum of 32 does.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxy';
/** 17 × log2(31) = 84 random bits. */
const RANDOM_CHARS = 17;
const GROUPS = /^(.{5})(.{5})(.{5})(.{3})$/;
/** The form, with whatever was typed in it. */
const FORM = /^p-[0-9a-z]{5}-[0-9a-z]{5}-[0-9a-z]{5}-[0-9a-z]{3}$/;

/** A new opaque patient id, `p-xxxxx-xxxxx-xxxxx-xxx`: 84 random bits and a check character at the end. `random` gives that many random bytes. */
export function newPatientId(random: (count: number) => Uint8Array = randomBytes): string {
  const chars: string[] = [];
  while (chars.length < RANDOM_CHARS) {
    // Bytes beyond the last multiple of 31 would make some symbols likelier than others.
    for (const byte of random(RANDOM_CHARS)) if (byte < 248 && chars.length < RANDOM_CHARS) chars.push(ALPHABET.charAt(byte % 31));
  }
  const text = chars.join('');
  return `p-${`${text}${checkOf(text)}`.replace(GROUPS, '$1-$2-$3-$4')}`;
}

/**
 * Whether a text has the form of such an id and is none: at least one character is wrong. One wrong character, or two that changed places, are always found,
 * others but for one in 31; those are then ids that nobody has. Ids of other forms are never mistyped as far as can be told.
 */
export function isMistyped(id: string): boolean {
  if (!FORM.test(id)) return false;
  const chars = id.slice(2).replaceAll('-', '');
  return checkOf(chars.slice(0, -1)) !== chars.at(-1);
}

/** Undefined for what holds characters that no id has. */
function checkOf(chars: string): string | undefined {
  let sum = 0;
  for (let i = 0; i < chars.length; i += 1) {
    const value = ALPHABET.indexOf(chars.charAt(i));
    if (value < 0) return undefined;
    sum += (i + 2) * value;
  }
  return ALPHABET.charAt(sum % 31);
}
