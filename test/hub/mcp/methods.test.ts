import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { modern, openSession, rawHttp, startEndpoint } from './support.ts';

const legacy = (method: string, id?: number) => ({ jsonrpc: '2.0', ...(id !== undefined && { id }), method, params: {} });

const UNSERVED = [
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
  'tasks/get',
  'tasks/cancel',
  'prompts/set',
  'resources/write',
  'rpc.discover',
  'tools/call ',
  'TOOLS/CALL',
  '__proto__',
  'constructor',
  '',
];

test('what a revision does not serve is refused before any handler, by name', async () => {
  verifies('MCP-METHODS-LISTED');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const headers = { 'mcp-session-id': await openSession(http), 'mcp-protocol-version': '2025-11-25' };
  for (const method of UNSERVED) {
    for (const [body, more, status] of [
      [legacy(method, 5), headers, 200],
      [modern(method, {}, 5), {}, method.trim() === method && method !== '' ? 404 : undefined],
    ] as const) {
      const answer = await http.post(body, more);
      const { id, error } = (await answer.json()) as { id: unknown; error: { code: number; data?: { code: string } } };
      if (status === undefined) assert.ok(answer.status >= 400, method);
      else assert.deepEqual([answer.status, id, error.code, error.data?.code], [status, 5, -32601, 'MCP-METHOD'], method);
    }
  }
  assert.deepEqual(endpoint.door.calls, []);
  assert.ok(endpoint.metrics.get('mcp_refused', 'MCP-METHOD') >= 2 * (UNSERVED.length - 2));
});

test('what one revision serves is no matter of the other', async () => {
  verifies('MCP-METHODS-LISTED');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const headers = { 'mcp-session-id': await openSession(http), 'mcp-protocol-version': '2025-11-25' };
  const codes = async (body: unknown, more = {}): Promise<unknown> => {
    const { error } = (await (await http.post(body, more)).json()) as { error?: { data?: { code?: string } } };
    return error?.data?.code;
  };
  for (const method of ['subscriptions/listen', 'server/discover']) assert.equal(await codes(legacy(method, 1), headers), 'MCP-METHOD');
  for (const method of ['resources/subscribe', 'resources/unsubscribe', 'ping', 'logging/setLevel'])
    assert.equal(await codes(modern(method, { uri: 'vitals://patients' })), 'MCP-METHOD');
});

test('notifications that are not known, and answers to questions that nobody asked, are refused', async () => {
  verifies('MCP-METHODS-LISTED');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const headers = { 'mcp-session-id': await openSession(http), 'mcp-protocol-version': '2025-11-25' };
  for (const body of [
    legacy('notifications/message'),
    legacy('notifications/elicitation/complete'),
    legacy('tools/call'),
    { jsonrpc: '2.0', id: 1, result: { role: 'assistant', content: { type: 'text', text: 'x' }, model: 'm' } },
    { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no' } },
  ]) {
    const answer = await http.post(body, headers);
    const { error } = (await answer.json()) as { error: { data: { code: string } } };
    assert.deepEqual([answer.status, error.data.code], [400, 'MCP-METHOD'], JSON.stringify(body));
  }
  const known = await http.post(legacy('notifications/roots/list_changed'), headers);
  assert.equal(known.status, 202);
  assert.deepEqual(endpoint.door.calls, []);
});

test('a list of messages is refused before anything of it is counted or done, in both revisions: neither has batches', async () => {
  verifies('MCP-NO-BATCHES');
  await using endpoint = await startEndpoint({ patients: ['pat-0001'] });
  await using http = rawHttp(endpoint.as('ai-all'));
  const headers = { 'mcp-session-id': await openSession(http), 'mcp-protocol-version': '2025-11-25' };
  const read = (id: number) => ({ jsonrpc: '2.0', id, method: 'resources/read', params: { uri: 'vitals://patients' } });
  const takenBack = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 98 } };
  for (const [body, more] of [
    [[...Array.from({ length: 98 }, (_, i) => read(i + 1)), takenBack], headers],
    [[read(1)], headers],
    [[], headers],
    [[modern('tools/list', {}, 1)], {}],
    [[legacy('initialize', 1)], {}],
  ] as const) {
    const answer = await http.post(body, more);
    const { id, error } = (await answer.json()) as { id: unknown; error: { data: { code: string } } };
    assert.deepEqual([answer.status, id, error.data.code], [400, null, 'MCP-JSON'], JSON.stringify(body).slice(0, 80));
  }
  assert.deepEqual(endpoint.door.calls, []);
});
