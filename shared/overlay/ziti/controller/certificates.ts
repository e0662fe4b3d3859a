import { z } from 'zod';
import { VitalmeshError } from '../../../errors.ts';
import { errorOf } from './answers.ts';
import type { ControllerAnswer, ControllerRequest } from './exchange.ts';
import { refusal } from './refusals.ts';

/** By which certificate the identity signs in. */
export interface Authenticator {
  id: string;
  /** The network lets this identity replace its certificate by itself. */
  extendable: boolean;
}

/** What the controller gave for a signing request. */
export interface Extension {
  /** The own certificate and its intermediates, leaf first, PEM. */
  certPem: string;
  caPem: string;
}

/** `already`: there is nothing to verify (any more). `unknown`: the network waits for another certificate. */
export type Verification = 'done' | 'already' | 'unknown';

const PEM = z.string().max(256 * 1024);
const SESSION = z.object({
  data: z.object({ authenticatorId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), isCertExtendable: z.boolean().nullish() }),
});
const EXTENSION = z.object({ data: z.object({ clientCert: PEM, ca: PEM.nullish() }) });

type Ask = (request: ControllerRequest) => Promise<ControllerAnswer>;

/** By `GET current-api-session`. Errors: those of `ask`, OVERLAY-SIGN-IN, -DENIED, -UNREACHABLE. */
export async function askAuthenticator(ask: Ask): Promise<Authenticator> {
  const answer = await ask({ method: 'GET', path: '/current-api-session' });
  if (answer.status !== 200) throw refusal(answer);
  const parsed = SESSION.safeParse(answer.json);
  if (!parsed.success)
    throw new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'the controller does not say how this identity signed in' });
  const { authenticatorId, isCertExtendable } = parsed.data.data;
  return { id: authenticatorId, extendable: isCertExtendable === true };
}

/**
 * Asks for a certificate to take the place of the present one. Nothing changes by it (openziti-network.md §2.3). Throws RENEW-REFUSED,
 * OVERLAY-PROTOCOL (an answer without a certificate), OVERLAY-UNREACHABLE, and those of `ask`.
 */
export async function askExtension(ask: Ask, authenticatorId: string, csrPem: string): Promise<Extension> {
  const answer = await ask({ method: 'POST', path: pathOf(authenticatorId, 'extend'), json: { clientCertCsr: csrPem } });
  if (answer.status !== 200) throw renewalRefusal(answer);
  const parsed = EXTENSION.safeParse(answer.json);
  if (!parsed.success) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: "no certificate in the controller's answer" });
  const { clientCert, ca } = parsed.data.data;
  return { certPem: clientCert, caPem: ca ?? '' };
}

/**
 * Makes the certificate the one that signs in, and the one of before one that does not (openziti-network.md §2.4). Errors: RENEW-REFUSED,
 * OVERLAY-UNREACHABLE, and those of `ask`; after each of them the switch may have happened.
 */
export async function askVerification(ask: Ask, authenticatorId: string, certPem: string): Promise<Verification> {
  const answer = await ask({ method: 'POST', path: pathOf(authenticatorId, 'extend-verify'), json: { clientCert: certPem } });
  if (answer.status === 200) return 'done';
  const { code } = errorOf(answer.json);
  if (answer.status === 409 && code === 'CAN_NOT_UPDATE_AUTHENTICATOR') return 'already';
  if (answer.status === 400 && code === 'INVALID_CLIENT_CERT') return 'unknown';
  throw renewalRefusal(answer);
}

function pathOf(authenticatorId: string, verb: string): string {
  return `/current-identity/authenticators/${encodeURIComponent(authenticatorId)}/${verb}`;
}

function renewalRefusal(answer: ControllerAnswer): VitalmeshError {
  const { status, json } = answer;
  if (status < 400 || status >= 500 || status === 401) return refusal(answer);
  return new VitalmeshError('RENEW-REFUSED', { detail: errorOf(json).code ?? `the controller answered ${status}` });
}
