import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { VitalmeshError } from '../errors.ts';
import { namedIdentity } from './chain.ts';

/** Who this process is in the overlay network. */
export interface Identity {
  /** Overlay identity id, out of the certificate: the last segment of `spiffe://<trust domain>/identity/<id>`. */
  id: string;
  trustDomain: string;
  /** Private key, PEM. */
  keyPem: string;
  /** The own certificate and its intermediates, leaf first, PEM. */
  certPem: string;
  /** What this side trusts: root, usually with the intermediates, PEM. */
  caPem: string;
  /** Base URLs of the network's controllers; may be empty in a network without one. */
  controllers: string[];
}

/** The standard OpenZiti identity file, as far as it is used here (openziti.md §3). */
export interface IdentityFile {
  ztAPI: string;
  ztAPIs?: string[] | null;
  /** Kinds of service configuration that an SDK asks for; none here. */
  configTypes?: string[] | null;
  id: { key: string; cert: string; ca: string };
}

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_CERTIFICATES = 64;

const CONTROLLER = z.url({ protocol: /^https$/ });
const IDENTITY_FILE = z.object({
  ztAPI: CONTROLLER.nullish(),
  ztAPIs: z.array(CONTROLLER).nullish(),
  id: z.object({ key: z.string(), cert: z.string(), ca: z.string() }),
});

/**
 * Reads a standard OpenZiti identity file. Keys and certificates may stand in it (`pem:`, or PEM without that) or in files of their own (`file://…` or
 * a path, taken from the identity file's folder). Files that hold the key must be readable by their owner alone.
 * Errors: IDENTITY-FILE, IDENTITY-MODE, IDENTITY-NAME.
 */
export function loadIdentity(path: string): Identity {
  const json = parseJson(readFile(path, true));
  const parsed = IDENTITY_FILE.safeParse(json);
  if (!parsed.success) throw malformed(parsed.error);
  const { id, ...rest } = parsed.data;
  const inline = (value: string, secret: boolean): string => {
    if (value.startsWith('pem:')) return value;
    // The C SDK of 2022 writes them so.
    if (value.startsWith('-----BEGIN ')) return `pem:${value}`;
    return `pem:${readFile(pathOf(value, path), secret)}`;
  };
  return parseIdentity({ ...rest, id: { key: inline(id.key, true), cert: inline(id.cert, false), ca: inline(id.ca, false) } });
}

/** Reads the parsed JSON of an identity file whose keys and certificates all stand in it (`pem:`). Errors: IDENTITY-FILE, IDENTITY-NAME. */
export function parseIdentity(json: unknown): Identity {
  const parsed = IDENTITY_FILE.safeParse(json);
  if (!parsed.success) throw malformed(parsed.error);
  const { id, ztAPI, ztAPIs } = parsed.data;
  const keyPem = pemOf(id.key, 'key');
  const certPem = pemOf(id.cert, 'cert');
  const caPem = pemOf(id.ca, 'ca');
  const [leaf] = readCertificates(certPem, 'cert');
  readCertificates(caPem, 'ca');
  if (!leaf?.checkPrivateKey(readKey(keyPem)))
    throw new VitalmeshError('IDENTITY-FILE', { detail: 'the key does not belong to the certificate' });
  const { identityId, trustDomain } = namedIdentity(leaf);
  const controllers = ztAPIs?.length ? ztAPIs : [ztAPI ?? []].flat();
  return { id: identityId, trustDomain, keyPem, certPem, caPem, controllers };
}

/** The certificates of a PEM text, in its order. Throws IDENTITY-FILE when there is none or one cannot be read. */
export function readCertificates(pem: string, field: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new VitalmeshError('IDENTITY-FILE', { detail: `id.${field} holds no certificate` });
  if (blocks.length > MAX_CERTIFICATES) throw new VitalmeshError('IDENTITY-FILE', { detail: `id.${field} holds too many certificates` });
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    throw new VitalmeshError('IDENTITY-FILE', { detail: `id.${field} holds a certificate that cannot be read` });
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause could quote the key.
    throw new VitalmeshError('IDENTITY-FILE', { detail: 'id.key is no private key without a passphrase, in PEM' });
  }
}

function pemOf(value: string, field: string): string {
  if (!value.startsWith('pem:')) throw new VitalmeshError('IDENTITY-FILE', { detail: `id.${field} does not begin with pem:` });
  return value.slice('pem:'.length);
}

function pathOf(value: string, identityPath: string): string {
  if (/^(?:engine|keychain|parsec|pkcs11):/.test(value))
    throw new VitalmeshError('IDENTITY-FILE', { detail: 'keys in hardware are not supported' });
  if (!value.startsWith('file:')) return resolve(dirname(identityPath), value);
  try {
    return fileURLToPath(value);
  } catch (cause) {
    throw new VitalmeshError('IDENTITY-FILE', { cause, detail: 'a file:// reference must hold an absolute path' });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The cause could quote the key.
    throw new VitalmeshError('IDENTITY-FILE', { detail: 'not JSON' });
  }
}

/** Mode and content are taken from one open file, so that nobody can swap it in between. */
function readFile(path: string, secret: boolean): string {
  let fd: number;
  try {
    // A FIFO in place of the file must not hold the process up.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new VitalmeshError('IDENTITY-FILE', { cause, detail: path });
  }
  try {
    const stat = fstatSync(fd);
    const { mode, size } = stat;
    if (!stat.isFile()) throw new VitalmeshError('IDENTITY-FILE', { detail: `${path} is no regular file` });
    if (secret && process.platform !== 'win32' && (mode & 0o077) !== 0) throw new VitalmeshError('IDENTITY-MODE', { detail: path });
    if (size > MAX_FILE_BYTES) throw new VitalmeshError('IDENTITY-FILE', { detail: `${path} is too large` });
    const content = Buffer.alloc(size);
    const length = readSync(fd, content, 0, size, 0);
    return content.toString('utf8', 0, length);
  } catch (error) {
    if (error instanceof VitalmeshError) throw error;
    throw new VitalmeshError('IDENTITY-FILE', { cause: error, detail: path });
  } finally {
    closeSync(fd);
  }
}

/** Where the file breaks the schema; never what stands there, it may be a key. */
function malformed(error: z.ZodError): VitalmeshError {
  const [issue] = error.issues;
  return new VitalmeshError('IDENTITY-FILE', { detail: `field ${issue?.path.join('.') || '(all)'} is missing or malformed` });
}
