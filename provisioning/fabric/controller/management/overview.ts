import { PASSWORD } from '../../operations/authenticators.ts';
import { data, refusal } from '../answers.ts';
import type { Endpoint, SessionCall } from '../call.ts';
import { version as clientVersion, controllers } from '../discovery.ts';
import { dated, identityReference, links } from '../entities.ts';
import { listed, uncut } from '../list.ts';
import { currentIdentity, currentSession } from '../sign-in.ts';
import { admin } from './endpoint.ts';
import { authenticatorJson, identityJson, routerReference, serviceReference } from './json.ts';
import { AUTHENTICATORS, IDENTITIES, SERVICES } from './kinds.ts';
import { routersOf } from './network.ts';
import { found } from './resource.ts';
import { NAMED } from './symbols.ts';

/** What was there from the network's beginning has its dates. */
const SINCE = Date.UTC(2026, 0, 1);
const YEAR_S = 31_536_000;

/**
 * GET version. OIDC_AUTH is for clients: an administrator's OIDC would be by password, which this network has not, and the `ziti` tool goes
 * by this list (openziti-network.md §1.7).
 */
export const version: Endpoint = {
  open: async (call) => {
    const answer = 'open' in clientVersion ? await clientVersion.open(call) : refusal(404, 'NOT_FOUND');
    const { data: about } = answer.body as { data: Record<string, unknown> };
    const management = { v1: { apiBaseUrls: [`${call.parts.origin()}/edge/management/v1`], path: '/edge/management/v1' } };
    return data({ ...about, apiVersions: { ...(about.apiVersions as object), 'edge-management': management }, capabilities: [] });
  },
};

export const managementControllers: Endpoint = admin((call) =>
  'signedIn' in controllers ? controllers.signedIn(call) : refusal(404, 'NOT_FOUND'),
);

/** A session by password has no certificate to extend. */
export const session = {
  GET: {
    signedIn: async (call: SessionCall) => {
      const answer = 'signedIn' in currentSession.GET ? await currentSession.GET.signedIn(call) : refusal(401, 'UNAUTHORIZED');
      const { data: json } = answer.body as { data?: Record<string, unknown> };
      const isCertificate = call.parts.state.authenticators.get(call.session.authenticatorId)?.username === null;
      return json ? data({ ...json, isCertExtendable: isCertificate }) : answer;
    },
  },
  DELETE: currentSession.DELETE,
} satisfies Record<string, Endpoint>;

export const identity: Endpoint = {
  signedIn: async (call) => {
    const answer = 'signedIn' in currentIdentity ? await currentIdentity.signedIn(call) : refusal(401, 'UNAUTHORIZED');
    const own = call.parts.state.directory.identity(call.session.identityId);
    const { data: json } = answer.body as { data?: Record<string, unknown> };
    if (!own || !json) return answer;
    return data({ ...identityJson(call.parts)(own), _links: json._links }, { meta: null });
  },
};

export const ownAuthenticators: Endpoint = {
  signedIn: (call) => {
    const own = call.parts.state.authenticators.all().filter(({ identityId }) => identityId === call.session.identityId);
    return listed(own, call.query, authenticatorJson(call.parts, './current-identity/authenticators'), AUTHENTICATORS.symbols);
  },
};

/** GET network-jwts: what a client may enrol with that knows no more than the network; for everybody. */
export const networkJwts: Endpoint = {
  open: ({ parts }) => {
    const origin = `${parts.origin()}/`;
    const token = parts.tokens.sign({
      iss: origin,
      sub: origin,
      aud: ['openziti-enroller'],
      exp: Math.floor(parts.clock.now() / 1000) + YEAR_S,
      em: 'network',
    });
    return data([{ name: 'default', token }]);
  },
};

export const summary: Endpoint = admin(({ parts }) => {
  const { directory, sessions, enrolments, authenticators } = parts.state;
  const routers = directory.all('router').length;
  const services = directory.services().length;
  const routerPolicies = directory.all('routerPolicy');
  const counts = {
    apiSessionCertificates: 0,
    apiSessions: sessions.all().length,
    authPolicies: 1,
    authenticators: authenticators.all().length,
    cas: 0,
    configTypes: directory.all('configType').length,
    configs: directory.all('config').length,
    controllers: 1,
    edgeRouterPolicies: routerPolicies.filter(({ kind }) => kind === 'identity').length,
    enrollments: enrolments.all().length,
    eventualEvents: 0,
    externalJwtSigners: 0,
    identities: directory.all('identity').length,
    identityTypes: 2,
    mfas: 0,
    postureCheckTypes: 0,
    postureChecks: 0,
    revocations: 0,
    routers,
    'routers.edge': routers,
    serviceEdgeRouterPolicies: routerPolicies.filter(({ kind }) => kind === 'service').length,
    servicePolicies: directory.policies().length,
    services,
    'services.edge': services,
    sessions: sessions.serviceSessions().length,
    terminators: parts.hosting?.terminators().length ?? 0,
  };
  return data(counts, { meta: null });
});

/** GET …-role-attributes: those that are borne by anybody, each once, always all of them. */
export function roleAttributes(kind: 'identity' | 'service' | 'router' | 'postureCheck'): Endpoint {
  return admin(({ parts, query }) => {
    const bearers = kind === 'postureCheck' ? [] : parts.state.directory.all(kind);
    const attributes = [...new Set(bearers.flatMap((bearer) => bearer.attributes))].sort().map((id) => ({ id }));
    return uncut(attributes, query, ({ id }) => id, { id: ({ id }) => id });
  });
}

export const identityTypes: Endpoint = admin(({ query }) => {
  const types = ['Default', 'Router'].map((id) => ({ id, name: id, createdAt: SINCE, updatedAt: SINCE }));
  return listed(types, query, (type) => ({ ...dated(links(`./identity-types/${type.id}`), type), name: type.name }), NAMED);
});

const AUTH_POLICY = {
  id: 'default',
  name: 'Default',
  createdAt: SINCE,
  updatedAt: SINCE,
  primary: {
    cert: { allowExpiredCerts: false, allowed: true },
    extJwt: { allowed: false, allowedSigners: [] },
    updb: {
      ...{ allowed: true, lockoutDurationMinutes: 0, maxAttempts: 0, minPasswordLength: PASSWORD.min },
      ...{ requireMixedCase: false, requireNumberChar: false, requireSpecialChar: false },
    },
  },
  secondary: { requireTotp: false },
};

const { primary } = AUTH_POLICY;
const AUTH_POLICY_SYMBOLS = {
  ...NAMED,
  'primary.cert.allowExpiredCerts': () => primary.cert.allowExpiredCerts,
  'primary.cert.allowed': () => primary.cert.allowed,
  'primary.extJwt.allowed': () => primary.extJwt.allowed,
  'primary.updb.allowed': () => primary.updb.allowed,
  'primary.updb.maxAttempts': () => primary.updb.maxAttempts,
  'primary.updb.minPasswordLength': () => primary.updb.minPasswordLength,
  'primary.updb.requireMixedCase': () => primary.updb.requireMixedCase,
  'primary.updb.requireNumberChar': () => primary.updb.requireNumberChar,
  'primary.updb.requireSpecialChar': () => primary.updb.requireSpecialChar,
  'secondary.requireExtJwtSigner': () => null,
  'secondary.requireTotp': () => AUTH_POLICY.secondary.requireTotp,
};

export const authPolicies: Endpoint = admin(({ query }) =>
  listed(
    [AUTH_POLICY],
    query,
    ({ primary, secondary, ...policy }) => ({
      ...dated(links(`./auth-policies/${policy.id}`), policy),
      ...{ name: policy.name, primary, secondary },
    }),
    AUTH_POLICY_SYMBOLS,
  ),
);

/** GET identities/{id}/policy-advice/{serviceId}: whether and over which routers they come together. Rights that are not there are absent. */
export const policyAdvice: Endpoint = admin((call) => {
  const own = found(IDENTITIES, call);
  const service = found(SERVICES, call, call.params[1] ?? '');
  const { directory } = call.parts.state;
  const routers = routersOf(call.parts);
  const [ofIdentity, ofService] = [
    routers.filter(({ id }) => directory.identityMayUse(own.id, id)),
    routers.filter(({ id }) => directory.serviceMayUse(service.id, id)),
  ];
  const advice = {
    commonRouters: ofIdentity.filter((router) => ofService.includes(router)).map(routerReference),
    identity: identityReference(own),
    identityId: own.id,
    identityRouterCount: ofIdentity.length,
    ...(directory.allows(own.id, service.id, 'Bind') && { isBindAllowed: true }),
    ...(directory.allows(own.id, service.id, 'Dial') && { isDialAllowed: true }),
    service: serviceReference(service),
    serviceId: service.id,
    serviceRouterCount: ofService.length,
  };
  return data(advice, { meta: null });
});

/** GET identities/{id}/posture-data: this network asks for none. */
export const postureData: Endpoint = admin((call) => {
  found(IDENTITIES, call);
  const none = { lastUpdatedAt: null, postureCheckId: '', timedOut: false };
  return data({
    apiSessionPostureData: {},
    domain: { ...none, domain: null },
    mac: { ...none, addresses: null },
    os: { ...none, build: null, type: null, version: null },
    processes: [],
  });
});

export const failedServiceRequests: Endpoint = admin((call) => {
  found(IDENTITIES, call);
  return data([]);
});

export const serviceConfigs: Endpoint = admin((call) => {
  found(IDENTITIES, call);
  return data([], { meta: { pagination: { limit: 0, offset: 0, totalCount: 0 } } });
});
