import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto';
import { x509 } from '../../../shared/identity/x509.ts';

/** What a certificate signing request asks for. */
export interface SigningRequest {
  publicKey: webcrypto.CryptoKey;
  /** The common name, when it is short and plain; it proves nothing (openziti-wire.md §0.10). */
  commonName: string | undefined;
}

const CURVES: Record<string, string> = { prime256v1: 'P-256', secp384r1: 'P-384' };
const RSA_BITS = { min: 2048, max: 8192 };
const REQUEST = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END (?:NEW )?CERTIFICATE REQUEST-----/;
const PLAIN_NAME = /^[\p{L}\p{N}\p{P}\p{S} ]{1,64}$/u;

/**
 * Reads a PKCS #10 request in PEM and checks that it was signed with its own key (RFC 2986 §3); undefined when it was not, cannot be read,
 * or the key is none of EC P-256, P-384, RSA from 2048 bits.
 */
export async function readSigningRequest(pem: string): Promise<SigningRequest | undefined> {
  const [block] = REQUEST.exec(pem) ?? [];
  if (block === undefined) return undefined;
  try {
    const request = new x509.Pkcs10CertificateRequest(block.replaceAll('NEW CERTIFICATE', 'CERTIFICATE'));
    const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
    const publicKey = allowedKey(key);
    if (!publicKey || !(await request.verify())) return undefined;
    const [commonName = ''] = request.subjectName.getField('CN');
    return { publicKey, commonName: PLAIN_NAME.test(commonName) ? commonName : undefined };
  } catch {
    return undefined;
  }
}

function allowedKey(key: KeyObject): webcrypto.CryptoKey | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= RSA_BITS.min && modulusLength <= RSA_BITS.max)
    return key.toCryptoKey({ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify']);
  const curve = key.asymmetricKeyType === 'ec' ? CURVES[namedCurve] : undefined;
  return curve === undefined ? undefined : key.toCryptoKey({ name: 'ECDSA', namedCurve: curve }, true, ['verify']);
}
