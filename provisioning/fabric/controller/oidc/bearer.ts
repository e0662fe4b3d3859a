import type { X509Certificate } from 'node:crypto';
import type { ApiSession } from '../../state/sessions.ts';
import { type Answer, unauthorized } from '../answers.ts';
import type { ControllerParts } from '../call.ts';
import { sha1Of } from './authorize.ts';
import { readToken } from './tokens.ts';

/**
 * The session of an access token, for whoever shows the certificate it is bound to (openziti-wire.md §2b); otherwise the answer, which
 * tells a token that ran out from one that is not good (openziti-network.md §5.3).
 */
export function bearerSession(
  { oidc, state, tokens, clock }: ControllerParts,
  token: string,
  certificate: X509Certificate | undefined,
): ApiSession | Answer {
  const read = oidc ? readToken(tokens, clock, token, 'a') : 'invalid';
  if (read === 'expired') return unauthorized('bearer-expired');
  if (read === 'invalid' || !certificate || !read.fingerprints.includes(sha1Of(certificate.raw))) return unauthorized('bearer');
  const session = state.oidcSessions.byId(read.sessionId);
  if (!session) return unauthorized('bearer');
  const { issuedAt: createdAt, expiresAt } = read;
  return { ...session, kind: 'oidc', configTypes: [], createdAt, lastActivityAt: clock.now(), expiresAt };
}
