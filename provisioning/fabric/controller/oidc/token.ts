import { createHash } from 'node:crypto';
import type { Answer } from '../answers.ts';
import type { Call, Endpoint } from '../call.ts';
import { sha1Of } from './authorize.ts';
import { formOf, type OidcParts, oauthError, oidcEndpoint } from './parts.ts';
import { firstTokens, type ReadToken, readToken, renewedTokens } from './tokens.ts';

const TYPE = 'urn:ietf:params:oauth:token-type:';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** Go's text; also when no certificate is shown at all (transcript rest-cert-extend). */
const FOREIGN_CERTIFICATE = 'peer certificate fingerprint does not match token';

/** POST oauth/token: a code or a refresh token against new ones (openziti-wire.md §2b); the Go SDK refreshes by exchange (RFC 8693). */
export const token: Endpoint = oidcEndpoint((call, { oidc, origin }) => {
  const form = formOf(call);
  switch (form.get('grant_type')) {
    case 'authorization_code':
      return spendCode(call, oidc, origin, form);
    case 'refresh_token':
      return renew(call, oidc, origin, form.get('refresh_token') ?? '');
    case TOKEN_EXCHANGE:
      return exchange(call, oidc, origin, form);
    default:
      return oauthError('unsupported_grant_type', 'grant_type is missing or not supported');
  }
}, true);

function spendCode(call: Call, { logins, lifetimes }: OidcParts, origin: string, form: URLSearchParams): Answer {
  const code = form.get('code') ?? '';
  const spent = logins.spend(code);
  if (!spent) return oauthError('invalid_grant', 'invalid code');
  const { request, login } = spent;
  if (clientIdOf(call, form) !== request.clientId) return oauthError('invalid_client', 'the code is for another client');
  if (form.get('redirect_uri') !== request.redirectUri) return oauthError('invalid_grant', 'redirect_uri does not correspond');
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  if (challenge !== request.codeChallenge) return oauthError('invalid_grant', 'invalid code challenge');
  if (!shows(call, [login.sha1])) return oauthError('access_denied', FOREIGN_CERTIFICATE);
  const { state, tokens, clock, log } = call.parts;
  const { id: authenticatorId, identityId, fingerprint } = login.authenticator;
  const identity = state.directory.identity(identityId);
  // Between the steps it may have been disabled, or enrolled again.
  if (!identity || identity.disabled || state.enrolments.authenticator(fingerprint)?.id !== authenticatorId)
    return oauthError('invalid_grant', 'the identity may not sign in any more');
  const session = state.oidcSessions.open({ identityId, authenticatorId, fingerprint }, lifetimes.refreshTokenS * 1000);
  log.info({ identity: identityId, session: session.id }, 'identity signed in');
  const issuing = { tokens, clock, lifetimes, origin, identityName: identity.name };
  return issued(firstTokens(issuing, session, request, login, code));
}

function renew(call: Call, oidc: OidcParts, origin: string, refreshToken: string): Answer {
  const read = renewable(call, refreshToken);
  return 'status' in read ? read : issued(renewed(call, oidc, origin, read));
}

/** Asks for new tokens by the refresh token too, in other words. */
function exchange(call: Call, oidc: OidcParts, origin: string, form: URLSearchParams): Answer {
  if (form.get('subject_token_type') !== `${TYPE}refresh_token`)
    return oauthError('invalid_request', 'subject_token_type is not supported');
  const wanted = form.get('requested_token_type') || `${TYPE}access_token`;
  const read = renewable(call, form.get('subject_token') ?? '');
  if ('status' in read) return read;
  const { id_token: idToken, ...rest } = renewed(call, oidc, origin, read);
  switch (wanted) {
    case `${TYPE}id_token`:
      // What it issues is called access token whatever it is (RFC 8693 §2.2.1).
      return issued({ access_token: idToken, issued_token_type: wanted, token_type: 'N_A', scope: rest.scope });
    case `${TYPE}access_token`:
    case `${TYPE}refresh_token`:
      return issued({ ...rest, issued_token_type: wanted });
    default:
      return oauthError('invalid_request', 'requested_token_type is not supported');
  }
}

/** A refresh token that was spent is good as long as any other, as the real one's (openziti-network.md §5.4): a lost answer can be asked for again. */
function renewable(call: Call, refreshToken: string): ReadToken | Answer {
  const { tokens, clock, state } = call.parts;
  const read = readToken(tokens, clock, refreshToken, 'r');
  if (typeof read === 'string') return oauthError('invalid_grant', 'invalid refresh token');
  if (!shows(call, read.fingerprints)) return oauthError('access_denied', FOREIGN_CERTIFICATE);
  if (!state.directory.identity(read.identityId)) return oauthError('server_error', `identity with id ${read.identityId} not found`, 500);
  return state.oidcSessions.byId(read.sessionId) ? read : oauthError('invalid_grant', 'the session has ended');
}

function renewed({ parts }: Call, { lifetimes }: OidcParts, origin: string, read: ReadToken): Record<string, unknown> {
  const { state, tokens, clock } = parts;
  state.oidcSessions.renewed(read.sessionId, lifetimes.refreshTokenS * 1000);
  const identityName = state.directory.identity(read.identityId)?.name ?? '';
  return { ...renewedTokens({ tokens, clock, lifetimes, origin, identityName }, read) };
}

function shows({ certificate }: Call, fingerprints: readonly string[]): boolean {
  return certificate !== undefined && fingerprints.includes(sha1Of(certificate.raw));
}

/** RFC 6749 §5.1: nobody in between keeps it. */
function issued(body: object): Answer {
  return { status: 200, headers: { 'cache-control': 'no-store' }, body };
}

/** In the form, or as the user of Basic authentication without a password. */
function clientIdOf({ headers }: Call, form: URLSearchParams): string | undefined {
  const [scheme, credentials] = typeof headers.authorization === 'string' ? headers.authorization.split(' ') : [];
  if (scheme !== 'Basic' || credentials === undefined) return form.get('client_id') ?? undefined;
  return Buffer.from(credentials, 'base64').toString('utf8').split(':')[0];
}
