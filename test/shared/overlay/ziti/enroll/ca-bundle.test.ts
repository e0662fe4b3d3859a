import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { readCaBundle } from '../../../../../shared/overlay/ziti/enroll/ca-bundle.ts';
import { type Certified, ForgedNetwork, honest } from '../../../../support/forged.ts';
import { degenerate, inLines } from '../../../../support/ziti/enrolling-controller.ts';

let network: ForgedNetwork;
const raw = ({ certificate }: Certified): Uint8Array => new Uint8Array(certificate.rawData);

before(async () => {
  network = await ForgedNetwork.create();
});

test('the CA certificates come out of a bundle, each once and nothing else', async () => {
  const leaf = await network.leaf(honest('gw1'));
  const [root, intermediate] = [raw(network.root), raw(network.intermediate)];
  const bundle = degenerate([intermediate, raw(leaf), root, intermediate]);
  for (const body of [inLines(bundle), inLines(bundle).replaceAll('\n', '\r\n'), bundle.toString('base64'), `\n ${inLines(bundle)}\n\n`])
    assert.deepEqual(
      readCaBundle(body).map((certificate) => certificate.raw),
      [Buffer.from(intermediate), Buffer.from(root)],
    );
});

test('what is no bundle is refused', async () => {
  const bundle = degenerate([raw(network.root)]);
  const leaf = degenerate([raw(await network.leaf(honest('gw1')))]);
  const crowd = degenerate(Array.from({ length: 65 }, () => raw(network.root)));
  const nested = (hex: string): Buffer => Buffer.from(hex.repeat(300_000), 'hex');
  for (const [body, detail] of [
    ...['', ' ', '!', '<html></html>', '-----BEGIN CERTIFICATE-----', 'é'].map((text) => [text, /not base64/] as const),
    ...['AAAA', inLines(bundle.subarray(0, -40)), inLines(raw(network.root).subarray(0, 100))].map(
      (text) => [text, /not PKCS #7/] as const,
    ),
    ...[nested('3080'), nested('a080'), nested('2480')].map((bytes) => [inLines(bytes), /not PKCS #7/] as const),
    [inLines(leaf), /no CA certificate/],
    [inLines(degenerate([])), /no CA certificate/],
    [inLines(crowd), /more than 64/],
  ] as const)
    assert.throws(() => readCaBundle(body), { code: 'OVERLAY-PROTOCOL', detail });
});

test('however a bundle is damaged, it is read or refused', () => {
  const bundle = degenerate([raw(network.root), raw(network.intermediate)]);
  const damaged = fc.array(fc.tuple(fc.nat(bundle.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
    const copy = Buffer.from(bundle);
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  });
  fc.assert(
    fc.property(
      fc.oneof(
        damaged,
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(bundle.length).map((end) => bundle.subarray(0, end)),
      ),
      (bytes) => {
        try {
          for (const certificate of readCaBundle(inLines(bytes))) assert.ok(certificate.raw.length > 0);
        } catch (error) {
          assert.ok(error instanceof VitalmeshError && error.code === 'OVERLAY-PROTOCOL', String(error));
        }
      },
    ),
    { numRuns: 200 },
  );
});
