import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { namedTrustDomain, verifyChain } from '../../shared/identity/chain.ts';
import { readCertificates } from '../../shared/identity/identity.ts';
import { verifies } from '../requirements.ts';

const RECORDING = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'overlay-transcripts', 'rest-enroll-gw1.jsonl');

interface Exchange {
  method: string;
  respBody: string;
}

/** The CA bundle and the certificate that a real OpenZiti 2.0.3 controller gave out at an enrolment. */
function recorded(): { caPem: string; certPem: string } {
  const exchanges = readFileSync(RECORDING, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange);
  const [bundle] = exchanges.filter(({ method }) => method === 'GET');
  const [enrolled] = exchanges.filter(({ respBody }) => respBody.includes('"cert"'));
  assert.ok(bundle && enrolled);
  const caPem = execFileSync('openssl', ['pkcs7', '-inform', 'DER', '-print_certs'], { input: Buffer.from(bundle.respBody, 'base64') });
  return { caPem: caPem.toString(), certPem: JSON.parse(enrolled.respBody).data.cert };
}

test('an identity that a real OpenZiti network issued passes the chain check, and fails it outside its validity', () => {
  verifies('IDENTITY-CHAIN');
  const { caPem, certPem } = recorded();
  const [chain, trusted] = [readCertificates(certPem, 'cert'), readCertificates(caPem, 'ca')];
  const [leaf] = chain;
  assert.ok(leaf);
  const trustDomain = namedTrustDomain(trusted);
  assert.equal(trustDomain, 'quickstart');
  const at = (now: number): string => verifyChain(chain, trusted, { now, trustDomain }).identityId;
  assert.equal(at(leaf.validFromDate.getTime()), 'hc..xMvev');
  assert.throws(() => at(leaf.validToDate.getTime() + 1), { code: 'IDENTITY-EXPIRED' });
  assert.throws(() => verifyChain(chain, trusted, { now: leaf.validFromDate.getTime(), trustDomain: 'other' }), { code: 'IDENTITY-NAME' });
});
