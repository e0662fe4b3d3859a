import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLocalLeg } from '../../../provisioning/connect/local-leg.ts';
import { silentLogger } from '../../../shared/log.ts';
import { overlayHttp } from '../../../shared/overlay/http-client.ts';
import { verifies } from '../../requirements.ts';
import {
  codeOf,
  type Endpoint,
  eventually,
  INITIALIZE,
  listen,
  openSession,
  rawHttp,
  readToEnd,
  SERVICE,
  startEndpoint,
} from './support.ts';

const BEARER = 'b'.repeat(43);

/** Writes a text byte by byte, for as long as somebody listens. */
async function dripped(endpoint: Endpoint, start: string, byte: string): Promise<string> {
  const connection = await endpoint.as('ai-all').dial(SERVICE);
  connection.write(start);
  const dripping = setInterval(() => connection.writable && connection.write(byte), 2);
  try {
    return await readToEnd(connection);
  } finally {
    clearInterval(dripping);
  }
}

test('whoever drips a head or a body is cut off at the time of a whole one, however often a byte comes; others are served meanwhile', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { headersMs: 40, requestMs: 80, checkMs: 5 } });
  const head = `POST /mcp HTTP/1.1\r\nhost: ${SERVICE}\r\ncontent-type: application/json\r\n`;
  const cut = Promise.all([
    dripped(endpoint, head, 'x: y\r\n'),
    dripped(endpoint, `${head}x: `, 'y'),
    dripped(endpoint, `${head}content-length: 500000\r\n\r\n`, '{'),
    dripped(endpoint, `${head}transfer-encoding: chunked\r\n\r\n`, '1\r\n{\r\n'),
  ]);
  await using other = rawHttp(endpoint.as('ai-one'));
  assert.notEqual(await openSession(other), '');
  for (const said of await cut) assert.match(said, /^HTTP\/1\.1 4(?:08|31) /);
  await other[Symbol.asyncDispose]();
  await eventually(() => endpoint.service.status().connections === 0);
});

test('a session id that a client chooses, or has from elsewhere, opens no session and is nobody’s', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  await using attacker = rawHttp(endpoint.as('ai-one'));
  await using victim = rawHttp(endpoint.as('ai-all'));
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
  for (const id of ['chosen-by-an-attacker', '00000000-0000-4000-8000-000000000000', await openSession(attacker), '', '__proto__']) {
    const fixed = { 'mcp-session-id': id };
    for (const body of [INITIALIZE, list]) {
      const answer = await victim.post(body, fixed);
      assert.deepEqual([answer.status, await codeOf(answer)], [404, 'MCP-SESSION'], id);
      assert.equal(answer.headers.get('mcp-session-id'), null);
    }
  }
  const [one, two] = [await openSession(victim), await openSession(victim)];
  assert.notEqual(one, two);
  assert.match(one, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.equal(endpoint.service.status().sessions, 3);
});

test('connect: a program that stops to read is cut by the hub, and what is under way for it meanwhile is bounded', async () => {
  verifies('MCP-CONNECT', 'MCP-GATED');
  const patients = Array.from({ length: 50 }, (_, i) => `pat-${1000 + i}`);
  await using endpoint = await startEndpoint({ patients, limits: { coalesceMs: 0, stallMs: 20 } });
  await using http = overlayHttp(endpoint.as('ai-all'), SERVICE);
  await using leg = await openLocalLeg({ http, host: '127.0.0.1', port: 0, bearer: BEARER, log: silentLogger });
  const uris = patients.map((patient) => `vitals://patient/${patient}/latest`);
  const headers = {
    ...{ authorization: `Bearer ${BEARER}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
  };
  const answer = await fetch(leg.url, { method: 'POST', headers, body: JSON.stringify(listen(uris)) });
  assert.equal(answer.status, 200);
  await eventually(() => endpoint.service.status().subscriptions === patients.length);
  // Every buffer on the way is full at last, that of the loopback among them.
  while (endpoint.metrics.get('mcp_streams_ended', 'stalled') === 0) {
    for (const patient of patients) endpoint.change(patient);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const told = endpoint.metrics.get('mcp_notifications', 'mcp-2026');
  await eventually(() => endpoint.service.status().subscriptions === 0 && endpoint.service.status().streams === 0);
  for (let i = 0; i < 10_000; i += 1) endpoint.change(patients[i % patients.length] ?? '');
  assert.equal(endpoint.metrics.get('mcp_notifications', 'mcp-2026'), told);
  await answer.body?.cancel().catch(() => undefined);
});
