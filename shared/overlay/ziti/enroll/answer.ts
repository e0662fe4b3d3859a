import type { KeyObject, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { VitalmeshError } from '../../../errors.ts';
import { readCertificateUse } from '../../../identity/certificate-use.ts';
import { namedIdentity, verifyChain } from '../../../identity/chain.ts';
import { readCertificates } from '../../../identity/identity.ts';
import type { CertificateTime } from '../../../time/network-clock.ts';
import { distinct } from './ca-bundle.ts';
import type { PeerAnswer } from './pinned-peer.ts';

/** What the certificate must fit. */
export interface Expected {
  identityId: string;
  privateKey: KeyObject;
  authorities: readonly X509Certificate[];
  /** By which it must be valid. */
  time: CertificateTime;
}

export interface Enrolled {
  /** The own certificate and its intermediates, leaf first, PEM. */
  certPem: string;
  /** The network's CA, PEM. */
  caPem: string;
}

/** The controller dates certificates back by a minute; a gateway's clock may be slower still. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;

const ENROLLED = z.object({ data: z.object({ cert: z.string(), ca: z.string().nullish() }) });
const REFUSED = z.object({ error: z.object({ code: z.string().regex(/^[A-Z_]{1,64}$/) }) });
const SPENT = 'INVALID_ENROLLMENT_TOKEN';

/**
 * The answer's body, once its status says success. Errors: ENROLL-SPENT, ENROLL-REFUSED (with the controller's code),
 * OVERLAY-UNREACHABLE (it says that it cannot), OVERLAY-PROTOCOL (no answer of this API, a redirect among them).
 */
export function acceptedBody({ status, body }: PeerAnswer): string {
  if (status >= 200 && status < 300) return body;
  if (status >= 500 && status < 600) throw new VitalmeshError('OVERLAY-UNREACHABLE', { detail: `the controller answers ${status}` });
  if (status < 400) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: `the controller answers ${status}` });
  const code = REFUSED.safeParse(jsonOf(body)).data?.error.code;
  if (code === SPENT) throw new VitalmeshError('ENROLL-SPENT');
  throw new VitalmeshError('ENROLL-REFUSED', { detail: code ?? `the controller answers ${status}` });
}

/**
 * The certificate out of an enrolment's answer, `{"data":{"cert","ca"?}}` or from very old controllers the bare PEM, and the CA with
 * what the answer adds to it. Errors: OVERLAY-PROTOCOL (unreadable, or for another key), IDENTITY-NAME (for another identity than the
 * token's, or none), IDENTITY-UNTRUSTED, -EXPIRED, -CHAIN (not as the network's CA issues them).
 */
export function readEnrolled(body: string, { identityId, privateKey, authorities, time }: Expected): Enrolled {
  const { cert, ca } = bodyOf(body);
  const chain = certificatesOf(cert);
  const [leaf] = chain;
  if (!leaf?.checkPrivateKey(privateKey)) throw unreadable('its certificate is for another key');
  const trusted = distinct([...authorities, ...(ca ? certificatesOf(ca).filter(({ raw }) => readCertificateUse(raw)?.ca) : [])]);
  const mayBeginLaterMs = Math.max(time.mayBeginLaterMs, CLOCK_TOLERANCE_MS);
  // Not every network's CA names the trust domain; the controller, whom the token vouches for, does.
  const { trustDomain } = namedIdentity(leaf);
  if (verifyChain(chain, trusted, { now: time.now, mayBeginLaterMs, trustDomain }).identityId !== identityId)
    throw new VitalmeshError('IDENTITY-NAME', { detail: 'the controller certified another identity than the token names' });
  return { certPem: pemOf(chain), caPem: pemOf(trusted) };
}

function bodyOf(body: string): { cert: string; ca?: string | null | undefined } {
  if (body.trimStart().startsWith('-----BEGIN CERTIFICATE-----')) return { cert: body };
  const parsed = ENROLLED.safeParse(jsonOf(body));
  if (!parsed.success) throw unreadable('no certificate in it');
  return parsed.data.data;
}

function certificatesOf(pem: string): X509Certificate[] {
  try {
    return readCertificates(pem, 'cert');
  } catch {
    throw unreadable('its certificates cannot be read');
  }
}

function pemOf(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function unreadable(detail: string): VitalmeshError {
  return new VitalmeshError('OVERLAY-PROTOCOL', { detail: `the controller's answer to the enrolment: ${detail}` });
}
