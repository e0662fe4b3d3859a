import type { KeyObject, X509Certificate } from 'node:crypto';
import { VitalmeshError } from '../../../errors.ts';
import { verifyChain } from '../../../identity/chain.ts';
import { type Identity, readCertificates } from '../../../identity/identity.ts';
import type { CertificateTime } from '../../../time/network-clock.ts';

/** What the certificate must fit. */
export interface Expected {
  /** Whose certificate is replaced. */
  identity: Identity;
  /** The new key. */
  privateKey: KeyObject;
  /** By which it must be valid. */
  time: CertificateTime;
}

/** The controller dates certificates back by a minute; a gateway's clock may be slower still. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;

/**
 * The certificate that a controller gave, as PEM, once it is known to be good: for the new key, for this very identity, valid now, and
 * issued by the CA that this side trusts already. What it trusts does not change by a renewal: others would not trust a certificate of
 * another CA. Errors: OVERLAY-PROTOCOL (unreadable, or for another key), IDENTITY-NAME, -UNTRUSTED, -EXPIRED, -CHAIN.
 */
export function readExtension(certPem: string, { identity, privateKey, time }: Expected): string {
  const chain = certificatesOf(certPem);
  const [leaf] = chain;
  if (!leaf?.checkPrivateKey(privateKey)) throw unusable('its certificate is for another key');
  const mayBeginLaterMs = Math.max(time.mayBeginLaterMs, CLOCK_TOLERANCE_MS);
  const trusted = readCertificates(identity.caPem, 'ca');
  if (verifyChain(chain, trusted, { now: time.now, mayBeginLaterMs, trustDomain: identity.trustDomain }).identityId !== identity.id)
    throw new VitalmeshError('IDENTITY-NAME', { detail: 'the controller certified another identity' });
  return chain.map((certificate) => certificate.toString()).join('');
}

function certificatesOf(pem: string): X509Certificate[] {
  try {
    return readCertificates(pem, 'cert');
  } catch {
    throw unusable('its certificates cannot be read');
  }
}

function unusable(detail: string): VitalmeshError {
  return new VitalmeshError('OVERLAY-PROTOCOL', { detail: `the controller's answer to the renewal: ${detail}` });
}
