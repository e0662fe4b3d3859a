import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenLine } from '../../../../shared/mcp-line/token-line.ts';
import { verifies } from '../../../requirements.ts';
import { until } from '../../../support/until.ts';
import { modern, startEndpoint } from '../support.ts';
import { type Lines, lines, type Message } from './lines.ts';

const codeOf = (message: Message | undefined): string | undefined => message?.error?.data.code;
const LIST = modern('resources/read', { uri: 'vitals://patients' });

/** The codes of all that is heard up to the end. */
async function codesOf(client: Lines): Promise<(string | undefined)[]> {
  const codes: (string | undefined)[] = [];
  for (let next = await client.hear(); next; next = await client.hear()) codes.push(codeOf(next));
  return codes;
}

test('a stranger is told why, sixteen times at most, whatever it says; then its connection ends', async () => {
  verifies('MCP-LINE-BOUNDED');
  for (const said of [{ method: 'a' }, LIST, { jsonrpc: '2.0', id: 7, result: {} }]) {
    await using endpoint = await startEndpoint();
    const client = await lines(endpoint, 'stranger');
    for (let i = 0; i < 500; i += 1) client.say(said);
    assert.deepEqual(await codesOf(client), Array(16).fill('ACCESS-UNKNOWN-CALLER'));
    assert.equal(endpoint.metrics.get('mcp_refused', 'ACCESS-UNKNOWN-CALLER'), 16);
    assert.deepEqual([...new Set(endpoint.door.turnedAway.map(({ principal }) => principal))], ['stranger']);
    await until(() => endpoint.service.status().connections === 0);
  }
});

test('whoever was known and is struck off is a stranger from the next line on', async () => {
  verifies('MCP-LINE-BOUNDED');
  await using endpoint = await startEndpoint();
  const client = await lines(endpoint);
  for (let i = 0; i < 20; i += 1) {
    client.say(LIST);
    assert.ok((await client.hear())?.result);
  }
  endpoint.registry.delete('ai-all');
  client.say(LIST);
  assert.equal(codeOf(await client.hear()), 'ACCESS-UNKNOWN-CALLER');
  for (let i = 0; i < 100; i += 1) client.say(LIST);
  assert.deepEqual(await codesOf(client), Array(16).fill('ACCESS-UNKNOWN-CALLER'));
});

test('of a stranger no line is kept that is longer than a token needs; of somebody known it is', async () => {
  verifies('MCP-LINE-BOUNDED');
  await using endpoint = await startEndpoint();
  const long = `${' '.repeat(40 * 1024)}${JSON.stringify(LIST)}\n`;
  const known = await lines(endpoint);
  known.say(long);
  assert.ok((await known.hear())?.result);
  const stranger = await lines(endpoint, 'stranger');
  stranger.say(long, tokenLine('x'.repeat(12_288)), LIST);
  const heard = [await stranger.hear(), await stranger.hear()];
  assert.deepEqual(heard.map(codeOf), ['MCP-REQUEST', 'ACCESS-UNKNOWN-CALLER']);
  assert.match(JSON.stringify(heard[0]), /at most 32768 bytes/);
});

test('strangers of one identity hold 32 connections and no more, and no one else fewer for it', async () => {
  verifies('MCP-LINE-BOUNDED');
  await using endpoint = await startEndpoint();
  const held: Lines[] = [];
  for (let i = 0; i < 32; i += 1) held.push(await lines(endpoint, 'stranger'));
  for (const one of held) {
    one.say(LIST);
    assert.equal(codeOf(await one.hear()), 'ACCESS-UNKNOWN-CALLER');
  }
  const more = await lines(endpoint, 'stranger');
  assert.equal(await more.hear(), undefined);
  assert.equal(endpoint.metrics.get('mcp_refused', 'MCP-LIMIT'), 1);
  for (let i = 0; i < 40; i += 1) {
    const known = await lines(endpoint);
    known.say(LIST);
    assert.ok((await known.hear())?.result);
  }
  held[0]?.stream.destroy();
  await until(() => held[0]?.stream.closed === true);
  const other = await lines(endpoint, 'another-stranger');
  other.say(LIST);
  assert.equal(codeOf(await other.hear()), 'ACCESS-UNKNOWN-CALLER');
});

test('a stranger that says nothing is cut when its time is over, and so is one that goes on asking; whoever is known stays', async () => {
  verifies('MCP-LINE-BOUNDED');
  await using endpoint = await startEndpoint({ limits: { idleMs: 500 } });
  const known = await lines(endpoint);
  const quiet = await lines(endpoint, 'stranger');
  const asking = await lines(endpoint, 'stranger');
  asking.say(LIST);
  assert.deepEqual(await codesOf(quiet), []);
  assert.deepEqual(new Set(await codesOf(asking)), new Set(['ACCESS-UNKNOWN-CALLER']));
  await until(() => endpoint.metrics.get('mcp_lines_cut', 'stranger') === 2);
  known.say(LIST);
  assert.ok((await known.hear())?.result);
});
