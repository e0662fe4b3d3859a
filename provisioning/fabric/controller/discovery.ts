import { createHash, X509Certificate } from 'node:crypto';
import type { FabricService } from '../contract.ts';
import type { Dates } from '../state/directory.ts';
import { type Answer, data, notFound } from './answers.ts';
import type { Endpoint, SessionCall } from './call.ts';
import { currentRouterJson, iso, type Permission, routerJson, serviceJson } from './entities.ts';
import { listed, page } from './list.ts';
import { SERVICE } from './management/symbols.ts';
import { OIDC_PATH } from './oidc/parts.ts';
import { usableRouters } from './usable-routers.ts';

const ROUTER_FIELDS = ['id', 'name', 'isOnline', 'createdAt', 'updatedAt', 'tags', 'isSystem'];
const CONTROLLER_FIELDS = [
  ...['id', 'name', 'isOnline', 'createdAt', 'updatedAt', 'tags', 'isSystem'],
  ...['certPem', 'ctrlAddress', 'fingerprint', 'isPreferredLeader', 'lastJoinedAt'],
];
const CONTROLLER_ID = 'vitalmesh-fabric';

/** GET version: what SDKs choose their way of signing in by; without OIDC_AUTH that is the certificate session. */
export const version: Endpoint = {
  open: ({ parts }) => {
    const edge = { v1: { apiBaseUrls: [`${parts.origin()}/edge/client/v1`], path: '/edge/client/v1' } };
    const oidc = { v1: { apiBaseUrls: [`${parts.origin()}${OIDC_PATH}`], path: OIDC_PATH } };
    return data({
      apiVersions: { edge, 'edge-client': edge, ...(parts.oidc && { 'edge-oidc': oidc }) },
      buildDate: 'vitalmesh',
      capabilities: parts.oidc ? ['OIDC_AUTH'] : [],
      revision: 'vitalmesh',
      runtimeVersion: `node${process.versions.node}`,
      // The release whose answers these are; SDKs decide by it.
      version: 'v2.0.3',
    });
  },
};

/** GET controllers: this one, at each address at which clients reach it. */
export const controllers: Endpoint = {
  signedIn: ({ parts, query }) => {
    const { state, certPem, addresses = [parts.origin()] } = parts;
    const leaf = new X509Certificate(certPem);
    const since = iso(Math.max(0, leaf.validFromDate.getTime()));
    const controller = {
      _links: { self: { href: `./controllers/${CONTROLLER_ID}` } },
      createdAt: since,
      id: CONTROLLER_ID,
      tags: {},
      updatedAt: iso(state.changedAt()),
      apiAddresses: {
        'edge-client': addresses.map((address) => ({ url: `${address}/edge/client/v1`, version: 'v1' })),
        ...(parts.oidc && { 'edge-oidc': addresses.map((address) => ({ url: `${address}${OIDC_PATH}`, version: 'v1' })) }),
      },
      certPem: leaf.toString(),
      fingerprint: createHash('sha1').update(leaf.raw).digest('hex'),
      isOnline: true,
      lastJoinedAt: since,
      name: CONTROLLER_ID,
    };
    return page([controller], query, (entity) => entity, CONTROLLER_FIELDS);
  },
};

/** GET services: those that this identity may dial or bind, and no others. */
export const services: Endpoint = {
  signedIn: (call) => {
    const visible = call.parts.state.directory.services().filter((service) => permissionsOf(call, service).length > 0);
    return listed(visible, call.query, (service) => serviceJson(service, permissionsOf(call, service)), SERVICE);
  },
};

export const service: Endpoint = {
  signedIn: (call) => withService(call, (found, permissions) => data(serviceJson(found, permissions))),
};

export const serviceRouters: Endpoint = {
  signedIn: (call) =>
    withService(call, ({ id }) => data({ edgeRouters: usableRouters(call.parts, call.session.identityId, id).map(routerJson) })),
};

/** GET current-api-session/service-updates: a cheap question whether services must be listed again. */
export const serviceUpdates: Endpoint = {
  signedIn: ({ parts }) =>
    data({ _links: { self: { href: './current-api-session/service-updates' } }, lastChangeAt: iso(parts.state.changedAt()) }),
};

export const currentRouters: Endpoint = {
  signedIn: ({ parts, query, session }) => {
    const dates: Dates = { createdAt: parts.state.changedAt(), updatedAt: parts.state.changedAt() };
    return page(usableRouters(parts, session.identityId), query, (router) => currentRouterJson(router, dates), ROUTER_FIELDS);
  },
};

/** What this caller may do with a service, in the order of the real one. */
export function permissionsOf({ parts, session }: SessionCall, { id }: FabricService): Permission[] {
  const { directory } = parts.state;
  return (['Dial', 'Bind'] as const).filter((type) => directory.allows(session.identityId, id, type));
}

function withService(call: SessionCall, then: (found: FabricService & Dates, permissions: Permission[]) => Answer): Answer {
  const [id = ''] = call.params;
  const found = call.parts.state.directory.service(id);
  const permissions = found ? permissionsOf(call, found) : [];
  return found && permissions.length > 0 ? then(found, permissions) : notFound('service', id);
}
