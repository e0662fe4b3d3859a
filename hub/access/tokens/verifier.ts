import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { Clock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Claims, readClaims } from './claims.ts';
import type { Issuer } from './issuer.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { type AccessToken, type TokenFault, TokenRefusal } from './token.ts';

/** Longer than any issuer's with some dozen groups; read before anything else is looked at. */
const MAX_TOKEN_CHARS = 8192;
/** JWS compact serialization (RFC 7515 §7.1), so neither an encrypted nor an unsigned one. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

export interface TrustedIssuer {
  issuer: Issuer;
  keys: Pick<IssuerKeys, 'keyFor'>;
}

/**
 * Checks an access token (RFC 9068, RFC 8725) and reads it. The token itself says no more than whose keys are tried; everything else it must
 * prove: an algorithm of the issuer's list, a signature by a key of that issuer alone, issuer, audience, type, times and claims. Keys
 * or addresses of keys that stand in a token are never looked at. Rejects with TokenRefusal, or ACCESS-ISSUER-KEYS.
 */
export class TokenVerifier {
  readonly #byIssuer: ReadonlyMap<string, TrustedIssuer>;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(issuers: readonly TrustedIssuer[], clock: Pick<Clock, 'now'>) {
    this.#byIssuer = new Map(issuers.map((trusted) => [trusted.issuer.issuer, trusted]));
    this.#clock = clock;
  }

  async verify(token: string): Promise<AccessToken> {
    if (token.length > MAX_TOKEN_CHARS) throw new TokenRefusal('size');
    if (!COMPACT.test(token)) throw new TokenRefusal('malformed');
    try {
      const { issuer, keys } = this.#issuerOf(token);
      if (!issuer.types.includes(typeOf(token))) throw new TokenRefusal('type');
      const { payload } = await jwtVerify(token, (header, input) => keys.keyFor(header, input), {
        algorithms: [...issuer.algorithms],
        issuer: issuer.issuer,
        audience: [...issuer.audiences],
        currentDate: new Date(this.#clock.now()),
        clockTolerance: issuer.leewaySeconds,
      });
      return readClaims(payload as Claims, issuer, this.#clock.now());
    } catch (thrown) {
      throw thrown instanceof VitalmeshError ? thrown : new TokenRefusal(faultOf(thrown));
    }
  }

  #issuerOf(token: string): TrustedIssuer {
    const { iss } = decodeJwt(token);
    const trusted = typeof iss === 'string' ? this.#byIssuer.get(iss) : undefined;
    if (!trusted) throw new TokenRefusal('issuer');
    return trusted;
  }
}

/** `typ`, without regard to case and to `application/`, which may be left out (RFC 7515 §4.1.9). */
function typeOf(token: string): string {
  const { typ } = decodeProtectedHeader(token);
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : '';
}

const FAULT_OF: Readonly<Record<string, TokenFault>> = {
  ERR_JWT_EXPIRED: 'expired',
  ERR_JOSE_ALG_NOT_ALLOWED: 'algorithm',
  ERR_JOSE_NOT_SUPPORTED: 'algorithm',
  ERR_JWKS_NO_MATCHING_KEY: 'key',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature',
};
const FAULT_OF_CLAIM: Readonly<Record<string, TokenFault>> = { aud: 'audience', iss: 'issuer', nbf: 'early' };

function faultOf(thrown: unknown): TokenFault {
  if (thrown instanceof errors.JWTClaimValidationFailed) return FAULT_OF_CLAIM[thrown.claim] ?? 'claims';
  if (thrown instanceof errors.JOSEError) return FAULT_OF[thrown.code] ?? 'malformed';
  // WebCrypto's own, of a key that is none for this algorithm; what else might be thrown opens nothing either.
  return 'key';
}
