import { createHash } from 'node:crypto';
import type { Asked, Reply, ScriptedController } from './controller-script.ts';

/** What the scripted issuer does otherwise than a good one. */
export interface OidcFaults {
  authorize?: Reply;
  login?: Reply;
  callback?: (query: URLSearchParams, redirect: (query: Record<string, string>) => Reply) => Reply;
  /** Over the tokens of a sign-in, or of a renewal. */
  tokens?: (tokens: Tokens, grant: string) => Reply | undefined;
  accessS?: number;
}

export interface Tokens {
  access: Record<string, unknown>;
  refresh: Record<string, unknown>;
  id: Record<string, unknown>;
}

export const REQUEST_ID = '18090786-c7cb-4624-8b46-89c7774e962a';
const CALLBACK = 'http://localhost:8080/auth/callback';

/** A JSON Web Token that nobody has signed. */
export function unsigned(claims: object): string {
  return `${[{ alg: 'RS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.c2lnbmVk`;
}

export function tokenAnswer({ access, refresh, id }: Tokens, expiresIn = 1799): Reply {
  const body = { token_type: 'Bearer', expires_in: expiresIn, scope: 'openid offline_access' };
  return { status: 200, body: { ...body, access_token: unsigned(access), refresh_token: unsigned(refresh), id_token: unsigned(id) } };
}

/** Lets a scripted controller sign in by OIDC; `faults` may change at any time. Each sign-in is a session of its own, each renewal a token. */
export function offerOidc(script: ScriptedController, faults: OidcFaults = {}): void {
  let asked = new URLSearchParams();
  let sessions = 0;
  let tokens = 0;
  const issue = (grant: string): Reply => {
    tokens += 1;
    const issued: Tokens = {
      access: { sub: 'gw1', z_asid: `oidc-${sessions}`, z_t: 'a', n: tokens },
      refresh: { z_t: 'r', iat: 1000, exp: 87_400, n: tokens },
      id: { sub: 'gw1', aud: ['native'], name: 'Gateway 1', ...(grant === 'authorization_code' && { nonce: asked.get('nonce') }) },
    };
    return faults.tokens?.(issued, grant) ?? tokenAnswer(issued, faults.accessS);
  };
  const steps: Record<string, (entry: Asked, form: Record<string, string>) => Reply> = {
    'GET /version': () => ({ status: 200, body: { data: { capabilities: ['HA_CONTROLLER', 'OIDC_AUTH'] }, meta: {} } }),
    'GET /oidc/authorize': ({ path }) => {
      asked = new URLSearchParams(path.split('?')[1]);
      return faults.authorize ?? { status: 302, headers: { location: `/oidc/login/cert?authRequestID=${REQUEST_ID}` } };
    },
    'POST /oidc/login/cert': (entry, { id }) => {
      if (faults.login) return faults.login;
      if (!entry.certified || id !== REQUEST_ID) return { status: 401, body: { code: 'INVALID_AUTH', message: 'no' } };
      return { status: 302, headers: { location: `https://127.0.0.1:${script.port}/oidc/authorize/callback?id=${id}` } };
    },
    'GET /oidc/authorize/callback': ({ path }) => {
      const redirect = (query: Record<string, string>): Reply => ({
        status: 302,
        headers: { location: `${CALLBACK}?${new URLSearchParams(query)}` },
      });
      const query = new URLSearchParams(path.split('?')[1]);
      return faults.callback?.(query, redirect) ?? redirect({ code: 'a.code', state: asked.get('state') ?? '' });
    },
    'POST /oidc/oauth/token': (_entry, form) => {
      if (form.grant_type === 'refresh_token') return issue('refresh_token');
      const challenge = createHash('sha256')
        .update(form.code_verifier ?? '')
        .digest('base64url');
      const isGood = form.code === 'a.code' && form.redirect_uri === CALLBACK && challenge === asked.get('code_challenge');
      if (!isGood) return { status: 400, body: { error: 'invalid_grant' } };
      sessions += 1;
      return issue('authorization_code');
    },
  };
  script.on((entry) => steps[`${entry.method} ${entry.path.split('?')[0]}`]?.(entry, (entry.body ?? {}) as Record<string, string>));
}
