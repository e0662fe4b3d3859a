import { asVitalmeshError } from '../../../errors.ts';
import type { HeldIdentity } from '../../../identity/held-identity.ts';
import type { Identity } from '../../../identity/identity.ts';
import type { SignIn } from './sign-in.ts';

/**
 * Signs in with each pair that may be the good one, and keeps to the one that was taken. `use` makes later requests go over connections
 * with the certificate given. Errors: those of the last attempt; one that is no refusal ends the attempts.
 */
export function candidateSignIn(inner: SignIn, held: HeldIdentity, use: (identity: Identity) => void): SignIn {
  return {
    ...inner,
    async signIn(exchange, signal) {
      let refusal: unknown;
      try {
        for (const candidate of held.candidates) {
          try {
            use(candidate);
            const signedIn = await inner.signIn(exchange, signal);
            held.proved(candidate);
            return signedIn;
          } catch (error) {
            if (signal.aborted || asVitalmeshError(error).code !== 'OVERLAY-SIGN-IN') throw error;
            refusal = error;
          }
        }
        throw refusal;
      } finally {
        use(held.inUse);
      }
    },
  };
}
