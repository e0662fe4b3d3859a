import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { verifyChain, verifyLeaf, verifyServer } from '../../../shared/identity/chain.ts';
import { validityOf } from '../../../shared/identity/identity-status.ts';
import { verifies } from '../../requirements.ts';
import { type Certified, DOMAIN, ForgedNetwork, honest, is } from '../../support/forged.ts';
import { NO_TIMES, retimed } from '../../support/no-times.ts';

const network = await ForgedNetwork.create();
const [now, host] = [Date.now(), 'hub.test'];
const client = await network.leaf(honest('gw1'));
const server = await network.leaf([is.key(), is.server(), is.named({ type: 'dns', value: host })]);
const refusal = { code: 'IDENTITY-CHAIN', detail: 'a certificate cannot be read' };

const plain = ({ certificate }: Certified): X509Certificate => new X509Certificate(Buffer.from(certificate.rawData));

/** Both checks of a path whose leaf, intermediate and root come out of `as`. */
function judge(as: (of: Certified) => X509Certificate): { client: () => unknown; server: () => unknown } {
  const [intermediate, root] = [as(network.intermediate), as(network.root)];
  return {
    client: () => verifyChain([as(client), intermediate], [root], { now, trustDomain: DOMAIN }),
    server: () => verifyServer([as(server), intermediate], [root], { host, now, mayBeginLaterMs: 0 }),
  };
}

test('a certificate whose validity is no time is refused as leaf, intermediate and root, of an identity and of a server', () => {
  verifies('IDENTITY-VALIDITY', 'IDENTITY-CHAIN');
  const good = judge(plain);
  for (const check of [good.client, good.server]) assert.ok(check());
  for (const validity of NO_TIMES)
    for (const kind of [[client, server], [network.intermediate], [network.root]]) {
      const bad = judge((of) => (kind.includes(of) ? retimed(of, validity) : plain(of)));
      for (const check of [bad.client, bad.server]) assert.throws(check, refusal, `${kind.length} ${validity.toString('latin1')}`);
    }
});

test('an identity whose own certificate has no validity is told, and its leaf refused alone', () => {
  verifies('IDENTITY-VALIDITY');
  for (const validity of NO_TIMES) {
    const leaf = retimed(client, validity);
    assert.throws(() => verifyLeaf(leaf, { now, trustDomain: DOMAIN }), refusal);
    assert.throws(() => validityOf({ certPem: leaf.toString() }), { code: 'IDENTITY-CHAIN' });
  }
});
