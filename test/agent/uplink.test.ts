import assert from 'node:assert/strict';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { after, test } from 'node:test';
import type { Uplink, UplinkStatus } from '../../agent/uplink/contract.ts';
import { createUplink, type UplinkOptions } from '../../agent/uplink.ts';
import { serveUplink } from '../../hub/ingest/session.ts';
import { systemClock } from '../../shared/clock.ts';
import { ERRORS, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Identity } from '../../shared/identity/identity.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { createMemoryNetwork, type MemoryNetwork } from '../../shared/overlay/memory.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { secureListener } from '../../shared/uplink/inner-tls.ts';
import { verifies } from '../requirements.ts';
import { type TestNetwork, testNetwork } from '../support/identities.ts';
import { MemoryIngest, MemoryOutbox, recordOf, until } from '../support/uplink.ts';

const SERVICE = 'vitals-ingest';
const ca = await testNetwork();

async function identities(network: TestNetwork, ...ids: string[]): Promise<Map<string, Identity>> {
  return new Map(await Promise.all(ids.map(async (id) => [id, await network.identity(id)] as const)));
}

const known = await identities(ca, 'hub-1', 'hub-2', 'gw-1');

function identity(id: string): Identity {
  const found = known.get(id);
  assert.ok(found);
  return found;
}

const rejections: unknown[] = [];
process.on('unhandledRejection', (reason) => rejections.push(reason));
after(() => assert.deepEqual(rejections, []));

interface Bound extends AsyncDisposable {
  overlay: Overlay;
}

/** A real hub's session server in front of `ingest`. */
async function startHub(
  network: MemoryNetwork,
  ingest: MemoryIngest,
  as: Identity = identity('hub-1'),
  log: Logger = silentLogger,
): Promise<Bound> {
  const overlay = network.overlay({ id: as.id, name: as.id });
  const server = serveUplink({
    overlay,
    service: SERVICE,
    identity: as,
    ingest,
    log,
    metrics: new Metrics(),
    clock: systemClock,
    limits: { instancePingMs: 500, drainMs: 200 },
  });
  await server.start(new AbortController().signal);
  return {
    overlay,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await overlay[Symbol.asyncDispose]();
    },
  };
}

/** A hub that answers each request as the test says. */
async function scriptedHub(network: MemoryNetwork, answer: (stream: ServerHttp2Stream, path: string) => void): Promise<Bound> {
  const overlay = network.overlay({ id: 'hub-1', name: 'hub' });
  await overlay.bind(SERVICE, (raw) => {
    raw.on('error', () => undefined);
    secureListener(raw, identity('hub-1'), { timeoutMs: 5000 }).then(
      ({ stream }) => {
        const session = performServerHandshake(stream);
        session.on('error', () => undefined);
        session.on('stream', (request, headers) => {
          request.on('error', () => undefined);
          answer(request, String(headers[':path']));
        });
      },
      () => undefined,
    );
  });
  return { overlay, [Symbol.asyncDispose]: () => overlay[Symbol.asyncDispose]() };
}

function answerJson(stream: ServerHttp2Stream, json: unknown, status = 200): void {
  stream.resume();
  stream.respond({ ':status': status });
  stream.end(typeof json === 'string' ? json : JSON.stringify(json));
}

interface Agent extends AsyncDisposable {
  uplink: Uplink;
  outbox: MemoryOutbox;
  metrics: Metrics;
}

async function startAgent(network: MemoryNetwork, options: Partial<UplinkOptions> = {}): Promise<Agent> {
  const overlay = network.overlay({ id: 'gw-1', name: 'gateway' });
  const outbox = new MemoryOutbox();
  const metrics = new Metrics();
  const uplink = createUplink({
    outbox,
    overlay,
    service: SERVICE,
    identity: identity('gw-1'),
    hubIdentity: ['hub-1'],
    log: silentLogger,
    metrics,
    clock: systemClock,
    retry: { minMs: 1, maxMs: 5, slowMinMs: 1, slowMaxMs: 5 },
    ...options,
  });
  await uplink.start(new AbortController().signal);
  return {
    uplink,
    outbox: (options.outbox as MemoryOutbox | undefined) ?? outbox,
    metrics,
    async [Symbol.asyncDispose]() {
      await uplink[Symbol.asyncDispose]();
      await overlay[Symbol.asyncDispose]();
    },
  };
}

/** The status once it is as wished. */
async function status({ uplink }: Agent, wanted: (status: UplinkStatus) => boolean): Promise<UplinkStatus> {
  let at = uplink.status();
  await until(() => {
    at = uplink.status();
    return wanted(at);
  });
  return at;
}

const waitingFor = (agent: Agent, code: ErrorCode): Promise<UplinkStatus> =>
  status(agent, (at) => at.state === 'waiting' && at.code === code);

test('what stands in the outbox reaches the hub, and the status says how it is', async () => {
  const network = createMemoryNetwork();
  const ingest = new MemoryIngest();
  await using _hub = await startHub(network, ingest);
  const agent = await startAgent(network);
  await agent.outbox.append([recordOf(71, 72)]);
  await agent.outbox.empty();
  const at = await status(agent, ({ state, inFlight }) => state === 'connected' && inFlight === 0);
  assert.equal(at.code, null);
  assert.equal(at.hub?.identity, 'hub-1');
  assert.equal(at.hub?.storeId, 'store-1');
  assert.ok(at.lastAnswerAt !== null);
  assert.equal(ingest.held.size, 2);
  await agent[Symbol.asyncDispose]();
  assert.equal(agent.uplink.status().state, 'stopped');
});

test('until when it was connected is known while it waits, and through attempts in vain', async () => {
  verifies('STATUS-SILENCE-SHOWN');
  const network = createMemoryNetwork();
  await using hub = await startHub(network, new MemoryIngest());
  await using agent = await startAgent(network);
  assert.equal((await status(agent, ({ state }) => state === 'connected')).lastConnectedAt, null);
  const before = Date.now();
  await hub[Symbol.asyncDispose]();
  const { lastConnectedAt } = await waitingFor(agent, 'OVERLAY-NO-TERMINATOR');
  assert.ok(lastConnectedAt !== null && lastConnectedAt >= before);
  network.down();
  assert.equal((await waitingFor(agent, 'OVERLAY-UNREACHABLE')).lastConnectedAt, lastConnectedAt);
});

test('a hub that is not there yet: the agent keeps everything, says why, and connects later', async () => {
  const network = createMemoryNetwork();
  await using agent = await startAgent(network);
  await agent.outbox.append([recordOf(71)]);
  await waitingFor(agent, 'OVERLAY-NO-TERMINATOR');
  await agent.outbox.append([recordOf(72)]);
  network.down();
  await waitingFor(agent, 'OVERLAY-UNREACHABLE');
  assert.equal((await agent.outbox.status()).pending, 2);
  network.up();
  const ingest = new MemoryIngest();
  await using _hub = await startHub(network, ingest);
  await agent.outbox.empty();
  assert.equal(ingest.held.size, 2);
});

test('an answer that is lost, wherever the connection breaks, costs nothing and doubles nothing', async () => {
  verifies('EXACTLY-ONCE');
  for (const moment of ['before', 'after'] as const) {
    const network = createMemoryNetwork();
    const ingest = new MemoryIngest();
    let cuts = 3;
    ingest[moment] = () => {
      if (cuts === 0) return;
      cuts -= 1;
      network.down();
      network.up();
    };
    await using _hub = await startHub(network, ingest);
    await using agent = await startAgent(network, { batchEntries: 2, windowBatches: 2 });
    await agent.outbox.append([recordOf(71, 72), recordOf(73), recordOf(74, 75, 76)]);
    await agent.outbox.empty();
    assert.equal(cuts, 0);
    assert.equal(ingest.held.size, 6);
    assert.deepEqual(agent.outbox.completed.map(({ seq }) => seq).sort(), [1, 2, 3]);
    assert.ok(ingest.batches.flat().length > 6, 'some entries came twice');
  }
});

test('a hub with another identity than the expected one gets nothing', async () => {
  const network = createMemoryNetwork();
  const ingest = new MemoryIngest();
  await using _hub = await startHub(network, ingest, identity('hub-2'));
  await using agent = await startAgent(network);
  await agent.outbox.append([recordOf(71)]);
  assert.equal((await waitingFor(agent, 'UPLINK-PEER')).detail, 'identity hub-2');
  assert.deepEqual(ingest.batches, []);
  assert.equal((await agent.outbox.status()).pending, 1);
});

test('a hub of another network gets nothing, even when any identity of its own network would do', async () => {
  verifies('IDENTITY-CHAIN');
  const network = createMemoryNetwork();
  const ingest = new MemoryIngest();
  const foreign = await identities(await testNetwork(), 'hub-1');
  const imposter = foreign.get('hub-1');
  assert.ok(imposter);
  await using _hub = await startHub(network, ingest, imposter);
  await using agent = await startAgent(network, { hubIdentity: 'any' });
  await agent.outbox.append([recordOf(71)]);
  await waitingFor(agent, 'IDENTITY-UNTRUSTED');
  assert.deepEqual(ingest.batches, []);
});

test('an unknown gateway is refused while it keeps everything, and is served once the registry names it', async () => {
  verifies('CALLER-FROM-CERTIFICATE');
  const network = createMemoryNetwork();
  const ingest = new MemoryIngest();
  ingest.gateways.clear();
  await using _hub = await startHub(network, ingest);
  await using agent = await startAgent(network);
  await agent.outbox.append([recordOf(71), recordOf(72)]);
  await waitingFor(agent, 'UPLINK-UNKNOWN-GATEWAY');
  assert.equal((await agent.outbox.status()).pending, 2);
  assert.deepEqual(ingest.batches, []);
  ingest.gateways.add('gw-1');
  await agent.outbox.empty();
  assert.equal(ingest.held.size, 2);
});

const HELLO = { versions: [1], limits: { batchEntries: 10, batchBytes: 100_000 }, now: 0, storeId: 's', configRevision: 'r' };

test('a hub of another major version is not spoken to', async () => {
  verifies('UPLINK-VERSIONED');
  for (const answer of [
    (stream: ServerHttp2Stream) => answerJson(stream, { ...HELLO, versions: [2, 3] }),
    (stream: ServerHttp2Stream) => answerJson(stream, { code: 'UPLINK-VERSION', message: '', versions: [2] }, 400),
  ]) {
    const network = createMemoryNetwork();
    const paths = new Set<string>();
    await using _hub = await scriptedHub(network, (stream, path) => {
      paths.add(path);
      answer(stream);
    });
    await using agent = await startAgent(network);
    await agent.outbox.append([recordOf(71)]);
    await waitingFor(agent, 'UPLINK-VERSION');
    assert.deepEqual([...paths], ['/uplink']);
  }
});

test('a hub that serves more than one version, and says more than we know, is spoken to', async () => {
  verifies('UPLINK-VERSIONED');
  const network = createMemoryNetwork();
  await using _hub = await scriptedHub(network, (stream, path) => {
    const entry = [{ response: { status: '201 Created', etag: 'W/"1"' }, later: true }];
    answerJson(
      stream,
      path === '/uplink' ? { ...HELLO, versions: [2, 1], later: {} } : { resourceType: 'Bundle', type: 'batch-response', entry },
    );
  });
  await using agent = await startAgent(network);
  await agent.outbox.append([recordOf(71)]);
  await agent.outbox.empty();
});

test('answers that cannot be read leave everything in the outbox', async () => {
  const entry = { response: { status: '201' } };
  const answers: [unknown, number, ErrorCode][] = [
    ['{"resourceType":"Bun', 200, 'UPLINK-ANSWER'],
    [{ resourceType: 'Bundle', type: 'batch-response', entry: [entry, entry] }, 200, 'UPLINK-ANSWER'],
    ['x'.repeat(5 * 1024 * 1024), 200, 'UPLINK-ANSWER'],
    ['<html>', 502, 'UPLINK-ANSWER'],
    [{ code: 'NO-SUCH-CODE' }, 418, 'UPLINK-ANSWER'],
    [{ code: 'ACCESS-EXPIRED' }, 403, 'ACCESS-EXPIRED'],
    [{ code: 'ACCESS-DENIED' }, 403, 'ACCESS-DENIED'],
  ];
  for (const [answer, httpStatus, code] of answers) {
    const network = createMemoryNetwork();
    await using _hub = await scriptedHub(network, (stream, path) =>
      path === '/uplink' ? answerJson(stream, HELLO) : answerJson(stream, answer, httpStatus),
    );
    await using agent = await startAgent(network);
    await agent.outbox.append([recordOf(71)]);
    await waitingFor(agent, code);
    assert.equal((await agent.outbox.status()).pending, 1);
    assert.deepEqual(agent.outbox.refused, []);
  }
});

test('where a batch was committed goes into the outbox with its rows; said in another form, the answer is none', async () => {
  verifies('STORE-LINEAGE');
  const entry = [{ response: { status: '201' } }];
  for (const [committed, isTaken] of [
    ['0123456789abc.7', true],
    ['0123456789abc', false],
    ['0123456789abc.-7', false],
  ] as const) {
    const network = createMemoryNetwork();
    await using _hub = await scriptedHub(network, (stream, path) => {
      if (path === '/uplink') return answerJson(stream, HELLO);
      stream.resume();
      stream.respond({ ':status': 200, 'vitalmesh-committed': committed });
      stream.end(JSON.stringify({ resourceType: 'Bundle', type: 'batch-response', entry }));
    });
    await using agent = await startAgent(network);
    const told: unknown[] = [];
    const complete = agent.outbox.complete.bind(agent.outbox);
    agent.outbox.complete = (rows) => {
      told.push(...rows.map((row) => row.committed));
      return complete(rows);
    };
    await agent.outbox.append([recordOf(71)]);
    if (isTaken) await agent.outbox.empty();
    else await waitingFor(agent, 'UPLINK-ANSWER');
    assert.deepEqual(told, isTaken ? [{ epoch: '0123456789abc', position: 7 }] : []);
  }
});

test('an overloaded hub that says so in its own words is asked again', async () => {
  const network = createMemoryNetwork();
  let refusals = 2;
  await using _hub = await scriptedHub(network, (stream, path) => {
    if (path === '/uplink') return answerJson(stream, HELLO);
    refusals -= 1;
    if (refusals >= 0) return answerJson(stream, 'try later', 503);
    return answerJson(stream, { resourceType: 'Bundle', type: 'batch-response', entry: [{ response: { status: '200' } }] });
  });
  await using agent = await startAgent(network);
  await agent.outbox.append([recordOf(71)]);
  await agent.outbox.empty();
});

test('a hub that takes a batch and never answers is given up, and asked anew', async () => {
  const network = createMemoryNetwork();
  await using _hub = await scriptedHub(network, (stream, path) => {
    if (path === '/uplink') answerJson(stream, HELLO);
  });
  await using agent = await startAgent(network, { times: { answerMs: 10 } });
  await agent.outbox.append([recordOf(71)]);
  await waitingFor(agent, 'UPLINK-SILENT');
  assert.equal((await agent.outbox.status()).pending, 1);
});

test('a hub that no longer answers PINGs is given up, and asked anew', async () => {
  const network = createMemoryNetwork();
  const overlay = network.overlay({ id: 'hub-1', name: 'hub' });
  await overlay.bind(SERVICE, (raw) => {
    raw.on('error', () => undefined);
    void secureListener(raw, identity('hub-1'), { timeoutMs: 5000 }).then(({ stream }) => {
      const session = performServerHandshake(stream);
      session.on('error', () => undefined);
      session.on('stream', (request) => {
        answerJson(request, HELLO);
        request.once('close', () => {
          raw.pause();
          raw.resume = () => raw;
        });
      });
    });
  });
  await using agent = await startAgent(network, { times: { pingEveryMs: 10, pingLimitMs: 10 } });
  await waitingFor(agent, 'UPLINK-SILENT');
  await overlay[Symbol.asyncDispose]();
});

test('a hub with another store is refused, and the one before it is taken again', async () => {
  const network = createMemoryNetwork();
  const ingest = new MemoryIngest();
  const other = new MemoryIngest();
  other.storeId = 'store-2';
  await using agent = await startAgent(network);
  {
    await using _hub = await startHub(network, ingest);
    await agent.outbox.append([recordOf(71)]);
    await agent.outbox.empty();
  }
  {
    await using _hub = await startHub(network, other);
    await agent.outbox.append([recordOf(72)]);
    await waitingFor(agent, 'UPLINK-STORE');
    assert.equal(agent.uplink.status().refusedStore, other.storeId);
  }
  await using _hub = await startHub(network, ingest);
  await agent.outbox.empty();
  assert.deepEqual([ingest.held.size, other.held.size], [2, 0]);
});

test('of two hubs with a store each that bind one service at once, one is used, and the status says what is wrong and what to do', async () => {
  verifies('HUBS-SHARE-A-STORE');
  const network = createMemoryNetwork();
  const ingests = ['store-1', 'store-2'].map((storeId) => Object.assign(new MemoryIngest(), { storeId }));
  const [one = new MemoryIngest(), two = new MemoryIngest()] = ingests;
  await using _one = await startHub(network, one, identity('hub-1'));
  await using _two = await startHub(network, two, identity('hub-2'));
  await using agent = await startAgent(network, { hubIdentity: ['hub-1', 'hub-2'] });
  for (let i = 0; i < 6; i += 1) {
    await agent.outbox.append([recordOf(60 + i)]);
    await agent.outbox.empty();
    network.down();
    network.up();
  }
  assert.deepEqual(ingests.map(({ held }) => held.size).toSorted(), [0, 6], 'nothing is split over two stores');
  assert.ok(agent.metrics.get('uplink_lost', 'UPLINK-STORE') > 0, 'the network gave it the other one, too');
  assert.match(ERRORS['UPLINK-STORE'].advice, /must share a store/);
});

test('a second process on the same identity is refused while the first one works, and takes its place when it is gone', async () => {
  const network = createMemoryNetwork();
  verifies('ONE-INSTANCE');
  const ingest = new MemoryIngest();
  const said: { by: string; code: unknown }[] = [];
  const logOf = (by: string): Logger => ({
    ...silentLogger,
    warn: (fields: { err?: VitalmeshError; code?: unknown }) => said.push({ by, code: fields.code ?? fields.err?.code }),
  });
  await using _hub = await startHub(network, ingest, identity('hub-1'), logOf('hub'));
  const first = await startAgent(network, { log: logOf('first') });
  await status(first, ({ state }) => state === 'connected');
  await using second = await startAgent(network, { log: logOf('second') });
  await second.outbox.append([recordOf(72)]);
  await waitingFor(second, 'UPLINK-INSTANCE');
  for (const by of ['hub', 'second'])
    assert.ok(
      said.some((line) => line.by === by && line.code === 'UPLINK-INSTANCE'),
      by,
    );
  assert.ok(!said.some(({ by }) => by === 'first'));
  await first.outbox.append([recordOf(71)]);
  await first.outbox.empty();
  assert.equal((await second.outbox.status()).pending, 1);
  await first[Symbol.asyncDispose]();
  await second.outbox.empty();
  assert.equal(ingest.held.size, 2);
});

test('a batch is held to the limits that the hub states', async () => {
  const network = createMemoryNetwork();
  const ingest = new MemoryIngest();
  ingest.limits = { batchEntries: 3, batchBytes: 20_000 };
  await using _hub = await startHub(network, ingest);
  await using agent = await startAgent(network);
  await agent.outbox.append(Array.from({ length: 10 }, (_, i) => recordOf(60 + i, 80 + i)));
  await agent.outbox.empty();
  assert.equal(ingest.held.size, 20);
  assert.ok(ingest.batches.every((ids) => ids.length <= 3));
});

test('a network that comes back is used at once, however long the agent would have waited', async () => {
  const network = createMemoryNetwork();
  const ingest = new MemoryIngest();
  await using _hub = await startHub(network, ingest);
  const retry = { minMs: 600_000, maxMs: 600_000, slowMinMs: 600_000, slowMaxMs: 600_000 };
  await using agent = await startAgent(network, { retry });
  await agent.outbox.append([recordOf(71)]);
  await agent.outbox.empty();
  network.down();
  await waitingFor(agent, 'OVERLAY-CLOSED');
  await agent.outbox.append([recordOf(72)]);
  network.up();
  await until(async () => (await agent.outbox.status()).pending === 0);
  assert.equal(ingest.held.size, 2);
});

test('dials that run into their time limit are no connections that stood: the pauses between them begin small and grow', async () => {
  verifies('OVERLAY-CONTROLLER-AWAY');
  const network = createMemoryNetwork();
  const overlay = network.overlay({ id: 'gw-1', name: 'gateway' });
  let elapsedMs = 0;
  let dials = 0;
  overlay.dial = async () => {
    dials += 1;
    elapsedMs += 11_000;
    throw new VitalmeshError('OVERLAY-TIMEOUT');
  };
  const clock = { now: () => systemClock.now(), monotonicMs: () => elapsedMs };
  const retry = { minMs: 1, maxMs: 3_600_000, slowMinMs: 3_600_000, slowMaxMs: 3_600_000 };
  await using _agent = await startAgent(network, { overlay, clock, retry });
  // Pauses of up to 5 s each, as after a loss of what had stood, would take half a minute.
  await until(() => dials === 12);
});

test('an agent that stops while the hub is away stops at once', async () => {
  const network = createMemoryNetwork();
  const agent = await startAgent(network, { retry: { minMs: 60_000, maxMs: 60_000, slowMinMs: 60_000, slowMaxMs: 60_000 } });
  await waitingFor(agent, 'OVERLAY-NO-TERMINATOR');
  await agent[Symbol.asyncDispose]();
  assert.equal(agent.uplink.status().state, 'stopped');
});

test('an identity that cannot name observations, and a missing hub identity, are told at once', () => {
  const options: UplinkOptions = {
    outbox: new MemoryOutbox(),
    overlay: createMemoryNetwork().overlay({ id: 'gw-1', name: 'gateway' }),
    service: SERVICE,
    identity: identity('gw-1'),
    hubIdentity: ['hub-1'],
    log: silentLogger,
    metrics: new Metrics(),
    clock: systemClock,
  };
  const refused = (changed: Partial<UplinkOptions>): void =>
    assert.throws(
      () => createUplink({ ...options, ...changed }),
      (error: unknown) => error instanceof VitalmeshError && error.code === 'CONFIG-INVALID',
    );
  refused({ hubIdentity: [] });
  refused({ identity: { ...identity('gw-1'), id: 'gate_way' } });
  refused({ identity: { ...identity('gw-1'), id: 'g'.repeat(40) } });
});

test('asked to move over it makes the new connection first and finishes what is under way, nothing twice', async () => {
  verifies('RENEWAL-MAKE-BEFORE-BREAK');
  const network = createMemoryNetwork();
  const ingest = new MemoryIngest();
  await using hub = await startHub(network, ingest);
  const overlay = network.overlay({ id: 'gw-1', name: 'gateway' });
  let dials = 0;
  let refused = 0;
  const counted: Overlay = Object.assign(Object.create(overlay), {
    onState: (listener: Parameters<Overlay['onState']>[0]) => overlay.onState(listener),
    dial: (...args: Parameters<Overlay['dial']>) => {
      dials += 1;
      if (refused > 0) {
        refused -= 1;
        return Promise.reject(new VitalmeshError('OVERLAY-UNREACHABLE'));
      }
      return overlay.dial(...args);
    },
  });
  await using agent = await startAgent(network, { overlay: counted });
  await status(agent, ({ state }) => state === 'connected');

  // A batch is held up at the hub while the move is asked for; the first attempts find nobody.
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  ingest.before = () => released;
  await agent.outbox.append([recordOf(71)]);
  await until(() => ingest.batches.length === 1);
  refused = 2;
  agent.uplink.moveOver();
  await until(() => dials === 4);
  assert.equal(agent.uplink.status().state, 'connected', 'over the old connection all the time');
  release();
  await agent.outbox.empty();
  await agent.outbox.append([recordOf(72), recordOf(73)]);
  await agent.outbox.empty();
  assert.equal(ingest.held.size, 3);
  assert.equal(ingest.batches.flat().length, 3, 'nothing was sent twice');
  assert.deepEqual(
    Object.keys(agent.metrics.snapshot()).filter((name) => name.startsWith('uplink_lost')),
    [],
  );
  assert.equal(agent.uplink.status().code, null);

  // And once more; then the hub goes while a move is wanted.
  agent.uplink.moveOver();
  await until(() => dials === 5);
  await hub[Symbol.asyncDispose]();
  agent.uplink.moveOver();
  await status(agent, ({ state }) => state === 'waiting');
  await using _back = await startHub(network, ingest);
  await agent.outbox.append([recordOf(74)]);
  await agent.outbox.empty();
  assert.equal(ingest.held.size, 4);
  await overlay[Symbol.asyncDispose]();
});
