import { createPublicKey, type KeyObject } from 'node:crypto';
import { x509 } from '../../../identity/x509.ts';

const KEY = { name: 'ECDSA', namedCurve: 'P-384' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-384' } as const;

/**
 * A certificate signing request (PKCS #10, PEM) for a P-384 key, signed ecdsa-with-SHA384. The controller takes the subject over
 * as it stands and writes the identity into the subjectAltName itself (openziti-wire.md §1).
 */
export async function createCsr(privateKey: KeyObject, commonName: string): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([{ CN: [{ utf8String: commonName }] }]),
    keys: {
      privateKey: privateKey.toCryptoKey(KEY, false, ['sign']),
      publicKey: createPublicKey(privateKey).toCryptoKey(KEY, true, ['verify']),
    },
    signingAlgorithm: SIGNING,
  });
  return `${request.toString('pem')}\n`;
}
