import type { Instant } from '../../../shared/clock.ts';
import type { Issuer } from './issuer.ts';
import { parseScopes } from './scopes.ts';
import { type AccessToken, TokenRefusal } from './token.ts';

/** Text that names somebody or something: printable ASCII (OpenID Connect Core §2: a subject is at most 255 of ASCII). */
const NAME = /^[\x21-\x7e]{1,255}$/;

/** A JWT's claims as they came, whose signature, issuer and audience hold. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * What an issuer's claims say. Pure. Times are judged here as well: the end without leeway, for the issuer's clock is the one that a
 * token's end is stated by, and one that is behind can only end it early. Throws TokenRefusal: claims, client, expired, early, lifetime.
 */
export function readClaims(claims: Claims, issuer: Issuer, now: Instant): AccessToken {
  for (const [name, value] of Object.entries(issuer.require)) if (own(claims, name) !== value) throw new TokenRefusal('claims');
  const { issuedAt, expiresAt } = timesOf(claims, issuer, now);
  const subject = nameOf(own(claims, issuer.claims.subject));
  const client = nameOf(issuer.claims.client.map((name) => own(claims, name)).find((value) => value !== undefined));
  if (issuer.clients && !issuer.clients.includes(client)) throw new TokenRefusal('client');
  const id = own(claims, 'jti');
  return {
    issuer: issuer.name,
    subject,
    client,
    ...(id !== undefined && { id: nameOf(id) }),
    issuedAt,
    expiresAt,
    scopes: parseScopes(issuer.claims.scopes.flatMap((name) => granted(own(claims, name), issuer))),
  };
}

function timesOf(claims: Claims, { leewaySeconds, maxLifetimeSeconds }: Issuer, now: Instant): Pick<AccessToken, 'issuedAt' | 'expiresAt'> {
  const issuedAt = instantOf(own(claims, 'iat'));
  const expiresAt = instantOf(own(claims, 'exp'));
  const validFrom = own(claims, 'nbf') === undefined ? issuedAt : instantOf(own(claims, 'nbf'));
  if (!(now < expiresAt)) throw new TokenRefusal('expired');
  if (Math.max(issuedAt, validFrom) > now + leewaySeconds * 1000) throw new TokenRefusal('early');
  const lifetimeMs = expiresAt - issuedAt;
  if (!(lifetimeMs > 0 && lifetimeMs <= maxLifetimeSeconds * 1000)) throw new TokenRefusal('lifetime');
  return { issuedAt, expiresAt };
}

/** NumericDate (RFC 7519 §2) as UTC ms. */
function instantOf(value: unknown): Instant {
  if (typeof value !== 'number' || !(value > 0) || value > 1e11) throw new TokenRefusal('claims');
  return Math.floor(value * 1000);
}

function nameOf(value: unknown): string {
  if (typeof value !== 'string' || !NAME.test(value)) throw new TokenRefusal('claims');
  return value;
}

function granted(value: unknown, { scopeNames }: Issuer): readonly string[] {
  const names = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return names.flatMap((name) => (typeof name === 'string' ? (own(scopeNames, name) ?? [name]) : []));
}

/** A member that is the object's own: `constructor` and its like are claims of nobody. */
function own<T>(object: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
