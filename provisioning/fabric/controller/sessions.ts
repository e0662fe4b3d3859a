import type { RouterEntry } from '../contract.ts';
import { newSessionId } from '../ids.ts';
import type { ServiceSession } from '../state/sessions.ts';
import { type Answer, data, notFound, refusal } from './answers.ts';
import type { Endpoint, SessionCall } from './call.ts';
import { permissionsOf } from './discovery.ts';
import { iso, sessionJson } from './entities.ts';
import { jsonObject } from './json-body.ts';
import { usableRouters } from './usable-routers.ts';

const YEAR_S = 365 * 24 * 60 * 60;
const MAX_ID_CHARACTERS = 64;

/** POST sessions {serviceId, type}: the token that Connect or Bind carries (openziti-wire.md §2c). */
export const openSession: Endpoint = {
  takes: ['application/json'],
  needs: 'session',
  signedIn: (call) => {
    const json = jsonObject(call.body);
    if (!json) return refusal(400, 'COULD_NOT_PARSE_BODY');
    const { serviceId, type } = json;
    if (type !== 'Dial' && type !== 'Bind')
      return refusal(400, 'COULD_NOT_VALIDATE', { field: 'type', reason: 'type in body should be one of [Dial Bind]', value: shown(type) });
    if (typeof serviceId !== 'string' || serviceId.length > MAX_ID_CHARACTERS)
      return refusal(400, 'COULD_NOT_VALIDATE', {
        field: 'serviceId',
        reason: 'serviceId in body must be of type string',
        value: shown(serviceId),
      });
    return open(call, serviceId, type);
  },
};

/** GET and DELETE sessions/{id}: of this caller's own API session; others do not exist for it. */
export const session: Record<'GET' | 'DELETE', Endpoint> = {
  GET: { signedIn: (call) => withOwn(call, (own) => data(detail(call, own))) },
  DELETE: {
    signedIn: (call) =>
      withOwn(call, ({ id }) => {
        call.parts.state.sessions.close(id);
        return data({});
      }),
  },
};

function open(call: SessionCall, serviceId: string, type: 'Dial' | 'Bind'): Answer {
  const { state } = call.parts;
  const service = state.directory.service(serviceId);
  const permissions = service ? permissionsOf(call, service) : [];
  if (permissions.length === 0) return notFound('service', serviceId);
  if (!permissions.includes(type))
    return refusal(400, 'COULD_NOT_VALIDATE', { field: 'ServiceId', reason: 'service not found', value: serviceId });
  const opened = call.session.kind === 'oidc' ? unkept(call, serviceId, type) : state.sessions.open(call.session, serviceId, type);
  if (!opened) return refusal(429, 'SERVER_TOO_MANY_REQUESTS');
  return data(sessionJson(opened, tokenOf(call, opened), routersOf(call, opened)), { status: 201 });
}

/** Those that this identity may use for this service; a client dials and binds at them. */
function routersOf({ parts }: SessionCall, { identityId, serviceId }: ServiceSession): RouterEntry[] {
  return usableRouters(parts, identityId, serviceId);
}

/** With OIDC the token is all there is of a service session. */
function unkept(
  { parts, session: { id: apiSessionId, identityId } }: SessionCall,
  serviceId: string,
  type: 'Dial' | 'Bind',
): ServiceSession {
  return { id: newSessionId(), apiSessionId, identityId, serviceId, type, createdAt: parts.clock.now() };
}

/** The claims of a real session token; `z_leg`: of a certificate session and not of OIDC. */
function tokenOf(call: SessionCall, { id, serviceId, apiSessionId, identityId, type, createdAt }: ServiceSession): string {
  const iat = Math.floor(createdAt / 1000);
  const { tokens, origin } = call.parts;
  return tokens.sign({
    iss: origin(),
    sub: serviceId,
    aud: ['openziti'],
    exp: iat + YEAR_S,
    iat,
    jti: id,
    z_asid: apiSessionId,
    z_iid: identityId,
    z_t: 's',
    z_st: type,
    z_leg: call.session.kind === 'certificate',
  });
}

function detail(call: SessionCall, own: ServiceSession): Record<string, unknown> {
  const at = iso(own.createdAt);
  return {
    ...sessionJson(own, tokenOf(call, own), routersOf(call, own)),
    _links: { self: { href: `./sessions/${own.id}` } },
    createdAt: at,
    updatedAt: at,
  };
}

function withOwn(call: SessionCall, then: (own: ServiceSession) => Answer): Answer {
  const [id = ''] = call.params;
  const found = call.parts.state.sessions.serviceSession(id);
  return found?.apiSessionId === call.session.id ? then(found) : notFound('session', id);
}

function shown(value: unknown): string {
  return value === undefined ? '<nil>' : String(JSON.stringify(value)).slice(0, 100);
}
