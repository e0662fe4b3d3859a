import { X509Certificate } from 'node:crypto';
import type { FabricIdentity, FabricService, RouterEntry } from '../contract.ts';
import type { Dates } from '../state/directory.ts';
import type { Authenticator } from '../state/enrolments.ts';
import type { HeldCertificate } from '../state/extensions.ts';
import type { ApiSession } from '../state/sessions.ts';

// The entities as JSON, with the very fields of a real 2.0.3 controller (transcripts rest-legacy-dial, rest-cert-extend).

export type Permission = 'Dial' | 'Bind';

export function iso(at: number): string {
  return new Date(at).toISOString();
}

/** How Go prints a time: the `Expires-At` header. */
export function goTime(at: number): string {
  return `${iso(at).replace('T', ' ').replace('Z', '')} +0000 UTC`;
}

export function links(base: string, ...names: string[]): Record<string, { href: string }> {
  return Object.fromEntries([['self', { href: base }], ...names.map((name) => [name, { href: `${base}/${name}` }])]);
}

export function dated(href: Record<string, unknown>, { id, createdAt, updatedAt }: { id: string } & Dates): Record<string, unknown> {
  return { _links: href, createdAt: iso(createdAt), id, tags: {}, updatedAt: iso(updatedAt) };
}

export function apiSessionJson(session: ApiSession, identity: FabricIdentity, token: string, ipAddress: string): Record<string, unknown> {
  return {
    ...dated(links(`./api-sessions/${session.id}`, 'sessions'), { ...session, updatedAt: session.createdAt }),
    authQueries: [],
    authenticatorId: session.authenticatorId,
    cachedLastActivityAt: iso(session.lastActivityAt),
    configTypes: session.configTypes,
    identity: identityReference(identity),
    identityId: identity.id,
    ipAddress,
    isCertExtendable: true,
    isMfaComplete: false,
    isMfaRequired: false,
    lastActivityAt: iso(session.lastActivityAt),
    token,
    expirationSeconds: Math.floor((session.expiresAt - session.lastActivityAt) / 1000),
    expiresAt: iso(session.expiresAt),
  };
}

export function currentIdentityJson(identity: FabricIdentity & Dates, authenticator: Authenticator): Record<string, unknown> {
  return {
    ...dated({ mfa: { href: './current-identity/mfa' }, self: { href: './current-identity' } }, identity),
    appData: {},
    authPolicy: reference('auth-policies', 'default', 'Default'),
    authPolicyId: 'default',
    authenticators: { cert: { fingerprint: authenticator.fingerprint, id: authenticator.id } },
    defaultHostingCost: 0,
    defaultHostingPrecedence: 'default',
    disabled: identity.disabled,
    edgeRouterConnectionStatus: 'unknown',
    enrollment: {},
    envInfo: {},
    externalId: null,
    hasApiSession: true,
    hasEdgeRouterConnection: false,
    interfaces: null,
    isAdmin: false,
    isDefaultAdmin: false,
    isMfaEnabled: false,
    name: identity.name,
    permissions: null,
    roleAttributes: orNull(identity.attributes),
    sdkInfo: {},
    serviceHostingCosts: {},
    serviceHostingPrecedences: {},
    type: reference('identity-types', 'Default', 'Default'),
    typeId: 'Default',
  };
}

export function serviceJson(service: FabricService & Dates, permissions: readonly Permission[]): Record<string, unknown> {
  return {
    ...dated(links(`./services/${service.id}`, 'configs', 'service-edge-router-policies', 'service-policies', 'terminators'), service),
    config: {},
    configs: null,
    encryptionRequired: service.encryptionRequired,
    maxIdleTimeMillis: 0,
    name: service.name,
    permissions,
    // Without posture checks the real one lists one entry a permission that says so.
    postureQueries: permissions.map((type) => ({
      isPassing: true,
      policyId: `dummy ${type.toLowerCase()} policy: no posture checks defined`,
      policyType: type,
      postureQueries: [],
    })),
    roleAttributes: orNull(service.attributes),
    terminatorStrategy: service.terminatorStrategy,
  };
}

/** A router as sessions and services list it. */
export function routerJson({ name, url, online, cost = 0, noTraversal = false }: RouterEntry): Record<string, unknown> {
  return {
    cost,
    disabled: false,
    hostname: new URL(url).hostname.replace(/^\[(.*)\]$/, '$1'),
    isOnline: online,
    name,
    noTraversal,
    supportedProtocols: { tls: url },
    syncStatus: online ? 'SYNC_DONE' : 'SYNC_UNKNOWN',
  };
}

/** A router in current-identity/edge-routers, where the real one leaves the host name empty (openziti-wire.md §2c). */
export function currentRouterJson(router: RouterEntry, dates: Dates): Record<string, unknown> {
  return { ...dated(links(`./edge-routers/${router.id}`), { id: router.id, ...dates }), ...routerJson(router), hostname: '' };
}

/** A service session as POST /sessions answers it; GET fills what is null there. */
export function sessionJson(
  session: { id: string; apiSessionId: string; identityId: string; serviceId: string; type: Permission },
  token: string,
  routers: readonly RouterEntry[],
): Record<string, unknown> {
  return {
    _links: null,
    createdAt: null,
    id: session.id,
    updatedAt: null,
    apiSession: null,
    apiSessionId: session.apiSessionId,
    edgeRouters: routers.map((router) => ({ ...routerJson(router), urls: { tls: router.url } })),
    identityId: session.identityId,
    service: null,
    serviceId: session.serviceId,
    token,
    type: session.type,
  };
}

export function authenticatorJson(authenticator: HeldCertificate, identity: FabricIdentity): Record<string, unknown> {
  const { certPem } = authenticator;
  return {
    ...dated(links(`./current-identity/authenticators/${authenticator.id}`), authenticator),
    certPem,
    // Lower-case SHA-1, as OpenZiti goes by it.
    fingerprint: certPem === '' ? '' : new X509Certificate(certPem).fingerprint.replaceAll(':', '').toLowerCase(),
    identity: identityReference(identity),
    identityId: identity.id,
    isIssuedByNetwork: true,
    lastAuthResolvedToRoot: true,
    method: 'cert',
  };
}

export function identityReference({ id, name }: FabricIdentity): Record<string, unknown> {
  const ofIdentity = [
    ...['authenticators', 'edge-router-policies', 'edge-routers', 'enrollments', 'failed-service-requests'],
    ...['posture-data', 'service-configs', 'service-policies', 'services'],
  ];
  const href = { 'auth-policies': { href: './auth-policies/default' }, ...links(`./identities/${id}`, ...ofIdentity) };
  return { _links: href, entity: 'identities', id, name };
}

export function reference(entity: string, id: string, name: string): Record<string, unknown> {
  return { _links: links(`./${entity}/${id}`), entity, id, name };
}

function orNull(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}
