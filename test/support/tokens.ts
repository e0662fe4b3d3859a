import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { Issuer } from '../../hub/access/tokens/issuer.ts';
import { ALGORITHMS, PRESETS, type PresetName } from '../../hub/access/tokens/issuer.ts';
import { IssuerKeys } from '../../hub/access/tokens/issuer-keys.ts';
import type { TrustedIssuer } from '../../hub/access/tokens/verifier.ts';
import type { Clock } from '../../shared/clock.ts';

export const RESOURCE = 'http://vitals-mcp/mcp';
export const ISSUER = 'https://sso.hospital.example/realms/main';

/** An issuer of tokens with a key of its own. */
export interface TestIssuer {
  issuer: Issuer;
  jwks: { keys: JWK[] };
  privateKey: CryptoKey;
  /** Its public key as PEM. */
  spki: string;
  /** A token signed by it. `undefined` leaves a claim or member of the header out. */
  sign(claims?: JWTPayload, header?: Record<string, unknown>): Promise<string>;
}

export interface TestIssuerOptions extends Partial<Issuer> {
  like?: PresetName;
  kid?: string;
  alg?: string;
  /** `iat` is ten seconds before. */
  now: () => number;
}

/** Makes an issuer named `hospital`, like RFC 9068 unless told, with an ES256 key. */
export async function testIssuer({ like = 'rfc9068', kid = 'key-1', alg = 'ES256', now, ...more }: TestIssuerOptions): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const { types, claims, require, maxLifetimeSeconds } = PRESETS[like];
  const issuer: Issuer = {
    name: 'hospital',
    issuer: ISSUER,
    audiences: [RESOURCE],
    algorithms: ALGORITHMS,
    types,
    claims,
    require,
    scopeNames: {},
    leewaySeconds: 30,
    maxLifetimeSeconds,
    ...more,
  };
  const sign = async (own: JWTPayload = {}, header: Record<string, unknown> = {}): Promise<string> => {
    const seconds = Math.floor(now() / 1000);
    const usual = { iss: issuer.issuer, aud: RESOURCE, sub: 'nurse-1', client_id: 'ward-app', iat: seconds - 10, exp: seconds + 300 };
    const scope = 'user/Observation.rs patient/Observation.rs system/Observation.rs';
    return await new SignJWT({ ...usual, jti: 'token-1', scope, ...own })
      .setProtectedHeader({ alg, kid, typ: 'at+jwt', ...header })
      .sign(privateKey);
  };
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, use: 'sig' }] };
  return { issuer, jwks, privateKey, spki: await exportSPKI(publicKey), sign };
}

/** The same as a verifier takes it. */
export function trusted({ issuer, jwks }: Pick<TestIssuer, 'issuer' | 'jwks'>, clock: Clock): TrustedIssuer {
  return { issuer, keys: new IssuerKeys({ load: async () => jwks, clock, onFailure: () => undefined }) };
}
