import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/** The certificate library, for those who make certificates. It needs reflect-metadata first; this file is the only one that imports either. */
export { x509 };

/** A name out of a certificate's subjectAltName. */
export interface AlternativeName {
  /** `url` is a URI; every other kind (dns, ip, email, dn, otherName, …) is no identity. */
  kind: string;
  value: string;
}

/** What a certificate says about its own use, as far as node:crypto does not tell (RFC 5280 §4.2.1). */
export interface CertificateUse {
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

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const EVALUATED = new Set([BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_ALTERNATIVE_NAME]);

/** Reads the use of a DER certificate; undefined when it cannot be read or carries an extension twice (RFC 5280 §4.2 forbids that). */
export function readCertificateUse(der: Uint8Array): CertificateUse | undefined {
  try {
    const { extensions } = new x509.X509Certificate(Uint8Array.from(der));
    const byType = new Map(extensions.map((extension) => [extension.type, extension]));
    if (byType.size !== extensions.length) return undefined;
    const constraints = read(byType.get(BASIC_CONSTRAINTS), x509.BasicConstraintsExtension);
    const usage = read(byType.get(KEY_USAGE), x509.KeyUsagesExtension);
    return {
      ca: constraints?.ca ?? false,
      pathLen: constraints?.pathLength,
      keyUsage: usage && {
        digitalSignature: (usage.usages & x509.KeyUsageFlags.digitalSignature) !== 0,
        keyCertSign: (usage.usages & x509.KeyUsageFlags.keyCertSign) !== 0,
      },
      extendedKeyUsage: read(byType.get(EXTENDED_KEY_USAGE), x509.ExtendedKeyUsageExtension)?.usages.map(String),
      alternativeNames: read(byType.get(SUBJECT_ALTERNATIVE_NAME), x509.SubjectAlternativeNameExtension)?.names.items.map(nameOf) ?? [],
      unknownCritical: extensions.filter((extension) => extension.critical && !EVALUATED.has(extension.type)).map(({ type }) => type),
    };
  } catch {
    return undefined;
  }
}

function read<T extends x509.Extension>(extension: x509.Extension | undefined, as: new (raw: ArrayBuffer) => T): T | undefined {
  return extension && new as(extension.rawData);
}

function nameOf({ type, value }: x509.GeneralName): AlternativeName {
  return { kind: type, value };
}
