import { X509Certificate } from 'node:crypto';
import { VitalmeshError } from '../../../errors.ts';
import { readCertificateUse } from '../../../identity/certificate-use.ts';
import { DerReader, notDer, oidOf, readDer, TAG } from '../../../identity/der.ts';

/** A network has a root and one or two intermediates; during a change of CA twice as many. */
const MAX_CERTIFICATES = 64;
/** RFC 5652 §5.1. */
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The CA certificates of an answer to `/.well-known/est/cacerts`: a PKCS #7 SignedData that holds certificates alone, DER in base64
 * with line breaks (RFC 7030 §4.1.3, RFC 5652 §5). Others than CA certificates are left out, doubles too.
 * Throws OVERLAY-PROTOCOL when it cannot be read or holds none.
 */
export function readCaBundle(body: string): X509Certificate[] {
  const base64 = body.replace(/\s+/g, '');
  if (!BASE64.test(base64)) throw unreadable('not base64');
  const ders = certificatesOf(Buffer.from(base64, 'base64'));
  if (ders.length > MAX_CERTIFICATES) throw unreadable(`more than ${MAX_CERTIFICATES} certificates`);
  const authorities = distinct(ders.filter((der) => readCertificateUse(der)?.ca).map(readCertificate));
  if (authorities.length === 0) throw unreadable('no CA certificate in it');
  return authorities;
}

/** Every certificate once, in the order of its first appearance. */
export function distinct(certificates: readonly X509Certificate[]): X509Certificate[] {
  return [...new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate])).values()];
}

/** ContentInfo and SignedData (RFC 5652 §3, §5.1); of the latter nothing counts but the certificates. */
function certificatesOf(der: Buffer): Uint8Array[] {
  try {
    return readDer(der, TAG.sequence, (info) => {
      if (oidOf(info.take(TAG.oid)) !== SIGNED_DATA) throw notDer('no SignedData');
      return readDer(info.take(TAG.within(0)), TAG.sequence, readSignedData);
    });
  } catch (cause) {
    throw unreadable('not PKCS #7', cause);
  }
}

function readSignedData(content: DerReader): Uint8Array[] {
  content.take(TAG.integer);
  content.take(TAG.set);
  content.take(TAG.sequence);
  const certificates = new DerReader(content.maybe(TAG.within(0)) ?? new Uint8Array());
  const ders: Uint8Array[] = [];
  while (!certificates.isAtEnd) ders.push(certificates.next().whole);
  content.maybe(TAG.within(1));
  content.take(TAG.set);
  return ders;
}

function readCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw unreadable('a certificate in it cannot be read', cause);
  }
}

function unreadable(detail: string, cause?: unknown): VitalmeshError {
  return new VitalmeshError('OVERLAY-PROTOCOL', { detail: `the controller's CA bundle: ${detail}`, cause });
}
