import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { VitalmeshError } from '../../shared/errors.ts';
import { originOf, readKey, verifierKey } from '../../shared/signed-note.ts';
import { isCredential, readOwnersFile, writeOwnersFile } from '../../shared/storage/key-file.ts';

/** The key with which a hub signs how far its evidence has come. */
export interface SigningKey {
  privateKey: KeyObject;
  /** Its public half, as signed notes name it. */
  verifier: string;
  /** It was made now. */
  isNew: boolean;
  /** It stands in the list of keys that a verification trusts. */
  isListed: boolean;
}

const MAX_PEM_BYTES = 1024;

/**
 * Reads the key (Ed25519, PKCS #8, PEM, mode 0600), or makes it; a systemd credential is never made. Its public half is added to the list in the file
 * `verifiers`, which is what a verification trusts, unless `mayList` is false: a key that comes to evidence of before is trusted by nobody but an operator. Throws AUDIT-KEY.
 */
export function openSigningKey(path: string, storeId: string, verifiers: string, mayList = true): SigningKey {
  const isNew = !isCredential(path) && !existsSync(path);
  try {
    if (isNew) {
      const { privateKey } = generateKeyPairSync('ed25519');
      writeOwnersFile(path, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    }
    const privateKey = createPrivateKey(readOwnersFile(path, MAX_PEM_BYTES));
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new VitalmeshError('AUDIT-KEY', { detail: `${path} is not an Ed25519 key` });
    const verifier = verifierKey(originOf(storeId), createPublicKey(privateKey));
    if (mayList) remember(verifiers, verifier);
    return { privateKey, verifier, isNew, isListed: readVerifiers(verifiers).includes(verifier) };
  } catch (cause) {
    if (cause instanceof VitalmeshError && cause.code === 'AUDIT-KEY') throw cause;
    throw new VitalmeshError('AUDIT-KEY', { detail: path, cause });
  }
}

/** The public keys that a verification trusts; none where there is no such file. Throws AUDIT-KEY for a line that is no key. */
export function readVerifiers(path: string): string[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
  if (!lines.every((line) => readKey(line))) throw new VitalmeshError('AUDIT-KEY', { detail: `${path} has a line that is no key` });
  return lines;
}

function remember(path: string, verifier: string): void {
  if (readVerifiers(path).includes(verifier)) return;
  if (existsSync(path)) appendFileSync(path, `${verifier}\n`);
  else writeOwnersFile(path, `${verifier}\n`);
}
