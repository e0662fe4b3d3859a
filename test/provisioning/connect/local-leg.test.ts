import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { MOST_STRANGERS, openLocalLeg } from '../../../provisioning/connect/local-leg.ts';
import { silentLogger } from '../../../shared/log.ts';
import { overlayHttp } from '../../../shared/overlay/http-client.ts';
import { type Endpoint, INITIALIZE, listen, SERVICE, startEndpoint } from '../../hub/mcp/support.ts';
import { verifies } from '../../requirements.ts';
import { updatesOf } from '../../support/mcp-clients.ts';
import { until } from '../../support/until.ts';

const BEARER = 'b'.repeat(43);
const LATEST = 'vitals://patient/pat-0001/latest';
const shown = { requestInit: { headers: { authorization: `Bearer ${BEARER}` } } };

async function open(endpoint: Endpoint, who = 'ai-all', options: { headersMs?: number } = {}) {
  const http = overlayHttp(endpoint.as(who), SERVICE);
  const leg = await openLocalLeg({ http, host: '127.0.0.1', port: 0, bearer: BEARER, log: silentLogger, ...options });
  return {
    url: new URL(leg.url),
    async [Symbol.asyncDispose]() {
      await leg[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
    },
  };
}

test('clients of both revisions that know nothing of overlays list, read and are told of changes', async () => {
  verifies('MCP-CONNECT');
  await using endpoint = await startEndpoint();
  await using leg = await open(endpoint);
  const modern = new Client({ name: 'm', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  const told: string[] = [];
  modern.setNotificationHandler('notifications/resources/updated', ({ params }) => void told.push(params.uri));
  await modern.connect(new StreamableHTTPClientTransport(leg.url, shown));
  assert.ok((await modern.listResources()).resources.some(({ uri }) => uri === LATEST));
  await modern.listen({ resourceSubscriptions: [LATEST] });
  const legacy = new LegacyClient({ name: 'l', version: '1' });
  const updates = updatesOf(legacy);
  await legacy.connect(new LegacyTransport(leg.url, shown));
  assert.ok((await legacy.listTools()).tools.length >= 2);
  await legacy.subscribeResource({ uri: LATEST });
  await updates.count(LATEST, 1);
  const before = told.length;
  endpoint.change('pat-0001');
  await updates.count(LATEST, 2);
  await until(() => told.length > before);
  await modern.close();
  await legacy.close();
  // What a client leaves, the hub is left by.
  await until(() => endpoint.service.status().streams === 0);
});

test('without the bearer, as another host, from a browser or on another path nothing reaches the hub', async () => {
  verifies('MCP-CONNECT');
  await using endpoint = await startEndpoint();
  await using leg = await open(endpoint);
  const good = { authorization: `Bearer ${BEARER}`, host: leg.url.host, 'content-type': 'application/json', accept: 'application/json' };
  const { authorization: _, ...without } = good;
  const cases: [Record<string, string>, string, number][] = [
    [without, '/mcp', 401],
    [{ ...good, authorization: `Bearer ${BEARER}x` }, '/mcp', 401],
    [{ ...good, authorization: `Basic ${BEARER}` }, '/mcp', 401],
    [{ ...good, host: 'evil.example' }, '/mcp', 403],
    [{ ...good, host: `evil.example:${leg.url.port}` }, '/mcp', 403],
    [{ ...good, origin: 'http://localhost' }, '/mcp', 403],
    [good, '/', 404],
    [good, '/mcp?x=1', 404],
    [good, '/.well-known/oauth-protected-resource/mcp', 404],
  ];
  for (const [headers, path, status] of cases) {
    const got = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest({ port: leg.url.port, host: '127.0.0.1', method: 'POST', path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.once('error', reject);
      request.end(JSON.stringify(INITIALIZE));
    });
    assert.equal(got, status, `${path} ${JSON.stringify(headers)}`);
  }
  assert.equal(endpoint.service.status().connections, 0);
  const same = await fetch(leg.url, {
    method: 'POST',
    headers: { ...good, accept: 'application/json, text/event-stream' },
    body: JSON.stringify(INITIALIZE),
  });
  assert.equal(same.status, 200);
  await same.text();
});

test('a hub that is not there is said with its code, and a caller that it refuses with the hub’s own', async () => {
  verifies('MCP-CONNECT');
  await using endpoint = await startEndpoint();
  const headers = { authorization: `Bearer ${BEARER}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const ask = async (url: URL): Promise<[number, string]> => {
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(INITIALIZE) });
    const { error } = (await answer.json()) as { error: { data: { code: string } } };
    return [answer.status, error.data.code];
  };
  await using stranger = await open(endpoint, 'ai-stranger');
  assert.deepEqual(await ask(stranger.url), [403, 'ACCESS-UNKNOWN-CALLER']);
  await using leg = await open(endpoint);
  endpoint.network.down();
  assert.deepEqual(await ask(leg.url), [502, 'OVERLAY-UNREACHABLE']);
});

test('who does not show the bearer takes no place from who does: of too many of its connections the oldest go', async () => {
  verifies('MCP-CONNECT');
  await using endpoint = await startEndpoint();
  await using leg = await open(endpoint, 'ai-all', { headersMs: 600_000 });
  const port = Number(leg.url.port);
  const stream = (await postListen(leg.url)).getReader();
  assert.match(String(await nextText(stream)), /acknowledged/);
  const sockets: Socket[] = [];
  const closed = new Set<number>();
  try {
    // One after the other, so that the oldest is known.
    for (let i = 0; i < MOST_STRANGERS + 20; i += 1) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.resume().once('close', () => closed.add(i));
      sockets.push(socket);
      await once(socket, 'connect');
      // Headers that never end; of every other one nothing at all.
      if (i % 2 === 0) socket.write('POST /mcp HTTP/1.1\r\nHost: x\r\nX-A: ');
    }
    await until(() => closed.size >= 20);
    // Another one with the bearer is let in, for which one more goes.
    const another = await postListen(leg.url);
    await until(() => closed.size >= 21);
    assert.deepEqual(
      [...closed].sort((a, b) => a - b),
      Array.from({ length: 21 }, (_, at) => at),
    );
    await another.cancel();
    endpoint.change('pat-0001');
    let text = '';
    while (!text.includes('resources/updated')) text = (await nextText(stream)) ?? assert.fail('the stream ended');
  } finally {
    for (const socket of sockets) socket.destroy();
    await stream.cancel();
  }
});

test('headers that do not end in time, and a connection that says nothing, are cut', async () => {
  verifies('MCP-CONNECT');
  await using endpoint = await startEndpoint();
  await using leg = await open(endpoint, 'ai-all', { headersMs: 50 });
  for (const text of ['', 'POST /mcp HTTP/1.1\r\nHost: x\r\nX-A: ']) {
    const socket = connect(Number(leg.url.port), '127.0.0.1').on('error', () => undefined);
    socket.write(text);
    await once(socket.resume(), 'close');
  }
});

/** What a client with the bearer is told of changes, on a connection that is in use all the time. */
async function postListen(url: URL): Promise<ReadableStream<Uint8Array>> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      ...{ ...shown.requestInit.headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
    },
    body: JSON.stringify(listen([LATEST])),
  });
  assert.equal(answer.status, 200);
  return answer.body ?? assert.fail('no stream');
}

async function nextText(stream: ReadableStreamDefaultReader<Uint8Array>): Promise<string | undefined> {
  const { value } = await stream.read();
  return value && Buffer.from(value).toString('utf8');
}

test('no other address than loopback is listened on', async () => {
  verifies('MCP-CONNECT');
  const http = { fetch, origin: new URL('http://vitals-mcp/') };
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'localhost', ''])
    await assert.rejects(openLocalLeg({ http, host, port: 0, bearer: BEARER, log: silentLogger }), { code: 'USAGE' });
});
