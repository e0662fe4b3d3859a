import { KeyObject, sign, X509Certificate } from 'node:crypto';
import { DerReader, der, readDer, TAG } from '../../shared/identity/der.ts';
import type { Certified } from './forged.ts';

const utc = (text: string): Buffer => der(TAG.utcTime, Buffer.from(text, 'latin1'));
const GOOD = { from: utc('250101000000Z'), to: utc('350101000000Z') };

/** Validities that Node reads into a certificate although one of their times is none. */
export const NO_TIMES: readonly Buffer[] = [
  ...['260231000000Z', '261301000000Z', 'xx0101000000Z', '260101240000Z'].map((text) => der(TAG.sequence, GOOD.from, utc(text))),
  der(TAG.sequence, GOOD.from, der(TAG.generalizedTime, Buffer.from('120000101000000Z'))),
  der(TAG.sequence, utc('xxxxxxxxxxxxZ'), GOOD.to),
];

/** The certificate with another validity, signed by the same issuer. */
export function retimed({ certificate, keys, issuer }: Certified, validity: Uint8Array): X509Certificate {
  const whole = new Uint8Array(certificate.rawData);
  const parts = readDer(whole, TAG.sequence, (content) => {
    const toBeSigned = content.take(TAG.sequence);
    const algorithm = content.next().whole;
    content.next();
    return { toBeSigned, algorithm };
  });
  const fields: Uint8Array[] = [];
  for (const reader = new DerReader(parts.toBeSigned); !reader.isAtEnd; ) fields.push(reader.next().whole);
  // Behind version, serial number, signature and issuer.
  fields[4] = validity;
  const toBeSigned = der(TAG.sequence, ...fields);
  const signature = sign('sha256', toBeSigned, KeyObject.from((issuer?.keys ?? keys).privateKey));
  return new X509Certificate(der(TAG.sequence, toBeSigned, parts.algorithm, der(TAG.bitString, Buffer.of(0), signature)));
}
