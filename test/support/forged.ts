import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Identity } from '../../shared/identity/identity.ts';
import { x509 } from '../../shared/identity/x509.ts';

// Certificates as nobody should issue them, and the network they attack. Made with keys that the real CA never gives away.

/** A certificate with its key, and who signed it. */
export interface Certified {
  certificate: x509.X509Certificate;
  keys: webcrypto.CryptoKeyPair;
  issuer: Certified | undefined;
}

interface Recipe {
  /** Who signs; itself when absent. */
  issuer?: Certified;
  /** Common name. */
  subject?: string;
  extensions: x509.Extension[];
  notBefore?: Date;
  notAfter?: Date;
  keys?: webcrypto.CryptoKeyPair;
  signing?: webcrypto.EcdsaParams | webcrypto.Algorithm;
}

type KeyKind = webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams;

const P256 = { name: 'ECDSA', namedCurve: 'P-256' };
const SHA256 = { name: 'ECDSA', hash: 'SHA-256' };
const DAY_MS = 24 * 60 * 60 * 1000;
export const DOMAIN = 'vitalmesh.test';

export function days(count: number): Date {
  return new Date(Date.now() + count * DAY_MS);
}

export async function newKeys(kind: KeyKind = P256): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(kind, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

export async function certify({ issuer, subject = 'forged', extensions, signing = SHA256, ...recipe }: Recipe): Promise<Certified> {
  const keys = recipe.keys ?? (await newKeys());
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `41${randomBytes(10).toString('hex')}`,
    subject: `CN=${subject}`,
    issuer: issuer?.certificate.subject ?? `CN=${subject}`,
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: signing,
    notBefore: recipe.notBefore ?? days(-1),
    notAfter: recipe.notAfter ?? days(30),
    extensions,
  });
  return { certificate, keys, issuer };
}

const { digitalSignature, keyCertSign, cRLSign, keyEncipherment } = x509.KeyUsageFlags;

export const is = {
  ca: (pathLen?: number) => new x509.BasicConstraintsExtension(true, pathLen, true),
  noCa: () => new x509.BasicConstraintsExtension(false, undefined, true),
  signer: () => new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
  key: (usages: number = digitalSignature | keyEncipherment) => new x509.KeyUsagesExtension(usages, true),
  client: () => new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  server: () => new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
  named: (...names: x509.JsonGeneralNames) => new x509.SubjectAlternativeNameExtension(names),
  identity: (id: string, domain = DOMAIN) => is.named({ type: 'url', value: `spiffe://${domain}/identity/${id}` }),
  unknown: (oid: string, critical: boolean) => new x509.Extension(oid, critical, Uint8Array.of(5, 0)),
};

/** The extensions of an honest identity. */
export function honest(id: string): x509.Extension[] {
  return [is.key(), is.client(), is.identity(id)];
}

/** A network whose CA keys the test holds. */
export class ForgedNetwork {
  readonly root: Certified;
  readonly intermediate: Certified;

  private constructor(root: Certified, intermediate: Certified) {
    this.root = root;
    this.intermediate = intermediate;
  }

  static async create(): Promise<ForgedNetwork> {
    const domain = is.named({ type: 'url', value: `spiffe://${DOMAIN}` });
    const root = await certify({ subject: 'root', extensions: [is.ca(), is.signer(), domain] });
    return new ForgedNetwork(root, await certify({ issuer: root, subject: 'intermediate', extensions: [is.ca(0), is.signer(), domain] }));
  }

  get caPem(): string {
    return pemOf([this.intermediate, this.root]);
  }

  /** A leaf as an identity of this network, whatever it says of itself; the certificates up to the root are presented with it. */
  identity(leaf: Certified, { id = 'mallory', presented = pathOf(leaf), caPem = this.caPem } = {}): Identity {
    const keyPem = KeyObject.from(leaf.keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
    return { id, trustDomain: DOMAIN, keyPem, certPem: pemOf(presented), caPem, controllers: [] };
  }

  async honest(id: string): Promise<Identity> {
    return this.identity(await this.leaf(honest(id)), { id });
  }

  leaf(extensions: x509.Extension[], recipe: Partial<Recipe> = {}): Promise<Certified> {
    return certify({ issuer: this.intermediate, subject: 'leaf', ...recipe, extensions });
  }
}

/** Leaf and intermediates, without the root. */
export function pathOf(leaf: Certified): Certified[] {
  const path = [leaf];
  for (let next = leaf.issuer; next?.issuer; next = next.issuer) path.push(next);
  return path;
}

export function pemOf(certified: readonly Certified[]): string {
  return certified.map(({ certificate }) => `${certificate.toString('pem')}\n`).join('');
}

export interface Attack {
  name: string;
  /** With which every verification must refuse it. */
  code: ErrorCode;
  make(network: ForgedNetwork): Promise<Identity>;
}

/** An identity that differs from an honest one in its leaf only. */
function leafAttack(name: string, code: ErrorCode, extensions: () => x509.Extension[], recipe: Partial<Recipe> = {}): Attack {
  return { name, code, make: async (network) => network.identity(await network.leaf(extensions(), recipe)) };
}

/** An honest leaf below an authority that has no right to issue it. */
function issuerAttack(name: string, code: ErrorCode, authority: (network: ForgedNetwork) => Promise<Certified>): Attack {
  return {
    name,
    code,
    make: async (network) => network.identity(await network.leaf(honest('victim'), { issuer: await authority(network) })),
  };
}

const below = (parent: Certified, extensions: x509.Extension[], recipe: Partial<Recipe> = {}) =>
  certify({ issuer: parent, subject: 'sub', ...recipe, extensions });

/** What must be refused on every side of everything that takes a certificate for an identity. */
export const ATTACKS: readonly Attack[] = [
  leafAttack('an expired certificate', 'IDENTITY-EXPIRED', () => honest('victim'), { notBefore: days(-9), notAfter: days(-1) }),
  leafAttack('a certificate that is not yet valid', 'IDENTITY-EXPIRED', () => honest('victim'), { notBefore: days(1) }),
  issuerAttack('an expired issuer', 'IDENTITY-EXPIRED', ({ root }) =>
    below(root, [is.ca(0), is.signer()], { notBefore: days(-9), notAfter: days(-1) }),
  ),
  {
    name: 'a certificate of another CA with the same names',
    code: 'IDENTITY-UNTRUSTED',
    make: async (network) => network.identity(await (await ForgedNetwork.create()).leaf(honest('victim'))),
  },
  {
    name: 'a certificate of another CA that brings its root along',
    code: 'IDENTITY-UNTRUSTED',
    async make(network) {
      const other = await ForgedNetwork.create();
      const leaf = await other.leaf(honest('victim'));
      return network.identity(leaf, { presented: [leaf, other.intermediate, other.root] });
    },
  },
  {
    name: 'a self-signed certificate',
    code: 'IDENTITY-UNTRUSTED',
    make: async (network) => network.identity(await certify({ extensions: honest('victim') })),
  },
  {
    name: 'a certificate whose intermediate is missing',
    code: 'IDENTITY-UNTRUSTED',
    async make(network) {
      const leaf = await network.leaf(honest('victim'), { issuer: await below(network.root, [is.ca(0), is.signer()]) });
      return network.identity(leaf, { presented: [leaf] });
    },
  },
  issuerAttack('a leaf that poses as a CA', 'IDENTITY-CHAIN', ({ intermediate }) => below(intermediate, honest('mallory'))),
  issuerAttack('a leaf with the right to sign that poses as a CA', 'IDENTITY-CHAIN', ({ root }) =>
    below(root, [is.noCa(), is.signer(), is.client()]),
  ),
  issuerAttack('a CA without the right to sign certificates', 'IDENTITY-CHAIN', ({ root }) => below(root, [is.ca(0), is.key()])),
  issuerAttack('a CA below one that allows none', 'IDENTITY-CHAIN', ({ intermediate }) => below(intermediate, [is.ca(), is.signer()])),
  issuerAttack('a CA for servers only', 'IDENTITY-CHAIN', ({ root }) => below(root, [is.ca(0), is.signer(), is.server()])),
  issuerAttack('a CA with a critical extension that nobody knows', 'IDENTITY-CHAIN', ({ root }) =>
    below(root, [is.ca(0), is.signer(), is.unknown('1.3.6.1.4.1.99999.1', true)]),
  ),
  leafAttack('a CA that poses as an identity', 'IDENTITY-CHAIN', () => [is.ca(), ...honest('victim')], {}),
  leafAttack('a certificate for servers only', 'IDENTITY-CHAIN', () => [is.key(), is.server(), is.identity('victim')]),
  leafAttack('a certificate without extended key usage', 'IDENTITY-CHAIN', () => [is.key(), is.identity('victim')]),
  leafAttack('a key that may not sign', 'IDENTITY-CHAIN', () => [is.key(keyEncipherment), is.client(), is.identity('victim')]),
  leafAttack('a critical extension that nobody knows', 'IDENTITY-CHAIN', () => [
    ...honest('victim'),
    is.unknown('1.3.6.1.4.1.99999.1', true),
  ]),
  leafAttack('a SHA-1 signature', 'IDENTITY-CHAIN', () => honest('victim'), { signing: { name: 'ECDSA', hash: 'SHA-1' } }),
  {
    name: 'a key on a curve that is not used',
    code: 'IDENTITY-CHAIN',
    make: async (network) =>
      network.identity(await network.leaf(honest('victim'), { keys: await newKeys({ name: 'ECDSA', namedCurve: 'P-521' }) })),
  },
  leafAttack('another trust domain', 'IDENTITY-NAME', () => [is.key(), is.client(), is.identity('victim', 'elsewhere.test')]),
  leafAttack('two identities', 'IDENTITY-NAME', () => [
    ...[is.key(), is.client()],
    is.named({ type: 'url', value: `spiffe://${DOMAIN}/identity/mallory` }, { type: 'url', value: `spiffe://${DOMAIN}/identity/victim` }),
  ]),
  leafAttack('a host name beside the identity', 'IDENTITY-NAME', () => [
    ...[is.key(), is.client()],
    is.named({ type: 'url', value: `spiffe://${DOMAIN}/identity/mallory` }, { type: 'dns', value: 'victim' }),
  ]),
  leafAttack('a host name in place of the identity', 'IDENTITY-NAME', () => [
    is.key(),
    is.client(),
    is.named({ type: 'dns', value: 'victim' }),
  ]),
  leafAttack('a common name in place of the identity', 'IDENTITY-NAME', () => [is.key(), is.client()], { subject: 'victim' }),
  leafAttack('a controller in place of an identity', 'IDENTITY-NAME', () => [
    ...[is.key(), is.client()],
    is.named({ type: 'url', value: `spiffe://${DOMAIN}/controller/victim` }),
  ]),
];
