import { createHash, randomInt } from 'node:crypto';
import { FLOW } from './contract.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const RANDOM_CHARACTERS = 2;
const CHECK_CHARACTERS = 3;

/**
 * What a dialer of ours says in its connection marker (header 1025): `MARKER`, two random characters, and three that follow from those
 * five. Other SDKs send eight random letters and digits; one in 240,000 of them begins as ours do, and a host that took it for ours would wait
 * for grants that never come.
 */
export function newMarker(): string {
  const random = Array.from({ length: RANDOM_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return withCheck(FLOW.MARKER + random);
}

/** Whether the marker was made by `newMarker`. */
export function isMarker(text: string | undefined): boolean {
  return text?.startsWith(FLOW.MARKER) === true && text === withCheck(text.slice(0, FLOW.MARKER.length + RANDOM_CHARACTERS));
}

function withCheck(text: string): string {
  return text + createHash('sha256').update(text).digest('hex').slice(0, CHECK_CHARACTERS);
}
