import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { VitalmeshError } from '../../shared/errors.ts';

/** RFC 7914 §2, one of the settings of OWASP's password storage guidance: 32 MiB, three times. */
const COST = { N: 32_768, r: 8, p: 3, maxmem: 64 * 1024 * 1024 } as const;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** So many are worked out at a time; each takes memory and one of Node's four threads. */
const MAX_AT_ONCE = 2;
const MAX_WAITING = 16;

/** `scrypt$salt$key`, base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return `scrypt$${salt.toString('base64url')}$${(await derive(password, salt)).toString('base64url')}`;
}

/** A password of 144 random bits. */
export function newPassword(): string {
  return randomBytes(18).toString('base64url');
}

/**
 * Checks passwords, few at a time: `busy` when too many wait already. A user that does not exist costs what a wrong password costs, so that
 * the time tells nobody which names there are.
 */
export class PasswordCheck {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async check(password: string, hash: string | undefined): Promise<'right' | 'wrong' | 'busy'> {
    if (this.#waiting.length >= MAX_WAITING) return 'busy';
    while (this.#running >= MAX_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      const [, salt = '', key = ''] = (hash ?? NOBODY).split('$');
      const expected = Buffer.from(key, 'base64url');
      const derived = await derive(password, Buffer.from(salt, 'base64url'));
      const right = expected.length === derived.length && timingSafeEqual(expected, derived);
      return right && hash !== undefined ? 'right' : 'wrong';
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

const NOBODY = `scrypt$${Buffer.alloc(SALT_BYTES).toString('base64url')}$${Buffer.alloc(KEY_BYTES).toString('base64url')}`;

function derive(password: string, salt: Buffer): Promise<Buffer> {
  const options: ScryptOptions = COST;
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, options, (cause, key) =>
      cause ? reject(new VitalmeshError('INTERNAL', { cause })) : resolve(key),
    );
  });
}
