import { createHash } from 'node:crypto';
import { type Answer, refusal } from '../answers.ts';
import type { Call, Endpoint } from '../call.ts';
import { authenticatorOf } from '../sign-in.ts';
import type { LoginRequests } from './login-requests.ts';
import { CLIENT_IDS, formOf, OIDC_PATH, oauthError, oidcEndpoint, redirect } from './parts.ts';

/** Nothing listens there: a device reads the code out of the redirect (openziti.md §3). */
const REDIRECTS = /^(https?:\/\/(localhost|127\.0\.0\.1)(:\d{1,5})?|openziti:\/)\/auth\/callback$/;
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const MAX_CHARACTERS = 512;

/** GET .well-known/openid-configuration (OpenID Connect Discovery §3): where SDKs look the other paths up. */
export const discovery: Endpoint = oidcEndpoint((_call, { origin }) => {
  const issuer = `${origin}${OIDC_PATH}`;
  return {
    status: 200,
    body: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/oauth/token`,
      jwks_uri: `${issuer}/keys`,
      scopes_supported: ['openid', 'offline_access'],
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      token_endpoint_auth_methods_supported: ['none'],
      code_challenge_methods_supported: ['S256'],
    },
  };
});

/** GET keys (RFC 7517): by which tokens can be verified. */
export const keys: Endpoint = oidcEndpoint(({ parts }) => ({ status: 200, body: { keys: [parts.tokens.jwk] } }));

/** GET and POST authorize: the first step, for everybody; who asks without a certificate is sent where passwords are asked for. */
export const authorize: Record<'GET' | 'POST', Endpoint> = {
  GET: oidcEndpoint((call, { oidc }) => begin(call, call.query, oidc.logins)),
  POST: oidcEndpoint((call, { oidc }) => begin(call, formOf(call), oidc.logins), true),
};

/** GET and POST login/cert: the second step, with the certificate of the connection. */
export const loginByCertificate: Record<'GET' | 'POST', Endpoint> = {
  GET: oidcEndpoint(({ query }, { oidc }) => {
    const id = query.get('authRequestID') ?? query.get('id') ?? '';
    if (!oidc.logins.has(id)) return oauthError('invalid_request', 'auth request not found');
    return {
      status: 200,
      headers: { 'auth-request-id': id, 'content-type': '' },
      body: 'please POST to this URL',
    };
  }),
  POST: oidcEndpoint((call, { oidc, origin }) => {
    const form = formOf(call);
    const id = form.get('id') ?? '';
    if (!oidc.logins.has(id)) return oauthError('invalid_request', 'auth request not found');
    const authenticator = authenticatorOf(call.parts, call.certificate);
    if (!authenticator || !call.certificate) return invalidAuth();
    const sha1 = sha1Of(call.certificate.raw);
    oidc.logins.signedIn(id, { authenticator, sha1, ...aboutClient(form), address: call.address });
    return redirect(`${origin}${OIDC_PATH}/authorize/callback?id=${id}`, false);
  }, true),
};

/** GET authorize/callback: the third step; the code comes as a query of the redirect. */
export const callback: Endpoint = oidcEndpoint(({ query }, { oidc }) => {
  const finished = oidc.logins.finish(query.get('id') ?? '');
  if (!finished) return oauthError('invalid_request', 'auth request not found');
  const { code, request } = finished;
  return redirect(withQuery(request.redirectUri, { code, state: request.state }));
});

/** SHA-1 of a certificate, lower-case hex, as `z_cfs` names it. */
export function sha1Of(der: Buffer): string {
  return createHash('sha1').update(der).digest('hex');
}

function begin(call: Call, asked: URLSearchParams, logins: LoginRequests): Answer {
  const [clientId, redirectUri, state] = [asked.get('client_id') ?? '', asked.get('redirect_uri') ?? '', asked.get('state') ?? ''];
  if (!CLIENT_IDS.includes(clientId)) return oauthError('invalid_request', 'unknown client');
  if (!REDIRECTS.test(redirectUri))
    return oauthError('invalid_request', 'The requested redirect_uri is missing in the client configuration');
  const refused = (error: Parameters<typeof oauthError>[0], error_description: string): Answer =>
    redirect(withQuery(redirectUri, { error, error_description, state }));
  if (asked.get('response_type') !== 'code') return refused('unsupported_response_type', 'only code is supported');
  const scopes = (asked.get('scope') ?? '').split(' ').filter(Boolean);
  if (!scopes.includes('openid')) return refused('invalid_request', 'scope openid is missing');
  const [codeChallenge, nonce] = [asked.get('code_challenge') ?? '', asked.get('nonce') ?? undefined];
  // Without a challenge whoever reads the code has the tokens (RFC 7636 §1).
  if (asked.get('code_challenge_method') !== 'S256' || !CHALLENGE.test(codeChallenge))
    return refused('invalid_request', 'code_challenge with method S256 is missing');
  if (state.length > MAX_CHARACTERS || (nonce?.length ?? 0) > MAX_CHARACTERS)
    return oauthError('invalid_request', 'state or nonce too long');
  const known = scopes.filter((scope) => scope === 'openid' || scope === 'offline_access');
  const id = logins.begin({ clientId, redirectUri, scopes: known, state, nonce, codeChallenge });
  return redirect(`${OIDC_PATH}/login/${call.certificate ? 'cert' : 'username'}?authRequestID=${id}`);
}

/** Not in the form of the API's other errors (transcript rest-cert-extend). */
function invalidAuth(): Answer {
  const { status, body } = refusal(401, 'INVALID_AUTH');
  const { code, message } = (body as { error: { code: string; message: string } }).error;
  return { status, body: { code, message } };
}

const ENV = { envArch: 'arch', envOs: 'os', envOsRelease: 'osRelease', envOsVersion: 'osVersion' };
const SDK = { sdkAppID: 'appId', sdkAppVersion: 'appVersion', sdkType: 'type', sdkVersion: 'version' };

function aboutClient(form: URLSearchParams): { env: Record<string, string>; sdk: Record<string, string> } {
  const chosen = (names: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(names).flatMap(([field, name]) => {
        const value = form.get(field)?.slice(0, 128);
        return value ? [[name, value]] : [];
      }),
    );
  return { env: chosen(ENV), sdk: chosen(SDK) };
}

function withQuery(uri: string, query: Record<string, string>): string {
  return `${uri}?${new URLSearchParams(query)}`;
}
