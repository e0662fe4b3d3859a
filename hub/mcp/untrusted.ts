/** What is not seen itself and hides, turns or joins what stands beside it: controls and escapes, marks of direction, joiners, fillers, tags. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]+/gu;

/**
 * What a device or a person wrote, for a field named untrusted, which is the only place for it: at most so many characters, and what would be hidden in it stands as U+FFFD. Pure.
 */
export function untrustedText(text: string, most = 128): string {
  return text.slice(0, most).replace(HIDDEN, '\uFFFD').toWellFormed();
}

/** A device's own name, for a field named untrusted. */
export function untrustedDevice(device: string): string {
  return untrustedText(device, 64);
}

const SPELLING = /^[\w.:-]{1,64}$/;
const WORDS = /[a-z]{3,}/gi;
/** Of letters that are digits as well (MAC, EUI-64, UUID) no order can be made. */
const HEX = /^[a-f]+$/i;
const MOST_WORDS = 3;
const LONGEST_WORD = 20;

/**
 * A device's identifier, where it reads like one; null for what may be a sentence, however its words are joined. A device, or whoever speaks for it, chooses its identifier, and a model reads it. Pure.
 */
export function deviceName(device: string | null): string | null {
  if (device === null || !SPELLING.test(device)) return null;
  const words = (device.match(WORDS) ?? []).filter((word) => !HEX.test(word));
  return words.length <= MOST_WORDS && words.every((word) => word.length <= LONGEST_WORD) ? device : null;
}
