import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { TOOLS_FINGERPRINT } from '../../../hub/mcp/surface/fingerprint.ts';
import { verifies } from '../../requirements.ts';
import { connectLegacy, connectModern } from '../../support/mcp-clients.ts';
import {
  codeOf,
  type Endpoint,
  eventually,
  listen,
  NOW,
  openSession,
  principal,
  rawHttp,
  requestBytes,
  SERVICE,
  startEndpoint,
  WAYS,
} from './support.ts';

const LATEST = 'vitals://patient/pat-0001/latest';
const HOUR_MS = 3_600_000;

for (const { revision, connect, service } of WAYS) {
  const channel = revision.startsWith('2025') ? 'mcp-2025' : 'mcp-2026';

  const lapses: Record<string, (endpoint: Endpoint) => void> = {
    expired: ({ clock }) => clock.advance(HOUR_MS + 1),
    removed: ({ registry }) => registry.delete('ai-one'),
    changed: ({ registry }) => registry.set('ai-one', principal('ai-one', { patients: [], notAfter: NOW + HOUR_MS })),
  };
  for (const [reason, lapse] of Object.entries(lapses)) {
    test(`${revision}: a stream ends when the right to it is ${reason}, by itself and before the next change`, async () => {
      verifies('MCP-GATED');
      for (const byTimer of [true, false]) {
        await using endpoint = await startEndpoint({ limits: { sweepMs: byTimer ? 2 : HOUR_MS } });
        endpoint.registry.set('ai-one', principal('ai-one', { patients: ['pat-0001'], notAfter: NOW + HOUR_MS }));
        await using client = await connect(endpoint.as('ai-one'), service);
        const updates = await client.subscribe([LATEST]);
        await updates.count(LATEST, 1);

        lapse(endpoint);
        if (!byTimer) endpoint.change('pat-0001');
        await client.ended;
        const closed = await endpoint.door.until(({ call }) => call === 'closeSubscription');
        assert.deepEqual(closed, { call: 'closeSubscription', principal: 'ai-one', patients: ['pat-0001'], channel, delivered: 1 });
        endpoint.change('pat-0001');
        assert.equal(updates.of(LATEST).length, 1);
        assert.equal(endpoint.service.status().subscriptions, 0);
        assert.equal(endpoint.metrics.get('mcp_streams_ended', reason), 1);
      }
    });
  }

  test(`${revision}: a change that the caller may not see is not told, on any resource`, async () => {
    verifies('MCP-GATED');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-one'), service);
    const updates = await client.subscribe([LATEST, 'vitals://patients']);
    await updates.count('vitals://patients', 1);
    endpoint.change('pat-0002');
    endpoint.change('pat-0002', { kind: 'patients' });
    endpoint.change('pat-0001', { tenant: 'other' });
    endpoint.change('pat-0001', { tenant: 'other', kind: 'patients' });
    endpoint.change('pat-0001', { kind: 'stale' });
    await updates.until(({ version }) => version === 5);
    assert.deepEqual([...new Set(updates.seen.map(({ version }) => version))], [0, 5]);
  });

  test(`${revision}: that a source fell silent or came back is told of whom it concerns, and not on the list`, async () => {
    verifies('SOURCES-TOLD');
    await using endpoint = await startEndpoint({ limits: { coalesceMs: 0 } });
    await using client = await connect(endpoint.as('ai-one'), service);
    const updates = await client.subscribe([LATEST, 'vitals://patients']);
    await updates.count('vitals://patients', 1);
    endpoint.change('pat-0002', { kind: 'sources', vitals: [] });
    endpoint.change('pat-0001', { kind: 'sources', vitals: [] });
    await updates.until(({ version }) => version === 2);
    assert.deepEqual(
      updates.seen.filter(({ version }) => version !== 0).map(({ uri, version }) => [uri, version]),
      [[LATEST, 2]],
    );
  });

  test(`${revision}: that an expected reading stands otherwise is told at once of whom it concerns, and not on the list`, async () => {
    verifies('DUE-TOLD');
    await using endpoint = await startEndpoint({ limits: { coalesceMs: HOUR_MS } });
    await using client = await connect(endpoint.as('ai-one'), service);
    const updates = await client.subscribe([LATEST, 'vitals://patients']);
    await updates.count('vitals://patients', 1);
    endpoint.change('pat-0002', { kind: 'due', vitals: ['weight'] });
    endpoint.change('pat-0001', { kind: 'patients', vitals: [] });
    endpoint.change('pat-0001', { kind: 'due', vitals: ['weight'] });
    await updates.until(({ version }) => version === 3);
    assert.deepEqual(
      updates.seen.filter(({ version }) => version === 3).map(({ uri }) => uri),
      [LATEST],
    );
    assert.equal(
      updates.of('vitals://patients').every(({ version }) => version !== 1 && version !== 3),
      true,
    );
  });

  test(`${revision}: what is stored late changes nothing that is current, and is not told, but for a patient who is new`, async () => {
    verifies('LATE-UNTOLD');
    await using endpoint = await startEndpoint({ limits: { coalesceMs: 0 } });
    await using client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe([LATEST, 'vitals://patients']);
    await updates.count('vitals://patients', 1);
    endpoint.change('pat-0001', { kind: 'late' });
    endpoint.change('pat-0001', { kind: 'late' });
    endpoint.change('pat-0001');
    await updates.until(({ version }) => version === 3);
    const versions = (uri: string) => updates.seen.filter((update) => update.uri === uri).map(({ version }) => version);
    assert.deepEqual(versions(LATEST), [0, 3]);
    assert.deepEqual(versions('vitals://patients'), [0, 1]);
  });

  test(`${revision}: that readings were moved to or away from a patient is told at once`, async () => {
    verifies('LATE-MOVEMENT-CORRECTS');
    await using endpoint = await startEndpoint({ limits: { coalesceMs: HOUR_MS } });
    await using client = await connect(endpoint.as('ai-one'), service);
    const updates = await client.subscribe([LATEST]);
    await updates.count(LATEST, 1);
    endpoint.change('pat-0001');
    endpoint.change('pat-0001', { kind: 'corrected' });
    await updates.until(({ version }) => version === 2);
    assert.deepEqual(updates.seen.at(-1)?.uri, LATEST);
  });

  test(`${revision}: opening and closing stand in the evidence, with how much was told`, async () => {
    verifies('MCP-GATED');
    await using endpoint = await startEndpoint();
    const client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe([LATEST]);
    await updates.count(LATEST, 1);
    endpoint.change('pat-0001');
    await updates.count(LATEST, 2);
    await client.close();
    if (channel === 'mcp-2025') await endpoint.service[Symbol.asyncDispose]();
    const closed = await endpoint.door.until(({ call }) => call === 'closeSubscription');
    assert.equal(closed.delivered, 2);
    assert.deepEqual(
      endpoint.door.of('openSubscription').map(({ patients }) => patients),
      [['pat-0001']],
    );
  });

  test(`${revision}: when the hub stops, readers are told and the evidence is complete`, async () => {
    verifies('MCP-GATED');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe([LATEST]);
    await updates.count(LATEST, 1);
    await endpoint.service[Symbol.asyncDispose]();
    await client.ended;
    assert.equal(endpoint.door.of('closeSubscription').length, 1);
    assert.deepEqual(endpoint.service.status(), {
      service: SERVICE,
      bound: false,
      code: null,
      connections: 0,
      sessions: 0,
      streams: 0,
      subscribers: { 'mcp-2025': 0, 'mcp-2026': 0 },
      subscriptions: 0,
      tools: TOOLS_FINGERPRINT,
    });
  });
}

/** Opens an event stream and stops reading; gives what must be read to go on. */
async function stalledStream(endpoint: Endpoint, channel: 'mcp-2025' | 'mcp-2026', uris: readonly string[]): Promise<Duplex> {
  const overlay = endpoint.as('ai-all');
  const connection = await overlay.dial(SERVICE);
  connection.on('error', () => undefined).pause();
  if (channel === 'mcp-2026') {
    connection.write(requestBytes(listen(uris)));
  } else {
    await using http = rawHttp(overlay);
    const session = { 'mcp-session-id': await openSession(http) };
    for (const uri of uris) {
      await (await http.post({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri } }, session)).text();
    }
    connection.write(
      `GET /mcp HTTP/1.1\r\nhost: ${SERVICE}\r\naccept: text/event-stream\r\nmcp-session-id: ${session['mcp-session-id']}\r\n\r\n`,
    );
  }
  await eventually(() => endpoint.metrics.get('mcp_notifications', channel) >= uris.length);
  return connection;
}

for (const channel of ['mcp-2025', 'mcp-2026'] as const) {
  const patients = Array.from({ length: 20 }, (_, i) => `pat-${1000 + i}`);
  const uris = patients.map((patient) => `vitals://patient/${patient}/latest`);

  test(`${channel}: a stalled reader costs a bounded number of notifications, and gets the newest of each when it reads again`, async () => {
    verifies('MCP-GATED');
    await using endpoint = await startEndpoint({ patients, limits: { coalesceMs: 0 } });
    const connection = await stalledStream(endpoint, channel, uris);
    for (let i = 0; i < 500; i += 1) {
      for (const patient of patients) endpoint.change(patient);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const sent = endpoint.metrics.get('mcp_notifications', channel);
    assert.ok(sent < 3000, `${sent} notifications were queued for a reader that does not read`);

    let text = '';
    connection.setEncoding('utf8');
    const newest = new Set(patients.map((_, i) => `"vitalmesh/version":${10_000 - i}`));
    await new Promise<void>((resolve) => {
      connection.on('data', (chunk: string) => {
        text += chunk;
        if ([...newest].every((version) => text.includes(`${version},`))) resolve();
      });
      connection.resume();
    });
    connection.destroy();
  });

  test(`${channel}: a reader slower than the changes has a bounded number of notifications on the way`, async () => {
    verifies('MCP-GATED');
    const many = Array.from({ length: 200 }, (_, i) => `pat-${2000 + i}`);
    await using endpoint = await startEndpoint({ patients: many, limits: { coalesceMs: 0 } });
    const connection = await stalledStream(
      endpoint,
      channel,
      many.map((patient) => `vitals://patient/${patient}/latest`),
    );
    let read = 0;
    const frames = (chunk: Buffer | null): number => (chunk?.toString('latin1').match(/vitalmesh\/version/g) ?? []).length;
    for (let i = 0; i < 100; i += 1) {
      for (const patient of many) endpoint.change(patient);
      await new Promise((resolve) => setImmediate(resolve));
      read += frames(connection.read() as Buffer | null);
    }
    const underWay = endpoint.metrics.get('mcp_notifications', channel) - read;
    assert.ok(read > 1000, `only ${read} were read`);
    assert.ok(underWay < 1500, `${underWay} notifications are under way`);
    connection.destroy();
  });

  test(`${channel}: a reader that stays stalled is cut`, async () => {
    verifies('MCP-GATED');
    await using endpoint = await startEndpoint({ patients, limits: { coalesceMs: 0, stallMs: 20 } });
    const connection = await stalledStream(endpoint, channel, uris);
    while (endpoint.metrics.get('mcp_streams_ended', 'stalled') === 0) {
      for (const patient of patients) endpoint.change(patient);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await endpoint.door.until(({ call }) => call === 'closeSubscription');
    assert.equal(endpoint.service.status().subscriptions, 0);
    connection.resume();
    await new Promise((resolve) => connection.once('close', resolve));
  });
}

test('abandoned sessions come back when their time is over; one with a stream stays', async () => {
  verifies('MCP-GATED');
  const limits = { opensBurst: 200, sessionsPerCaller: 200, sessionIdleMs: HOUR_MS, idleMs: 2 * HOUR_MS, exchangeMs: 2 * HOUR_MS };
  await using endpoint = await startEndpoint({ limits });
  await using http = rawHttp(endpoint.as('ai-all'));
  for (let i = 0; i < 100; i += 1) await openSession(http);
  await using client = await connectLegacy(endpoint.as('ai-all'), SERVICE);
  await client.subscribe([LATEST]);
  assert.equal(endpoint.service.status().sessions, 101);
  // However the wall clock is set meanwhile.
  endpoint.clock.advance(-HOUR_MS);
  endpoint.clock.pass(HOUR_MS);
  await eventually(() => endpoint.service.status().sessions === 1);
  assert.equal(endpoint.metrics.get('mcp_streams_ended', 'idle'), 100);
  assert.equal((await client.resources()).length, 4);
});

test('a caller that opens session after session loses its own oldest one, and nobody else theirs', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { sessionsPerCaller: 3 } });
  await using http = rawHttp(endpoint.as('ai-all'));
  await using other = rawHttp(endpoint.as('ai-one'));
  const theirs = await openSession(other);
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
  const opened: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    opened.push(await openSession(http));
    endpoint.clock.advance(1);
  }
  const statuses: number[] = [];
  for (const id of opened) {
    const response = await http.post(list, { 'mcp-session-id': id });
    await response.text();
    statuses.push(response.status);
  }
  assert.deepEqual(statuses, [404, 404, 200, 200, 200]);
  assert.equal((await other.post(list, { 'mcp-session-id': theirs })).status, 200);
});

test('a second event stream takes over from the first, and misses nothing', async () => {
  verifies('MCP-BOTH-ERAS');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const session = { 'mcp-session-id': await openSession(http) };
  const stream = { ...session, accept: 'text/event-stream' };
  const first = await http.request('GET', '/mcp', stream);
  await (await http.post({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: LATEST } }, session)).text();
  const second = await http.request('GET', '/mcp', stream);
  assert.equal(second.status, 200);
  const ofFirst = await first.text();
  assert.match(ofFirst, /resources\/updated/);
  endpoint.change('pat-0001');
  await second.body?.cancel();
  await eventually(() => endpoint.service.status().streams === 0);

  for (let i = 0; i < 50; i += 1) endpoint.change('pat-0001');
  const third = await http.request('GET', '/mcp', stream);
  await readUntil(third, '"vitalmesh/version":51,');
});

/** Reads a stream until it has brought this text. */
async function readUntil(response: Response, text: string): Promise<void> {
  const decoder = new TextDecoder();
  let read = '';
  for await (const chunk of response.body ?? []) {
    read += decoder.decode(chunk as Uint8Array, { stream: true });
    if (read.includes(text)) return;
  }
  assert.fail(`the stream ended without ${text}`);
}

test('of event streams that come together, all are answered and one stays', async () => {
  verifies('MCP-BOTH-ERAS');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const session = { 'mcp-session-id': await openSession(http), accept: 'text/event-stream' };
  const streams = await Promise.all(Array.from({ length: 6 }, () => http.request('GET', '/mcp', session)));
  assert.deepEqual(
    streams.map(({ status }) => status),
    [200, 200, 200, 200, 200, 200],
  );
  await eventually(() => endpoint.service.status().streams === 1);
});

test('resources/unsubscribe ends it, and says so in the evidence', async () => {
  verifies('MCP-BOTH-ERAS');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const session = { 'mcp-session-id': await openSession(http) };
  const send = async (method: string): Promise<void> => {
    await (await http.post({ jsonrpc: '2.0', id: 2, method, params: { uri: LATEST } }, session)).text();
  };
  await send('resources/subscribe');
  await send('resources/subscribe');
  assert.equal(endpoint.service.status().subscriptions, 1);
  await send('resources/unsubscribe');
  await send('resources/unsubscribe');
  assert.equal(endpoint.service.status().subscriptions, 0);
  assert.equal(endpoint.door.of('openSubscription').length, 1);
  assert.equal(endpoint.door.of('closeSubscription').length, 1);
});

test('a session has no more resources than it may where all of them are asked for at the same time', async () => {
  verifies('MCP-GATED');
  const patients = Array.from({ length: 12 }, (_, i) => `pat-${i}`);
  await using endpoint = await startEndpoint({ patients, limits: { urisPerStream: 4 } });
  const openSubscription = endpoint.door.openSubscription.bind(endpoint.door);
  const all = Promise.withResolvers<void>();
  const codes: (string | undefined)[] = [];
  let opening = 0;
  // None is opened before each of the others is being opened, or was refused.
  const counted = (): void => {
    if (opening + codes.length === patients.length) all.resolve();
  };
  endpoint.door.openSubscription = async (...asked: Parameters<typeof openSubscription>) => {
    opening += 1;
    counted();
    await all.promise;
    return await openSubscription(...asked);
  };
  await using http = rawHttp(endpoint.as('ai-all'));
  const session = { 'mcp-session-id': await openSession(http) };
  const ask = async (method: string, patient: string, id: number): Promise<string | undefined> => {
    const uri = `vitals://patient/${patient}/latest`;
    const answer = await http.post({ jsonrpc: '2.0', id, method, params: { uri } }, session);
    return /"code":"([A-Z-]+)"/.exec(await answer.text())?.[1];
  };
  const asked = patients.map(async (patient, i) => {
    const code = await ask('resources/subscribe', patient, i + 2);
    if (code !== undefined) codes.push(code);
    counted();
  });
  await Promise.all(asked);
  assert.deepEqual([endpoint.service.status().subscriptions, codes], [4, Array(8).fill('MCP-LIMIT')]);
  // What was refused keeps no place.
  assert.equal(await ask('resources/unsubscribe', 'pat-0', 20), undefined);
  assert.equal(await ask('resources/subscribe', 'pat-11', 21), undefined);
  assert.equal(endpoint.service.status().subscriptions, 4);
});

test('of two questions of a session with one id the second is refused while the first is under way, given up or not; so neither has the answer of the other', async () => {
  verifies('MCP-BOTH-ERAS');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const session = { 'mcp-session-id': await openSession(http) };
  const latest = endpoint.door.latest.bind(endpoint.door);
  let asked = Promise.withResolvers<void>();
  let answers = Promise.withResolvers<void>();
  endpoint.door.latest = async (...of) => {
    asked.resolve();
    await answers.promise;
    return await latest(...of);
  };
  const read = (patient: string) =>
    http.post({ jsonrpc: '2.0', id: 7, method: 'resources/read', params: { uri: `vitals://patient/${patient}/latest` } }, session);
  const isRefused = async (response: Response): Promise<void> => {
    assert.equal(response.status, 400);
    assert.equal(await codeOf(response), 'MCP-ID');
  };
  const first = await read('pat-0001');
  await asked.promise;
  await isRefused(await read('pat-0002'));
  answers.resolve();
  assert.match(await first.text(), /pat-0001/);
  const again = await read('pat-0002');
  assert.match(await again.text(), /pat-0002/);

  // Whoever went away without a word left it under way.
  [asked, answers] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const left = await read('pat-0001');
  await asked.promise;
  await left.body?.cancel();
  await isRefused(await read('pat-0002'));
  // Whoever took it back did not.
  const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
  await (await http.post(cancelled, session)).text();
  answers.resolve();
  assert.match(await (await read('pat-0002')).text(), /pat-0002/);
});

test('streams and resources have a limit, and places come back', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { streamsPerCaller: 2, urisPerStream: 2 } });
  await using http = rawHttp(endpoint.as('ai-all'));
  const tooMany = await http.post(listen([LATEST, 'vitals://patients', 'vitals://patient/pat-0002/latest']));
  assert.equal(await codeOf(tooMany), 'MCP-LIMIT');
  const one = await http.post(listen([LATEST, LATEST, 'vitals://patients']));
  const two = await http.post(listen([LATEST], 'b'));
  assert.equal(await codeOf(await http.post(listen([LATEST], 'c'))), 'MCP-LIMIT');
  const forbidden = await http.post(listen(['vitals://patient/pat-9999/latest']));
  assert.equal(await codeOf(forbidden), 'MCP-LIMIT');
  await one.body?.cancel();
  await eventually(() => endpoint.service.status().subscribers['mcp-2026'] === 1);
  const three = await http.post(listen([LATEST], 'd'));
  assert.equal(three.headers.get('content-type'), 'text/event-stream');
  await two.body?.cancel();
  await three.body?.cancel();

  const session = { 'mcp-session-id': await openSession(http) };
  const codes: (string | undefined)[] = [];
  for (const uri of [LATEST, 'vitals://patients', 'vitals://patient/pat-0002/latest']) {
    const answer = await http.post({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri } }, session);
    codes.push(/"code":"([A-Z-]+)"/.exec(await answer.text())?.[1]);
  }
  assert.deepEqual(codes, [undefined, undefined, 'MCP-LIMIT']);
});

test('a listen that the SDK refuses after it was allowed is closed in the evidence, with nothing delivered', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const refused = await http.post(listen([LATEST]), { 'mcp-method': 'tools/list' });
  assert.equal(refused.status, 400);
  await refused.text();
  const closed = await endpoint.door.until(({ call }) => call === 'closeSubscription');
  assert.deepEqual([closed.patients, closed.delivered], [['pat-0001'], 0]);
});

test('clients that vanish are noticed at once', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { keepAliveMs: HOUR_MS } });
  await using http = rawHttp(endpoint.as('ai-all'));
  const session = { 'mcp-session-id': await openSession(http), accept: 'text/event-stream' };
  const streams = [await http.request('GET', '/mcp', session)];
  for (let i = 1; i < 8; i += 1) streams.push(await http.post(listen([LATEST], i)));
  assert.equal(endpoint.service.status().streams, 8);
  for (const stream of streams) await stream.body?.cancel();
  await eventually(() => endpoint.service.status().streams === 0);
  assert.equal(endpoint.service.status().subscriptions, 0);
  assert.equal(endpoint.door.of('closeSubscription').length, 7);
});

test('a client of 2026-07-28 is told that the hub ended its stream, and why', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-one'));
  const stream = await http.post(listen([LATEST], 'own-id'));
  endpoint.registry.delete('ai-one');
  const text = await stream.text();
  const last = text.trim().split('\n').at(-1) ?? '';
  const message = JSON.parse(last.replace(/^data: /, '')) as { id: string; result: { resultType: string; _meta: Record<string, unknown> } };
  assert.equal(message.id, 'own-id');
  assert.equal(message.result.resultType, 'complete');
  assert.equal(message.result._meta['io.modelcontextprotocol/subscriptionId'], 'own-id');
  assert.equal(message.result._meta['vitalmesh/ended'], 'removed');
});

test('a door that cannot record the end of a subscription stops nothing', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  endpoint.door.closeSubscription = () => Promise.reject(new RangeError('disk'));
  {
    await using client = await connectModern(endpoint.as('ai-all'), SERVICE);
    await client.subscribe([LATEST]);
  }
  await eventually(() => endpoint.service.status().subscriptions === 0);
  await using next = await connectModern(endpoint.as('ai-all'), SERVICE);
  await (await next.subscribe([LATEST])).count(LATEST, 1);
});
