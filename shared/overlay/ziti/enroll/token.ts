import { constants, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import type { Instant } from '../../../clock.ts';
import { VitalmeshError } from '../../../errors.ts';

/** A one-time enrolment token (openziti-wire.md §1). What it says is only believed once `isSignedBy` has confirmed it. */
export interface EnrollmentToken {
  /** The controller that issued it; a path counts for nothing, as in the Go SDK. */
  issuer: URL;
  identityId: string;
  /** What the controller wants to see (`jti`). A secret until it is spent. */
  secret: string;
  expiresAt: Instant;
  /** Base URLs of the client API, the issuer's first: `https://host:port/edge/client/v1`. */
  controllers: readonly [string, ...string[]];
  /** True when the token was signed with the private key of this public key. */
  isSignedBy(publicKey: KeyObject): boolean;
}

/** A token of a network with several controllers has some 2,000 characters. */
const MAX_TOKEN_CHARS = 16_384;
/** The clock of a gateway without a battery is seconds off after each start. */
const CLOCK_TOLERANCE_MS = 60_000;
const PART = /^[A-Za-z0-9_-]+$/;
const API_PATH = '/edge/client/v1';

interface Algorithm {
  keyType: 'rsa' | 'ec';
  hash: string;
  pss?: boolean;
  curve?: string;
}

/** RFC 7518 §3.1, as far as a TLS server's key can make it. `none` and HS*, for which an attacker needs no such key, are not there. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: { keyType: 'rsa', hash: 'sha256' },
  RS384: { keyType: 'rsa', hash: 'sha384' },
  RS512: { keyType: 'rsa', hash: 'sha512' },
  PS256: { keyType: 'rsa', hash: 'sha256', pss: true },
  PS384: { keyType: 'rsa', hash: 'sha384', pss: true },
  PS512: { keyType: 'rsa', hash: 'sha512', pss: true },
  ES256: { keyType: 'ec', hash: 'sha256', curve: 'prime256v1' },
  ES384: { keyType: 'ec', hash: 'sha384', curve: 'secp384r1' },
  ES512: { keyType: 'ec', hash: 'sha512', curve: 'secp521r1' },
};

/** RFC 7515 §4.1.11: a header with critical parameters that are not understood must be refused. */
const HEADER = z.object({ alg: z.string(), crit: z.undefined().optional() });
const KIND = z.object({ em: z.string() });
const CLAIMS = z.object({
  iss: z.url({ protocol: /^https$/ }).max(2048),
  sub: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  jti: z.string().regex(/^[!-~]{1,512}$/),
  exp: z.number().positive().max(253_402_300_799),
  ctrls: z.array(z.string().max(512)).max(64).nullish(),
});

/**
 * Reads a one-time token (JWT) without believing it. White space around it is allowed.
 * Errors: ENROLL-TOKEN (malformed), ENROLL-KIND (another enrolment than `ott`), ENROLL-EXPIRED.
 */
export function readToken(text: string, now: Instant): EnrollmentToken {
  if (text.length > MAX_TOKEN_CHARS) throw malformed(`more than ${MAX_TOKEN_CHARS} characters`);
  const parts = text.trim().split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || !parts.every((part) => PART.test(part))) throw malformed('not three parts in base64url');
  const algorithm = algorithmOf(checked(HEADER, header, 'header'));
  const { em } = checked(KIND, payload, 'claims');
  if (em !== 'ott') throw new VitalmeshError('ENROLL-KIND', { detail: /^\w{1,32}$/.test(em) ? em : 'unknown' });
  const claims = checked(CLAIMS, payload, 'claims');
  const issuer = issuerOf(claims.iss);
  const expiresAt = Math.floor(claims.exp * 1000);
  if (now > expiresAt + CLOCK_TOLERANCE_MS)
    throw new VitalmeshError('ENROLL-EXPIRED', { detail: `it expired on ${new Date(expiresAt).toISOString()}` });
  const signed = Buffer.from(`${header}.${payload}`, 'ascii');
  return {
    issuer,
    identityId: claims.sub,
    secret: claims.jti,
    expiresAt,
    controllers: apisOf(issuer, claims.ctrls ?? []),
    isSignedBy: (publicKey) => isSigned(signed, Buffer.from(signature, 'base64url'), algorithm, publicKey),
  };
}

function checked<T>(schema: z.ZodType<T>, part: string, name: string): T {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    // The cause would quote the token.
    throw malformed(`${name}: not JSON`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw malformed(`${name}: field ${parsed.error.issues[0]?.path[0]?.toString() ?? '(all)'} is missing or malformed`);
  return parsed.data;
}

function algorithmOf({ alg }: { alg: string }): Algorithm {
  const algorithm = Object.hasOwn(ALGORITHMS, alg) ? ALGORITHMS[alg] : undefined;
  if (!algorithm) throw malformed('its signature is of a kind that is not accepted');
  return algorithm;
}

function issuerOf(iss: string): URL {
  const issuer = new URL(iss);
  if (issuer.username || issuer.password) throw malformed('its issuer is no https://host:port');
  return issuer;
}

/**
 * `ctrls` are addresses of the control plane (`tls:host:port`). They serve the client API too only in a network that has both on
 * one port, which shows when the issuer is among them; elsewhere they would send SDKs to a port that never answers them.
 */
function apisOf({ origin }: URL, ctrls: readonly string[]): [string, ...string[]] {
  const origins = new Set(ctrls.flatMap((address) => originOf(address) ?? []));
  const others = origins.delete(origin) ? [...origins] : [];
  return [`${origin}${API_PATH}`, ...others.map((other) => `${other}${API_PATH}`)];
}

function originOf(address: string): string | undefined {
  const hostAndPort = /^tls:([^/?#@\s]+:\d{1,5})$/.exec(address)?.[1];
  return hostAndPort === undefined ? undefined : (URL.parse(`https://${hostAndPort}`)?.origin ?? undefined);
}

function isSigned(signed: Buffer, signature: Buffer, { keyType, hash, pss, curve }: Algorithm, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== keyType || key.asymmetricKeyDetails?.namedCurve !== curve) return false;
  const padding = pss ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  try {
    return verify(hash, signed, { key, dsaEncoding: 'ieee-p1363', ...padding }, signature);
  } catch {
    return false;
  }
}

function malformed(detail: string): VitalmeshError {
  return new VitalmeshError('ENROLL-TOKEN', { detail });
}
