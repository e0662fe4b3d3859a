import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { VitalmeshError } from '../../../shared/errors.ts';

const MAX_KEYS = 64;
/** Least of RFC 7518 §3.3, in characters of base64url. */
const MIN_MODULUS_CHARS = Math.floor((2048 / 8) * (4 / 3));
const CURVES: Readonly<Record<string, readonly string[]>> = { EC: ['P-256', 'P-384'], OKP: ['Ed25519'] };

const key = z.looseObject({ kty: z.string(), use: z.string().optional(), crv: z.string().optional(), n: z.string().optional() });
const keySet = z.looseObject({ keys: z.array(key).min(1).max(MAX_KEYS) });

type Key = z.output<typeof key>;

/**
 * The public keys for signatures in a JWK set (RFC 7517). Throws ACCESS-ISSUER-KEYS when there is none, or when a private or shared key
 * is among them: then whoever may read the set can sign tokens, and nothing of it is worth anything.
 */
export function parseKeySet(value: unknown): JSONWebKeySet {
  const result = keySet.safeParse(value);
  if (!result.success) throw new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: `not a JWK set of 1 to ${MAX_KEYS} keys` });
  const { keys } = result.data;
  if (keys.some((one) => Object.hasOwn(one, 'd') || Object.hasOwn(one, 'k') || one.kty === 'oct'))
    throw new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: 'a private or shared key is among them' });
  const usable = keys.filter(isUsable);
  if (usable.length === 0) throw new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: 'no key for signatures that is taken here' });
  return { keys: usable };
}

function isUsable({ kty, use = 'sig', crv = '', n = '' }: Key): boolean {
  if (use !== 'sig') return false;
  return kty === 'RSA' ? n.length >= MIN_MODULUS_CHARS : (CURVES[kty]?.includes(crv) ?? false);
}
