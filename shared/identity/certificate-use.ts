import type { Validity } from '../time/network-clock.ts';
import { readTimes } from './certificate-time.ts';
import { booleanOf, countOf, DerReader, notDer, oidOf, readDer, TAG } from './der.ts';

/** A name out of a certificate's subjectAltName. */
export interface AlternativeName {
  /** `url` is a URI; every other kind is no identity. */
  kind: NameKind;
  /** As it stands there for `url`, `dns` and `email`; the bytes in hex for the others. */
  value: string;
}

export type NameKind = 'other' | 'email' | 'dns' | 'x400' | 'dn' | 'edi' | 'url' | 'ip' | 'id';

/** What a certificate says about its own use, as far as node:crypto does not tell, or not strictly (RFC 5280 §4.1.2.5, §4.2.1). */
export interface CertificateUse {
  validity: Validity;
  /** basicConstraints cA; false when the extension is absent. */
  ca: boolean;
  /** basicConstraints pathLenConstraint: how many CA certificates may follow below; undefined is no limit. */
  pathLen: number | undefined;
  /** keyUsage bits; undefined when the extension is absent. */
  keyUsage: { digitalSignature: boolean; keyCertSign: boolean } | undefined;
  /** extKeyUsage object identifiers; undefined when the extension is absent. */
  extendedKeyUsage: readonly string[] | undefined;
  alternativeNames: readonly AlternativeName[];
  /** Object identifiers of critical extensions that nobody here evaluates; RFC 5280 §4.2 demands that such a certificate is refused. */
  unknownCritical: readonly string[];
}

interface ToBeSigned {
  validity: Validity;
  extensions: readonly Extension[];
}

interface Extension {
  id: string;
  critical: boolean;
  /** Content of its octet string. */
  value: Uint8Array;
}

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const EVALUATED = new Set([BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_ALTERNATIVE_NAME]);

/** By tag (RFC 5280 §4.2.1.6, GeneralName); a directory name is a CHOICE and therefore always explicit. */
const NAME_KINDS: ReadonlyMap<number, NameKind> = new Map<number, NameKind>([
  [TAG.within(0), 'other'],
  [TAG.context(1), 'email'],
  [TAG.context(2), 'dns'],
  [TAG.within(3), 'x400'],
  [TAG.within(4), 'dn'],
  [TAG.within(5), 'edi'],
  [TAG.context(6), 'url'],
  [TAG.context(7), 'ip'],
  [TAG.context(8), 'id'],
]);
const TEXTS: ReadonlySet<NameKind> = new Set<NameKind>(['email', 'dns', 'url']);

/** Version 3, as INTEGER: the first with extensions (RFC 5280 §4.1.2.1). */
const V3 = 2;
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;

/**
 * Reads the use of a DER certificate; undefined when it cannot be read, its validity is no time, or it carries an extension twice (RFC 5280 §4.2
 * forbids that).
 */
export function readCertificateUse(der: Uint8Array): CertificateUse | undefined {
  try {
    return useOf(toBeSignedOf(der));
  } catch {
    return undefined;
  }
}

/** From when to when a DER certificate is valid, whatever else it says. Throws IDENTITY-CHAIN when it cannot be read, or that is no time. */
export function readValidity(der: Uint8Array): Validity {
  return toBeSignedOf(der).validity;
}

function useOf({ validity, extensions }: ToBeSigned): CertificateUse {
  const values = new Map(extensions.map(({ id, value }) => [id, value]));
  if (values.size !== extensions.length) throw notDer('an extension that stands there twice');
  const read = <T>(id: string, tag: number, reading: (content: DerReader) => T): T | undefined => {
    const value = values.get(id);
    return value && readDer(value, tag, reading);
  };
  const constraints = read(BASIC_CONSTRAINTS, TAG.sequence, readConstraints);
  const usage = values.get(KEY_USAGE);
  return {
    validity,
    ca: constraints?.ca ?? false,
    pathLen: constraints?.pathLen,
    keyUsage: usage && readKeyUsage(usage),
    extendedKeyUsage: read(EXTENDED_KEY_USAGE, TAG.sequence, (content) => readSome(content, (each) => oidOf(each.take(TAG.oid)))),
    alternativeNames: read(SUBJECT_ALTERNATIVE_NAME, TAG.sequence, (content) => readSome(content, readName)) ?? [],
    unknownCritical: extensions.filter(({ id, critical }) => critical && !EVALUATED.has(id)).map(({ id }) => id),
  };
}

/** Certificate and TBSCertificate (RFC 5280 §4.1). Of what stands before the extensions only the validity is read, and the order of kinds: the rest is node:crypto's. */
function toBeSignedOf(der: Uint8Array): ToBeSigned {
  return readDer(der, TAG.sequence, (certificate) => {
    const toBeSigned = readDer(certificate.next().whole, TAG.sequence, readToBeSigned);
    certificate.take(TAG.sequence);
    certificate.take(TAG.bitString);
    return toBeSigned;
  });
}

function readToBeSigned(content: DerReader): ToBeSigned {
  const version = content.maybe(TAG.within(0));
  const number = version ? countOf(readOnly(version, TAG.integer)) : 0;
  content.take(TAG.integer);
  for (const _ of ['signature', 'issuer']) content.take(TAG.sequence);
  const validity = readDer(content.next().whole, TAG.sequence, readTimes);
  for (const _ of ['subject', 'subjectPublicKeyInfo']) content.take(TAG.sequence);
  content.maybe(TAG.context(1));
  content.maybe(TAG.context(2));
  const extensions = content.maybe(TAG.within(3));
  if (!extensions) return { validity, extensions: [] };
  if (number !== V3) throw notDer('extensions in a version that has none');
  // By RFC 5280 at least one; some issuers write a list of none, which says what no list says.
  return { validity, extensions: readDer(extensions, TAG.sequence, (all) => readAll(all, readExtension)) };
}

function readExtension(content: DerReader): Extension {
  return readDer(content.next().whole, TAG.sequence, (extension) => {
    const id = oidOf(extension.take(TAG.oid));
    const critical = extension.maybe(TAG.boolean);
    return { id, critical: critical !== undefined && booleanOf(critical), value: extension.take(TAG.octetString) };
  });
}

function readConstraints(content: DerReader): { ca: boolean; pathLen: number | undefined } {
  const [ca, pathLen] = [content.maybe(TAG.boolean), content.maybe(TAG.integer)];
  return { ca: ca !== undefined && booleanOf(ca), pathLen: pathLen && countOf(pathLen) };
}

/** Named bits, the first of them the highest of the first byte (X.690 §11.2.2); their number of unused ones stands before. */
function readKeyUsage(value: Uint8Array): { digitalSignature: boolean; keyCertSign: boolean } {
  const [unused = 8, ...bits] = readOnly(value, TAG.bitString);
  const last = bits.at(-1) ?? 0;
  if (unused > 7 || (unused > 0 && bits.length === 0) || (last & ((1 << unused) - 1)) !== 0) throw notDer('unused bits');
  const [first = 0] = bits;
  return { digitalSignature: (first & DIGITAL_SIGNATURE) !== 0, keyCertSign: (first & KEY_CERT_SIGN) !== 0 };
}

function readName(content: DerReader): AlternativeName {
  const { tag, content: bytes } = content.next();
  const kind = NAME_KINDS.get(tag);
  if (kind === undefined) throw notDer('a name of no known kind');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!TEXTS.has(kind)) return { kind, value: text.toString('hex') };
  if (bytes.some((byte) => byte >= 0x80)) throw notDer('a name in other letters than those of IA5String');
  return { kind, value: text.toString('latin1') };
}

function readAll<T>(content: DerReader, read: (content: DerReader) => T): T[] {
  const all: T[] = [];
  while (!content.isAtEnd) all.push(read(content));
  return all;
}

/** RFC 5280 §4.2.1.6, §4.2.1.12: SIZE (1..MAX). */
function readSome<T>(content: DerReader, read: (content: DerReader) => T): T[] {
  return [read(content), ...readAll(content, read)];
}

/** The content of the one value that `bytes` are. */
function readOnly(bytes: Uint8Array, tag: number): Uint8Array {
  const reader = new DerReader(bytes);
  const content = reader.take(tag);
  reader.end();
  return content;
}
