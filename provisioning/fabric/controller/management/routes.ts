import { rolesName } from '../../policies.ts';
import type { Endpoint, SessionCall } from '../call.ts';
import { caCertificates } from '../enrolment.ts';
import { authenticate } from './authenticate.ts';
import { configs, configTypes } from './configs.ts';
import { authenticators, enrollments } from './enrollments.ts';
import * as identities from './identities.ts';
import {
  AUTHENTICATORS,
  CONFIG_TYPES,
  CONFIGS,
  EDGE_ROUTER_POLICIES,
  EDGE_ROUTERS,
  ENROLMENTS,
  IDENTITIES,
  named,
  naming,
  POLICIES,
  SERVICE_EDGE_ROUTER_POLICIES,
  SERVICES,
  SERVICES_BELOW,
  TRANSIT_ROUTERS,
} from './kinds.ts';
import {
  authPolicies,
  failedServiceRequests,
  identity,
  identityTypes,
  managementControllers,
  networkJwts,
  ownAuthenticators,
  policyAdvice,
  postureData,
  roleAttributes,
  serviceConfigs,
  session,
  summary,
  version,
} from './overview.ts';
import { edgeRouterPolicies, serviceEdgeRouterPolicies, servicePolicies } from './policies.ts';
import { detail, found, list } from './resource.ts';
import * as routers from './routers.ts';
import * as services from './services.ts';
import { API_SESSIONS, endApiSession, endSession, removeTerminator, SESSIONS, TERMINATORS } from './sessions.ts';

type Verbs = Readonly<Record<string, Endpoint>>;

const identityOf = (call: SessionCall) => found(IDENTITIES, call);
const serviceOf = (call: SessionCall) => found(SERVICES, call);
const routerOf = (call: SessionCall) => found(EDGE_ROUTERS, call);
const policyOf = (call: SessionCall) => found(POLICIES, call);
const edgeRouterPolicyOf = (call: SessionCall) => found(EDGE_ROUTER_POLICIES, call);
const serviceRouterPolicyOf = (call: SessionCall) => found(SERVICE_EDGE_ROUTER_POLICIES, call);

/** What hangs on the identity of the path, which must be there. */
function ofIdentity<R extends { identityId: string }>(call: SessionCall, all: readonly R[]): R[] {
  const { id } = identityOf(call);
  return all.filter(({ identityId }) => identityId === id);
}

/** Those that some policy brings together with the entity of the path. */
const identitiesOfService = list(IDENTITIES, (call, all) => {
  const service = serviceOf(call);
  const policies = call.parts.state.directory.policies().filter((policy) => rolesName(policy.serviceRoles, policy.semantic, service));
  return all.filter((one) => policies.some((policy) => rolesName(policy.identityRoles, policy.semantic, one)));
});
const servicesOfIdentity = list(SERVICES_BELOW, (call, all) => {
  const own = identityOf(call);
  const policies = call.parts.state.directory.policies().filter((policy) => rolesName(policy.identityRoles, policy.semantic, own));
  return all.filter((one) => policies.some((policy) => rolesName(policy.serviceRoles, policy.semantic, one)));
});
const routersOfIdentity = list(EDGE_ROUTERS, (call, all) => {
  const { id } = identityOf(call);
  return all.filter((router) => call.parts.state.directory.identityMayUse(id, router.id));
});
const routersOfService = list(EDGE_ROUTERS, (call, all) => {
  const { id } = serviceOf(call);
  return all.filter((router) => call.parts.state.directory.serviceMayUse(id, router.id));
});
const identitiesOfRouter = list(IDENTITIES, (call, all) => {
  const { id } = routerOf(call);
  return all.filter((one) => call.parts.state.directory.identityMayUse(one.id, id));
});
const servicesOfRouter = list(SERVICES_BELOW, (call, all) => {
  const { id } = routerOf(call);
  return all.filter((one) => call.parts.state.directory.serviceMayUse(one.id, id));
});

const configsOfService = list(CONFIGS, (call, all) => {
  const { configs: held } = serviceOf(call);
  return all.filter(({ id }) => held.includes(id));
});
const configsOfType = list(CONFIGS, (call, all) => {
  const { id } = found(CONFIG_TYPES, call);
  return all.filter(({ configTypeId }) => configTypeId === id);
});
const terminatorsOfService = list(TERMINATORS, (call, all) => {
  const { id } = serviceOf(call);
  return all.filter(({ serviceId }) => serviceId === id);
});
const servicesOfConfig = list(SERVICES_BELOW, (call, all) => {
  const { id } = found(CONFIGS, call);
  return all.filter(({ configs: held }) => held.includes(id));
});

/** The management API, by path below its base, as the real one's (openziti-network.md §1); `*` is one segment. */
export const MANAGEMENT: Readonly<Record<string, Verbs>> = {
  '': { GET: version },
  '/version': { GET: version },
  '/.well-known/est/cacerts': { GET: caCertificates },
  '/authenticate': { POST: authenticate },
  '/current-api-session': session,
  '/current-identity': { GET: identity },
  '/current-identity/authenticators': { GET: ownAuthenticators },
  '/network-jwts': { GET: networkJwts },
  '/summary': { GET: summary },
  '/controllers': { GET: managementControllers },
  '/auth-policies': { GET: authPolicies },

  '/identities': { GET: list(IDENTITIES), POST: identities.create },
  '/identities/*': { GET: detail(IDENTITIES), PUT: identities.replace, PATCH: identities.patch, DELETE: identities.remove },
  '/identities/*/disable': { POST: identities.disable },
  '/identities/*/enable': { POST: identities.enable },
  '/identities/*/enrollments': { GET: list(ENROLMENTS, ofIdentity) },
  '/identities/*/authenticators': { GET: list(AUTHENTICATORS, ofIdentity) },
  '/identities/*/service-policies': {
    GET: list(
      POLICIES,
      naming(({ identityRoles }) => identityRoles, identityOf),
    ),
  },
  '/identities/*/edge-router-policies': {
    GET: list(
      EDGE_ROUTER_POLICIES,
      naming(({ roles }) => roles, identityOf),
    ),
  },
  '/identities/*/services': { GET: servicesOfIdentity },
  '/identities/*/edge-routers': { GET: routersOfIdentity },
  '/identities/*/policy-advice/*': { GET: policyAdvice },
  '/identities/*/posture-data': { GET: postureData },
  '/identities/*/failed-service-requests': { GET: failedServiceRequests },
  '/identities/*/service-configs': { GET: serviceConfigs },
  '/identity-types': { GET: identityTypes },
  '/identity-role-attributes': { GET: roleAttributes('identity') },

  '/enrollments': { GET: list(ENROLMENTS), POST: enrollments.create },
  '/enrollments/*': { GET: detail(ENROLMENTS), DELETE: enrollments.remove },
  '/enrollments/*/refresh': { POST: enrollments.refresh },
  '/authenticators': { GET: list(AUTHENTICATORS), POST: authenticators.create },
  '/authenticators/*': {
    ...{ GET: detail(AUTHENTICATORS), PUT: authenticators.replace, PATCH: authenticators.patch, DELETE: authenticators.remove },
  },
  '/authenticators/*/re-enroll': { POST: authenticators.reEnroll },

  '/services': { GET: list(SERVICES), POST: services.create },
  '/services/*': { GET: services.get, PUT: services.replace, PATCH: services.patch, DELETE: services.remove },
  '/services/*/configs': { GET: configsOfService },
  '/services/*/identities': { GET: identitiesOfService },
  '/services/*/service-policies': {
    GET: list(
      POLICIES,
      naming(({ serviceRoles }) => serviceRoles, serviceOf),
    ),
  },
  '/services/*/service-edge-router-policies': {
    GET: list(
      SERVICE_EDGE_ROUTER_POLICIES,
      naming(({ roles }) => roles, serviceOf),
    ),
  },
  '/services/*/edge-routers': { GET: routersOfService },
  '/services/*/terminators': { GET: terminatorsOfService },
  '/service-role-attributes': { GET: roleAttributes('service') },

  '/service-policies': { GET: list(POLICIES), POST: servicePolicies.create },
  '/service-policies/*': crud(detail(POLICIES), servicePolicies),
  '/service-policies/*/identities': {
    GET: list(
      IDENTITIES,
      named(({ identityRoles }) => identityRoles, policyOf),
    ),
  },
  '/service-policies/*/services': {
    GET: list(
      SERVICES_BELOW,
      named(({ serviceRoles }) => serviceRoles, policyOf),
    ),
  },

  '/edge-router-policies': { GET: list(EDGE_ROUTER_POLICIES), POST: edgeRouterPolicies.create },
  '/edge-router-policies/*': crud(detail(EDGE_ROUTER_POLICIES), edgeRouterPolicies),
  '/edge-router-policies/*/identities': {
    GET: list(
      IDENTITIES,
      named(({ roles }) => roles, edgeRouterPolicyOf),
    ),
  },
  '/edge-router-policies/*/edge-routers': {
    GET: list(
      EDGE_ROUTERS,
      named(({ routerRoles }) => routerRoles, edgeRouterPolicyOf),
    ),
  },

  '/service-edge-router-policies': { GET: list(SERVICE_EDGE_ROUTER_POLICIES), POST: serviceEdgeRouterPolicies.create },
  '/service-edge-router-policies/*': crud(detail(SERVICE_EDGE_ROUTER_POLICIES), serviceEdgeRouterPolicies),
  '/service-edge-router-policies/*/services': {
    GET: list(
      SERVICES_BELOW,
      named(({ roles }) => roles, serviceRouterPolicyOf),
    ),
  },
  '/service-edge-router-policies/*/edge-routers': {
    GET: list(
      EDGE_ROUTERS,
      named(({ routerRoles }) => routerRoles, serviceRouterPolicyOf),
    ),
  },

  '/edge-routers': { GET: list(EDGE_ROUTERS), POST: routers.create },
  '/edge-routers/*': { GET: detail(EDGE_ROUTERS), PUT: routers.replace, PATCH: routers.patch, DELETE: routers.remove },
  '/edge-routers/*/re-enroll': { POST: routers.reEnroll },
  '/edge-routers/*/edge-router-policies': {
    GET: list(
      EDGE_ROUTER_POLICIES,
      naming(({ routerRoles }) => routerRoles, routerOf),
    ),
  },
  '/edge-routers/*/service-edge-router-policies': {
    GET: list(
      SERVICE_EDGE_ROUTER_POLICIES,
      naming(({ routerRoles }) => routerRoles, routerOf),
    ),
  },
  '/edge-routers/*/identities': { GET: identitiesOfRouter },
  '/edge-routers/*/services': { GET: servicesOfRouter },
  '/edge-router-role-attributes': { GET: roleAttributes('router') },
  '/posture-check-role-attributes': { GET: roleAttributes('postureCheck') },
  '/routers': { GET: list(TRANSIT_ROUTERS) },
  '/routers/*': { GET: detail(TRANSIT_ROUTERS) },
  '/transit-routers': { GET: list(TRANSIT_ROUTERS) },
  '/transit-routers/*': { GET: detail(TRANSIT_ROUTERS) },

  '/terminators': { GET: list(TERMINATORS) },
  '/terminators/*': { GET: detail(TERMINATORS), DELETE: removeTerminator },
  '/sessions': { GET: list(SESSIONS) },
  '/sessions/*': { GET: detail(SESSIONS), DELETE: endSession },
  '/api-sessions': { GET: list(API_SESSIONS) },
  '/api-sessions/*': { GET: detail(API_SESSIONS), DELETE: endApiSession },

  '/config-types': { GET: list(CONFIG_TYPES), POST: configTypes.create },
  '/config-types/*': crud(detail(CONFIG_TYPES), configTypes),
  '/config-types/*/configs': { GET: configsOfType },
  '/configs': { GET: list(CONFIGS), POST: configs.create },
  '/configs/*': crud(detail(CONFIGS), configs),
  '/configs/*/services': {
    GET: servicesOfConfig,
  },
};

function crud(get: Endpoint, { replace, patch, remove }: Record<'replace' | 'patch' | 'remove', Endpoint>): Verbs {
  return { GET: get, PUT: replace, PATCH: patch, DELETE: remove };
}
