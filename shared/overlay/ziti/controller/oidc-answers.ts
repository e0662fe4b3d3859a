import { z } from 'zod';
import { VitalmeshError } from '../../../errors.ts';
import type { ControllerAnswer } from './exchange.ts';

/** Tokens as a controller issues them, with what they say of the session (openziti-wire.md §2b). */
export interface OidcTokens {
  sessionId: string;
  identityId: string;
  identityName: string;
  accessToken: string;
  refreshToken: string;
  /** From the answer on. */
  accessLifetimeMs: number;
  refreshLifetimeMs: number;
  /** Of the sign-in that began it; a renewal names none. */
  nonce: string | undefined;
}

/** The access token has about 1.75 kB; a router takes a hello with up to 16 kB of headers. */
const MAX_TOKEN_CHARACTERS = 8192;
const MAX_LIFETIME_S = 7 * 24 * 60 * 60;
const MAX_REFRESH_LIFETIME_S = 366 * 24 * 60 * 60;
const CODE = /^[\x21-\x7e]{1,4096}$/;
const REQUEST_ID = /^[\w.-]{1,128}$/;

const TOKEN = z
  .string()
  .max(MAX_TOKEN_CHARACTERS)
  .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/);
const ID = z.string().regex(/^[\x21-\x7e]{1,128}$/);
const TOKENS = z.object({
  access_token: TOKEN,
  refresh_token: TOKEN,
  id_token: TOKEN,
  expires_in: z.number().min(0).max(MAX_LIFETIME_S),
});
const ACCESS_CLAIMS = z.object({ sub: ID, z_asid: ID, z_t: z.literal('a') });
const REFRESH_CLAIMS = z.object({ iat: z.number(), exp: z.number() });
const ID_CLAIMS = z.object({
  sub: ID,
  aud: z.union([z.string(), z.array(z.string())]).nullish(),
  name: z.string().max(1024).nullish(),
  nonce: z.string().max(1024).nullish(),
});
const OAUTH_ERROR = z.object({ error: z.string().regex(/^[a-z_]{1,64}$/), error_description: z.string().nullish() });

/**
 * The answer of the token endpoint. Signatures are not checked: the answer came over TLS from the very controller that signs (OpenID Connect
 * Core §3.1.3.7), and whoever takes the tokens checks them. Throws OVERLAY-UNREACHABLE when it cannot be read or is for another client.
 */
export function tokensOf(json: unknown, clientId: string): OidcTokens {
  const answer = read(TOKENS, json, 'answer');
  const access = read(ACCESS_CLAIMS, claimsOf(answer.access_token), 'access token');
  const refresh = read(REFRESH_CLAIMS, claimsOf(answer.refresh_token), 'refresh token');
  const { sub, aud, name, nonce } = read(ID_CLAIMS, claimsOf(answer.id_token), 'id token');
  if (sub !== access.sub) throw unreadable('its tokens are of different identities');
  if (aud && aud !== clientId && !aud.includes(clientId)) throw unreadable('its tokens are for another client');
  return {
    sessionId: access.z_asid,
    identityId: sub,
    identityName: name ?? '',
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    accessLifetimeMs: answer.expires_in * 1000,
    refreshLifetimeMs: Math.min(MAX_REFRESH_LIFETIME_S, Math.max(0, refresh.exp - refresh.iat)) * 1000,
    nonce: nonce ?? undefined,
  };
}

/** The id that a redirect of the controller carries under one of these names. Throws OVERLAY-UNREACHABLE without one. */
export function redirectId(answer: ControllerAnswer, name: 'authRequestID' | 'id'): string {
  const id = locationOf(answer)?.searchParams.get(name) ?? '';
  if (!REQUEST_ID.test(id)) throw refusalOf(answer);
  return id;
}

/** The code of the redirect to where nobody listens. Throws OVERLAY-UNREACHABLE when there is none, or it is not the answer to our question. */
export function codeOf(answer: ControllerAnswer, redirectUri: string, state: string): string {
  const location = locationOf(answer);
  const code = location?.searchParams.get('code') ?? '';
  if (!location || `${location.origin}${location.pathname}` !== redirectUri || !CODE.test(code)) throw refusalOf(answer);
  if (location.searchParams.get('state') !== state) throw unreadable('its state is not the one that was sent');
  return code;
}

/** What an answer of the sign-in means that is not the one hoped for: OVERLAY-SIGN-IN for a refusal, OVERLAY-UNREACHABLE else. */
export function refusalOf(answer: ControllerAnswer): VitalmeshError {
  const named =
    OAUTH_ERROR.safeParse(answer.json).data?.error ??
    locationOf(answer)
      ?.searchParams.get('error')
      ?.match(/^[a-z_]{1,64}$/)?.[0];
  const detail = ['the controller answered the sign-in by OIDC with', answer.status, named].filter(Boolean).join(' ');
  return new VitalmeshError(answer.status === 401 ? 'OVERLAY-SIGN-IN' : 'OVERLAY-UNREACHABLE', { detail });
}

/** The same for a renewal: any error that OAuth has a name for ends the session, also the 500 of an identity that was deleted. */
export function renewalRefusalOf(answer: ControllerAnswer): VitalmeshError {
  const refusal = refusalOf(answer);
  const isNamed = OAUTH_ERROR.safeParse(answer.json).success;
  return isNamed ? new VitalmeshError('OVERLAY-SIGN-IN', { ...(refusal.detail !== undefined && { detail: refusal.detail }) }) : refusal;
}

function locationOf({ status, headers }: ControllerAnswer): URL | undefined {
  const isRedirect = status === 302 || status === 303;
  return (isRedirect && URL.parse(headers.location ?? '', 'https://controller.invalid')) || undefined;
}

function claimsOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function read<T>(schema: z.ZodType<T>, json: unknown, what: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw unreadable(`field ${parsed.error.issues[0]?.path.join('.') || '(all)'} of its ${what} is missing or malformed`);
}

function unreadable(detail: string): VitalmeshError {
  return new VitalmeshError('OVERLAY-UNREACHABLE', { detail: `the controller's answer to the sign-in by OIDC cannot be used: ${detail}` });
}
