import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { lines } from './line/lines.ts';
import { INITIALIZE, modern, openSession, rawHttp, startEndpoint } from './support.ts';

const GOOD = INITIALIZE.params;
const SENT = 'Erika Mustermann';
const WRONG: readonly unknown[] = [
  undefined,
  null,
  [],
  SENT,
  {},
  { ...GOOD, protocolVersion: undefined },
  { ...GOOD, protocolVersion: 20251125 },
  { ...GOOD, capabilities: undefined },
  { ...GOOD, capabilities: { sampling: SENT } },
  { ...GOOD, clientInfo: undefined },
  { ...GOOD, clientInfo: { name: SENT } },
  { ...GOOD, clientInfo: { name: 1, version: SENT } },
  { ...GOOD, _meta: SENT },
];

test('an opening of a wrong form is refused with its code and what to send, on each wire, without a session and within one', async () => {
  verifies('MCP-ARGUMENTS');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const client = await lines(endpoint);
  const opened = await lines(endpoint);
  opened.say(INITIALIZE);
  await opened.hearAnswer(INITIALIZE.id);
  const session = { 'mcp-session-id': await openSession(http) };
  const { sessions } = endpoint.service.status();
  for (const [at, params] of WRONG.entries()) {
    const body = { jsonrpc: '2.0', id: `open-${at}`, method: 'initialize', params };
    const posted = [await http.post(JSON.stringify(body)), await http.post(JSON.stringify(body), session)];
    const said = await Promise.all(posted.map((answer) => answer.text()));
    for (const line of [client, opened]) {
      line.say(body);
      said.push(JSON.stringify((await line.hearAnswer(body.id)).at(-1)));
    }
    for (const text of said) {
      assert.doesNotMatch(text, new RegExp(SENT));
      const { id, error } = JSON.parse(text) as { id: unknown; error: { code: number; message: string; data: Record<string, unknown> } };
      assert.deepEqual([id, error.code, error.data.code, error.data.retryable], [body.id, -32602, 'MCP-ARGUMENTS', false], text);
      assert.match(error.message, /protocolVersion.*capabilities.*clientInfo|params is an object/);
    }
  }
  assert.equal(endpoint.service.status().sessions, sessions);
  client.say(INITIALIZE);
  assert.ok((await client.hearAnswer(INITIALIZE.id)).at(-1)?.result);
});

test('the newer revision has no opening, whatever its form', async () => {
  verifies('MCP-METHODS-LISTED');
  await using endpoint = await startEndpoint();
  const client = await lines(endpoint);
  client.say(modern('initialize', GOOD));
  assert.equal((await client.hear())?.error?.data.code, 'MCP-METHOD');
});
