import { unknown } from '../../operations/refused.ts';
import { rolesName } from '../../policies.ts';
import type { ApiSession, ServiceSession } from '../../state/sessions.ts';
import type { Endpoint, HostedTerminator } from '../call.ts';
import { apiSessionJson, dated, iso, links, sessionJson } from '../entities.ts';
import { usableRouters } from '../usable-routers.ts';
import { change, done, idOf } from './endpoint.ts';
import { serviceReference } from './json.ts';
import { routersOf } from './network.ts';
import type { Resource } from './resource.ts';
import { BASE } from './symbols.ts';

const nothing = (): null => null;
const unchanged = <T extends { createdAt: number }>(entity: T): T & { updatedAt: number } => ({ ...entity, updatedAt: entity.createdAt });

/** API sessions made by certificate or password; those of OIDC are not listed, as in the real one (openziti-network.md §1.14). */
export const API_SESSIONS: Resource<ApiSession & { updatedAt: number }> = {
  what: 'apiSession',
  all: ({ state }) => state.sessions.all().map(unchanged),
  json:
    ({ state }, call) =>
    (session) => {
      const identity = state.directory.identity(session.identityId);
      if (!identity) return null;
      // A token is its holder's: the state has only its hash. The real one shows an administrator all of them.
      const isOwn = session.id === call.session.id;
      const {
        expirationSeconds: _seconds,
        expiresAt: _at,
        ...json
      } = apiSessionJson(session, identity, isOwn ? call.token : '', isOwn ? call.address : '');
      return { ...json, isCertExtendable: state.authenticators.get(session.authenticatorId)?.username === null };
    },
  symbols: {
    ...BASE,
    authenticator: ({ authenticatorId }) => authenticatorId,
    identity: ({ identityId }) => identityId,
    improperClientCertChain: () => false,
    ipAddress: nothing,
    lastActivityAt: ({ lastActivityAt }) => new Date(lastActivityAt),
    mfaComplete: () => false,
    mfaRequired: () => false,
    token: nothing,
  },
};

export const SESSIONS: Resource<ServiceSession & { updatedAt: number }> = {
  what: 'session',
  all: ({ state }) => state.sessions.serviceSessions().map(unchanged),
  json: (parts) => (session) => {
    const { directory } = parts.state;
    const [identity, service] = [directory.identity(session.identityId), directory.service(session.serviceId)];
    const granting = directory
      .policies()
      .filter(({ type, semantic, identityRoles, serviceRoles }) =>
        type === session.type && identity && service
          ? rolesName(identityRoles, semantic, identity) && rolesName(serviceRoles, semantic, service)
          : false,
      );
    const own = links(`./sessions/${session.id}`, 'route-path');
    return {
      ...sessionJson(session, session.id, usableRouters(parts, session.identityId, session.serviceId)),
      ...dated(own, session),
      apiSession: {
        _links: links(`./api-sessions/${session.apiSessionId}`, 'sessions'),
        entity: 'api-sessions',
        id: session.apiSessionId,
      },
      service: service ? serviceReference(service) : null,
      servicePolicies: granting.map(({ id, name }) => ({
        _links: links(`./service-policies/${id}`, 'identities', 'posture-checks', 'services'),
        entity: 'service-policies',
        id,
        name,
      })),
    };
  },
  symbols: {
    ...BASE,
    apiSession: ({ apiSessionId }) => apiSessionId,
    service: ({ serviceId }) => serviceId,
    token: ({ id }) => id,
    type: ({ type }) => type,
  },
};

/** DELETE: its channels end, and its token is worth nothing. */
export const endApiSession: Endpoint = change((call) => {
  const { sessions } = call.parts.state;
  if (!sessions.all().some(({ id }) => id === idOf(call))) throw unknown('apiSession', idOf(call));
  sessions.signOut(idOf(call));
  return done();
});

/** DELETE: binds and circuits of it end. */
export const endSession: Endpoint = change((call) => {
  const { sessions } = call.parts.state;
  if (!sessions.serviceSession(idOf(call))) throw unknown('session', idOf(call));
  sessions.close(idOf(call));
  return done();
});

interface ListedTerminator extends HostedTerminator {
  updatedAt: number;
  serviceName: string;
  routerName: string;
}

export const TERMINATORS: Resource<ListedTerminator> = {
  what: 'terminator',
  all: (parts) => {
    const { state, hosting } = parts;
    const routers = new Map(routersOf(parts).map(({ id, name }) => [id, name]));
    return (hosting?.terminators() ?? [])
      .map((terminator) => ({
        ...unchanged(terminator),
        serviceName: state.directory.service(terminator.serviceId)?.name ?? '',
        routerName: routers.get(terminator.routerId) ?? '',
      }))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  },
  json: () => terminatorJson,
  symbols: {
    ...BASE,
    address: ({ id }) => id,
    binding: () => 'edge',
    hostId: nothing,
    instanceId: ({ instanceId }) => instanceId ?? '',
    router: ({ routerId }) => routerId,
    'router.name': ({ routerName }) => routerName,
    service: ({ serviceId }) => serviceId,
    'service.name': ({ serviceName }) => serviceName,
    sourceCtrl: nothing,
  },
};

function terminatorJson(terminator: ListedTerminator): Record<string, unknown> {
  const { id, serviceId, serviceName, routerId, routerName, instanceId, cost, precedence } = terminator;
  return {
    _links: links(`./terminators/${id}`),
    createdAt: iso(terminator.createdAt),
    id,
    tags: {},
    updatedAt: iso(terminator.updatedAt),
    ...{ address: id, binding: 'edge', cost, dynamicCost: 0, identity: instanceId ?? '', precedence },
    router: { _links: links(`./transit-routers/${routerId}`), entity: 'transit-routers', id: routerId, name: routerName },
    routerId,
    service: serviceReference({ id: serviceId, name: serviceName }),
    serviceId,
  };
}

/** DELETE: its host is not told, and its circuits go on (openziti-network.md §4). */
export const removeTerminator: Endpoint = change((call) => {
  if (!call.parts.hosting?.removeTerminator(idOf(call))) throw unknown('terminator', idOf(call));
  return done();
});
