import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { baseOf, MAX_LEARNED, memberBasesOf, placeOf } from '../../../../../shared/overlay/ziti/controller/addresses.ts';
import { verifies } from '../../../../requirements.ts';

/** The answer of openziti-wire.md §2c for controllers with these addresses. */
function named(...controllers: unknown[][]): unknown {
  const data = controllers.map((urls, i) => ({
    id: `instance-${i}`,
    apiAddresses: { 'edge-client': urls.map((url) => ({ url, version: 'v1' })), 'edge-oidc': [{ url: 'https://oidc.example:1/oidc' }] },
    isOnline: true,
    name: `instance-${i}`,
  }));
  return { data, meta: {} };
}

const hrefs = (json: unknown): string[] => memberBasesOf(json).map(({ href }) => href);

test('the addresses of the edge client API of each controller, each once', () => {
  verifies('OVERLAY-CONTROLLERS-LEARNED');
  const json = named(
    ['https://c1.example:1280/edge/client/v1', 'https://C1.example:1280/edge/client/v1/', 'https://[2001:db8::1]:1280/edge/client/v1'],
    ['https://c2.example/edge/client/v1', 'https://c3.example:8441'],
  );
  assert.deepEqual(hrefs(json), [
    'https://c1.example:1280/edge/client/v1',
    'https://[2001:db8::1]:1280/edge/client/v1',
    'https://c2.example/edge/client/v1',
    'https://c3.example:8441/edge/client/v1',
  ]);
});

test('what is no plain https address of that API is left out, and costs the others nothing', () => {
  verifies('OVERLAY-CONTROLLERS-LEARNED');
  const bad = [
    'http://c1.example/edge/client/v1',
    'ftp://c1.example/edge/client/v1',
    'https://user:password@c1.example/edge/client/v1',
    'https://user@c1.example/edge/client/v1',
    'https://c1.example/edge/management/v1',
    'https://c1.example/edge/client/v1/../../../admin',
    'https://c1.example/edge/client/v1?token=x',
    'https://c1.example/edge/client/v1#x',
    `https://${'c'.repeat(300)}.example/edge/client/v1`,
    'https://',
    'nonsense',
    '',
    7,
    null,
    { url: 'https://c1.example/edge/client/v1' },
  ];
  assert.deepEqual(hrefs(named(bad)), []);
  assert.deepEqual(
    bad.flatMap((url) => hrefs(named([url], ['https://good.example/edge/client/v1']))),
    bad.map(() => 'https://good.example/edge/client/v1'),
  );
});

test('ten thousand of them are eight, and of one that names itself again and again one', () => {
  verifies('OVERLAY-CONTROLLERS-LEARNED');
  const many = Array.from({ length: 10_000 }, (_, i) => `https://c${i}.example/edge/client/v1`);
  assert.equal(memberBasesOf(named(...many.map((url) => [url]))).length, MAX_LEARNED);
  assert.equal(memberBasesOf(named(many)).length, MAX_LEARNED);
  assert.deepEqual(hrefs(named(...Array.from({ length: 100 }, () => ['https://c1.example/edge/client/v1']))), [
    'https://c1.example/edge/client/v1',
  ]);
});

test('whatever comes in the place of the list, there is a list of https addresses', () => {
  for (const json of [undefined, null, 7, [], {}, { data: null }, { data: {} }, { data: [null, 7, {}, { apiAddresses: null }] }])
    assert.deepEqual(memberBasesOf(json), []);
  fc.assert(
    fc.property(fc.anything(), (json) => {
      for (const { protocol } of memberBasesOf(json)) assert.equal(protocol, 'https:');
    }),
    { numRuns: 200 },
  );
});

test('an address of an identity file may stand without its path, or with one of its own', () => {
  assert.equal(baseOf('https://c1.example:1280').href, 'https://c1.example:1280/edge/client/v1');
  assert.equal(baseOf('https://c1.example/ziti/edge/client/v1/').href, 'https://c1.example/ziti/edge/client/v1');
  assert.throws(() => baseOf('http://c1.example'), { code: 'IDENTITY-FILE' });
});

test('an operator is told host and port', () => {
  assert.equal(placeOf(new URL('https://c1.example/edge/client/v1')), 'c1.example:443');
  assert.equal(placeOf(new URL('https://[::1]:1280/edge/client/v1')), '[::1]:1280');
});
