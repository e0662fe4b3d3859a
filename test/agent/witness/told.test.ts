import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { createUplink } from '../../../agent/uplink.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { originOf, signCheckpoint, verifierKey } from '../../../shared/signed-note.ts';
import { formatCheckpoint } from '../../../shared/uplink/protocol.ts';
import { verifies } from '../../requirements.ts';
import { until } from '../../support/uplink.ts';
import { batchOf, dialHub, INGEST_SERVICE, identityOf, startUplinkHub } from '../../support/uplink-hub.ts';
import { drained, homeRecord, outboxFile } from '../../support/uplink-site.ts';

const pair = generateKeyPairSync('ed25519');
const key = verifierKey(originOf('s'), pair.publicKey);
const toldOf = (size: number) => ({ key, note: signCheckpoint({ origin: originOf('s'), size, hash: Buffer.alloc(32) }, pair.privateKey) });

test('a hub tells each connection each note once, with an answer that it gives anyway', async () => {
  verifies('AUDIT-WITNESSED');
  let newest: ReturnType<typeof toldOf> | undefined;
  await using hub = await startUplinkHub({}, { checkpoint: () => newest });
  using gateway = await dialHub(hub);
  const told = async (answer: Promise<{ headers: Record<string, unknown> }>): Promise<unknown> =>
    (await answer).headers['vitalmesh-checkpoint'];
  assert.equal(await told(gateway.hello()), undefined);
  newest = toldOf(1);
  assert.equal(await told(gateway.post(batchOf('gw-1', 1))), formatCheckpoint(newest));
  assert.equal(await told(gateway.post(batchOf('gw-1', 2))), undefined);
  newest = toldOf(2);
  assert.equal(await told(gateway.post('{', {})), undefined, 'a refusal tells nothing');
  assert.equal(await told(gateway.post(batchOf('gw-1', 3))), formatCheckpoint(newest));
  using other = await dialHub(hub, 'gw-2');
  assert.equal(await told(other.hello()), formatCheckpoint(newest));
});

test('an agent hands on to its file what the hub tells', async () => {
  verifies('AUDIT-WITNESSED');
  let newest = toldOf(1);
  await using hub = await startUplinkHub({}, { checkpoint: () => newest });
  hub.ingest.gateways.add('gw-home');
  await using outbox = await outboxFile().open();
  await using overlay = hub.network.overlay({ id: 'gw-home', name: 'home' });
  const kept: string[] = [];
  await using uplink = createUplink({
    ...{ outbox, overlay, service: INGEST_SERVICE, identity: await identityOf('gw-home'), hubIdentity: ['hub-1'] },
    ...{ log: silentLogger, metrics: new Metrics(), clock: systemClock },
    witness: { keep: (header, storeId) => void kept.push(`${storeId}: ${header}`) },
  });
  await uplink.start(new AbortController().signal);
  await until(() => kept.length === 1);
  newest = toldOf(2);
  await outbox.append([homeRecord(undefined, 70)]);
  await drained(outbox);
  assert.deepEqual(
    kept,
    [toldOf(1), toldOf(2)].map((told) => `${hub.ingest.storeId}: ${formatCheckpoint(told)}`),
  );
});
