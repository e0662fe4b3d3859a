import { type Clock, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { FabricApiSession, FabricService, Grants } from './contract.ts';
import { readToken } from './controller/oidc/tokens.ts';
import type { TokenKey } from './jwt.ts';
import type { OidcSession } from './state/oidc-sessions.ts';
import type { ApiSession } from './state/sessions.ts';
import type { FabricState } from './state/state.ts';

type Opening = ReturnType<Grants['openSession']>;
type Type = 'Dial' | 'Bind';

/** What a router may know and do, out of the state. While the state cannot be read, nobody is let in. */
export function createGrants(state: FabricState, tokens: TokenKey, log: Logger, clock: Clock = systemClock): Grants {
  const safely = <T>(question: () => T, denied: T): T => {
    try {
      return question();
    } catch (thrown) {
      log.error({ err: asVitalmeshError(thrown) }, 'the state cannot be read; the router is told no');
      return denied;
    }
  };

  const sessionOf = (session: ApiSession | OidcSession | undefined): FabricApiSession | undefined => {
    const identity = session && state.directory.identity(session.identityId);
    if (!session || !identity || identity.disabled) return undefined;
    const kind = 'kind' in session ? 'certificate' : 'oidc';
    return { kind, id: session.id, identityId: identity.id, identityName: identity.name, fingerprints: [session.fingerprint] };
  };

  const byToken = (token: string): FabricApiSession | 'revoked' | undefined => {
    const read = readToken(tokens, clock, token, 'a');
    if (typeof read === 'string') return sessionOf(state.sessions.byToken(token));
    const session = sessionOf(state.oidcSessions.byId(read.sessionId));
    return session ? { ...session, expiresInMs: read.expiresAt - clock.now() } : 'revoked';
  };

  const openSession = (token: string, apiSessionId: string, type: Type): Opening => {
    const claims = tokens.read(token);
    if ('fault' in claims) return malformed(type, String(claims.fault));
    const { jti, sub, z_asid: claimed, z_st: claimedType, z_t: kind, z_leg: isKept, exp } = claims;
    if (kind !== 's' || typeof jti !== 'string' || typeof sub !== 'string') return malformed(type, 'claims');
    if (claimed !== apiSessionId) return { refusal: mismatch(type, apiSessionId, String(claimed)) };
    if (claimedType !== type)
      return { refusal: `rejecting ${type.toLowerCase()}, invalid session type. expected ${type}, got ${String(claimedType)}` };
    const service = state.directory.service(sub);
    if (isKept === false) {
      if (typeof exp !== 'number' || clock.now() >= exp * 1000) return malformed(type, 'claims');
      return service ? { service: plain(service), sessionId: undefined } : { refusal: 'service not found by id' };
    }
    const session = state.sessions.serviceSession(jti);
    const good =
      session?.apiSessionId === apiSessionId &&
      session.serviceId === sub &&
      session.type === type &&
      state.directory.allows(session.identityId, sub, type);
    if (!good || !service) return { refusal: 'invalid session', unsolicited: 'session closed' };
    return { service: plain(service), sessionId: session.id };
  };

  return {
    apiSession: (token) => safely(() => byToken(token), undefined),
    apiSessionById: (id) => safely(() => sessionOf(state.sessions.byId(id) ?? state.oidcSessions.byId(id)), undefined),
    openSession: (token, apiSessionId, type) => safely(() => openSession(token, apiSessionId, type), { refusal: 'invalid session' }),
    service: (id) => {
      const service = safely(() => state.directory.service(id), undefined);
      return service && plain(service);
    },
    allows: (identityId, serviceId, type) => safely(() => state.directory.allows(identityId, serviceId, type), false),
    sessionExists: (sessionId) => safely(() => state.sessions.serviceSession(sessionId) !== undefined, false),
    onChange: (listener) => state.onChange(listener),
  };
}

/** The same at one router: whoever may not use it, or a service that is not reached by it, has no rights there. */
export function grantsAt(routerId: string, grants: Grants, { directory }: FabricState, log: Logger): Grants {
  const mayUse = (identityId: string, serviceId: string): boolean => {
    try {
      return directory.identityMayUse(identityId, routerId) && directory.serviceMayUse(serviceId, routerId);
    } catch (thrown) {
      log.error({ err: asVitalmeshError(thrown) }, 'the state cannot be read; the router is told no');
      return false;
    }
  };
  return {
    ...grants,
    allows: (identityId, serviceId, type) => grants.allows(identityId, serviceId, type) && mayUse(identityId, serviceId),
  };
}

/** The texts of a real router (openziti-wire.md §6, §7; transcript F-raw-hello-and-session-failures). */
function malformed(type: Type, fault: string): Opening {
  if (type === 'Dial') return { refusal: 'unable to get service token either by JWT parsing or id lookup' };
  const texts: Record<string, string> = {
    segments: 'token is malformed: token contains an invalid number of segments',
    signature: 'token signature is invalid: crypto/rsa: verification error',
  };
  return { refusal: texts[fault] ?? 'token has invalid claims' };
}

function mismatch(type: Type, apiSessionId: string, claimed: string): string {
  const text = `api session id (${apiSessionId}) does not match service session api session id (${claimed})`;
  return type === 'Dial' ? `failed to create service token from JWT: ${text}` : text;
}

/** What a router needs of it. */
function plain({ id, name, attributes, encryptionRequired, terminatorStrategy }: FabricService): FabricService {
  return { id, name, attributes, encryptionRequired, terminatorStrategy };
}
