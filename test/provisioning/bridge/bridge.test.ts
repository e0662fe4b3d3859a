import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { type BridgeOptions, runBridge } from '../../../provisioning/bridge/bridge.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { jsonLines } from '../../../shared/mcp-line/json-lines.ts';
import { connectionPair, createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { type Endpoint, LINE_SERVICE, listen, modern, startEndpoint } from '../../hub/mcp/support.ts';
import { verifies } from '../../requirements.ts';
import { LineTransport, legacyOver, modernOver } from '../../support/mcp-line-clients.ts';
import { until } from '../../support/until.ts';

const LATEST = 'vitals://patient/pat-0001/latest';

interface Host {
  transport: LineTransport;
  stdin: PassThrough;
  stdout: PassThrough;
  ended: Promise<void>;
}

/** A host that has started a bridge, with its standard input and output. */
function startBridge({ as }: Pick<Endpoint, 'as'>, signal = new AbortController().signal, more: Partial<BridgeOptions> = {}): Host {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const ended = runBridge(
    { overlay: as('ai-all'), service: LINE_SERVICE, stdin, stdout, log: silentLogger, retry: { minMs: 1, maxMs: 5 }, ...more },
    signal,
  ).finally(() => stdout.end());
  return { transport: new LineTransport({ from: stdout, to: stdin }), stdin, stdout, ended };
}

for (const [revision, connect] of Object.entries({ '2025-11-25': legacyOver, '2026-07-28': modernOver })) {
  test(`${revision}: a client behind the bridge lists, reads, calls and is told of changes, also after the network was lost`, async () => {
    verifies('MCP-BRIDGE');
    await using endpoint = await startEndpoint();
    const { transport, ended } = startBridge(endpoint);
    const client = await connect(transport);
    assert.ok((await client.tools()).length >= 2);
    assert.equal((await client.read(LATEST)).patient, 'pat-0001');
    const updates = await client.subscribe([LATEST]);
    await updates.count(LATEST, 1);
    for (let i = 1; i <= 3; i += 1) {
      endpoint.network.down();
      await until(() => endpoint.service.status().subscriptions === 0);
      // Nobody follows now.
      endpoint.change('pat-0001');
      endpoint.network.up();
      await updates.count(LATEST, 2 * i);
      endpoint.change('pat-0001');
      await updates.count(LATEST, 2 * i + 1);
    }
    assert.equal((await client.call('get_latest_vitals', { patient: 'pat-0002' })).isError ?? false, false);
    await client.close();
    await ended;
    await until(() => endpoint.service.status().connections === 0 && endpoint.service.status().sessions === 0);
  });

  test(`${revision}: whoever follows something is sent to read it while the hub stays away, and hears why it cannot`, async () => {
    verifies('MCP-BRIDGE');
    await using endpoint = await startEndpoint();
    const { transport, ended } = startBridge(endpoint, undefined, { patienceMs: 20 });
    const client = await connect(transport);
    const updates = await client.subscribe([LATEST]);
    await updates.count(LATEST, 1);
    for (let away = 1; away <= 2; away += 1) {
      endpoint.network.down();
      await updates.count(LATEST, 2 * away);
      await assert.rejects(client.read(LATEST), (error: { data?: { code?: string } }) => error.data?.code?.startsWith('OVERLAY-') === true);
      endpoint.network.up();
      // When it is back, everything is told as changed.
      await updates.count(LATEST, 2 * away + 1);
      assert.equal((await client.read(LATEST)).patient, 'pat-0001');
    }
    await client.close();
    await ended;
  });

  test(`${revision}: what the hub has not answered when the network goes is answered by the bridge, with what to do`, async () => {
    verifies('MCP-BRIDGE');
    await using endpoint = await startEndpoint();
    const { transport, ended } = startBridge(endpoint);
    const client = await connect(transport);
    const asked = Promise.withResolvers<void>();
    const never = Promise.withResolvers<never>();
    endpoint.door.latest = () => {
      asked.resolve();
      return never.promise;
    };
    const reading = client.read(LATEST).then(
      () => assert.fail('it was answered'),
      (error: unknown) => error as { data?: { code?: string } },
    );
    await asked.promise;
    endpoint.network.down();
    assert.equal((await reading).data?.code, 'OVERLAY-CLOSED');
    // What is asked while it is away waits for it.
    const listed = client.resources();
    endpoint.network.up();
    assert.ok((await listed).includes(LATEST));
    never.reject(new Error('nobody waits'));
    await client.close();
    await ended;
  });
}

test('whoever follows more than the hub takes questions at once follows all of it again after the network was lost', async () => {
  verifies('MCP-BRIDGE');
  const patients = Array.from({ length: 150 }, (_, i) => `pat-${i}`);
  await using endpoint = await startEndpoint({ patients });
  const { transport, ended } = startBridge(endpoint);
  const client = await legacyOver(transport);
  for (const patient of patients) await client.subscribe([`vitals://patient/${patient}/latest`]);
  endpoint.network.down();
  await until(() => endpoint.service.status().subscriptions === 0);
  endpoint.network.up();
  await until(() => endpoint.service.status().subscriptions === patients.length);
  await client.close();
  await ended;
});

/** The next line that a host is told. */
async function told(
  lines: AsyncGenerator<Buffer | symbol>,
): Promise<{ id?: unknown; method?: string; error?: { data: { code: string } } }> {
  const { value } = await lines.next();
  return JSON.parse(String(value));
}

test('a subscription that was being opened when the network went is confirmed once, when it stands', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const openSubscription = endpoint.door.openSubscription.bind(endpoint.door);
  const begun = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  let opened = 0;
  endpoint.door.openSubscription = async (...asked: Parameters<typeof openSubscription>) => {
    opened += 1;
    begun.resolve();
    if (opened === 1) await gone.promise;
    return openSubscription(...asked);
  };
  const { stdin, stdout, ended } = startBridge(endpoint);
  const lines = jsonLines(stdout, 1024 * 1024);
  stdin.write(`${JSON.stringify(listen([LATEST], 1))}\n`);
  await begun.promise;
  endpoint.network.down();
  await until(() => endpoint.service.status().connections === 0);
  gone.resolve();
  endpoint.network.up();
  assert.equal((await told(lines)).method, 'notifications/subscriptions/acknowledged');
  stdin.end();
  await ended;
});

test('an id that is under way is refused by the bridge; the subscription that has it is taken up again after a cut', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const { stdin, stdout, ended } = startBridge(endpoint);
  const lines = jsonLines(stdout, 1024 * 1024);
  stdin.write(`${JSON.stringify(listen([LATEST], 1))}\n`);
  assert.equal((await told(lines)).method, 'notifications/subscriptions/acknowledged');
  stdin.write(`${JSON.stringify(modern('tools/list', {}, 1))}\n`);
  let answer = await told(lines);
  while (answer.id === undefined) answer = await told(lines);
  assert.deepEqual([answer.id, answer.error?.data.code], [1, 'MCP-ID']);
  endpoint.network.down();
  await until(() => endpoint.service.status().subscriptions === 0);
  endpoint.network.up();
  await until(() => endpoint.service.status().subscriptions === 1);
  stdin.end();
  await ended;
});

test('of a client that says much while the hub takes nothing a bounded part is read; the connection is made anew, and the rest follows', async () => {
  verifies('MCP-BRIDGE');
  const network = createMemoryNetwork();
  const [first, rest] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const arrived: number[] = [];
  let connections = 0;
  await network.overlay({ id: 'hub', name: 'hub' }).bind(LINE_SERVICE, (stream) => {
    connections += 1;
    if (connections === 1) stream.on('error', () => undefined).on('close', () => first.resolve());
    else void readAll(stream).then(rest.resolve, rest.reject);
  });
  const LINES = 400;
  async function readAll(stream: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const line of jsonLines(stream, 1024 * 1024)) {
      arrived.push((JSON.parse(String(line)) as { params: { at: number } }).params.at);
      if (arrived.at(-1) === LINES - 1) return;
    }
  }
  let taken = 0;
  async function* stdin(): AsyncGenerator<Uint8Array> {
    const filler = 'y'.repeat(100_000);
    for (; taken < LINES; taken += 1) {
      const message = { jsonrpc: '2.0', method: 'notifications/progress', params: { at: taken, filler } };
      yield Buffer.from(`${JSON.stringify(message)}\n`);
    }
    first.reject(new assert.AssertionError({ message: 'all of it was read' }));
    await rest.promise;
  }
  const options = { service: LINE_SERVICE, stdin: stdin(), stdout: new PassThrough(), log: silentLogger, retry: { minMs: 1, maxMs: 5 } };
  const ended = runBridge({ ...options, overlay: network.overlay({ id: 'ai', name: 'ai' }), stallMs: 200 }, new AbortController().signal);
  await first.promise;
  assert.ok(taken < 200, `${taken} lines were read`);
  await rest.promise;
  await ended;
  // What had gone into the first connection is lost with it, and nothing else.
  assert.ok(arrived.length > LINES - 10, `${arrived.length} lines came`);
  assert.deepEqual(
    arrived,
    Array.from(arrived, (_, at) => LINES - arrived.length + at),
  );
});

test('of a host that takes nothing of what the bridge refuses a bounded part is read, and the rest when it reads', async () => {
  verifies('MCP-BRIDGE');
  const QUESTIONS = 400;
  const [all, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let taken = 0;
  async function* stdin(): AsyncGenerator<Uint8Array> {
    const id = 'y'.repeat(100_000);
    // The first stays under way, so that each of the others is refused by the bridge.
    for (; taken <= QUESTIONS; taken += 1) yield Buffer.from(`${JSON.stringify({ ...listen([LATEST], id), at: taken })}\n`);
    all.resolve();
    await ended.promise;
  }
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  const stdout = new PassThrough();
  // Nobody answers, so that all that the host is told is said by the bridge.
  const network = createMemoryNetwork();
  await network.overlay({ id: 'hub', name: 'hub' }).bind(LINE_SERVICE, (stream) => void stream.on('error', () => undefined).resume());
  const overlay = network.overlay({ id: 'ai', name: 'ai' });
  const bridging = runBridge({ overlay, service: LINE_SERVICE, stdin: stdin(), stdout, log: silentLogger }, new AbortController().signal);
  let before = -1;
  // Nothing is waited for but the host when nothing moves for so many turns.
  await until(async () => {
    before = taken;
    for (let turns = 0; turns < 500; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    return taken === before && taken > 0;
  });
  assert.ok(taken > 20 && taken < 200, `${taken} lines were read`);
  let refused = 0;
  for await (const line of jsonLines(stdout, 1024 * 1024)) {
    refused += (JSON.parse(String(line)) as { error: { data: { code: string } } }).error.data.code === 'MCP-ID' ? 1 : 0;
    if (refused === QUESTIONS) break;
  }
  await all.promise;
  ended.resolve();
  await bridging;
  process.off('warning', onWarning);
  assert.deepEqual(warnings, []);
});

test('a host that closed and takes no answer is not waited for longer than a hub is', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const never = Promise.withResolvers<never>();
  endpoint.door.latest = () => never.promise;
  const [stdin, stdout] = [new PassThrough(), new PassThrough({ highWaterMark: 1 })];
  stdin.end([1, 2, 3].map((id) => `${JSON.stringify(modern('resources/read', { uri: LATEST }, id))}\n`).join(''));
  const options = { overlay: endpoint.as('ai-all'), service: LINE_SERVICE, stdin, stdout, log: silentLogger };
  const ended = runBridge({ ...options, last: { dialsMs: 60_000, answersMs: 200 } }, new AbortController().signal);
  await assert.rejects(ended, (error: VitalmeshError) => error.code === 'OVERLAY-TIMEOUT');
  never.reject(new Error('nobody waits'));
});

test('a line that is longer than the hub takes is refused by the bridge, under the id of its question where one can be read', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const { stdin, stdout, ended } = startBridge(endpoint);
  const lines = jsonLines(stdout, 1024 * 1024);
  const asking = (id: number, chars: number) => `${JSON.stringify(modern('tools/call', { name: 'x'.repeat(chars) }, id))}\n`;
  for (const [id, chars] of [
    [1, 1024 * 1024],
    [null, 5 * 1024 * 1024],
  ] as const) {
    stdin.write(asking(id ?? 2, chars));
    const { id: refused, error } = await told(lines);
    assert.deepEqual([refused, error?.data.code], [id, 'MCP-REQUEST']);
  }
  stdin.end();
  await ended;
});

test('what was asked before standard input ended is answered, and then the bridge ends', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const { stdin, stdout, ended } = startBridge(endpoint);
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  stdin.end(`${JSON.stringify({ jsonrpc: '2.0', id: 'last', method: 'tools/list', params: { _meta: meta } })}\n`);
  await ended;
  const said = String(stdout.read());
  assert.equal(JSON.parse(said).id, 'last');
});

test('the bridge ends with its signal, and where there is no token to show', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const ending = new AbortController();
  const { ended } = startBridge(endpoint, ending.signal);
  ending.abort();
  await ended;
  const token = (): never => {
    throw new VitalmeshError('ACCESS-TOKEN-FILE');
  };
  const streams = { stdin: new PassThrough(), stdout: new PassThrough() };
  const without = runBridge(
    { overlay: endpoint.as('ai-all'), service: LINE_SERVICE, ...streams, token, log: silentLogger },
    new AbortController().signal,
  );
  await assert.rejects(without, { code: 'ACCESS-TOKEN-FILE' });
});

/** What a bridge says and throws whose host asks this and closes at once. */
async function askedLast(
  question: object | undefined,
  options: Pick<BridgeOptions, 'overlay'> & Partial<BridgeOptions>,
): Promise<{ answers: { id: unknown; code: unknown }[]; thrown: unknown }> {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  stdin.end(question === undefined ? '' : `${JSON.stringify(question)}\n`);
  const last = { dialsMs: 60_000, answersMs: 60_000 };
  const rest = { service: LINE_SERVICE, stdin, stdout, log: silentLogger, retry: { minMs: 1, maxMs: 5 }, last };
  const thrown = await runBridge({ ...rest, ...options }, new AbortController().signal).catch((error: unknown) => error);
  const lines = String(stdout.read() ?? '')
    .trim()
    .split('\n');
  const answers = lines.filter(Boolean).map((line) => {
    const { id, error } = JSON.parse(line) as { id: unknown; error?: { data: { code: string } } };
    return { id, code: error?.data.code };
  });
  return { answers, thrown };
}

const QUESTION = { jsonrpc: '2.0', id: 7, method: 'tools/list' };

test('a host that closes at once is answered by the bridge where no hub is, which then says why it was not reached', async () => {
  verifies('MCP-BRIDGE');
  const refused = { dial: async () => Promise.reject(new VitalmeshError('OVERLAY-DENIED')) };
  const soon = { dialsMs: 20, answersMs: 60_000 };
  const denied = await askedLast(QUESTION, { overlay: refused, last: soon });
  assert.deepEqual(denied.answers, [{ id: 7, code: 'OVERLAY-DENIED' }]);
  assert.equal((denied.thrown as VitalmeshError).code, 'OVERLAY-DENIED');

  const silent = await askedLast(undefined, { overlay: refused });
  assert.deepEqual([silent.answers, (silent.thrown as VitalmeshError).code], [[], 'OVERLAY-DENIED']);

  const dead: BridgeOptions['overlay'] = {
    dial: (_service, { signal } = {}) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new VitalmeshError('OVERLAY-CLOSED')))),
  };
  const late = await askedLast(QUESTION, { overlay: dead, last: soon });
  assert.deepEqual(late.answers, [{ id: 7, code: 'OVERLAY-TIMEOUT' }]);
  assert.equal((late.thrown as VitalmeshError).code, 'OVERLAY-TIMEOUT');
});

test('a host that closes at once is answered by the bridge where a hub says nothing, and without a word where nothing was asked', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const never = Promise.withResolvers<never>();
  endpoint.door.latest = () => never.promise;
  const overlay = endpoint.as('ai-all');
  const question = modern('resources/read', { uri: LATEST }, 7);
  const slow = await askedLast(question, { overlay, last: { dialsMs: 60_000, answersMs: 200 } });
  assert.deepEqual([slow.answers, (slow.thrown as VitalmeshError).code], [[{ id: 7, code: 'OVERLAY-TIMEOUT' }], 'OVERLAY-TIMEOUT']);
  assert.deepEqual(await askedLast(undefined, { overlay }), { answers: [], thrown: undefined });
  never.reject(new Error('nobody waits'));
});

test('a token that cannot be read any more is said to whoever asked, and ends the bridge', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  let isThere = true;
  const token = (): string => {
    if (!isThere) throw new VitalmeshError('ACCESS-TOKEN-FILE');
    return 'token';
  };
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const ended = runBridge(
    { overlay: endpoint.as('ai-all'), service: LINE_SERVICE, stdin, stdout, token, log: silentLogger },
    new AbortController().signal,
  ).catch((error: unknown) => error);
  stdin.write(`${JSON.stringify(modern('tools/list', {}, 1))}\n`);
  await once(stdout, 'readable');
  assert.equal((JSON.parse(String(stdout.read())) as { id: unknown }).id, 1);
  isThere = false;
  stdin.write(`${JSON.stringify(modern('tools/list', {}, 2))}\n`);
  const thrown = (await ended) as VitalmeshError;
  const { id, error } = JSON.parse(String(stdout.read())) as { id: unknown; error: { data: { code: string } } };
  assert.deepEqual([id, error.data.code, thrown.code], [2, 'ACCESS-TOKEN-FILE', 'ACCESS-TOKEN-FILE']);
});

test('a session that the hub does not open again is said by its code, and tried anew until it does', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const caller = endpoint.registry.get('ai-all') ?? assert.fail();
  const { transport, ended } = startBridge(endpoint);
  const client = await legacyOver(transport);
  const updates = await client.subscribe([LATEST]);
  await updates.count(LATEST, 1);
  endpoint.registry.delete('ai-all');
  await until(() => endpoint.service.status().sessions === 0);
  let code: string | undefined;
  while (code !== 'ACCESS-UNKNOWN-CALLER')
    code = await client.tools().then(
      () => assert.fail('it was answered'),
      (error: { data?: { code?: string } }) => error.data?.code,
    );
  endpoint.registry.set('ai-all', caller);
  await updates.count(LATEST, 2);
  assert.equal((await client.read(LATEST)).patient, 'pat-0001');
  await client.close();
  await ended;
});

test('whoever followed what it may not follow any more is sent to read it', async () => {
  verifies('MCP-BRIDGE');
  await using endpoint = await startEndpoint();
  const caller = endpoint.registry.get('ai-all') ?? assert.fail();
  const { transport, ended } = startBridge(endpoint);
  const client = await legacyOver(transport);
  const updates = await client.subscribe([LATEST]);
  await updates.count(LATEST, 1);
  endpoint.network.down();
  endpoint.registry.set('ai-all', { ...caller, patients: ['pat-0002'] });
  await until(() => endpoint.service.status().sessions === 0);
  endpoint.network.up();
  await updates.count(LATEST, 2);
  await assert.rejects(client.read(LATEST), (error: { data?: { code?: string } }) => error.data?.code === 'NOT-FOUND');
  await client.close();
  await ended;
});

test('a hub that ends each connection soon after it has said something is asked more and more seldom', async (t) => {
  verifies('MCP-BRIDGE');
  t.mock.method(Math, 'random', () => 1);
  const { stdin, stdout } = { stdin: new PassThrough(), stdout: new PassThrough() };
  const ending = new AbortController();
  const dials: number[] = [];
  const dial = async () => {
    dials.push(performance.now());
    if (dials.length === 9) ending.abort();
    const [near, far] = connectionPair();
    near.on('error', () => near.destroy());
    far.on('error', () => far.destroy());
    far.end(`${JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32011, message: 'a limit' } })}\n`);
    return near;
  };
  await runBridge(
    { ...{ service: LINE_SERVICE, stdin, stdout, log: silentLogger, retry: { minMs: 1, maxMs: 10_000 } }, overlay: { dial } },
    ending.signal,
  );
  // 1 + 2 + 4 + … + 128 ms.
  assert.ok((dials.at(-1) ?? 0) - (dials[0] ?? 0) >= 200, `${dials}`);
});

test('while the hub cannot be reached, what is asked is answered with why', async () => {
  verifies('MCP-BRIDGE');
  const { stdin, stdout } = { stdin: new PassThrough(), stdout: new PassThrough() };
  const ending = new AbortController();
  const ended = runBridge(
    {
      ...{ service: LINE_SERVICE, stdin, stdout, log: silentLogger, retry: { minMs: 1, maxMs: 2 }, patienceMs: 0 },
      overlay: { dial: async () => Promise.reject(new VitalmeshError('OVERLAY-DENIED')) },
    },
    ending.signal,
  );
  stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
  stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })}\n`);
  const [chunk] = (await once(stdout, 'data')) as [Buffer];
  const { id, error } = JSON.parse(chunk.toString('utf8')) as { id: number; error: { data: { code: string } } };
  assert.deepEqual([id, error.data.code], [1, 'OVERLAY-DENIED']);
  ending.abort();
  await ended;
});
