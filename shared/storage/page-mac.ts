import { createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const PAGE_BYTES = 4096;
const SALT_BYTES = 16;
const MAC_BYTES = 64;
/** Pages that are looked at; one is enough. */
const MOST_PAGES = 64;

/**
 * True when some page behind the first was written with this key: then a first page that does not open is damaged, and the key is right. A
 * page ends with an HMAC-SHA512 of its content and number, under a key made of the data key and the salt that the file begins with
 * (SQLCipher 4's design: zetetic.net/sqlcipher/design, "Encryption"). False when nothing proves it, as for a file of one page, or
 * one whose first bytes are gone.
 */
export function provesKey(path: string, key: Buffer): boolean {
  const fd = openSync(path, 'r');
  try {
    const salt = Buffer.alloc(SALT_BYTES);
    if (readSync(fd, salt, 0, SALT_BYTES, 0) < SALT_BYTES) return false;
    const macKey = pbkdf2Sync(
      key,
      salt.map((byte) => byte ^ 0x3a),
      2,
      32,
      'sha512',
    );
    const pages = Math.floor(fstatSync(fd).size / PAGE_BYTES);
    for (let page = 2; page <= Math.min(pages, MOST_PAGES); page += 1) if (isOf(fd, page, macKey)) return true;
    return false;
  } finally {
    closeSync(fd);
  }
}

function isOf(fd: number, page: number, macKey: Buffer): boolean {
  const bytes = Buffer.alloc(PAGE_BYTES);
  if (readSync(fd, bytes, 0, PAGE_BYTES, (page - 1) * PAGE_BYTES) < PAGE_BYTES) return false;
  const number = Buffer.alloc(4);
  number.writeUInt32LE(page);
  const mac = createHmac('sha512', macKey).update(bytes.subarray(0, -MAC_BYTES)).update(number).digest();
  return timingSafeEqual(mac, bytes.subarray(-MAC_BYTES));
}
