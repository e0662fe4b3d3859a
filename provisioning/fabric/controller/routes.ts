import type { Endpoint } from './call.ts';
import { controllers, currentRouters, service, serviceRouters, services, serviceUpdates, version } from './discovery.ts';
import { caCertificates, enrol, enrolTyped } from './enrolment.ts';
import { networkJwts } from './management/overview.ts';
import { MANAGEMENT } from './management/routes.ts';
import { authorize, callback, discovery, keys, loginByCertificate } from './oidc/authorize.ts';
import { OIDC_PATH } from './oidc/parts.ts';
import { token } from './oidc/token.ts';
import { authenticator, authenticators, extend, verifyExtension } from './renewal.ts';
import { openSession, session } from './sessions.ts';
import { authenticate, currentIdentity, currentSession } from './sign-in.ts';

type Verbs = Readonly<Record<string, Endpoint>>;

/** The edge client API, by path below its base; `*` is one segment. */
const CLIENT: Readonly<Record<string, Verbs>> = {
  '/version': { GET: version },
  '/.well-known/est/cacerts': { GET: caCertificates },
  '/network-jwts': { GET: networkJwts },
  '/enroll': { POST: enrol },
  '/enroll/ott': { POST: enrolTyped },
  '/authenticate': { POST: authenticate },
  '/current-api-session': currentSession,
  '/current-api-session/service-updates': { GET: serviceUpdates },
  '/current-identity': { GET: currentIdentity },
  '/current-identity/authenticators': { GET: authenticators },
  '/current-identity/authenticators/*': { GET: authenticator },
  '/current-identity/authenticators/*/extend': { POST: extend },
  '/current-identity/authenticators/*/extend-verify': { POST: verifyExtension },
  '/current-identity/edge-routers': { GET: currentRouters },
  '/services': { GET: services },
  '/services/*': { GET: service },
  '/services/*/edge-routers': { GET: serviceRouters },
  '/controllers': { GET: controllers },
  '/sessions': { POST: openSession },
  '/sessions/*': session,
};

/** Sign-in by OIDC, below its issuer. */
const OIDC: Readonly<Record<string, Verbs>> = {
  '/.well-known/openid-configuration': { GET: discovery },
  '/keys': { GET: keys },
  '/authorize': authorize,
  '/login/cert': loginByCertificate,
  '/authorize/callback': { GET: callback },
  '/oauth/token': { POST: token },
};

/** It is the controller's default API: without a base it answers too, for those who know no base yet, and older C SDKs enrol so. */
const CLIENT_BASES = ['/edge/client/v1', ''];

const BASES = [
  ...CLIENT_BASES.map((base) => ({ base, verbs: CLIENT })),
  { base: OIDC_PATH, verbs: OIDC },
  { base: '/edge/management/v1', verbs: MANAGEMENT },
];

const PATHS = BASES.flatMap(({ base, verbs: paths }) =>
  Object.entries(paths).map(([path, verbs]) => ({ segments: `${base}${path}`.split('/'), verbs })),
);

/** What stands at a path, with the segments that the pattern leaves open; undefined when nothing does. */
export function routeTo(path: string): { verbs: Verbs; params: string[] } | undefined {
  const segments = path.replace(/(?<=.)\/$/, '').split('/');
  for (const { segments: pattern, verbs } of PATHS) {
    if (pattern.length !== segments.length) continue;
    if (!pattern.every((part, i) => part === segments[i] || (part === '*' && segments[i] !== ''))) continue;
    return { verbs, params: segments.flatMap((segment, i) => (pattern[i] === '*' ? [unescaped(segment)] : [])) };
  }
  return undefined;
}

function unescaped(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
