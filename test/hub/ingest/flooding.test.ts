import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { until } from '../../support/until.ts';
import { batchOf, dialHub, startUplinkHub } from '../../support/uplink-hub.ts';

const QUIET = Array.from({ length: 10 }, (_, i) => `gw-quiet-${i}`);

test('the batches of quiet gateways are answered while those of one that floods the hub wait, and then they are answered too', async () => {
  verifies('GATEWAYS-FAIR');
  await using hub = await startUplinkHub({ batchesAtOnce: 2 });
  for (const id of ['gw-flood', ...QUIET]) hub.ingest.gateways.add(id);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.ingest.before = ([id = '']) => (id.startsWith('gw-flood') ? released : undefined);
  using flood = await dialHub(hub, 'gw-flood');
  const answered: string[] = [];
  const flooding = Array.from({ length: 16 }, async (_, i) => {
    const { status } = await flood.post(batchOf('gw-flood', i + 1));
    answered.push('gw-flood');
    return status;
  });
  await until(() => hub.ingest.batches.length === 2);
  for (const id of QUIET) {
    using quiet = await dialHub(hub, id);
    assert.equal((await quiet.post(batchOf(id, 1, 2))).status, 200);
    answered.push(id);
  }
  assert.deepEqual(answered, QUIET);
  assert.equal(hub.ingest.batches.filter(([id]) => id?.startsWith('gw-flood')).length, 2, 'the rest waits');
  release();
  assert.deepEqual(await Promise.all(flooding), new Array(16).fill(200));
  assert.equal(hub.ingest.held.size, 16 + 20);
});

test('memory that is short goes round, gateway by gateway', async () => {
  verifies('GATEWAYS-FAIR');
  // One batch at a time has room in it.
  await using hub = await startUplinkHub({ batchesAtOnce: 4, jsonBytes: 1 });
  for (const id of ['gw-flood', 'gw-quiet-0', 'gw-quiet-1']) hub.ingest.gateways.add(id);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.ingest.before = () => released;
  using flood = await dialHub(hub, 'gw-flood');
  const first = flood.post(batchOf('gw-flood', 1));
  await until(() => hub.ingest.batches.length === 1);
  const flooding = [2, 3, 4].map((seq) => flood.post(batchOf('gw-flood', seq)));
  // The PING behind them is answered once they are there.
  await flood.hello();
  using one = await dialHub(hub, 'gw-quiet-0');
  using two = await dialHub(hub, 'gw-quiet-1');
  const quiet = [one.post(batchOf('gw-quiet-0', 1)), two.post(batchOf('gw-quiet-1', 1))];
  await Promise.all([one.hello(), two.hello()]);
  release();
  await Promise.all([first, ...flooding, ...quiet]);
  const order = hub.ingest.batches.map(([id]) => id?.split('.')[0]);
  assert.deepEqual(order.slice(0, 2), ['gw-flood', 'gw-flood']);
  assert.deepEqual(order.slice(2, 4).toSorted(), ['gw-quiet-0', 'gw-quiet-1']);
  assert.deepEqual(order.slice(4), ['gw-flood', 'gw-flood']);
});

test('a gateway above the rate of the registry is told when to come again, the others are taken, and the status says so', async () => {
  verifies('GATEWAYS-FAIR');
  await using hub = await startUplinkHub({ paceMs: 0 });
  hub.ingest.gateway = (identity) => ({ identity, tenant: 'clinic', beds: {}, devices: {}, limits: { entriesPerSecond: 1 } });
  using flood = await dialHub(hub, 'gw-flood');
  assert.equal((await flood.post(batchOf('gw-flood', ...Array.from({ length: 100 }, (_, i) => i + 1)))).status, 200);
  const refused = await flood.post(batchOf('gw-flood', 101));
  assert.deepEqual([refused.status, (refused.json as { code: string }).code], [503, 'INGEST-BUSY']);
  const after = Number(refused.headers['retry-after']);
  assert.ok(after > 90 && after <= 98, `${after} s`);
  using quiet = await dialHub(hub, 'gw-quiet-0');
  assert.equal((await quiet.post(batchOf('gw-quiet-0', 1))).status, 200);
  assert.deepEqual(
    hub.server.sessions().map(({ gateway, code }) => [gateway, code]),
    [
      ['gw-flood', 'INGEST-BUSY'],
      ['gw-quiet-0', null],
    ],
  );
  assert.equal(hub.metrics.get('uplink_refused', 'INGEST-BUSY'), 1);
});

test('what is no batch counts for the rate as well', async () => {
  verifies('GATEWAYS-FAIR');
  await using hub = await startUplinkHub({ paceMs: 0 });
  hub.ingest.gateway = (identity) => ({ identity, tenant: 'clinic', beds: {}, devices: {}, limits: { bytesPerSecond: 1000 } });
  using flood = await dialHub(hub, 'gw-flood');
  const answers: number[] = [];
  for (let i = 0; i < 3; i += 1) answers.push((await flood.post('x'.repeat(1_000_000))).status);
  assert.deepEqual(answers, [400, 503, 503]);
});
