import { createPrivateKey, createPublicKey, KeyObject, randomBytes, randomInt, webcrypto } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Clock, type Instant, systemClock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { IdentityFile } from '../../shared/identity/identity.ts';
import { x509 } from '../../shared/identity/x509.ts';

export interface CaOptions {
  /** SPIFFE trust domain of the network: lower-case letters, digits, dots, dashes. */
  trustDomain: string;
  /** Common name of the root; the intermediate's is derived from it. */
  commonName: string;
  clock?: Clock;
}

export interface Validity {
  notBefore: Instant;
  notAfter: Instant;
}

export interface CertificateRequest {
  /** Overlay identity id. */
  id: string;
  /** Common name; for people to read, proves nothing. */
  name: string;
  /** A year from now unless told, as OpenZiti does. */
  validity?: Validity;
}

export interface IdentityRequest extends CertificateRequest {
  /** `ztAPI` of the identity file; the embedded controller's usual address unless told. */
  controller?: string;
}

export interface ServerRequest {
  /** Common name: a router's is its id. */
  commonName: string;
  /** DNS names and IP addresses beside localhost, 127.0.0.1 and ::1, which every server certificate names. */
  hosts?: readonly string[];
  /** A fresh key of this kind, `p256` unless told, or one of before (PKCS#8 PEM), so that what it signed stays good. */
  key?: 'p256' | 'rsa2048' | { pem: string };
  validity?: Validity;
}

export interface ServerCertificate {
  /** Private key, PKCS#8 PEM. */
  keyPem: string;
  /** Leaf and intermediate, PEM. */
  certPem: string;
}

/** A small certificate authority for a trial network: a root, an intermediate, and identities as OpenZiti issues them (openziti-wire.md §1). */
export interface Ca {
  readonly trustDomain: string;
  /** Intermediate and root, PEM: the `ca` of its identity files. */
  readonly caPem: string;
  /** A fresh key, its certificate and the CA, as the standard identity file. */
  issueIdentity(request: IdentityRequest): Promise<IdentityFile>;
  /** Certifies a public key that somebody else made; returns leaf and intermediate, PEM. */
  certify(publicKey: webcrypto.CryptoKey, request: CertificateRequest): Promise<string>;
  /** A certificate for a controller or router of this network (openziti-wire.md §3). Throws CONFIG-INVALID for a host that is no name. */
  certifyServer(request: ServerRequest): Promise<ServerCertificate>;
  /** Writes keys and certificates into a folder of its own, mode 0700. Throws FABRIC-CA when there is one already. */
  save(folder: string): void;
}

interface Authority {
  certificate: x509.X509Certificate;
  key: webcrypto.CryptoKey;
}

export const DEFAULT_CONTROLLER = 'https://127.0.0.1:1280/edge/client/v1';

/** NIST P-256 with SHA-256: 128 bits of security, and several times faster than P-384 in every handshake. */
const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
/** For those who verify RS256 only. */
const RSA_KEY = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' } as const;

const DAY_MS = 24 * 60 * 60 * 1000;
const IDENTITY_DAYS = 365;
const CA_DAYS = 3650;
/** Clocks of a network differ; a certificate is valid a little before it is made. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;

const TRUST_DOMAIN = /^[a-z0-9][a-z0-9.-]{0,252}$/;
const IDENTITY_ID = /^[A-Za-z0-9.-]{1,64}$/;
const DNS_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];
const ID_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-';

const FILES = {
  root: 'root.cert.pem',
  rootKey: 'root.key.pem',
  intermediate: 'intermediate.cert.pem',
  intermediateKey: 'intermediate.key.pem',
} as const;

/** An identity id in the form of OpenZiti's: 9 to 11 letters, digits, dots and dashes. */
export function newIdentityId(): string {
  return Array.from({ length: randomInt(9, 12) }, () => ID_ALPHABET[randomInt(ID_ALPHABET.length)]).join('');
}

/** A new CA with fresh keys, not yet on disk. Throws CONFIG-INVALID for a malformed trust domain. */
export async function createCa({ trustDomain, commonName, clock = systemClock }: CaOptions): Promise<Ca> {
  if (!TRUST_DOMAIN.test(trustDomain)) throw new VitalmeshError('CONFIG-INVALID', { detail: `trust domain ${trustDomain}` });
  const [rootKeys, intermediateKeys] = await Promise.all([newKeyPair(), newKeyPair()]);
  const validity = validFor(clock, CA_DAYS);
  const root = await sign({
    subject: commonNameOf(commonName),
    publicKey: rootKeys.publicKey,
    issuer: { name: commonNameOf(commonName), key: rootKeys.privateKey },
    validity,
    extensions: authorityExtensions(trustDomain, undefined),
  });
  const intermediate = await sign({
    subject: commonNameOf(`${commonName} intermediate`),
    publicKey: intermediateKeys.publicKey,
    issuer: { name: root.subjectName, key: rootKeys.privateKey },
    validity,
    extensions: authorityExtensions(trustDomain, 0),
  });
  return caOf(
    trustDomain,
    { certificate: root, key: rootKeys.privateKey },
    { certificate: intermediate, key: intermediateKeys.privateKey },
    clock,
  );
}

/** Reads a CA that `save` wrote. Throws FABRIC-CA, also when its folder is open to others. */
export async function loadCa(folder: string, clock: Clock = systemClock): Promise<Ca> {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  try {
    if ((statSync(folder).mode & 0o077) !== 0) throw new VitalmeshError('FABRIC-CA', { detail: `${folder} is open to others` });
    const root = new x509.X509Certificate(read(FILES.root));
    const intermediate = new x509.X509Certificate(read(FILES.intermediate));
    return caOf(
      trustDomainOf(root),
      { certificate: root, key: importKey(read(FILES.rootKey)) },
      { certificate: intermediate, key: importKey(read(FILES.intermediateKey)) },
      clock,
    );
  } catch (cause) {
    throw cause instanceof VitalmeshError ? cause : new VitalmeshError('FABRIC-CA', { cause, detail: `the CA in ${folder}` });
  }
}

/** Writes an identity file with mode 0600; never over an existing one (IDENTITY-FILE). */
export function writeIdentity(path: string, identity: IdentityFile): void {
  try {
    writeSecret(path, `${JSON.stringify(identity, null, 2)}\n`);
  } catch (cause) {
    throw new VitalmeshError('IDENTITY-FILE', { cause, detail: `${path} cannot be written; it may exist already` });
  }
}

function caOf(trustDomain: string, root: Authority, intermediate: Authority, clock: Clock): Ca {
  const intermediatePem = intermediate.certificate.toString('pem');
  const caPem = `${intermediatePem}\n${root.certificate.toString('pem')}\n`;

  const certify = async (publicKey: webcrypto.CryptoKey, { id, name, validity }: CertificateRequest): Promise<string> => {
    if (!IDENTITY_ID.test(id)) throw new VitalmeshError('CONFIG-INVALID', { detail: 'identity id' });
    const leaf = await sign({
      subject: commonNameOf(name),
      publicKey,
      issuer: { name: intermediate.certificate.subjectName, key: intermediate.key },
      validity: validity ?? validFor(clock, IDENTITY_DAYS),
      extensions: identityExtensions(trustDomain, id),
    });
    return `${leaf.toString('pem')}\n${intermediatePem}\n`;
  };

  const certifyServer = async ({ commonName, hosts = [], key = 'p256', validity }: ServerRequest): Promise<ServerCertificate> => {
    const { keyPem, publicKey } = await serverKey(key);
    const leaf = await sign({
      subject: commonNameOf(commonName),
      publicKey,
      issuer: { name: intermediate.certificate.subjectName, key: intermediate.key },
      validity: validity ?? validFor(clock, IDENTITY_DAYS),
      extensions: serverExtensions(hosts),
    });
    return { keyPem, certPem: `${leaf.toString('pem')}\n${intermediatePem}\n` };
  };

  return {
    trustDomain,
    caPem,
    certify,
    certifyServer,
    async issueIdentity({ controller = DEFAULT_CONTROLLER, ...request }) {
      const keys = await newKeyPair();
      const cert = await certify(keys.publicKey, request);
      return { ztAPI: controller, id: { key: `pem:${exportKey(keys.privateKey)}`, cert: `pem:${cert}`, ca: `pem:${caPem}` } };
    },
    save(folder) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        chmodSync(folder, 0o700);
        writeSecret(join(folder, FILES.rootKey), exportKey(root.key));
        writeSecret(join(folder, FILES.intermediateKey), exportKey(intermediate.key));
        writeSecret(join(folder, FILES.root), root.certificate.toString('pem'));
        writeSecret(join(folder, FILES.intermediate), intermediatePem);
      } catch (cause) {
        throw new VitalmeshError('FABRIC-CA', { cause, detail: `the CA cannot be written to ${folder}; there may be one already` });
      }
    },
  };
}

interface Tbs {
  subject: x509.Name;
  publicKey: webcrypto.CryptoKey;
  issuer: { name: x509.Name; key: webcrypto.CryptoKey };
  validity: Validity;
  extensions: x509.Extension[];
}

function sign({ subject, publicKey, issuer, validity, extensions }: Tbs): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    issuer: issuer.name,
    publicKey,
    signingKey: issuer.key,
    signingAlgorithm: SIGNING,
    notBefore: new Date(validity.notBefore),
    notAfter: new Date(validity.notAfter),
    extensions,
  });
}

function authorityExtensions(trustDomain: string, pathLen: number | undefined): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, pathLen, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
  ];
}

function identityExtensions(trustDomain: string, id: string): x509.Extension[] {
  const usages = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment | x509.KeyUsageFlags.dataEncipherment;
  return [
    new x509.KeyUsagesExtension(usages, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}/identity/${id}` }]),
  ];
}

function serverExtensions(hosts: readonly string[]): x509.Extension[] {
  const names = [...new Set([...LOCAL_HOSTS, ...hosts])].map((host) => ({
    type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const),
    value: host,
  }));
  const wrong = names.find(({ type, value }) => type === 'dns' && !DNS_NAME.test(value));
  if (wrong) throw new VitalmeshError('CONFIG-INVALID', { detail: `host ${wrong.value}` });
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    new x509.SubjectAlternativeNameExtension(names),
  ];
}

async function serverKey(key: NonNullable<ServerRequest['key']>): Promise<{ keyPem: string; publicKey: webcrypto.CryptoKey }> {
  if (typeof key !== 'object') {
    const pair = await webcrypto.subtle.generateKey(key === 'p256' ? KEY : RSA_KEY, true, ['sign', 'verify']);
    return { keyPem: exportKey(pair.privateKey), publicKey: pair.publicKey };
  }
  const spki = createPublicKey(key.pem);
  const publicKey = spki.toCryptoKey(spki.asymmetricKeyType === 'rsa' ? RSA_KEY : KEY, true, ['verify']);
  return { keyPem: key.pem, publicKey };
}

function trustDomainOf(root: x509.X509Certificate): string {
  const name = root.getExtension(x509.SubjectAlternativeNameExtension)?.names.items[0]?.value ?? '';
  const trustDomain = name.slice('spiffe://'.length);
  if (!TRUST_DOMAIN.test(trustDomain)) throw new VitalmeshError('FABRIC-CA', { detail: 'the root names no trust domain' });
  return trustDomain;
}

/** 126 random bits; the leading bits 01 keep the number positive and its length fixed (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function validFor(clock: Clock, days: number): Validity {
  const now = clock.now();
  return { notBefore: now - CLOCK_SKEW_MS, notAfter: now + days * DAY_MS };
}

/** Structured, so that a name with commas or equals signs stays one common name. */
function commonNameOf(name: string): x509.Name {
  return new x509.Name([{ CN: [{ utf8String: name }] }]);
}

function newKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
}

function importKey(pem: string): webcrypto.CryptoKey {
  return createPrivateKey(pem).toCryptoKey(KEY, true, ['sign']);
}

function exportKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

function writeSecret(path: string, content: string): void {
  writeFileSync(path, content, { flag: 'wx', mode: 0o600, flush: true });
}
