import type { IdentityFile } from '../../../identity/identity.ts';
import type { Logger } from '../../../log.ts';

export interface EnrollOptions {
  /** The token (JWT) as `ziti edge create identity` wrote it. */
  token: string;
  /** Where the identity file goes; must not exist. */
  identityPath: string;
  /** The machine's clock. Where it cannot be right, the time is that of the controller whose key signed the token. */
  now: () => number;
  /** For what is said about the clock; nothing unless told. */
  log?: Logger;
  signal?: AbortSignal;
  /** For each of the two requests, from connecting to the end of the answer. 20 seconds unless told. */
  timeoutMs?: number;
}

/**
 * Enrols with a one-time token (openziti-wire.md §1) and writes the identity file. The token's signature is checked against the key
 * of the very TLS peer that is used afterwards; nothing is sent to any other. The private key is on disk (`<identityPath>.key`, 0600)
 * before the token is spent, so that a crash never costs the token without a trace: a second run uses the key that lies there.
 * Errors before the token is sent: IDENTITY-FILE (exists already), ENROLL-TOKEN (malformed, tampered, signed by somebody else, or by
 * a server that is not of its own network's CA), ENROLL-KIND (not ott), ENROLL-EXPIRED. Of the controller: ENROLL-SPENT,
 * ENROLL-REFUSED, OVERLAY-UNREACHABLE, OVERLAY-TIMEOUT, OVERLAY-CLOSED (the signal), OVERLAY-PROTOCOL (an answer that cannot be read,
 * or a certificate for another key). Of the certificate it gives: IDENTITY-NAME, -UNTRUSTED, -EXPIRED, -CHAIN. Of the folder:
 * IDENTITY-FILE, IDENTITY-MODE (of the key that lies there).
 */
export type Enroll = (options: EnrollOptions) => Promise<IdentityFile>;
