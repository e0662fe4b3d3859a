import type { Controllers } from './controllers.ts';
import type { SignIn } from './sign-in.ts';

/**
 * Signs in with one controller from beginning to end: another one knows nothing of a sign-in by OIDC that was begun elsewhere, and would
 * refuse its second half. Which one it was is told with the session.
 */
export function oneControllerSignIn(inner: SignIn, controllers: Pick<Controllers, 'atOne'>): SignIn {
  return {
    ...inner,
    signIn: (_exchange, signal) =>
      controllers.atOne(signal, async (ask, controller) => ({ ...(await inner.signIn(ask, signal)), controller })),
  };
}
