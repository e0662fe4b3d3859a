import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { der, TAG } from '../../../identity/der.ts';

/** RFC 5280 §4.1.2.4 (id-at-commonName) and RFC 5758 §3.2 (ecdsa-with-SHA384), the content of their object identifiers. */
const COMMON_NAME = der(TAG.oid, Buffer.of(0x55, 0x04, 0x03));
const ECDSA_SHA384 = der(TAG.oid, Buffer.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03));
const VERSION_1 = der(TAG.integer, Buffer.of(0));
const NO_ATTRIBUTES = der(TAG.within(0));
const ALL_BITS_USED = Buffer.of(0);
const LINE = /.{1,64}/g;

/**
 * A certificate signing request (PKCS #10, RFC 2986 §4, PEM) for a P-384 key, signed ecdsa-with-SHA384. The controller takes the subject over
 * as it stands and writes the identity into the subjectAltName itself (openziti-wire.md §1).
 */
export function createCsr(privateKey: KeyObject, commonName: string): string {
  const name = der(TAG.sequence, der(TAG.set, der(TAG.sequence, COMMON_NAME, der(TAG.utf8String, Buffer.from(commonName)))));
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const info = der(TAG.sequence, VERSION_1, name, publicKey, NO_ATTRIBUTES);
  const signature = der(TAG.bitString, ALL_BITS_USED, sign('sha384', info, privateKey));
  const lines = der(TAG.sequence, info, der(TAG.sequence, ECDSA_SHA384), signature).toString('base64').match(LINE) ?? [];
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n');
}
