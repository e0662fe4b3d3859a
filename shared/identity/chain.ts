import type { KeyObject, X509Certificate } from 'node:crypto';
import { checkServerIdentity } from 'node:tls';
import type { Instant } from '../clock.ts';
import { VitalmeshError } from '../errors.ts';
import type { CertificateTime, Validity } from '../time/network-clock.ts';
import { type CertificateUse, readCertificateUse } from './certificate-use.ts';

export interface ChainOptions {
  /** The time at which every certificate must be valid. */
  now: Instant;
  /** So much later a certificate may begin, where that time is only known to lie behind; 0 unless told. */
  mayBeginLaterMs?: number;
  /** The trust domain of the network this side belongs to; a certificate of another one is refused. */
  trustDomain: string;
}

/** Who a certificate names, once its chain was verified. */
export interface VerifiedIdentity {
  identityId: string;
  trustDomain: string;
}

/** OpenZiti issues leaf + intermediate; networks with an offline root have one more. Beyond that somebody plays with us. */
const MAX_PRESENTED = 8;
const MAX_PATH = 5;

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY_USAGE = '2.5.29.37.0';
const CURVES = new Set(['prime256v1', 'secp384r1']);
const RSA_BITS = { min: 2048, max: 8192 };
/** RSA (PKCS #1 v1.5) and ECDSA, each with SHA-256, SHA-384, SHA-512 (RFC 8017 §A.2.4, RFC 5758 §3.2). */
const SIGNATURES = new Set([
  ...['1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13'],
  ...['1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4'],
]);
/** By SHA-256 of the certificate: reading one takes a millisecond, and those of a network come back with every connection. */
const USES = new Map<string, CertificateUse>();
/** A few MB. Beyond it those make room that were read first. */
const MAX_USES = 4096;
const TRUST_DOMAIN_URI = /^spiffe:\/\/([A-Za-z0-9._-]{1,255})$/;
const IDENTITY_URI = /^spiffe:\/\/([A-Za-z0-9._-]{1,255})\/identity\/([A-Za-z0-9._-]{1,64})$/;

/**
 * Checks the chain that a peer presented (leaf first, in any order after it) up to a self-signed root among `trusted`, the `ca`
 * of the own identity file, and returns the identity that the leaf names. TLS stacks refuse OpenZiti's certificates as those of
 * a server, because they carry the client-auth usage only; this check stands in for theirs, and beside it (openziti-wire.md §0.10).
 * It says nothing about who holds the leaf's private key: that is for the TLS handshake or a signature to prove.
 *
 * Throws IDENTITY-UNTRUSTED (no signatures up to a trusted root), -EXPIRED (a certificate outside its validity), -CHAIN (CA flag,
 * usage, path length, key or signature kind) or -NAME (not exactly one name, of the form spiffe://domain/identity/id, of our domain).
 */
export function verifyChain(
  chain: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  options: ChainOptions,
): VerifiedIdentity {
  const [leaf] = verifyPath(chain, trusted, { time: timeOf(options), usage: CLIENT_AUTH });
  return verifyLeaf(leaf, options);
}

/**
 * As verifyChain, for a server that is called by `host`: what a TLS stack checks, for when its verdict cannot count because it takes the
 * time from the machine. Returns from when to when the whole path is valid. Its rules are those of verifyChain (keys, signatures, CA flags,
 * path length), and server authentication where usages are named at all (RFC 5280 §4.2.1.12), as OpenSSL has it.
 *
 * Throws IDENTITY-UNTRUSTED, -EXPIRED, -CHAIN, and IDENTITY-NAME for another host.
 */
export function verifyServer(
  chain: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  { host, ...time }: CertificateTime & { host: string },
): Validity {
  const path = verifyPath(chain, trusted, { time, usage: SERVER_AUTH });
  const [leaf] = path;
  const use = useOf(leaf);
  const fault = faultOf(leaf, use, time) ?? serverFault(use);
  if (fault) throw fault;
  if (checkServerIdentity(host, leaf.toLegacyObject())) throw misnamed('a certificate for another host');
  return {
    notBefore: Math.max(...path.map((each) => useOf(each).validity.notBefore)),
    notAfter: Math.min(...path.map((each) => useOf(each).validity.notAfter)),
  };
}

/** The leaf's part of verifyChain, for a leaf whose path somebody else has verified. Throws IDENTITY-EXPIRED, -CHAIN, -NAME. */
export function verifyLeaf(leaf: X509Certificate, options: ChainOptions): VerifiedIdentity {
  const use = useOf(leaf);
  const fault = faultOf(leaf, use, timeOf(options)) ?? leafFault(use);
  if (fault) throw fault;
  return nameOf(use, options.trustDomain);
}

/** The trust domain that a network's CA names in its certificates, `spiffe://<trust domain>`. Throws IDENTITY-NAME when they name none or several. */
export function namedTrustDomain(authorities: readonly X509Certificate[]): string {
  const names = authorities.flatMap((certificate) => useOf(certificate).alternativeNames);
  const [domain, ...others] = new Set(names.flatMap(({ kind, value }) => (kind === 'url' && TRUST_DOMAIN_URI.exec(value)?.[1]) || []));
  if (domain === undefined || others.length > 0) throw misnamed('the CA does not name one trust domain');
  return domain;
}

/** The identity that a certificate names, or a thrown IDENTITY-NAME. Proves nothing about the certificate. */
export function namedIdentity(certificate: X509Certificate): VerifiedIdentity {
  return nameOf(useOf(certificate), undefined);
}

/** By which rules the certificates of a path are judged. */
interface PathRules {
  time: CertificateTime;
  /** What an issuer must be allowed to issue for. */
  usage: string;
}

function timeOf({ now, mayBeginLaterMs = 0 }: ChainOptions): CertificateTime {
  return { now, mayBeginLaterMs };
}

/** The path from the leaf to a trusted root, both included. The leaf itself is not judged. */
function verifyPath(
  [leaf, ...presented]: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  rules: PathRules,
): [X509Certificate, ...X509Certificate[]] {
  if (leaf === undefined) throw new VitalmeshError('IDENTITY-CHAIN', { detail: 'no certificate was presented' });
  if (presented.length >= MAX_PRESENTED) throw broken(`more than ${MAX_PRESENTED} certificates were presented`);
  const roots = new Set(trusted.filter((certificate) => issued(certificate, certificate)));
  const pool = [...roots, ...trusted.filter((certificate) => !roots.has(certificate)), ...presented];
  const path: [X509Certificate, ...X509Certificate[]] = [leaf];
  for (let current = leaf; path.length < MAX_PATH; path.push(current)) {
    const issuer = issuerOf(current, pool, path, rules);
    if (roots.has(issuer)) return [...path, issuer];
    current = issuer;
  }
  throw broken('the chain is too long');
}

/** The first certificate that signed `subject` and may do so. No way back from a choice: that keeps the work small whatever was presented. */
function issuerOf(
  subject: X509Certificate,
  pool: readonly X509Certificate[],
  path: readonly X509Certificate[],
  { time, usage }: PathRules,
): X509Certificate {
  let firstFault: VitalmeshError | undefined;
  for (const candidate of pool) {
    if (path.includes(candidate) || !issued(candidate, subject)) continue;
    const use = useOf(candidate);
    const fault = faultOf(candidate, use, time) ?? issuerFault(use, path.length - 1, usage);
    if (!fault) return candidate;
    firstFault ??= fault;
  }
  throw firstFault ?? new VitalmeshError('IDENTITY-UNTRUSTED', { detail: 'no trusted issuer' });
}

/** node:crypto's checkIssued would hide an issuer without the right to sign; that is a fault of its own here, so only name and signature count. */
function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  if (issuer.subject !== subject.issuer) return false;
  const key = keyOf(issuer);
  try {
    return key !== undefined && subject.verify(key);
  } catch {
    return false;
  }
}

/** Rules for every certificate of a path. */
function faultOf(certificate: X509Certificate, use: CertificateUse, { now, mayBeginLaterMs }: CertificateTime): VitalmeshError | undefined {
  const { notBefore, notAfter } = use.validity;
  if (!(now + mayBeginLaterMs >= notBefore)) return expired('not yet valid');
  if (!(now <= notAfter)) return expired('no longer valid');
  if (!keyAllowed(keyOf(certificate))) return broken('key kind or size');
  if (!SIGNATURES.has(certificate.signatureAlgorithmOid)) return broken('signature algorithm');
  if (use.unknownCritical.length > 0) return broken('critical extension that is not known');
  return undefined;
}

/** Rules for an issuer that stands `below` CA certificates above the leaf's own issuer (RFC 5280 §6.1.4 k to n). */
function issuerFault(use: CertificateUse, below: number, usage: string): VitalmeshError | undefined {
  if (!use.ca) return broken('an issuer is no CA');
  if (!use.keyUsage?.keyCertSign) return broken('an issuer may not sign certificates');
  if (use.pathLen !== undefined && use.pathLen < below) return broken('path length');
  if (use.extendedKeyUsage && !allows(use.extendedKeyUsage, usage))
    return broken(`an issuer may not issue for ${usage === CLIENT_AUTH ? 'client' : 'server'} authentication`);
  return undefined;
}

/** Rules for the leaf, as OpenZiti issues it (openziti-wire.md §1). */
function leafFault(use: CertificateUse): VitalmeshError | undefined {
  if (use.ca || use.keyUsage?.keyCertSign) return broken('a CA poses as an identity');
  if (use.keyUsage && !use.keyUsage.digitalSignature) return broken('the key may not sign');
  if (!use.extendedKeyUsage?.includes(CLIENT_AUTH)) return broken('not for client authentication');
  return undefined;
}

/** Rules for a server's leaf, as OpenZiti issues them to controllers and routers (openziti-wire.md §3). */
function serverFault(use: CertificateUse): VitalmeshError | undefined {
  if (use.ca || use.keyUsage?.keyCertSign) return broken('a CA poses as a server');
  if (use.keyUsage && !use.keyUsage.digitalSignature) return broken('the key may not sign');
  if (use.extendedKeyUsage && !use.extendedKeyUsage.includes(SERVER_AUTH)) return broken('not for server authentication');
  return undefined;
}

function nameOf({ alternativeNames }: CertificateUse, trustDomain: string | undefined): VerifiedIdentity {
  const [name, ...others] = alternativeNames;
  if (name === undefined || others.length > 0) throw misnamed(`${alternativeNames.length} names`);
  const [, domain, identityId] = (name.kind === 'url' && IDENTITY_URI.exec(name.value)) || [];
  if (domain === undefined || identityId === undefined) throw misnamed('the name is no SPIFFE identity');
  if (trustDomain !== undefined && domain !== trustDomain) throw misnamed('another trust domain');
  return { identityId, trustDomain: domain };
}

function useOf(certificate: X509Certificate): CertificateUse {
  const known = USES.get(certificate.fingerprint256);
  if (known) return known;
  const use = readCertificateUse(certificate.raw);
  if (!use) throw broken('a certificate cannot be read');
  USES.set(certificate.fingerprint256, use);
  const [oldest] = USES.keys();
  if (USES.size > MAX_USES && oldest !== undefined) USES.delete(oldest);
  return use;
}

function keyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

function keyAllowed(key: KeyObject | undefined): boolean {
  const { namedCurve = '', modulusLength = 0 } = key?.asymmetricKeyDetails ?? {};
  if (key?.asymmetricKeyType === 'ec') return CURVES.has(namedCurve);
  return key?.asymmetricKeyType === 'rsa' && modulusLength >= RSA_BITS.min && modulusLength <= RSA_BITS.max;
}

function allows(usages: readonly string[], usage: string): boolean {
  return usages.includes(usage) || usages.includes(ANY_USAGE);
}

function broken(detail: string): VitalmeshError {
  return new VitalmeshError('IDENTITY-CHAIN', { detail });
}

function expired(detail: string): VitalmeshError {
  return new VitalmeshError('IDENTITY-EXPIRED', { detail });
}

function misnamed(detail: string): VitalmeshError {
  return new VitalmeshError('IDENTITY-NAME', { detail });
}
