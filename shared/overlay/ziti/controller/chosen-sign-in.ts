import { z } from 'zod';
import type { Exchange } from './exchange.ts';
import { expectStatus } from './refusals.ts';
import type { SignedIn, SignIn } from './sign-in.ts';

/** `auto` takes OIDC where the controller offers it, as other SDKs do. */
export type SignInChoice = 'auto' | 'certificate' | 'oidc';

const VERSION = z.object({ data: z.object({ capabilities: z.array(z.string()).nullish() }) });
const OIDC_CAPABILITY = 'OIDC_AUTH';

/** One of two ways, chosen anew at each sign-in: a controller may have been upgraded since. A session is kept in the way it was made. */
export function chosenSignIn(choice: SignInChoice, ways: Readonly<Record<'certificate' | 'oidc', SignIn>>): SignIn {
  const wayOf = ({ kind }: SignedIn['session']): SignIn => ways[kind];
  return {
    headers: (session) => wayOf(session).headers(session),
    async signIn(exchange, signal) {
      const way = choice === 'auto' ? await offered(exchange, signal) : choice;
      return await ways[way].signIn(exchange, signal);
    },
    renew: (signedIn, exchange, signal) => wayOf(signedIn.session).renew(signedIn, exchange, signal),
    signOut: (session, exchange, signal) => wayOf(session).signOut(session, exchange, signal),
  };
}

/** What a controller does not say that it can do is not tried (openziti.md §3). */
async function offered(exchange: Exchange, signal: AbortSignal): Promise<'certificate' | 'oidc'> {
  const answer = await exchange({ method: 'GET', path: '/version' }, signal);
  if (answer.status === 404) return 'certificate';
  const capabilities = VERSION.safeParse(expectStatus(answer, 200).json).data?.data.capabilities ?? [];
  return capabilities.includes(OIDC_CAPABILITY) ? 'oidc' : 'certificate';
}
