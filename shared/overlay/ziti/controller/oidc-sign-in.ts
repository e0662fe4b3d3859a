import { createHash, randomBytes } from 'node:crypto';
import { arch, platform, release, version } from 'node:os';
import { VitalmeshError } from '../../../errors.ts';
import type { Exchange } from './exchange.ts';
import { codeOf, type OidcTokens, redirectId, refusalOf, renewalRefusalOf, tokensOf } from './oidc-answers.ts';
import type { SignedIn, SignIn } from './sign-in.ts';

const CLIENT_ID = 'native';
/** One that a controller lets through unless told otherwise; nobody listens there, the code is read out of the redirect. */
const REDIRECT_URI = 'http://localhost:8080/auth/callback';

/**
 * Signs in by OpenID Connect with the certificate of the TLS connection (code flow with PKCE, RFC 7636; openziti-wire.md §2b) and shows an
 * access token in `Authorization`, which is good only beside that certificate. No cookies; redirects are read and not followed.
 */
export function oidcSignIn(sdkVersion: string): SignIn {
  return {
    headers: ({ token }) => ({ authorization: `Bearer ${token}` }),
    async signIn(exchange, signal) {
      const [state, nonce, verifier] = [random(), random(), random()];
      const challenge = createHash('sha256').update(verifier).digest('base64url');
      const requestId = await authorize(exchange, { state, nonce, challenge }, signal);
      await logIn(exchange, { id: requestId, ...aboutUs(sdkVersion) }, signal);
      const finished = await exchange({ method: 'GET', root: true, path: `/oidc/authorize/callback?id=${requestId}` }, signal);
      const code = codeOf(finished, REDIRECT_URI, state);
      const form = { grant_type: 'authorization_code', client_id: CLIENT_ID, code, code_verifier: verifier, redirect_uri: REDIRECT_URI };
      const answer = await exchange({ method: 'POST', root: true, path: '/oidc/oauth/token', form }, signal);
      if (answer.status !== 200) throw refusalOf(answer);
      const tokens = tokensOf(answer.json, CLIENT_ID);
      if (tokens.nonce !== nonce) throw foreignTokens('another sign-in');
      return signedInBy(tokens);
    },
    async renew({ session, renewal = '' }, exchange, signal) {
      const form = { grant_type: 'refresh_token', client_id: CLIENT_ID, refresh_token: renewal };
      const answer = await exchange({ method: 'POST', root: true, path: '/oidc/oauth/token', form }, signal);
      if (answer.status !== 200) throw renewalRefusalOf(answer);
      const renewed = signedInBy(tokensOf(answer.json, CLIENT_ID));
      if (renewed.session.id !== session.id || renewed.session.identityId !== session.identityId) throw foreignTokens('another session');
      return renewed;
    },
    // There is no way out of it (openziti-wire.md §2b); it ends by itself.
    signOut: async () => undefined,
  };
}

async function authorize(
  exchange: Exchange,
  { state, nonce, challenge }: { state: string; nonce: string; challenge: string },
  signal: AbortSignal,
): Promise<string> {
  const query = new URLSearchParams({
    client_id: CLIENT_ID,
    response_type: 'code',
    scope: 'openid offline_access',
    redirect_uri: REDIRECT_URI,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  const answer = await exchange({ method: 'GET', root: true, path: `/oidc/authorize?${query}` }, signal);
  return redirectId(answer, 'authRequestID');
}

async function logIn(exchange: Exchange, form: Record<string, string>, signal: AbortSignal): Promise<void> {
  const answer = await exchange({ method: 'POST', root: true, path: '/oidc/login/cert', form }, signal);
  if (answer.headers['totp-required'] !== undefined)
    throw new VitalmeshError('OVERLAY-SIGN-IN', { detail: 'the network asks for a second factor, which a device has not' });
  if (redirectId(answer, 'id') !== form.id) throw refusalOf(answer);
}

function signedInBy({
  sessionId,
  identityId,
  identityName,
  accessToken,
  refreshToken,
  accessLifetimeMs,
  refreshLifetimeMs,
}: OidcTokens): SignedIn {
  return {
    session: { kind: 'oidc', id: sessionId, token: accessToken, identityId, identityName },
    lifetimeMs: accessLifetimeMs,
    renewal: refreshToken,
    renewableMs: refreshLifetimeMs,
  };
}

/** As other SDKs tell it, for the network's operator to see. */
function aboutUs(sdkVersion: string): Record<string, string> {
  return {
    envArch: arch(),
    envOs: platform(),
    envOsRelease: release(),
    envOsVersion: version(),
    sdkType: 'vitalmesh',
    sdkVersion,
  };
}

function random(): string {
  return randomBytes(32).toString('base64url');
}

function foreignTokens(whose: string): VitalmeshError {
  return new VitalmeshError('OVERLAY-UNREACHABLE', { detail: `the controller answered with the tokens of ${whose}` });
}
