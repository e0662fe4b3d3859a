import { rolesName } from '../../policies.ts';
import type { AuthenticatorRecord } from '../../state/authenticators.ts';
import type { Enrolment } from '../../state/enrolments.ts';
import type { Config, ConfigType, IdentityRecord, PolicyRecord, RouterPolicy, ServiceRecord } from '../../state/records.ts';
import type { SessionCall } from '../call.ts';
import { permissionsOf } from '../discovery.ts';
import {
  authenticatorJson,
  configJson,
  configTypeJson,
  edgeRouterJson,
  enrolmentJson,
  identityJson,
  managedServiceJson,
  policyJson,
  routerPolicyJson,
  sha1Of,
  transitRouterJson,
} from './json.ts';
import { type KnownRouter, routersOf } from './network.ts';
import type { Resource } from './resource.ts';
import {
  BASE,
  CONFIG,
  CONFIG_TYPE,
  EDGE_ROUTER,
  EDGE_ROUTER_POLICY,
  IDENTITY,
  POLICY,
  SERVICE,
  SERVICE_EDGE_ROUTER_POLICY,
  TRANSIT_ROUTER,
} from './symbols.ts';

// The kinds of entities that are listed, and which of them belong to one of another kind.

const nothing = (): null => null;

export const IDENTITIES: Resource<IdentityRecord> = {
  what: 'identity',
  all: ({ state }) => state.directory.all('identity'),
  json: identityJson,
  symbols: IDENTITY,
};

export const SERVICES: Resource<ServiceRecord> = {
  what: 'service',
  all: ({ state }) => state.directory.services(),
  json: (parts, call) =>
    call.query.has('roleFilter')
      ? SERVICES_BELOW.json(parts, call)
      : (service) => managedServiceJson(service, permissionsOf(call, service)),
  symbols: SERVICE,
};

/** Services as the lists below other entities, and those chosen by role, show them: there nobody's permissions are looked up. */
export const SERVICES_BELOW: Resource<ServiceRecord> = {
  ...SERVICES,
  json: () => (service) => ({ ...managedServiceJson(service, []), config: null, permissions: null, postureQueries: [] }),
};

export const POLICIES: Resource<PolicyRecord> = {
  what: 'servicePolicies',
  all: ({ state }) => state.directory.policies(),
  json: policyJson,
  symbols: POLICY,
};

export const EDGE_ROUTER_POLICIES: Resource<RouterPolicy> = {
  what: 'edgeRouterPolicies',
  all: ({ state }) => state.directory.all('routerPolicy').filter(({ kind }) => kind === 'identity'),
  json: routerPolicyJson,
  symbols: EDGE_ROUTER_POLICY,
};

export const SERVICE_EDGE_ROUTER_POLICIES: Resource<RouterPolicy> = {
  what: 'serviceEdgeRouterPolicies',
  all: ({ state }) => state.directory.all('routerPolicy').filter(({ kind }) => kind === 'service'),
  json: routerPolicyJson,
  symbols: SERVICE_EDGE_ROUTER_POLICY,
};

export const EDGE_ROUTERS: Resource<KnownRouter> = { what: 'router', all: routersOf, json: edgeRouterJson, symbols: EDGE_ROUTER };

export const TRANSIT_ROUTERS: Resource<KnownRouter> = {
  what: 'router',
  all: routersOf,
  json: () => transitRouterJson,
  symbols: TRANSIT_ROUTER,
};

export const CONFIG_TYPES: Resource<ConfigType> = {
  what: 'configType',
  all: ({ state }) => state.directory.all('configType'),
  json: () => configTypeJson,
  symbols: CONFIG_TYPE,
};

export const CONFIGS: Resource<Config> = {
  what: 'config',
  all: ({ state }) => state.directory.all('config'),
  json: configJson,
  symbols: CONFIG,
};

export const ENROLMENTS: Resource<Enrolment> = {
  what: 'enrollment',
  all: ({ state }) => state.enrolments.all(),
  json: enrolmentJson,
  symbols: {
    id: ({ id }) => id,
    createdAt: nothing,
    updatedAt: nothing,
    tags: () => ({}),
    isSystem: () => false,
    caId: nothing,
    edgeRouter: nothing,
    identity: ({ identityId }) => identityId,
    token: ({ token }) => token,
    transitRouter: nothing,
  },
};

export const AUTHENTICATORS: Resource<AuthenticatorRecord> = {
  what: 'authenticator',
  all: ({ state }) => state.authenticators.all(),
  json: (parts) => authenticatorJson(parts),
  symbols: {
    ...BASE,
    certFingerprint: ({ certPem }) => sha1Of(certPem),
    certPem: ({ certPem }) => certPem,
    extendRequestedAt: nothing,
    identity: ({ identityId }) => identityId,
    isExtendRequested: () => false,
    isIssuedByNetwork: ({ username }) => username === null,
    isKeyRollRequested: () => false,
    lastAuthResolvedToRoot: ({ username }) => username === null,
    lastExtendRolledKeys: () => false,
    method: ({ username }) => (username === null ? 'cert' : 'updb'),
    publicKeyPrint: nothing,
    updbPassword: nothing,
    updbSalt: nothing,
    updbUsername: ({ username }) => username,
  },
};

/** Chooses those of a list that belong to the entity of the path, which must be there. */
type Among<R> = (call: SessionCall, all: readonly R[]) => readonly R[];

/** Policies that name an entity. */
export function naming<P extends { semantic: 'AnyOf' | 'AllOf' }, E extends { id: string; attributes: readonly string[] }>(
  rolesOf: (policy: P) => readonly string[],
  entityOf: (call: SessionCall) => E,
): Among<P> {
  return (call, policies) => {
    const entity = entityOf(call);
    return policies.filter((policy) => rolesName(rolesOf(policy), policy.semantic, entity));
  };
}

/** Entities that a policy names. */
export function named<P extends { semantic: 'AnyOf' | 'AllOf' }, E extends { id: string; attributes: readonly string[] }>(
  rolesOf: (policy: P) => readonly string[],
  policyOf: (call: SessionCall) => P,
): Among<E> {
  return (call, entities) => {
    const policy = policyOf(call);
    return entities.filter((entity) => rolesName(rolesOf(policy), policy.semantic, entity));
  };
}
