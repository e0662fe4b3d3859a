import type { Instant } from '../clock.ts';
import type { ErrorCode } from '../errors.ts';
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

/** From when to when the certificate of an identity is valid. */
export function validityOf({ certPem }: Pick<Identity, 'certPem'>): { notBefore: Instant; notAfter: Instant } {
  const [leaf] = readCertificates(certPem, 'cert');
  // There is one, or the line above has thrown.
  return { notBefore: leaf?.validFromDate.getTime() ?? 0, notAfter: leaf?.validToDate.getTime() ?? 0 };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** The same for people: `gw1, certificate for 243 days`. */
export function formatIdentity({ id, notAfter, renewal }: IdentityStatus, now: Instant): string {
  const left = notAfter - now;
  const until =
    left < 0 ? 'certificate EXPIRED' : `certificate for ${left < 2 * DAY_MS ? `${hours(left)} h` : `${Math.floor(left / DAY_MS)} days`}`;
  const trouble = renewal?.state === 'retrying' ? `, renewal fails: ${renewal.code}` : '';
  return `${id}, ${until}${trouble}`;
}

function hours(ms: number): number {
  return Math.floor(ms / (60 * 60 * 1000));
}
