import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Scope } from '../access.ts';

/** What a good access token says. Its text is kept nowhere. */
export interface AccessToken {
  /** Name of the issuer in hub.yaml. */
  issuer: string;
  subject: string;
  /** Id of the client that it was issued to. */
  client: string;
  /** `jti`, where it has one. */
  id?: string;
  issuedAt: Instant;
  /** From then on it counts for nothing (RFC 7519 §4.1.4). */
  expiresAt: Instant;
  /** Of SMART, as far as they were understood; none opens nothing. */
  scopes: readonly Scope[];
}

/** Why a token is refused, in words that hold nothing of it: for metrics, logs and `error_description`. */
export type TokenFault = keyof typeof FAULTS;

const FAULTS = {
  malformed: 'it is not a signed JWT',
  size: 'it is too long',
  algorithm: 'its algorithm is not taken',
  type: 'it is not an access token of the configured type',
  key: 'no key of the issuer fits it',
  signature: 'its signature does not hold',
  issuer: 'its issuer is not known',
  audience: 'it was not issued for this service',
  expired: 'it has expired',
  early: 'it is not valid yet',
  lifetime: 'it lives longer than is taken',
  claims: 'a claim is missing, or not as configured',
  client: 'it was issued to a client that is not taken',
  revoked: 'it was revoked',
} as const;

/** The words of a fault, as a caller and an operator are told. */
export function wordsOf(fault: TokenFault): string {
  return FAULTS[fault];
}

/** A token that is not taken: ACCESS-TOKEN, with its fault. */
export class TokenRefusal extends VitalmeshError {
  readonly fault: TokenFault;

  constructor(fault: TokenFault) {
    super('ACCESS-TOKEN', { detail: wordsOf(fault) });
    this.name = 'TokenRefusal';
    this.fault = fault;
  }
}
