import { type Answer, refusal, unhandled } from '../answers.ts';
import type { Call, Endpoint } from '../call.ts';
import type { LoginRequests } from './login-requests.ts';

/** How long what is issued lasts. The real one's floor of a minute does not hold here, so that a test can watch tokens run out. */
export interface OidcLifetimes {
  accessTokenS: number;
  refreshTokenS: number;
}

/** As a real 2.0.3 controller has them unless told (openziti-wire.md §2b; openziti.md §3). */
export const OIDC_LIFETIMES: OidcLifetimes = { accessTokenS: 1800, refreshTokenS: 24 * 60 * 60 };

/** What the endpoints of OIDC work with beside the others. */
export interface OidcParts {
  lifetimes: OidcLifetimes;
  logins: LoginRequests;
}

export const OIDC_PATH = '/oidc';
/** Both are known to a real controller; SDKs use the first. */
export const CLIENT_IDS = ['native', 'openziti'];

/** The names of this machine, which are those of the controller's certificate; another `Host` is not one of its issuers. */
const OWN_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i;

interface Open {
  oidc: OidcParts;
  /** `https://host:port`, as the client reached it: also through a relay. */
  origin: string;
}

/** An endpoint of OIDC: not there when OIDC is left out, nor for a host that is no issuer. */
export function oidcEndpoint(open: (call: Call, parts: Open) => Answer | Promise<Answer>, takesForm = false): Endpoint {
  return {
    ...(takesForm && { takes: ['application/x-www-form-urlencoded'] }),
    open: (call) => {
      const { oidc } = call.parts;
      const { host = '' } = call.headers;
      if (!oidc || typeof host !== 'string' || !OWN_HOST.test(host)) return refusal(404, 'NOT_FOUND', unhandled('path was not found'));
      return open(call, { oidc, origin: `https://${host}` });
    },
  };
}

/** Fields of a form; one that is there twice counts once. */
export function formOf({ body }: Call): URLSearchParams {
  return new URLSearchParams(body.toString('utf8'));
}

export function redirect(location: string, isForPeople = true): Answer {
  if (!isForPeople) return { status: 302, headers: { location, 'content-type': '' }, body: undefined };
  const href = location.replaceAll('&', '&amp;').replaceAll('"', '&#34;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return { status: 302, headers: { location, 'content-type': 'text/html; charset=utf-8' }, body: `<a href="${href}">Found</a>.\n\n` };
}

/** RFC 6749 §5.2 */
export type OauthErrorCode =
  | 'access_denied'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_request'
  | 'server_error'
  | 'unsupported_grant_type'
  | 'unsupported_response_type';

export function oauthError(error: OauthErrorCode, description: string, status = 400): Answer {
  return { status, body: { error, error_description: description } };
}
