import { randomInt } from 'node:crypto';

const DIGITS_LOWER = '0123456789abcdefghijklmnopqrstuvwxyz';
const ALPHANUMERIC = `${DIGITS_LOWER}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

/** The id of a service or policy, as OpenZiti's look: 22 letters and digits (openziti-network.md §1.2). */
export function newEntityId(): string {
  return draw(ALPHANUMERIC, 22);
}

/** The id of an API or service session, or of one run of a controller, as OpenZiti's look: a `c` and 24 lower-case letters and digits. */
export function newSessionId(): string {
  return `c${draw(DIGITS_LOWER, 24)}`;
}

function draw(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
