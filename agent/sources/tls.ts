import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { formatInstant, type Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { readValidity } from '../../shared/identity/certificate-use.ts';
import type { Validity } from '../../shared/time/network-clock.ts';
import { readSecretFile } from './secret-file.ts';

/** Files with what one end of TLS shows and whom it trusts. */
export interface TlsFiles {
  /** Certificate of this end (PEM), with those between it and its authority. */
  certFile?: string | undefined;
  /** Its key (PEM), in a file of mode 0600. */
  keyFile?: string | undefined;
  /** Who may have issued the certificate of the other end (PEM). */
  caFile?: string | undefined;
}

/** What was in the files. */
export interface TlsMaterial {
  cert?: string;
  key?: string;
  ca?: string;
}

/**
 * Reads the files and sees that they fit together. Throws CONFIG-UNREADABLE, SOURCE-CREDENTIALS (the key), SOURCE-CERTIFICATE (no
 * certificate, or not that of the key).
 */
export function readTls({ certFile, keyFile, caFile }: TlsFiles): TlsMaterial {
  const material = {
    ...(certFile !== undefined && { cert: readText(certFile) }),
    ...(keyFile !== undefined && { key: readSecretFile(keyFile) }),
    ...(caFile !== undefined && { ca: readText(caFile) }),
  };
  try {
    createSecureContext(material);
    // The context takes a text without any certificate for an empty list.
    for (const pem of [material.cert, material.ca]) if (pem !== undefined) new X509Certificate(pem);
  } catch (cause) {
    const files = [certFile, keyFile, caFile].filter((file) => file !== undefined).join(', ');
    throw new VitalmeshError('SOURCE-CERTIFICATE', { detail: `${files}: ${codeOf(cause)}`, cause });
  }
  return material;
}

/** What is wrong with the time of a certificate of one's own: it is over, has not come, or is none. */
export function outOfTime({ cert }: TlsMaterial, now: Instant): VitalmeshError | undefined {
  if (cert === undefined) return undefined;
  const validity = validityOf(cert);
  if (!validity) return new VitalmeshError('SOURCE-CERTIFICATE', { detail: 'it does not say until when it is valid' });
  const { notBefore, notAfter } = validity;
  if (!(now <= notAfter)) return new VitalmeshError('SOURCE-CERTIFICATE', { detail: `expired at ${formatInstant(notAfter)}` });
  if (!(now >= notBefore)) return new VitalmeshError('SOURCE-CERTIFICATE', { detail: `not valid before ${formatInstant(notBefore)}` });
  return undefined;
}

function validityOf(cert: string): Validity | undefined {
  try {
    return readValidity(new X509Certificate(cert).raw);
  } catch {
    return undefined;
  }
}

/** Which state the files are in; another text when one of them was written or replaced. */
export function versionOf({ certFile, keyFile, caFile }: TlsFiles): string {
  return [certFile, keyFile, caFile].map((file) => (file === undefined ? '' : fileVersion(file))).join(' ');
}

function fileVersion(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}`;
  } catch {
    return 'none';
  }
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'no certificate';
}

/** A text file that a configuration names. Throws CONFIG-UNREADABLE. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('CONFIG-UNREADABLE', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
}
