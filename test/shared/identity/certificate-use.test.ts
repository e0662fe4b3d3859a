import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { type CertificateUse, type NameKind, readCertificateUse, readValidity } from '../../../shared/identity/certificate-use.ts';
import { der, TAG } from '../../../shared/identity/der.ts';
import { x509 } from '../../../shared/identity/x509.ts';
import { verifies } from '../../requirements.ts';
import { type Certified, certify, ForgedNetwork, honest, is } from '../../support/forged.ts';

const OIDS = { constraints: '551d13', keyUsage: '551d0f', extendedKeyUsage: '551d25', names: '551d11' } as const;
const CLIENT_AUTH = '2b06010505070302';

type Compared = Omit<CertificateUse, 'alternativeNames'> & { alternativeNames: readonly object[] };

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const oid = (hex: string): Buffer => der(TAG.oid, bytes(hex));
const FALSE = bytes('010100');
const TRUE = bytes('0101ff');
const time = (tag: number, text: string): Buffer => der(tag, Buffer.from(text, 'latin1'));
const utc = (text: string): Buffer => time(TAG.utcTime, text);
const generalized = (text: string): Buffer => time(TAG.generalizedTime, text);
const VALIDITY = der(TAG.sequence, utc('250101000000Z'), utc('350101000000Z'));
const VALID = { notBefore: Date.UTC(2025, 0), notAfter: Date.UTC(2035, 0) };
const V3 = der(TAG.within(0), bytes('020102'));

function extension(id: string, value: Uint8Array, critical?: Uint8Array): Buffer {
  return der(TAG.sequence, oid(id), ...(critical ? [critical] : []), der(TAG.octetString, value));
}

/** A certificate by hand: what stands beside the extensions has the right kind and no content. */
function certificate(
  extensions: readonly Uint8Array[],
  { version = V3 as Uint8Array, behind = [] as Uint8Array[], validity = VALIDITY as Uint8Array } = {},
): Buffer {
  const all = der(TAG.within(3), der(TAG.sequence, ...extensions));
  return signed(der(TAG.sequence, version, bytes('020101'), ...beforeExtensions(validity), all, ...behind));
}

/** From the signature's algorithm to the key. */
function beforeExtensions(validity: Uint8Array): Uint8Array[] {
  const empty = der(TAG.sequence);
  return [empty, empty, validity, empty, empty];
}

function signed(toBeSigned: Uint8Array, ...behind: Uint8Array[]): Buffer {
  return der(TAG.sequence, toBeSigned, der(TAG.sequence), der(TAG.bitString, bytes('00')), ...behind);
}

const only = (id: string, value: Uint8Array): CertificateUse | undefined => readCertificateUse(certificate([extension(id, value)]));
const NOTHING: CertificateUse = {
  validity: VALID,
  ca: false,
  pathLen: undefined,
  keyUsage: undefined,
  extendedKeyUsage: undefined,
  alternativeNames: [],
  unknownCritical: [],
};

describe('the use of a certificate', () => {
  test('is what its extensions say', () => {
    assert.deepEqual(readCertificateUse(signed(der(TAG.sequence, bytes('020101'), ...beforeExtensions(VALIDITY)))), NOTHING);
    assert.deepEqual(readCertificateUse(certificate([])), NOTHING);
    assert.deepEqual(only(OIDS.constraints, der(TAG.sequence)), NOTHING);
    assert.deepEqual(only(OIDS.constraints, der(TAG.sequence, FALSE)), NOTHING);
    assert.deepEqual(only(OIDS.constraints, der(TAG.sequence, TRUE)), { ...NOTHING, ca: true });
    assert.deepEqual(only(OIDS.constraints, der(TAG.sequence, TRUE, bytes('02020080'))), { ...NOTHING, ca: true, pathLen: 128 });
    assert.deepEqual(only(OIDS.keyUsage, bytes('03020780')), { ...NOTHING, keyUsage: { digitalSignature: true, keyCertSign: false } });
    assert.deepEqual(only(OIDS.keyUsage, bytes('03020106')), { ...NOTHING, keyUsage: { digitalSignature: false, keyCertSign: true } });
    assert.deepEqual(only(OIDS.keyUsage, bytes('0303070080')), {
      ...NOTHING,
      keyUsage: { digitalSignature: false, keyCertSign: false },
    });
    assert.deepEqual(only(OIDS.extendedKeyUsage, der(TAG.sequence, oid(CLIENT_AUTH), oid('551d2500'))), {
      ...NOTHING,
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0'],
    });
  });

  test('has every kind of name, and takes none for a URI that is not', () => {
    const uri = Buffer.from('spiffe://a/identity/b');
    const tags: [number, NameKind][] = [
      [0xa0, 'other'],
      [0x81, 'email'],
      [0x82, 'dns'],
      [0xa3, 'x400'],
      [0xa4, 'dn'],
      [0xa5, 'edi'],
      [0x86, 'url'],
      [0x87, 'ip'],
      [0x88, 'id'],
    ];
    const named = only(OIDS.names, der(TAG.sequence, ...tags.map(([tag]) => der(tag, uri))));
    assert.deepEqual(
      named?.alternativeNames.map(({ kind }) => kind),
      tags.map(([, kind]) => kind),
    );
    assert.deepEqual(
      named?.alternativeNames.map(({ value }) => value === uri.toString()),
      tags.map(([, kind]) => ['email', 'dns', 'url'].includes(kind)),
    );
    const nul = Buffer.from('spiffe://a/identity/b\0c\n');
    assert.deepEqual(only(OIDS.names, der(TAG.sequence, der(0x86, nul)))?.alternativeNames, [{ kind: 'url', value: nul.toString() }]);
  });

  test('names the critical extensions that are not known, and those alone', () => {
    const unknown = '2a8648ce3d0499';
    for (const [critical, found] of [[TRUE, ['1.2.840.10045.4.25']] as const, [FALSE, []] as const, [undefined, []] as const]) {
      const use = readCertificateUse(
        certificate([extension('2a8648ce3d0419', bytes('0500'), critical), extension(OIDS.keyUsage, bytes('03020780'), TRUE)]),
      );
      assert.deepEqual(use?.unknownCritical, found);
    }
    assert.equal(readCertificateUse(certificate([extension(unknown, bytes('0500'), TRUE)])), undefined, 'an identifier that is cut off');
    const uuid = der(TAG.oid, Buffer.of(0x69, ...Array(18).fill(0xff), 0x7f));
    const long = readCertificateUse(certificate([der(TAG.sequence, uuid, TRUE, der(TAG.octetString))]));
    assert.deepEqual(long?.unknownCritical, [`2.25.${2n ** 133n - 1n}`]);
  });
});

describe('a certificate that could be understood in two ways is not read', () => {
  const usage = extension(OIDS.keyUsage, bytes('03020780'));
  const REFUSED: Record<string, Uint8Array> = {
    'an extension twice': certificate([usage, usage]),
    'extensions in version 1': certificate([usage], { version: new Uint8Array() }),
    'extensions in version 2': certificate([usage], { version: der(TAG.within(0), bytes('020101')) }),
    'a version of two bytes': certificate([usage], { version: der(TAG.within(0), bytes('02020002')) }),
    'something behind the extensions': certificate([usage], { behind: [FALSE] }),
    'a second list of extensions': certificate([usage], { behind: [der(TAG.within(3), der(TAG.sequence, usage))] }),
    'something behind the signature': signed(der(TAG.sequence), FALSE),
    'something behind the certificate': Buffer.concat([certificate([usage]), Buffer.of(0)]),
    'something behind the value of an extension': certificate([extension(OIDS.keyUsage, bytes('0302078000'))]),
    'something within an extension': certificate([der(TAG.sequence, oid(OIDS.keyUsage), der(TAG.octetString, bytes('03020780')), FALSE)]),
    'a length without end': Buffer.concat([bytes('3080'), certificate([usage]), bytes('0000')]),
    'a length that is longer than it need be': certificate([extension(OIDS.keyUsage, bytes('0381020780'))]),
    'a length of leading zeros': Buffer.concat([bytes('308200'), certificate([usage]).subarray(1)]),
    'a length beyond all measure': bytes('3085ffffffffff'),
    'a tag of several bytes': bytes('3f300100'),
    'a truth that is neither': certificate([extension(OIDS.constraints, der(TAG.sequence, bytes('010101')))]),
    'a truth of two bytes': certificate([extension(OIDS.constraints, der(TAG.sequence, bytes('0102ffff')))]),
    'a truth without a byte': certificate([extension(OIDS.constraints, der(TAG.sequence, bytes('0100')))]),
    'an extension that is critical to a degree': certificate([extension('2a03', bytes('0500'), bytes('01017f'))]),
    'a path length below zero': certificate([extension(OIDS.constraints, der(TAG.sequence, TRUE, bytes('0201ff')))]),
    'a path length beyond all measure': certificate([extension(OIDS.constraints, der(TAG.sequence, TRUE, bytes('02050100000000')))]),
    'a path length of leading zeros': certificate([extension(OIDS.constraints, der(TAG.sequence, TRUE, bytes('02020001')))]),
    'a path length without a byte': certificate([extension(OIDS.constraints, der(TAG.sequence, TRUE, bytes('0200')))]),
    'the path length before the CA flag': certificate([extension(OIDS.constraints, der(TAG.sequence, bytes('020100'), TRUE))]),
    'bits that are not used, and set': certificate([extension(OIDS.keyUsage, bytes('030207ff'))]),
    'eight bits that are not used': certificate([extension(OIDS.keyUsage, bytes('03020800'))]),
    'bits without their number': certificate([extension(OIDS.keyUsage, bytes('0300'))]),
    'bits made of bits': certificate([extension(OIDS.keyUsage, bytes('230403020780'))]),
    'no usage where there are some': certificate([extension(OIDS.extendedKeyUsage, der(TAG.sequence))]),
    'a usage that begins with nothing': certificate([extension(OIDS.extendedKeyUsage, der(TAG.sequence, oid('2b8001')))]),
    'a usage without a byte': certificate([extension(OIDS.extendedKeyUsage, der(TAG.sequence, oid('')))]),
    'a usage of 65 bytes': certificate([extension(OIDS.extendedKeyUsage, der(TAG.sequence, oid('2b'.repeat(65))))]),
    'no name where there are some': certificate([extension(OIDS.names, der(TAG.sequence))]),
    'a name of no known kind': certificate([extension(OIDS.names, der(TAG.sequence, der(0x89, bytes('61'))))]),
    'a URI made of values': certificate([extension(OIDS.names, der(TAG.sequence, der(0xa6, der(0x16, bytes('61')))))]),
    'a URI in other letters': certificate([extension(OIDS.names, der(TAG.sequence, der(0x86, Buffer.from('spiffe://ä'))))]),
  };

  for (const [name, of] of Object.entries(REFUSED))
    test(name, () => {
      verifies('IDENTITY-DER');
      assert.equal(readCertificateUse(of), undefined);
    });

  test('one that ends anywhere before its end', async () => {
    const whole = Buffer.from((await certify({ extensions: [is.ca(1), is.signer(), ...honest('gw1').slice(1)] })).certificate.rawData);
    assert.ok(readCertificateUse(whole));
    for (let end = 0; end < whole.length; end += 1) assert.equal(readCertificateUse(whole.subarray(0, end)), undefined);
  });
});

/** Times that there are not, or that say what they say in another form than the one (RFC 5280 §4.1.2.5). */
const NO_TIMES: readonly Uint8Array[] = [
  ...['260231000000Z', '261301000000Z', 'xx0101000000Z', 'xxxxxxxxxxxxZ', '260100000000Z', '260101240000Z', '260101006000Z'].map(utc),
  ...['260101000060Z', '250229000000Z', '2601010000Z', '260101000000', '260101000000+0000', '20260101000000Z', '', '99'].map(utc),
  ...['120000101000000Z', '20260101000000', '20260101000000.5Z', '20260101000000+0000', '20260231000000Z', '21000229000000Z'].map(
    generalized,
  ),
  ...['202601010000Z', '260101000000Z', '00000001000000Z', '+2026010100000Z', '2026 101000000Z', '20260101000000Z\n'].map(generalized),
  time(TAG.utf8String, '350101000000Z'),
  Buffer.of(),
];

describe('the validity of a certificate', () => {
  const validityOf = (...times: Uint8Array[]) => {
    const whole = certificate([], { validity: der(TAG.sequence, ...times) });
    const use = readCertificateUse(whole);
    if (use) assert.deepEqual(readValidity(whole), use.validity);
    else assert.throws(() => readValidity(whole), { code: 'IDENTITY-CHAIN' });
    return use?.validity;
  };
  const good = utc('350101000000Z');

  test('is no time that there is not, at its end or its beginning', () => {
    verifies('IDENTITY-VALIDITY');
    for (const wrong of NO_TIMES) {
      assert.equal(validityOf(good, wrong), undefined, Buffer.from(wrong).toString('latin1'));
      assert.equal(validityOf(wrong, good), undefined, Buffer.from(wrong).toString('latin1'));
    }
    assert.equal(validityOf(good, good, good), undefined, 'three times');
    assert.equal(validityOf(good), undefined, 'one');
  });

  test('is read to the second, UTCTime from 1950 to 2049, GeneralizedTime in all years of four digits', () => {
    verifies('IDENTITY-VALIDITY');
    const at = (text: string): number => Date.parse(text);
    assert.equal(validityOf(utc('500101000000Z'), good)?.notBefore, at('1950-01-01T00:00:00Z'));
    assert.equal(validityOf(utc('000229235959Z'), good)?.notBefore, at('2000-02-29T23:59:59Z'));
    assert.equal(validityOf(good, utc('491231235959Z'))?.notAfter, at('2049-12-31T23:59:59Z'));
    assert.equal(validityOf(generalized('00000101000000Z'), generalized('99991231235959Z'))?.notBefore, at('0000-01-01T00:00:00Z'));
    assert.equal(validityOf(good, generalized('99991231235959Z'))?.notAfter, at('9999-12-31T23:59:59Z'));
  });

  test('whatever its digits are, is a day of the calendar or refused', () => {
    verifies('IDENTITY-VALIDITY');
    const [month, day, hour, minute, second] = [fc.nat(14), fc.nat(33), fc.nat(25), fc.nat(61), fc.nat(61)];
    const run = (year: number, ...parts: readonly number[]): void => {
      const [monthOf = 0, dayOf = 0, hourOf = 0, minuteOf = 0, secondOf = 0] = parts;
      const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
      const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][monthOf - 1] ?? 0;
      const isReal = dayOf >= 1 && dayOf <= days && hourOf < 24 && minuteOf < 60 && secondOf < 60;
      const expected = new Date(0);
      expected.setUTCFullYear(year, monthOf - 1, dayOf);
      expected.setUTCHours(hourOf, minuteOf, secondOf);
      const text = [String(year).padStart(4, '0'), ...parts.map((part) => String(part).padStart(2, '0')), 'Z'].join('');
      const wanted = isReal ? expected.getTime() : undefined;
      assert.equal(validityOf(good, generalized(text))?.notAfter, wanted, text);
      if (year >= 1950 && year < 2050) assert.equal(validityOf(good, utc(text.slice(2)))?.notAfter, wanted, text);
    };
    const years = fc.oneof(fc.nat(9999), fc.integer({ min: 1950, max: 2049 }));
    fc.assert(fc.property(years, month, day, hour, minute, second, run), { numRuns: 3000 });
  });
});

describe('beside @peculiar/x509', () => {
  let corpus: Buffer[];
  before(async () => {
    const network = await ForgedNetwork.create();
    const certified: Certified[] = [network.root, network.intermediate, await network.leaf(honest('gw1'))];
    const names: x509.JsonGeneralNames[] = [
      [{ type: 'dns', value: 'hub.example' }],
      [
        { type: 'email', value: 'a@b.example' },
        { type: 'ip', value: '10.0.0.1' },
        { type: 'dn', value: 'CN=somebody' },
        { type: 'url', value: 'spiffe://a' },
      ],
    ];
    for (const name of names) certified.push(await network.leaf([is.noCa(), is.key(0x1ff), is.server(), is.named(...name)]));
    certified.push(await network.leaf([is.ca(300), is.key(0), is.unknown('1.3.6.1.4.1.99999.1', true), is.unknown('2.999.1', false)]));
    certified.push(await certify({ extensions: [] }));
    corpus = certified.map((of) => Buffer.from(of.certificate.rawData));
  });

  test('certificates of every sort are read alike', () => {
    verifies('IDENTITY-DER');
    for (const der of corpus) assert.deepEqual(comparable(readCertificateUse(der)), oracle(der));
  });

  test('what is changed is read alike, or not at all', () => {
    verifies('IDENTITY-DER');
    let [read, refused] = [0, 0];
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    const run = (of: number, changed: [number, number][]): void => {
      const original = corpus[of % corpus.length] ?? Buffer.alloc(1);
      const der = Buffer.from(original);
      // Where extensions stand, before the signature, is where it matters.
      for (const [at, value] of changed) der[at % der.length] = value;
      const ours = readCertificateUse(der);
      if (ours === undefined) refused += 1;
      else {
        read += 1;
        const theirs = oracle(der);
        // Behind a directory name that is broken within, the other library drops names in silence; to us more names are one reason more to refuse.
        const names = ours.alternativeNames.some(({ kind }) => kind === 'dn') ? { alternativeNames: theirs?.alternativeNames } : {};
        if (theirs !== undefined) assert.deepEqual({ ...comparable(ours), ...names }, theirs, der.toString('hex'));
      }
    };
    fc.assert(fc.property(fc.nat(), changes, run), { numRuns: 600 });
    assert.ok(read > 30 && refused > 30, `${read} read, ${refused} refused`);
  });

  /** Of what the other library reads; kinds beyond these are one to it or another to us, and no identity to either. */
  function comparable(use: CertificateUse | undefined): Compared | undefined {
    if (!use) return undefined;
    const names = use.alternativeNames.map(({ kind, value }) =>
      ['url', 'dns', 'email'].includes(kind) ? { kind, value } : { kind: 'another' },
    );
    return { ...use, alternativeNames: names };
  }

  function oracle(der: Uint8Array): Compared | undefined {
    try {
      const { extensions, notBefore, notAfter } = new x509.X509Certificate(Uint8Array.from(der));
      const byType = new Map(extensions.map((each) => [each.type, each]));
      if (byType.size !== extensions.length) return undefined;
      const as = <T extends x509.Extension>(type: string, kind: new (raw: ArrayBuffer) => T): T | undefined => {
        const found = byType.get(type);
        return found && new kind(found.rawData);
      };
      const constraints = as('2.5.29.19', x509.BasicConstraintsExtension);
      const usage = as('2.5.29.15', x509.KeyUsagesExtension);
      const usages = as('2.5.29.37', x509.ExtendedKeyUsageExtension)?.usages;
      const names = as('2.5.29.17', x509.SubjectAlternativeNameExtension)?.names.items ?? [];
      return {
        validity: { notBefore: notBefore.getTime(), notAfter: notAfter.getTime() },
        ca: constraints?.ca ?? false,
        pathLen: constraints?.pathLength,
        keyUsage: usage && {
          digitalSignature: (usage.usages & x509.KeyUsageFlags.digitalSignature) !== 0,
          keyCertSign: (usage.usages & x509.KeyUsageFlags.keyCertSign) !== 0,
        },
        extendedKeyUsage: usages && [...usages].map(String),
        alternativeNames: [...names].map(({ type, value }) =>
          ['url', 'dns', 'email'].includes(type) ? { kind: type, value } : { kind: 'another' },
        ),
        unknownCritical: [...extensions]
          .filter(({ critical, type }) => critical && !['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17'].includes(type))
          .map(({ type }) => type),
      };
    } catch {
      return undefined;
    }
  }
});
