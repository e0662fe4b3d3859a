import type { Instant } from '../clock.ts';
import { type ErrorCode, VitalmeshError } from '../errors.ts';
import type { Validity } from '../time/network-clock.ts';
import { readValidity } from './certificate-use.ts';
import { type Identity, readCertificates } from './identity.ts';

export interface RenewalStatus {
  /** `retrying`: the last attempt failed, for the reason in `code`. */
  state: 'waiting' | 'renewing' | 'retrying';
  /** When it is tried, or tried again. */
  nextAt: Instant;
  /** Since the start of the process. */
  lastRenewedAt: Instant | null;
  code: ErrorCode | null;
}

/** What a running process tells of its own identity. */
export interface IdentityStatus {
  /** Overlay identity id. */
  id: string;
  /** When the certificate in use ends. */
  notAfter: Instant;
  /** Null where nothing is renewed: the network is not one that does. */
  renewal: RenewalStatus | null;
}

/** From when to when the certificate of an identity is valid. Throws IDENTITY-CHAIN when it does not say. */
export function validityOf({ certPem }: Pick<Identity, 'certPem'>): Validity {
  const [leaf] = readCertificates(certPem, 'cert');
  if (!leaf) throw new VitalmeshError('IDENTITY-CHAIN', { detail: 'no certificate' });
  return readValidity(leaf.raw);
}

const MINUTE_MS = 60 * 1000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The same for people: `gw1, certificate for 243 days`. */
export function formatIdentity({ id, notAfter, renewal }: IdentityStatus, now: Instant): string {
  const left = notAfter - now;
  const until = left < 0 ? 'certificate EXPIRED' : `certificate for ${formatTimeLeft(left)}`;
  const trouble = renewal?.state === 'retrying' ? `, renewal fails: ${renewal.code}` : '';
  return `${id}, ${until}${trouble}`;
}

/** What is left (in ms, not negative) in whole days, near the end in hours and minutes: what is good still is never told as zero days or hours. */
export function formatTimeLeft(ms: number): string {
  if (ms < 2 * HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  return ms < 2 * DAY_MS ? `${Math.floor(ms / HOUR_MS)} h` : `${Math.floor(ms / DAY_MS)} days`;
}
