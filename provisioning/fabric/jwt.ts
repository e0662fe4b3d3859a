import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** Signs and reads JSON Web Tokens with RS256 (RFC 7515, RFC 7518 §3.3), the one algorithm that every OpenZiti SDK verifies. */
export interface TokenKey {
  /** The public half, as a JSON Web Key (RFC 7517). */
  readonly jwk: Readonly<Record<string, unknown>>;
  sign(claims: Readonly<Record<string, unknown>>): string;
  /** The claims of a token that this key signed. Says nothing about its expiry. */
  read(token: string): Readonly<Record<string, unknown>> | { fault: TokenFault };
}

export type TokenFault = 'segments' | 'malformed' | 'signature';

/** A session token of a real network has about 1,130 bytes. */
const MAX_TOKEN_BYTES = 8192;

/** @param keyPem RSA private key, PKCS#8 PEM. */
export function tokenKey(keyPem: string): TokenKey {
  const privateKey = createPrivateKey(keyPem);
  const publicKey = createPublicKey(keyPem);
  const kid = keyId(publicKey);
  const header = encode({ alg: 'RS256', kid, typ: 'JWT' });
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' },
    sign(claims) {
      const signed = `${header}.${encode(claims)}`;
      return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
    },
    read(token) {
      const [first, second, signature, ...rest] = token.length > MAX_TOKEN_BYTES ? [] : token.split('.');
      if (first === undefined || second === undefined || signature === undefined || rest.length > 0) return { fault: 'segments' };
      // The header is compared and not read: a token with another algorithm or key was not made here.
      if (first !== header) return { fault: 'signature' };
      const genuine = verify('sha256', Buffer.from(`${first}.${second}`), publicKey, Buffer.from(signature, 'base64url'));
      return genuine ? decode(second) : { fault: 'signature' };
    },
  };
}

function keyId(publicKey: KeyObject): string {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Readonly<Record<string, unknown>> | { fault: TokenFault } {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
  } catch {
    return { fault: 'malformed' };
  }
}
