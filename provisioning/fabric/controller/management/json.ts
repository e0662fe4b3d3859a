import { X509Certificate } from 'node:crypto';
import { enrolmentJwt, jwtOf } from '../../operations/enrolments.ts';
import type { AuthenticatorRecord } from '../../state/authenticators.ts';
import type { Enrolment } from '../../state/enrolments.ts';
import type { Config, ConfigType, IdentityRecord, PolicyRecord, RouterPolicy, ServiceRecord, Tags } from '../../state/records.ts';
import type { ControllerParts } from '../call.ts';
import { dated, identityReference, iso, links, type Permission, reference, routerJson, serviceJson } from '../entities.ts';
import { type KnownRouter, networkOf } from './network.ts';

// The entities as JSON, with the very fields that a real 2.0.3 controller shows an administrator (recordings rest-mgmt-*).

type Json = Record<string, unknown>;

/** Enrolments have no dates in the real one. */
const NO_DATE = '0001-01-01T00:00:00.000Z';

const OF_IDENTITY = [
  ...['authenticators', 'edge-router-policies', 'edge-routers', 'enrollments', 'failed-service-requests'],
  ...['posture-data', 'service-configs', 'service-policies', 'services'],
];
const OF_SERVICE = ['configs', 'service-edge-router-policies', 'service-policies', 'terminators'];

function tagged(href: Json, entity: { id: string; createdAt: number; updatedAt: number; tags?: Tags }): Json {
  return { ...dated(href, entity), tags: entity.tags ?? {} };
}

/** How identities are shown, with what hangs on them looked up once. */
export function identityJson(parts: ControllerParts): (identity: IdentityRecord) => Json {
  const { state } = parts;
  const authenticators = Map.groupBy(state.authenticators.all(), ({ identityId }) => identityId);
  const enrolments = new Map(state.enrolments.all().map((enrolment) => [enrolment.identityId, enrolment]));
  const signedIn = new Set(state.sessions.all().map(({ identityId }) => identityId));
  const running = new Set(parts.routers().flatMap(({ id, online }) => (online ? [id] : [])));
  return (identity) => {
    const { id, disabledAt, disabledUntil } = identity;
    const connected = parts.hosting?.isConnected(id) ?? false;
    const href = { 'auth-policies': { href: './auth-policies/default' }, ...links(`./identities/${id}`, ...OF_IDENTITY) };
    return {
      ...tagged(href, identity),
      appData: identity.appData,
      authPolicy: reference('auth-policies', 'default', 'Default'),
      authPolicyId: 'default',
      authenticators: Object.fromEntries((authenticators.get(id) ?? []).map(authenticatorOfIdentity)),
      defaultHostingCost: 0,
      defaultHostingPrecedence: 'default',
      disabled: identity.disabled,
      ...(disabledAt !== undefined && { disabledAt: iso(disabledAt) }),
      ...(disabledUntil !== undefined && { disabledUntil: iso(disabledUntil) }),
      edgeRouterConnectionStatus: connected || running.has(id) ? 'online' : 'offline',
      enrollment: enrolmentOfIdentity(parts, enrolments.get(id)),
      envInfo: {},
      externalId: identity.externalId ?? null,
      hasApiSession: signedIn.has(id),
      hasEdgeRouterConnection: connected,
      interfaces: null,
      isAdmin: identity.isAdmin,
      isDefaultAdmin: identity.isDefaultAdmin,
      isMfaEnabled: false,
      name: identity.name,
      permissions: null,
      roleAttributes: identity.attributes,
      sdkInfo: {},
      serviceHostingCosts: {},
      serviceHostingPrecedences: {},
      type: reference('identity-types', identity.typeId, identity.typeId),
      typeId: identity.typeId,
    };
  };
}

function authenticatorOfIdentity({ id, username, certPem }: AuthenticatorRecord): [string, Json] {
  return username === null ? ['cert', { fingerprint: sha1Of(certPem), id }] : ['updb', { id, username }];
}

function enrolmentOfIdentity(parts: ControllerParts, enrolment: Enrolment | undefined): Json {
  if (!enrolment) return {};
  const { id, token, expiresAt } = enrolment;
  return { ott: { expiresAt: iso(expiresAt), id, jwt: jwtOf(networkOf(parts), enrolment) ?? '', token: token ?? '' } };
}

export function enrolmentJson(parts: ControllerParts): (enrolment: Enrolment) => Json {
  return (enrolment) => {
    const { id, identityId, token, expiresAt } = enrolment;
    const identity = parts.state.directory.identity(identityId);
    return {
      _links: links(`./enrollments/${id}`),
      createdAt: NO_DATE,
      id,
      tags: {},
      updatedAt: NO_DATE,
      expiresAt: iso(expiresAt),
      identity: identity ? identityReference(identity) : null,
      identityId,
      jwt: jwtOf(networkOf(parts), enrolment) ?? '',
      method: 'ott',
      token: token ?? '',
    };
  };
}

/** @param base Where the caller sees it: `./authenticators`, or its own below `./current-identity`. */
export function authenticatorJson(parts: ControllerParts, base = './authenticators'): (authenticator: AuthenticatorRecord) => Json {
  return (authenticator) => {
    const { id, identityId, username, certPem } = authenticator;
    const identity = parts.state.directory.identity(identityId);
    const ofIdentity = base === './authenticators' ? { identities: { href: `./identities/${identityId}` } } : {};
    return {
      ...tagged({ ...ofIdentity, ...links(`${base}/${id}`) }, authenticator),
      ...(username === null && { certPem, fingerprint: sha1Of(certPem) }),
      identity: identity ? identityReference(identity) : null,
      identityId,
      ...(username === null ? { isIssuedByNetwork: true, lastAuthResolvedToRoot: true, method: 'cert' } : { method: 'updb', username }),
    };
  };
}

/** A service as an administrator sees it, who need not be allowed to use it. */
export function managedServiceJson(service: ServiceRecord, permissions: readonly Permission[]): Json {
  const nobodys = permissions.length === 0;
  return {
    ...serviceJson(service, permissions),
    tags: service.tags,
    configs: orNull(service.configs),
    maxIdleTimeMillis: service.maxIdleTimeMs,
    ...(nobodys && {
      permissions: ['Invalid'],
      postureQueries: [
        { isPassing: true, policyId: 'dummy invalid policy: no posture checks defined', policyType: 'Invalid', postureQueries: [] },
      ],
    }),
  };
}

export function policyJson(parts: ControllerParts): (policy: PolicyRecord) => Json {
  return (policy) => ({
    ...tagged(links(`./service-policies/${policy.id}`, 'identities', 'posture-checks', 'services'), policy),
    identityRoles: orNull(policy.identityRoles),
    identityRolesDisplay: displayed(parts, 'identity', policy.identityRoles),
    name: policy.name,
    postureCheckRoles: orNull(policy.postureCheckRoles),
    postureCheckRolesDisplay: policy.postureCheckRoles.map((role) => ({ name: role, role })),
    semantic: policy.semantic,
    serviceRoles: orNull(policy.serviceRoles),
    serviceRolesDisplay: displayed(parts, 'service', policy.serviceRoles),
    type: policy.type,
  });
}

export function routerPolicyJson(parts: ControllerParts): (policy: RouterPolicy) => Json {
  return (policy) => {
    const { id, kind, routerRoles, name, semantic, isSystem } = policy;
    const routers = { edgeRouterRoles: orNull(routerRoles), edgeRouterRolesDisplay: displayed(parts, 'router', routerRoles) };
    const roles = orNull(policy.roles);
    const display = displayed(parts, kind, policy.roles);
    if (kind === 'service')
      return {
        ...tagged(links(`./service-edge-router-policies/${id}`, 'edge-routers', 'services'), policy),
        ...routers,
        ...{ name, semantic, serviceRoles: roles, serviceRolesDisplay: display },
      };
    return {
      ...tagged(links(`./edge-router-policies/${id}`, 'edge-routers', 'identities'), policy),
      ...routers,
      ...{ identityRoles: roles, identityRolesDisplay: display, isSystem, name, semantic },
    };
  };
}

/** Roles with names in place of ids, for people. */
function displayed({ state }: ControllerParts, kind: 'identity' | 'service' | 'router', roles: readonly string[]): Json[] {
  return roles.map((role) => {
    const named = role.startsWith('@') ? state.directory.get(kind, role.slice(1)) : undefined;
    return { name: named ? `@${named.name}` : role, role };
  });
}

export function edgeRouterJson(parts: ControllerParts): (router: KnownRouter) => Json {
  return (router) => {
    const { id, running, token, tokenExpiresAt } = router;
    const verified = router.slot !== undefined;
    const certPem = running?.certPem ?? null;
    return {
      ...tagged(links(`./edge-routers/${id}`, 'edge-router-policies'), router),
      appData: router.appData,
      ...(running ? routerJson(running) : { hostname: '', isOnline: false, supportedProtocols: {}, syncStatus: 'SYNC_UNKNOWN' }),
      ...{ cost: router.cost, disabled: router.disabled, name: router.name, noTraversal: router.noTraversal },
      certPem,
      configs: null,
      ...(token !== undefined &&
        tokenExpiresAt !== undefined && {
          enrollmentCreatedAt: NO_DATE,
          enrollmentExpiresAt: iso(tokenExpiresAt),
          enrollmentJwt: enrolmentJwt(networkOf(parts), id, token, tokenExpiresAt, 'erott'),
          enrollmentToken: token,
        }),
      ...(certPem !== null && { fingerprint: sha1Of(certPem) }),
      interfaces: verified ? [] : null,
      isTunnelerEnabled: router.isTunnelerEnabled,
      isVerified: verified,
      roleAttributes: router.attributes,
      unverifiedCertPem: null,
      unverifiedFingerprint: null,
      versionInfo: verified
        ? { arch: process.arch, buildDate: 'vitalmesh', os: process.platform, revision: 'vitalmesh', version: 'v2.0.3' }
        : { arch: '', buildDate: '', os: '', revision: '', version: '' },
    };
  };
}

/** The same router where lists show no edge of it. */
export function transitRouterJson(router: KnownRouter): Json {
  const { id, running } = router;
  return {
    ...tagged(links(`./transit-routers/${id}`), router),
    configs: null,
    ...{ cost: router.cost, disabled: router.disabled },
    fingerprint: running?.certPem === undefined ? null : sha1Of(running.certPem),
    interfaces: null,
    isOnline: running?.online ?? false,
    isVerified: router.slot !== undefined,
    ...{ name: router.name, noTraversal: router.noTraversal },
    unverifiedCertPem: null,
    unverifiedFingerprint: null,
  };
}

export function configTypeJson(type: ConfigType): Json {
  return { ...tagged(links(`./config-types/${type.id}`), type), name: type.name, schema: type.schema ?? null };
}

export function configJson(parts: ControllerParts): (config: Config) => Json {
  return (config) => {
    const type = parts.state.directory.get('configType', config.configTypeId);
    return {
      ...tagged(links(`./configs/${config.id}`), config),
      configType: reference('config-types', config.configTypeId, type?.name ?? ''),
      configTypeId: config.configTypeId,
      data: config.data,
      name: config.name,
    };
  };
}

export function serviceReference({ id, name }: { id: string; name: string }): Json {
  return { _links: links(`./services/${id}`, ...OF_SERVICE), entity: 'services', id, name };
}

export function routerReference(router: KnownRouter): Json {
  const { id, name, running } = router;
  return {
    _links: links(`./edge-routers/${id}`, 'edge-router-policies'),
    entity: 'edge-routers',
    id,
    name,
    isOnline: running?.online ?? false,
  };
}

/** Lower-case SHA-1 of the first certificate, as OpenZiti goes by it; empty for none. */
export function sha1Of(certPem: string): string {
  return certPem === '' ? '' : new X509Certificate(certPem).fingerprint.replaceAll(':', '').toLowerCase();
}

function orNull(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}
