import type { X509Certificate } from 'node:crypto';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { verifyChain } from '../../../shared/identity/chain.ts';
import type { Authenticator } from '../state/enrolments.ts';
import { SESSION_TIMEOUT_MS } from '../state/sessions.ts';
import { type Answer, data, refusal } from './answers.ts';
import type { Call, ControllerParts, Endpoint, SessionCall } from './call.ts';
import { fingerprintOf } from './enrolment.ts';
import { apiSessionJson, currentIdentityJson, goTime } from './entities.ts';
import { jsonObject } from './json-body.ts';

const METHODS = ['password', 'cert', 'ext-jwt'];
const MAX_CONFIG_TYPES = 64;

/** POST authenticate?method=cert: a session for whoever owns the connection's client certificate (openziti-wire.md §2a). */
export const authenticate: Endpoint = {
  takes: ['application/json'],
  open: (call) => {
    const method = call.query.get('method');
    if (method === null) return refusal(602, 'COULD_NOT_VALIDATE', { field: 'method', reason: 'method in query is required', value: '[]' });
    if (!METHODS.includes(method))
      return refusal(606, 'COULD_NOT_VALIDATE', {
        field: 'method',
        reason: `method in query should be one of [${METHODS.join(' ')}]`,
        value: method.slice(0, 100),
      });
    const body = call.body.length === 0 ? {} : jsonObject(call.body);
    if (!body) return refusal(400, 'COULD_NOT_PARSE_BODY');
    const authenticator = method === 'cert' ? authenticatorOf(call.parts, call.certificate) : undefined;
    return authenticator ? signIn(call, authenticator, configTypesOf(body)) : refusal(401, 'INVALID_AUTH');
  },
};

export const currentSession: Record<'GET' | 'DELETE', Endpoint> = {
  GET: {
    signedIn: ({ parts, session, token, address }) => {
      const identity = parts.state.directory.identity(session.identityId);
      return identity ? data(apiSessionJson(session, identity, token, address)) : refusal(401, 'UNAUTHORIZED');
    },
  },
  DELETE: {
    signedIn: ({ parts, session }) => {
      // The real one knows of no such session (openziti-wire.md §2b).
      if (session.kind === 'oidc') return refusal(404, 'NOT_FOUND');
      parts.state.sessions.signOut(session.id);
      return data({});
    },
  },
};

export const currentIdentity: Endpoint = {
  signedIn: ({ parts, session }: SessionCall) => {
    const identity = parts.state.directory.identity(session.identityId);
    const authenticator = { id: session.authenticatorId, identityId: session.identityId, fingerprint: session.fingerprint };
    // The real one's meta is null here (openziti-network.md §1.1).
    return identity ? data(currentIdentityJson(identity, authenticator), { meta: null }) : refusal(401, 'UNAUTHORIZED');
  },
};

/**
 * Whose certificate this is: it chains to our CA, is valid now, names an identity that exists and is enabled, and is the very one that this
 * identity enrolled. Why not is told nobody but the log.
 */
export function authenticatorOf(parts: ControllerParts, certificate: X509Certificate | undefined): Authenticator | undefined {
  if (!certificate) return undefined;
  const { state, ca, trusted, clock } = parts;
  try {
    const { identityId } = verifyChain([certificate], trusted, { now: clock.now(), trustDomain: ca.trustDomain });
    const authenticator = state.enrolments.authenticator(fingerprintOf(certificate));
    const identity = state.directory.identity(identityId);
    if (identity && !identity.disabled && authenticator?.identityId === identityId) return authenticator;
    noteRefusal(parts, identityId, identity?.disabled ? 'disabled' : 'not the certificate that was enrolled');
  } catch (thrown) {
    const error = asVitalmeshError(thrown);
    if (!error.code.startsWith('IDENTITY-')) throw error;
    noteRefusal(parts, undefined, error.code);
  }
  return undefined;
}

/** Once a minute an identity and reason: a client that is refused tries again and again. */
function noteRefusal({ refusals, log }: ControllerParts, identity: string | undefined, reason: string): void {
  if (refusals.due(`${identity} ${reason}`)) log.warn({ identity, reason }, 'sign-in refused');
}

function signIn({ parts, address }: Call, authenticator: Authenticator, configTypes: readonly string[]): Answer {
  const { session, token } = parts.state.sessions.signIn({
    identityId: authenticator.identityId,
    authenticatorId: authenticator.id,
    fingerprint: authenticator.fingerprint,
    configTypes,
  });
  const identity = parts.state.directory.identity(authenticator.identityId);
  if (!identity) return refusal(401, 'INVALID_AUTH');
  parts.log.info({ identity: identity.id, session: session.id }, 'identity signed in');
  return data(apiSessionJson(session, identity, token, address), {
    headers: {
      'zt-session': token,
      'expires-at': goTime(session.expiresAt),
      'expiration-seconds': String(SESSION_TIMEOUT_MS / 1000),
    },
  });
}

/** Config types change nothing here; they are shown again in the session. */
function configTypesOf({ configTypes }: Record<string, unknown>): string[] {
  if (!Array.isArray(configTypes)) return [];
  return configTypes.filter((type): type is string => typeof type === 'string' && type.length <= 128).slice(0, MAX_CONFIG_TYPES);
}
