import { createHash, randomUUID } from 'node:crypto';
import type { Clock, Instant } from '../../../../shared/clock.ts';
import type { TokenKey } from '../../jwt.ts';
import type { OidcSession } from '../../state/oidc-sessions.ts';
import type { Login, LoginRequest } from './login-requests.ts';
import { OIDC_PATH, type OidcLifetimes } from './parts.ts';

/** An access or refresh token that this controller signed and that has not run out. */
export interface ReadToken {
  sessionId: string;
  identityId: string;
  /** SHA-1 of the certificates that may show it. */
  fingerprints: readonly string[];
  issuedAt: Instant;
  expiresAt: Instant;
  claims: Readonly<Record<string, unknown>>;
}

/** `access` for calls and channels, `refresh` for new ones. */
export type TokenUse = 'a' | 'r';

/** Reads a token of this use; or says that it was one (`expired`), or never. Whether its session still exists is not looked at. */
export function readToken(tokens: TokenKey, clock: Clock, token: string, use: TokenUse): ReadToken | 'expired' | 'invalid' {
  const claims = tokens.read(token);
  if ('fault' in claims) return 'invalid';
  const { sub, z_asid: sessionId, z_t: kind, z_cfs: fingerprints, iat, exp } = claims;
  if (kind !== use || typeof sub !== 'string' || typeof sessionId !== 'string' || !isStrings(fingerprints)) return 'invalid';
  if (typeof exp !== 'number' || typeof iat !== 'number') return 'invalid';
  if (clock.now() >= exp * 1000) return 'expired';
  return { sessionId, identityId: sub, fingerprints, issuedAt: iat * 1000, expiresAt: exp * 1000, claims };
}

interface Issuing {
  tokens: TokenKey;
  clock: Clock;
  lifetimes: OidcLifetimes;
  origin: string;
  identityName: string;
}

/** The answer to a code that was spent: tokens of a new session, with the claims of a real controller (transcript rest-oidc-dial). */
export function firstTokens(issuing: Issuing, session: OidcSession, request: LoginRequest, login: Login, code: string): object {
  const now = seconds(issuing.clock.now());
  const claims = {
    amr: ['cert'],
    aud: [request.clientId],
    auth_time: now,
    client_id: request.clientId,
    iss: `${issuing.origin}${OIDC_PATH}`,
    scopes: request.scopes,
    sub: session.identityId,
    z_acf: login.sha1,
    z_aid: request.clientId,
    z_asid: session.id,
    z_authid: session.authenticatorId,
    z_cae: true,
    z_cer: false,
    z_cfs: [login.sha1],
    z_ckrr: false,
    z_env: login.env,
    z_iccc: false,
    z_ice: true,
    z_ra: login.address,
    z_sdk: login.sdk,
  };
  return answer(issuing, claims, { nonce: request.nonce, c_hash: halfHash(code) });
}

/** New tokens for the same session. */
export function renewedTokens(issuing: Issuing, { claims }: ReadToken): object {
  return answer(issuing, claims, {});
}

function answer(issuing: Issuing, { nbf: _nbf, ...claims }: Readonly<Record<string, unknown>>, ofLogin: Record<string, unknown>): object {
  const { clock, tokens, lifetimes, identityName } = issuing;
  const now = clock.now();
  const iat = seconds(now);
  const common = { ...claims, iat, nbf: iat, jti: randomUUID() };
  const exp = iat + lifetimes.accessTokenS;
  const accessToken = tokens.sign({ ...common, exp, z_t: 'a' });
  const refreshToken = tokens.sign({ ...common, exp: iat + lifetimes.refreshTokenS, z_t: 'r' });
  const { amr, aud, auth_time, client_id, iss, sub } = claims;
  const idToken = tokens.sign({
    ...{ amr, at_hash: halfHash(accessToken), aud, auth_time, azp: client_id, client_id, exp, iat, iss, name: identityName },
    ...ofLogin,
    ...{ sub, z_ia: false },
  });
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    refresh_token: refreshToken,
    expires_in: Math.floor(exp - now / 1000),
    id_token: idToken,
    scope: isStrings(claims.scopes) ? claims.scopes.join(' ') : '',
  };
}

/** OpenID Connect Core §3.1.3.6, for RS256. */
function halfHash(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');
}

function seconds(at: Instant): number {
  return Math.floor(at / 1000);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
