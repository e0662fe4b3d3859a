import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { Handshakes } from '../../../hub/ingest/handshakes.ts';
import { serveUplink } from '../../../hub/ingest/session.ts';
import { systemClock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { BatchResponseBundle } from '../../../shared/fhir.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { secureDialer } from '../../../shared/uplink/inner-tls.ts';
import { parseObservationId } from '../../../shared/uplink/key.ts';
import { UPLINK_WINDOWS } from '../../../shared/uplink/protocol.ts';
import { verifies } from '../../requirements.ts';
import { MemoryIngest, until } from '../../support/uplink.ts';
import {
  type Answer,
  batchOf,
  dialHub as dial,
  gone,
  identityOf,
  RawGateway,
  INGEST_SERVICE as SERVICE,
  startUplinkHub as startHub,
} from '../../support/uplink-hub.ts';

const batch = (...seqs: number[]): string => batchOf('gw-1', ...seqs);

const codeOf = ({ json }: Answer): unknown => (json as { code?: unknown }).code;

const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));
after(() => assert.deepEqual(rejections, []));

test('a known gateway learns what the hub takes, and its batches are answered entry by entry', async () => {
  verifies('ANSWER-AFTER-COMMIT');
  await using hub = await startHub();
  hub.ingest.lineage = { lineage: [{ epoch: '0c2qv5n8r1w4z', from: 0 }], position: 6 };
  using gateway = await dial(hub);
  const hello = await gateway.hello();
  assert.equal(hello.status, 200);
  assert.deepEqual(Object.keys(hello.json as object).sort(), [
    ...['configRevision', 'limits', 'lineage', 'now', 'position', 'storeId', 'versions'],
  ]);
  assert.equal(gateway.session.remoteSettings.initialWindowSize, UPLINK_WINDOWS.streamBytes);
  assert.equal(gateway.session.state.remoteWindowSize, UPLINK_WINDOWS.sessionBytes);
  let committed = false;
  hub.ingest.after = async () => {
    await new Promise(setImmediate);
    committed = true;
  };
  const answer = await gateway.post(batch(1, 2));
  assert.ok(committed);
  assert.equal(answer.headers['content-type'], 'application/fhir+json');
  assert.equal(answer.headers['vitalmesh-committed'], '0c2qv5n8r1w4z.7');
  const { type, entry } = answer.json as BatchResponseBundle;
  assert.equal(type, 'batch-response');
  assert.deepEqual(entry, [{ response: { status: '201' } }, { response: { status: '201' } }]);
  const again = await gateway.post(zstdCompressSync(batch(2, 3)), { 'content-encoding': 'zstd' });
  assert.deepEqual(
    (again.json as BatchResponseBundle).entry.map(({ response }) => response.status),
    ['200', '201'],
  );
  const [session] = hub.server.sessions();
  assert.equal(session?.gateway, 'gw-1');
  assert.equal(session?.epoch, gateway.headers['vitalmesh-epoch']);
  assert.ok(session?.lastBatchAt !== null);
});

test('once the store began an epoch, gateways that were told of another one are let go, those too that send nothing', async () => {
  verifies('UPLINK-BACK-BELOW');
  await using hub = await startHub();
  hub.ingest.gateways.add('gw-2').add('gw-3');
  const first = { epoch: '0c2qv5n8r1w4z', from: 0 };
  hub.ingest.lineage = { lineage: [first], position: 6 };
  using sending = await dial(hub);
  using silent = await dial(hub, 'gw-2');
  for (const gateway of [sending, silent]) assert.equal((await gateway.hello()).status, 200);
  assert.equal((await sending.post(batch(1))).status, 200);
  assert.equal(hub.server.sessions().length, 2);
  hub.ingest.lineage = { lineage: [first, { epoch: '1c2qv5n8r1w4z', from: 3 }], position: 3 };
  using told = await dial(hub, 'gw-3');
  await told.hello();
  assert.equal((await sending.post(batch(2))).headers['vitalmesh-committed'], '1c2qv5n8r1w4z.4');
  await Promise.all([sending.closed, silent.closed]);
  assert.deepEqual(
    hub.server.sessions().map(({ gateway }) => gateway),
    ['gw-3'],
  );
});

test('the caller is whom its certificate names; an unknown one is refused whatever it asks, and so is an expired one', async () => {
  verifies('CALLER-FROM-CERTIFICATE');
  await using hub = await startHub();
  for (const ask of [(g: RawGateway) => g.hello(), (g: RawGateway) => g.post(batch(1)), (g: RawGateway) => g.ask({ ':path': '/else' })]) {
    // The overlay itself says gw-1; only the certificate counts.
    const raw = await hub.network.overlay({ id: 'gw-1', name: 'gw-1' }).dial(SERVICE);
    const { stream } = await secureDialer(raw, await identityOf('gw-stranger'), { timeoutMs: 5000 });
    using stranger = new RawGateway(raw, stream, 'instance-1');
    const answer = await ask(stranger);
    assert.deepEqual([answer.status, codeOf(answer)], [403, 'UPLINK-UNKNOWN-GATEWAY']);
    await stranger.closed;
  }
  assert.deepEqual(hub.ingest.batches, []);
  assert.deepEqual(hub.server.sessions(), []);
  assert.equal(hub.metrics.get('uplink_refused', 'UPLINK-UNKNOWN-GATEWAY'), 3);
  assert.equal(hub.metrics.get('uplink_caller_differs'), 3);
  hub.ingest.gateway = (id) => ({ identity: id, tenant: 'clinic', beds: {}, devices: {}, notAfter: Date.now() - 1 });
  using late = await dial(hub);
  assert.equal(codeOf(await late.hello()), 'ACCESS-EXPIRED');
});

test('a gateway that is taken out of the registry is refused at its next request', async () => {
  await using hub = await startHub();
  using gateway = await dial(hub);
  assert.equal((await gateway.post(batch(1))).status, 200);
  hub.ingest.gateways.delete('gw-1');
  assert.equal(codeOf(await gateway.post(batch(2))), 'UPLINK-UNKNOWN-GATEWAY');
  await gateway.closed;
});

test('another version of the uplink is refused with the versions that are served; unknown headers and fields are ignored', async () => {
  verifies('UPLINK-VERSIONED');
  await using hub = await startHub();
  for (const version of ['2', '0', '1.0', 'x', '']) {
    using gateway = await dial(hub);
    const answer = await gateway.hello({ 'vitalmesh-uplink': version });
    assert.equal(answer.status, 400);
    assert.deepEqual([codeOf(answer), (answer.json as { versions: unknown }).versions], ['UPLINK-VERSION', [1]]);
    await gateway.closed;
  }
  using gateway = await dial(hub);
  const extended = { ...(JSON.parse(batch(1)) as object), colour: 'blue' };
  const answer = await gateway.post(JSON.stringify(extended), { 'vitalmesh-later': 'yes' });
  assert.equal(answer.status, 200);
});

test('the status tells until when a gateway was connected, and when the last batch came, also when all are gone', async () => {
  verifies('STATUS-SILENCE-SHOWN');
  let now = 1_800_000_000_000;
  await using hub = await startHub({}, { clock: { now: () => now, monotonicMs: () => performance.now() } });
  const times = (): unknown[] => [hub.server.status().lastConnectedAt, hub.server.status().lastBatchAt];
  assert.deepEqual(times(), [null, null]);
  const certified = now;
  using old = await dial(hub, 'gw-1', 'instance-a');
  await old.post(batch(1));
  now += 1000;
  assert.deepEqual(times(), [certified + 1000, certified]);
  using fresh = await dial(hub, 'gw-1', 'instance-a');
  await fresh.hello();
  await old.closed;
  now += 1000;
  assert.deepEqual(times(), [certified + 2000, certified], 'a connection that took over keeps what came before');
  fresh.session.destroy();
  await until(() => hub.server.sessions().length === 0);
  now += 60_000;
  assert.deepEqual(times(), [certified + 2000, certified]);
});

test('the same process takes over its old connection at once', async () => {
  await using hub = await startHub();
  using old = await dial(hub, 'gw-1', 'instance-a');
  await old.hello();
  using fresh = await dial(hub, 'gw-1', 'instance-a');
  assert.equal((await fresh.hello()).status, 200);
  await old.closed;
  assert.equal(hub.server.sessions().length, 1);
  assert.equal((await fresh.post(batch(1))).status, 200);
});

test('another process is refused while the first one answers, and the first one goes on', async () => {
  await using hub = await startHub();
  using first = await dial(hub, 'gw-1', 'instance-a');
  await first.hello();
  using second = await dial(hub, 'gw-1', 'instance-b');
  const refused = await second.hello();
  assert.deepEqual([refused.status, codeOf(refused)], [409, 'UPLINK-INSTANCE']);
  await second.closed;
  assert.equal((await first.post(batch(1))).status, 200);
  assert.equal(codeOf(await first.hello({ 'vitalmesh-instance': 'instance-c' })), 'UPLINK-INSTANCE');
});

test('another process takes the place of one that no longer answers', async () => {
  await using hub = await startHub({ instancePingMs: 5 });
  using first = await dial(hub, 'gw-1', 'instance-a');
  await first.hello();
  first.stall();
  using second = await dial(hub, 'gw-1', 'instance-b');
  assert.equal((await second.hello()).status, 200);
  assert.deepEqual(
    hub.server.sessions().map(({ instance }) => instance),
    ['instance-b'],
  );
});

test('gateways do not take over each other', async () => {
  await using hub = await startHub();
  using one = await dial(hub, 'gw-1', 'instance-a');
  using two = await dial(hub, 'gw-2', 'instance-a');
  assert.deepEqual([(await one.hello()).status, (await two.hello()).status], [200, 200]);
  assert.equal(hub.server.sessions().length, 2);
});

test('each kind of wrong request has its own answer, and the connection goes on', async () => {
  await using hub = await startHub();
  using gateway = await dial(hub);
  const cases: [OutgoingHttpHeaders, string | Buffer, number, string][] = [
    [{ ':path': '/metadata' }, '', 404, 'UPLINK-REQUEST'],
    [{ ':path': '/fhir/Observation' }, '{}', 404, 'UPLINK-REQUEST'],
    [{ ':path': '/fhir', ':method': 'PUT' }, '{}', 405, 'UPLINK-REQUEST'],
    [{ ':path': '/uplink', ':method': 'POST' }, '{}', 405, 'UPLINK-REQUEST'],
    [{ 'content-type': 'text/plain' }, batch(1), 415, 'UPLINK-REQUEST'],
    [{ 'content-encoding': 'br' }, batch(1), 400, 'UPLINK-REQUEST'],
    [{ 'vitalmesh-instance': 'short' }, batch(1), 400, 'UPLINK-REQUEST'],
    [{ 'vitalmesh-epoch': 'yesterday' }, batch(1), 400, 'UPLINK-REQUEST'],
    [{}, '{"resourceType":', 400, 'UPLINK-BUNDLE'],
    [{}, '', 400, 'UPLINK-BUNDLE'],
    [{ 'content-encoding': 'zstd' }, batch(1), 400, 'UPLINK-BUNDLE'],
    [{ 'content-encoding': 'zstd' }, zstdCompressSync(batch(1)).subarray(0, 60), 400, 'UPLINK-BUNDLE'],
  ];
  for (const [headers, body, status, code] of cases) {
    const answer = await gateway.post(body, headers);
    assert.deepEqual([answer.status, codeOf(answer)], [status, code], JSON.stringify(headers));
  }
  assert.deepEqual(hub.ingest.batches, []);
  assert.equal((await gateway.post(batch(1), { 'content-type': 'application/fhir+json; charset=utf-8' })).status, 200);
  assert.equal(hub.metrics.get('uplink_refused', 'UPLINK-BUNDLE'), 4);
});

test('what is too large is refused while it comes, whatever it claims to be: bytes, unpacked bytes, entries', async () => {
  await using hub = await startHub();
  hub.ingest.limits = { batchEntries: 2, batchBytes: 64 * 1024 };
  using gateway = await dial(hub);
  const large: [string | Buffer, OutgoingHttpHeaders][] = [
    ['x'.repeat(65 * 1024), {}],
    ['x'.repeat(65 * 1024), { 'content-length': 65 * 1024 }],
    ['x'.repeat(3 * 1024 * 1024), {}],
    [zstdCompressSync(Buffer.alloc(64 * 1024 * 1024)), { 'content-encoding': 'zstd' }],
    [batch(1, 2, 3), {}],
  ];
  for (const [body, headers] of large) {
    const answer = await gateway.post(body, headers);
    assert.deepEqual([answer.status, codeOf(answer)], [413, 'UPLINK-TOO-LARGE']);
  }
  assert.deepEqual(hub.ingest.batches, []);
  assert.equal((await gateway.post(batch(1, 2))).status, 200);
});

test('when ingest cannot store, the batch is refused as a whole, to be sent again; a defect shows nothing of itself', async () => {
  await using hub = await startHub();
  using gateway = await dial(hub);
  const failures: [Error, number, string][] = [
    [new VitalmeshError('INGEST-UNAVAILABLE', { detail: 'STORAGE-FULL' }), 503, 'INGEST-UNAVAILABLE'],
    [new VitalmeshError('UPLINK-BUNDLE'), 400, 'UPLINK-BUNDLE'],
    [new VitalmeshError('STORAGE-IO', { detail: '/secret/path' }), 500, 'INTERNAL'],
    [new TypeError('patient P-0001'), 500, 'INTERNAL'],
  ];
  for (const [failure, status, code] of failures) {
    hub.ingest.before = () => {
      throw failure;
    };
    const answer = await gateway.post(batch(1));
    assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
    assert.ok(!JSON.stringify(answer.json).includes('secret') && !JSON.stringify(answer.json).includes('P-0001'));
  }
});

test('garbage behind the TLS handshake ends that connection alone', async () => {
  await using hub = await startHub();
  using good = await dial(hub);
  await good.hello();
  for (const garbage of ['GET / HTTP/1.1\r\nhost: x\r\n\r\n', randomBytes(4096), Buffer.alloc(100)]) {
    const raw = await hub.network.overlay({ id: 'gw-2', name: 'gw-2' }).dial(SERVICE);
    const { stream } = await secureDialer(raw, await identityOf('gw-2'), { timeoutMs: 5000 });
    stream.on('error', () => undefined);
    const cut = gone(stream);
    stream.resume();
    stream.write(garbage);
    await cut;
  }
  assert.equal(hub.metrics.get('uplink_ended', 'UPLINK-REQUEST'), 3);
  assert.equal((await good.post(batch(1))).status, 200);
});

test('garbage instead of the TLS handshake ends that connection alone, with a code', async () => {
  await using hub = await startHub();
  const raw = await hub.network.overlay({ id: 'gw-1', name: 'gw-1' }).dial(SERVICE);
  raw.on('error', () => undefined);
  const cut = gone(raw);
  raw.resume();
  raw.end('not TLS at all, but long enough to be read as a record header');
  await cut;
  await until(() => hub.metrics.get('uplink_failed', 'UPLINK-PEER') === 1);
  using good = await dial(hub);
  assert.equal((await good.hello()).status, 200);
});

test('a caller whose handshakes fail again and again fills no disk: it is told of once a minute, and counted each time', async () => {
  const warned: unknown[] = [];
  const quiet = (): void => undefined;
  const log: Logger = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (fields: unknown) => void warned.push((fields as { caller: string }).caller),
  };
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  await using hub = await startHub({}, { log, clock });
  let failures = 0;
  const fail = async (id: string): Promise<void> => {
    const raw = await hub.network.overlay({ id, name: id }).dial(SERVICE);
    const cut = gone(raw);
    raw.resume();
    raw.end('not TLS at all, but long enough to be read as a record header');
    await cut;
    failures += 1;
    await until(() => hub.metrics.get('uplink_failed', 'UPLINK-PEER') === failures);
  };
  for (let i = 0; i < 5; i += 1) await fail('gw-1');
  assert.deepEqual(warned, ['gw-1']);
  await fail('gw-2');
  await fail('gw-1');
  assert.deepEqual(warned, ['gw-1', 'gw-2']);
  nowMs = 60_000;
  await fail('gw-1');
  assert.deepEqual(warned, ['gw-1', 'gw-2', 'gw-1']);
});

test('frames of any type with any content cost nobody but their sender', async () => {
  await using hub = await startHub();
  using good = await dial(hub, 'gw-2');
  await good.hello();
  const frame = fc
    .record({ type: fc.nat(11), flags: fc.nat(255), stream: fc.nat(5), payload: fc.uint8Array({ maxLength: 64 }) })
    .map(({ type, flags, stream, payload }) => Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload]));
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 8 }), async (frames) => {
      const raw = await hub.network.overlay({ id: 'gw-1', name: 'gw-1' }).dial(SERVICE);
      const { stream } = await secureDialer(raw, await identityOf('gw-1'), { timeoutMs: 5000 });
      const marker = randomBytes(8);
      const answered = new Promise<void>((resolve) => {
        const received: Buffer[] = [];
        stream.on('data', (chunk) => {
          received.push(chunk);
          if (Buffer.concat(received).includes(marker)) resolve();
        });
      });
      // RFC 9113 §3.4: the preface of a client, then its (empty) SETTINGS; at the end a PING, which is answered if the session still stands.
      const start = [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])];
      stream.write(Buffer.concat([...start, ...frames, Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0]), marker]));
      await Promise.race([gone(stream), answered]);
      raw.destroy();
    }),
    { numRuns: 40 },
  );
  assert.equal((await good.post(batch(1))).status, 200);
  await until(() => hub.server.sessions().length === 1);
});

test('a caller that stops reading while the hub has much to say, or then leaves, is let go, and what it left does not harm the process', async () => {
  await using hub = await startHub({ pingEveryMs: 20, pingLimitMs: 20 });
  hub.ingest.refuse = () => ({ status: 422, code: 'INGEST-NOT-BOUND' });
  // Small for its size: the hub cannot tell a stalled gateway to send on.
  const many = zstdCompressSync(batch(...Array.from({ length: 500 }, (_, i) => i + 1)));
  for (const leaves of [false, true]) {
    using gateway = await dial(hub);
    gateway.session.settings({ initialWindowSize: 1024 * 1024 });
    gateway.session.setLocalWindowSize(1024 * 1024);
    await gateway.hello();
    gateway.stall();
    const before = hub.metrics.get('uplink_batches');
    for (let i = 0; i < 3; i += 1) gateway.post(many, { 'content-encoding': 'zstd' }).catch(() => undefined);
    await until(() => hub.metrics.get('uplink_batches') === before + 3);
    if (leaves) gateway.raw.end(() => gateway.raw.destroy());
    await until(() => hub.server.sessions().length === 0);
  }
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 5; i += 1) {
    await new Promise(setImmediate);
    collect();
  }
  using next = await dial(hub);
  assert.equal((await next.hello()).status, 200);
});

test('a caller that says nothing after its handshake is let go', async () => {
  await using hub = await startHub({ firstRequestMs: 20 });
  using silent = await dial(hub);
  await silent.closed;
  assert.equal(hub.metrics.get('uplink_ended', 'UPLINK-SILENT'), 1);
});

test('a caller that does not even begin its handshake is let go', async () => {
  await using hub = await startHub({ handshakeMs: 20 });
  const raw = await hub.network.overlay({ id: 'gw-1', name: 'gw-1' }).dial(SERVICE);
  raw.on('error', () => undefined);
  const cut = gone(raw);
  raw.resume();
  await cut;
  await until(() => hub.metrics.get('uplink_failed', 'OVERLAY-TIMEOUT') === 1);
});

test('a body that does not come to its end in time is refused, and holds up no other request', async () => {
  await using hub = await startHub({ bodyMs: 30, batchesAtOnce: 2 });
  using gateway = await dial(hub);
  await gateway.hello();
  const stalled = gateway.session.request({
    ...gateway.headers,
    ':method': 'POST',
    ':path': '/fhir',
    'content-type': 'application/fhir+json',
  });
  stalled.on('error', () => undefined);
  stalled.write('{"resourceType"');
  const response = once(stalled, 'response');
  assert.equal((await gateway.post(batch(1))).status, 200);
  const [headers] = (await response) as [Record<string, unknown>];
  assert.equal(headers[':status'], 408);
  stalled.resume();
  await gone(stalled);
  assert.equal((await gateway.post(batch(2))).status, 200);
});

test('batches of a lane are stored in the order in which they were sent, and another lane does not wait for them', async () => {
  verifies('LIVE-FIRST');
  await using hub = await startHub();
  using gateway = await dial(hub);
  await gateway.hello();
  const slow = gateway.session.request({
    ...gateway.headers,
    ':method': 'POST',
    ':path': '/fhir',
    'content-type': 'application/fhir+json',
    'vitalmesh-lane': 'backlog',
  });
  const over = gone(slow);
  const body = batch(1);
  slow.write(body.slice(0, 20));
  const behind = gateway.post(zstdCompressSync(batch(2)), { 'content-encoding': 'zstd', 'vitalmesh-lane': 'backlog' });
  assert.equal((await gateway.post(batch(3), { 'vitalmesh-lane': 'live' })).status, 200);
  assert.equal((await gateway.post(batch(4))).status, 200, 'nor does who names none');
  assert.equal(hub.ingest.batches.length, 2);
  slow.end(body.slice(20));
  slow.resume();
  assert.equal((await behind).status, 200);
  await over;
  assert.deepEqual(
    hub.ingest.batches.flat().map((id) => parseObservationId(id)?.seq),
    [3, 4, 1, 2],
  );
});

test('a request that its caller takes back half-way is not a batch', async () => {
  await using hub = await startHub();
  using gateway = await dial(hub);
  await gateway.hello();
  const half = batch(1, 2);
  const taken = gateway.session.request({
    ...gateway.headers,
    ':method': 'POST',
    ':path': '/fhir',
    'content-type': 'application/fhir+json',
  });
  taken.on('error', () => undefined);
  taken.write(half.slice(0, 100));
  await gateway.hello();
  taken.close(constants.NGHTTP2_CANCEL);
  await gone(taken);
  assert.equal((await gateway.post(batch(3))).status, 200);
  await until(() => hub.metrics.get('uplink_refused', 'UPLINK-BUNDLE') === 1);
  assert.equal(hub.ingest.batches.length, 1);
});

test('a caller that has stopped answering PINGs is let go', async () => {
  await using hub = await startHub({ pingEveryMs: 20, pingLimitMs: 20 });
  using gateway = await dial(hub);
  await gateway.hello();
  gateway.stall();
  await until(() => hub.server.sessions().length === 0);
  await until(() => hub.metrics.get('uplink_ended', 'UPLINK-SILENT') === 1);
});

test('more connections than allowed are turned away, those that are there go on', async () => {
  await using hub = await startHub({ connections: 2 });
  using one = await dial(hub, 'gw-1');
  using two = await dial(hub, 'gw-2');
  await Promise.all([one.hello(), two.hello()]);
  await assert.rejects(dial(hub, 'gw-stranger'), (error: unknown) => error instanceof VitalmeshError && error.code === 'OVERLAY-CLOSED');
  assert.equal(hub.metrics.get('uplink_turned_away'), 1);
  assert.equal((await one.post(batch(1))).status, 200);
});

test('one gateway cannot take the places of the others', async () => {
  await using hub = await startHub({ perGateway: 2 });
  using one = await dial(hub, 'gw-1');
  using two = await dial(hub, 'gw-1');
  using three = await dial(hub, 'gw-1');
  await three.closed;
  using other = await dial(hub, 'gw-2');
  assert.equal((await other.hello()).status, 200);
  assert.equal((await one.hello()).status, 200);
  assert.ok(!two.session.destroyed);
});

test('a caller that connects and says nothing takes its own places, and not those of the others', async () => {
  await using hub = await startHub({ perGateway: 1, unverifiedHandshakes: 2, connections: 50 });
  const silent: Duplex[] = [];
  const overlay = hub.network.overlay({ id: 'gw-2', name: 'gw-2' });
  for (let i = 0; i < 60; i += 1) {
    const raw = await overlay.dial(SERVICE);
    raw.on('error', () => undefined).resume();
    silent.push(raw);
  }
  await until(() => hub.metrics.get('uplink_turned_away') === 57);
  assert.equal(hub.metrics.get('uplink_connections'), 3);
  using good = await dial(hub, 'gw-1');
  assert.equal((await good.hello()).status, 200);
  for (const raw of silent) raw.destroy();
  await until(() => hub.metrics.get('uplink_connections') === 1);
  using late = await dial(hub, 'gw-2');
  assert.equal((await late.hello()).status, 200);
});

test('handshakes count for the caller that the overlay verified, all others share a few places', () => {
  const handshakes = new Handshakes({ perCaller: 2, unverified: 1 });
  const caller = (identityId: string, verified = true) => ({ identityId, name: undefined, verified });
  const first = handshakes.begin(caller('gw-1'));
  assert.ok(first && handshakes.begin(caller('gw-1')));
  assert.equal(handshakes.begin(caller('gw-1')), undefined);
  const claimed = handshakes.begin(caller('gw-1', false));
  assert.ok(claimed);
  assert.equal(handshakes.begin(caller('gw-2', false)), undefined);
  assert.ok(handshakes.begin(caller('gw-2')));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assert.ok(handshakes.begin(caller('gw-1')));
  assert.equal(handshakes.begin(caller('gw-1')), undefined);
  claimed[Symbol.dispose]();
  assert.ok(handshakes.begin(caller('gw-2', false)));
});

test('batches of all gateways together wait for memory, and those whose caller has gone are dropped', async () => {
  await using hub = await startHub({ jsonBytes: 1 });
  using one = await dial(hub, 'gw-1');
  using two = await dial(hub, 'gw-2');
  await Promise.all([one.hello(), two.hello()]);
  const entered = new Promise<() => void>((resolve) => {
    hub.ingest.before = () => new Promise((go) => resolve(go));
  });
  const first = one.post(batch(1));
  const go = await entered;
  hub.ingest.before = async () => undefined;
  two.post(batch(2)).catch(() => undefined);
  const second = one.post(batch(3));
  await two.hello();
  await one.hello();
  assert.equal(hub.ingest.batches.length, 1);
  two.raw.destroy();
  await until(() => hub.server.sessions().length === 1);
  go();
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
  assert.equal(hub.ingest.batches.length, 2);
});

test('more requests at a time than the hub takes wait at the caller, and all are answered', async () => {
  await using hub = await startHub({ streams: 4, batchesAtOnce: 2 });
  let most = 0;
  let now = 0;
  hub.ingest.before = async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise(setImmediate);
    now -= 1;
  };
  using gateway = await dial(hub);
  await gateway.hello();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => gateway.post(batch(i + 1))));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(most, 2);
});

test('headers beyond their limit cost their sender the connection at most', async () => {
  await using hub = await startHub();
  using good = await dial(hub, 'gw-2');
  await good.hello();
  using gateway = await dial(hub);
  await gateway.hello();
  const outcome = await gateway.hello({ 'x-long': 'y'.repeat(20_000) }).then(
    ({ status }) => status,
    () => 'cut',
  );
  assert.notEqual(outcome, 200);
  assert.equal((await good.hello()).status, 200);
});

test('at the end the service is given up, a batch under way is still answered, and every connection is closed', async () => {
  const hub = await startHub();
  using gateway = await dial(hub);
  await gateway.hello();
  const entered = new Promise<() => void>((resolve) => {
    hub.ingest.before = () => new Promise((go) => resolve(go));
  });
  const answer = gateway.post(batch(1));
  const go = await entered;
  hub.abort();
  await until(() => !hub.server.status().bound);
  await assert.rejects(hub.network.overlay({ id: 'gw-2', name: 'gw-2' }).dial(SERVICE));
  go();
  assert.equal((await answer).status, 200);
  await gateway.closed;
  await hub[Symbol.asyncDispose]();
});

test('a hub that starts without its network binds once that is there', async () => {
  const network = createMemoryNetwork();
  network.down();
  const overlay = network.overlay({ id: 'hub-1', name: 'hub' });
  const server = serveUplink({
    overlay,
    service: SERVICE,
    identity: await identityOf('hub-1'),
    ingest: new MemoryIngest(),
    log: silentLogger,
    metrics: new Metrics(),
    clock: systemClock,
  });
  await server.start(new AbortController().signal);
  assert.deepEqual(server.status(), { bound: false, code: 'OVERLAY-UNREACHABLE', lastConnectedAt: null, lastBatchAt: null });
  network.up();
  await until(() => server.status().bound);
  assert.equal(server.status().code, null);
  await server[Symbol.asyncDispose]();
});
