/** The two ways to sign in to a controller: its own session by certificate, or OIDC. */
export type SignInKind = 'certificate' | 'oidc';

const SIGNED_IN: Readonly<Record<SignInKind, string>> = { certificate: 'by a certificate session', oidc: 'by OIDC' };

/** The row of a status for people: `host:port` of the controller that served last, and how one is signed in; none before one has served. */
export function formatController(controller: string | null, signIn: SignInKind | null): [string, string][] {
  if (controller === null) return [];
  return [['Controller', `${controller} served last, ${signIn === null ? 'not signed in' : `signed in ${SIGNED_IN[signIn]}`}`]];
}
