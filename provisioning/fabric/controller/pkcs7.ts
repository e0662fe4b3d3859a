import type { X509Certificate } from 'node:crypto';
import { der, TAG } from '../../../shared/identity/der.ts';

/** id-signedData 1.2.840.113549.1.7.2 and id-data 1.2.840.113549.1.7.1, with tag and length. */
const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex');
const DATA = Buffer.from('06092a864886f70d010701', 'hex');
const VERSION_1 = Buffer.from('020101', 'hex');

/** Certificates as a degenerate PKCS #7 SignedData without signers, DER (RFC 2315 §9, RFC 7030 §4.1.3). */
export function certificateBundle(certificates: readonly X509Certificate[]): Buffer {
  const contained = der(TAG.within(0), ...certificates.map(({ raw }) => raw));
  const signedData = der(TAG.sequence, VERSION_1, der(TAG.set), der(TAG.sequence, DATA), contained, der(TAG.set));
  return der(TAG.sequence, SIGNED_DATA, der(TAG.within(0), signedData));
}

/** Base64 in lines of 64, as EST answers it. */
export function base64Lines(bytes: Buffer): string {
  return (bytes.toString('base64').match(/.{1,64}/g) ?? []).map((line) => `${line}\n`).join('');
}
