import type { X509Certificate } from 'node:crypto';

const SEQUENCE = 0x30;
const SET = 0x31;
/** id-signedData 1.2.840.113549.1.7.2 and id-data 1.2.840.113549.1.7.1, with tag and length. */
const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex');
const DATA = Buffer.from('06092a864886f70d010701', 'hex');
const VERSION_1 = Buffer.from('020101', 'hex');

/** Certificates as a degenerate PKCS #7 SignedData without signers, DER (RFC 2315 §9, RFC 7030 §4.1.3). */
export function certificateBundle(certificates: readonly X509Certificate[]): Buffer {
  const signedData = tlv(SEQUENCE, VERSION_1, tlv(SET), tlv(SEQUENCE, DATA), tlv(0xa0, ...certificates.map(({ raw }) => raw)), tlv(SET));
  return tlv(SEQUENCE, SIGNED_DATA, tlv(0xa0, signedData));
}

/** Base64 in lines of 64, as EST answers it. */
export function base64Lines(bytes: Buffer): string {
  return (bytes.toString('base64').match(/.{1,64}/g) ?? []).map((line) => `${line}\n`).join('');
}

function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

/** Definite form: one byte below 128, else the count of bytes and the bytes (X.690 §8.1.3). */
function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}
