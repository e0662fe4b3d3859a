import type { Instant } from '../../../shared/clock.ts';
import { newEntityId } from '../ids.ts';
import type { Enrolment } from '../state/enrolments.ts';
import { type Network, originOf } from './network.ts';
import { invalid, Refused, unknown } from './refused.ts';

/** An identity's one-time token (JWT, kind ott). It is a secret until it is spent. */
export interface OfferedToken {
  /** Of the enrolment. */
  id: string;
  jwt: string;
}

/** A token for three hours; one of before is dead from then on. Throws FABRIC-UNKNOWN. */
export function offerToken(network: Network, identityId: string): OfferedToken {
  const { id, token, expiresAt } = network.state.enrolments.offer(identityId);
  return { id, jwt: enrolmentJwt(network, identityId, token, expiresAt) };
}

/** An enrolment until a chosen instant, for an identity that has none. */
export function createEnrolment(network: Network, identityId: string, expiresAt: Instant): string {
  const { enrolments, directory } = network.state;
  const identity = directory.identity(identityId);
  if (!identity)
    throw new Refused(400, 'INVALID_FIELD', { code: 'UNHANDLED', message: "the value for 'identityId' is invalid: identity not found" });
  if (identity.typeId === 'Router') throw invalid('identityId', 'the identity of a router enrols with its router', identityId);
  refuseSecond(network, identityId);
  checkExpiry(network, expiresAt);
  return enrolments.offer(identityId, { id: newEntityId(), expiresAt }).id;
}

/** A new token until then for the same enrolment; the token of before is dead. */
export function refreshEnrolment(network: Network, id: string, expiresAt: Instant): void {
  const { enrolments } = network.state;
  const enrolment = enrolments.all().find((other) => other.id === id);
  if (!enrolment) throw new Refused(404, 'NOT_FOUND');
  checkExpiry(network, expiresAt);
  enrolments.offer(enrolment.identityId, { id, expiresAt });
}

/** The certificate is worth nothing from then on, and the identity enrols again. The enrolment's id. */
export function reEnrol(network: Network, authenticatorId: string, expiresAt: Instant): string {
  const { state } = network;
  const authenticator = state.authenticators.get(authenticatorId);
  if (!authenticator) throw unknown('authenticator', authenticatorId);
  if (authenticator.username !== null) throw invalid('id', 'a password is changed and not enrolled again', authenticatorId);
  refuseSecond(network, authenticator.identityId);
  checkExpiry(network, expiresAt);
  const { id } = state.enrolments.offer(authenticator.identityId, { id: newEntityId(), expiresAt });
  state.authenticators.delete(authenticatorId);
  return id;
}

/** The token as its identity gets it; undefined when only its hash is known. */
export function jwtOf(network: Network, { identityId, token, expiresAt }: Enrolment): string | undefined {
  return token === null ? undefined : enrolmentJwt(network, identityId, token, expiresAt);
}

/** The claims of a real enrolment token (openziti-wire.md §1); `method` ott of an identity, erott of a router. */
export function enrolmentJwt(network: Network, id: string, token: string, expiresAt: Instant, method: 'ott' | 'erott' = 'ott'): string {
  const origin = originOf(network);
  return network.tokens.sign({
    iss: origin,
    sub: id,
    aud: [''],
    exp: Math.floor(expiresAt / 1000),
    jti: token,
    em: method,
    ctrls: [origin.replace('https://', 'tls:')],
  });
}

function refuseSecond({ state }: Network, identityId: string): void {
  if (state.enrolments.all().some((other) => other.identityId === identityId))
    throw new Refused(409, 'ENROLLMENT_EXISTS', { field: 'method', reason: 'enrollment of same method exists', value: 'ott' });
}

function checkExpiry({ clock }: Network, expiresAt: Instant): void {
  if (expiresAt <= clock.now())
    throw invalid(
      'expiresAt',
      'must be after the current date and time',
      new Date(expiresAt)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z/, ' +0000 UTC'),
    );
}
