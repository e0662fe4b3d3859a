import { randomBytes } from 'node:crypto';
import { VitalmeshError } from '../../shared/errors.ts';
import { readOwnersFile, writeOwnersFile } from '../../shared/storage/key-file.ts';
import { fileError } from './file-error.ts';
import { publicKeyOf } from './hpke.ts';

/** How a recipient is written in hub.yaml: this and 32 bytes, base64url. */
const PUBLIC = 'vitalmesh-recipient-1:';
const SECRET = 'VITALMESH-RECOVERY-KEY-1:';
const KEY = '[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]';
const PUBLIC_FORM = new RegExp(`^${PUBLIC}${KEY}$`);
const SECRET_FORM = new RegExp(`^${SECRET}${KEY}\\n?$`);
const MAX_BYTES = 256;

/** True for the text of a recipient. */
export function isRecipient(text: string): boolean {
  return PUBLIC_FORM.test(text);
}

/** The public key of a recipient, 32 bytes. */
export function recipientKey(text: string): Buffer {
  if (!isRecipient(text)) throw new VitalmeshError('BACKUP-KEY', { detail: 'no recipient' });
  return Buffer.from(text.slice(PUBLIC.length), 'base64url');
}

export function formatRecipient(key: Buffer): string {
  return `${PUBLIC}${key.toString('base64url')}`;
}

/** Makes a recovery key in a new file of mode 0600 and gives its recipient. Throws BACKUP-FILE when there is something of that name, or it cannot be written. */
export function createRecoveryKey(path: string): string {
  const secret = randomBytes(32);
  try {
    writeOwnersFile(path, `${SECRET}${secret.toString('base64url')}\n`);
  } catch (cause) {
    throw fileError(path, cause);
  }
  return formatRecipient(publicKeyOf(secret));
}

/** The private key of such a file. Throws BACKUP-KEY when it is missing, malformed or readable by others. */
export function readRecoveryKey(path: string): Buffer {
  let text: string;
  try {
    text = readOwnersFile(path, MAX_BYTES);
  } catch (cause) {
    const detail = cause instanceof VitalmeshError ? cause.detail : `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`;
    throw new VitalmeshError('BACKUP-KEY', { cause, ...(detail !== undefined && { detail }) });
  }
  if (!SECRET_FORM.test(text)) throw new VitalmeshError('BACKUP-KEY', { detail: `${path} holds no recovery key` });
  return Buffer.from(text.trim().slice(SECRET.length), 'base64url');
}
