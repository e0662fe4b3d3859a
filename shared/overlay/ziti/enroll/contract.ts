import type { IdentityFile } from '../../../identity/identity.ts';

export interface EnrollOptions {
  /** The token (JWT) as `ziti edge create identity` wrote it. */
  token: string;
  /** Where the identity file goes; must not exist. */
  identityPath: string;
  now: () => number;
  signal?: AbortSignal;
}

/**
 * Enrols with a one-time token (openziti-wire.md §1). The token's signature is checked against the key of the very TLS peer that is
 * used afterwards; nothing is sent to any other. The private key is on disk (`<identityPath>.key`, 0600) before the token is
 * spent, so that a crash never costs the token without a trace: a second run with the same token uses the key that lies there.
 * Errors: ENROLL-TOKEN (malformed, tampered, or signed by somebody else), ENROLL-KIND (not ott), ENROLL-EXPIRED, ENROLL-SPENT,
 * ENROLL-REFUSED, IDENTITY-FILE (exists already), OVERLAY-UNREACHABLE, OVERLAY-TIMEOUT.
 */
export type Enroll = (options: EnrollOptions) => Promise<IdentityFile>;
