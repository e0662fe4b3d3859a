import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { namedTrustDomain, verifyChain } from '../../shared/identity/chain.ts';
import { readCertificates } from '../../shared/identity/identity.ts';
import { x509 } from '../../shared/identity/x509.ts';
import { readEnrolled } from '../../shared/overlay/ziti/enroll/answer.ts';
import { readCaBundle } from '../../shared/overlay/ziti/enroll/ca-bundle.ts';
import { readToken } from '../../shared/overlay/ziti/enroll/token.ts';
import { verifies } from '../requirements.ts';
import { EnrollingSite } from '../support/ziti/enrolling-site.ts';

const RECORDINGS = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'overlay-transcripts');

interface Exchange {
  method: string;
  url: string;
  reqHeaders: Record<string, string[]>;
  reqBody: string;
  respBody: string;
}

function recorded(file: string): Exchange[] {
  const lines = readFileSync(join(RECORDINGS, file), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Exchange);
}

/** What the Go SDK and a real OpenZiti 2.0.3 controller said to each other at an enrolment. */
function enrolment(): { bundle: Exchange; enrolled: Exchange } {
  const [bundle, enrolled] = recorded('rest-enroll-gw1.jsonl');
  assert.ok(bundle && enrolled);
  return { bundle, enrolled };
}

test('the bundle and the certificate of a real controller are read', () => {
  const { bundle, enrolled } = enrolment();
  const authorities = readCaBundle(bundle.respBody);
  assert.deepEqual(
    authorities.map(({ subject }) => /CN=(.*)/.exec(subject)?.[1]),
    ['intermediate-ca-instance-1', 'root-ca'],
  );
  const chain = readCertificates(JSON.parse(enrolled.respBody).data.cert, 'cert');
  const [leaf] = chain;
  assert.ok(leaf);
  const now = leaf.validFromDate.getTime();
  assert.equal(verifyChain(chain, authorities, { now, trustDomain: namedTrustDomain(authorities) }).identityId, 'hc..xMvev');
  // The key was never recorded; that it is another one is the only fault there is to find.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  assert.throws(
    () => readEnrolled(enrolled.respBody, { identityId: 'hc..xMvev', privateKey, authorities, time: { now, mayBeginLaterMs: 0 } }),
    {
      code: 'OVERLAY-PROTOCOL',
      detail: /for another key$/,
    },
  );
});

test('our two requests are those that a real controller was recorded to accept', async () => {
  verifies('ENROLL-PINNED');
  await using site = await EnrollingSite.open();
  const { bundle, enrolled } = enrolment();
  const jti = new URL(enrolled.url).searchParams.get('token');
  await site.enroll({ token: site.controller.token({ jti }) });
  const line = ({ method, url }: { method: string | undefined; url: string | undefined }): string =>
    `${method} ${url?.replace(/^https:\/\/[^/]*/, '')}`;
  assert.deepEqual(site.controller.requests.map(line), [bundle, enrolled].map(line));
  const [asked, sent] = site.controller.requests;
  assert.equal(asked?.headers.accept, bundle.reqHeaders.Accept?.[0]);
  assert.equal(sent?.headers['content-type'], enrolled.reqHeaders['Content-Type']?.[0]);
  const [ours, theirs] = [sent?.body ?? '', enrolled.reqBody].map((csr) => new x509.Pkcs10CertificateRequest(csr));
  assert.deepEqual(ours?.signatureAlgorithm, theirs?.signatureAlgorithm);
  assert.deepEqual(ours?.publicKey.algorithm, theirs?.publicKey.algorithm);
  assert.deepEqual([ours?.attributes.length, ours?.extensions.length], [theirs?.attributes.length, theirs?.extensions.length]);
});

test("a real token was signed by the controller's TLS key, and kinds that are not for a gateway are told apart", () => {
  const controllers = recorded('rest-legacy-dial.jsonl').find(({ url }) => url.endsWith('/edge/client/v1/controllers'));
  const controller = new X509Certificate(JSON.parse(controllers?.respBody ?? '').data[0].certPem);
  const tokens = (file: string): string[] => [
    ...new Set(readFileSync(join(RECORDINGS, file), 'utf8').match(/eyJ[\w-]{40,}\.eyJ[\w-]+\.[\w-]+/g)),
  ];
  const read = (token: string) => readToken(token, Date.UTC(2026, 10, 21, 13, 30));
  const [first] = tokens('rest-mgmt-identities.jsonl').map(read);
  assert.ok(first);
  assert.equal(first.identityId, 'w3tTxxtTtz');
  assert.deepEqual(first.controllers, ['https://127.0.0.1:21280/edge/client/v1']);
  assert.equal(first.isSignedBy(controller.publicKey), true);
  for (const file of ['rest-mgmt-edge-routers.jsonl', 'rest-mgmt-auth.jsonl']) {
    const claims = (token: string): string => Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    const kinds = tokens(file).filter((token) => /"em":"(?!ott")/.test(claims(token)));
    assert.ok(kinds.length > 0);
    for (const token of kinds) assert.throws(() => read(token), { code: 'ENROLL-KIND' });
  }
});
