import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { serveMcpLines } from '../../../../hub/mcp/line/line-service.ts';
import type { McpService } from '../../../../hub/mcp/server.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { tokenLine } from '../../../../shared/mcp-line/token-line.ts';
import { verifies } from '../../../requirements.ts';
import { until } from '../../../support/until.ts';
import { INITIALIZE, LINE_SERVICE, listen, modern, SERVICE, startEndpoint } from '../support.ts';
import { tokenSite } from '../token-site.ts';
import { Lines, lines, type Message } from './lines.ts';

const codeOf = (message: Message | undefined): string | undefined => message?.error?.data.code;

/** Resolves when a connection is closed, however. */
const gone = (stream: Duplex): Promise<unknown> => new Promise((resolve) => stream.once('close', resolve));

/** From now on whoever reads what is latest waits: `asked` when somebody does, until `answers`. `latest` is the door's own way. */
function heldUp({ door }: Awaited<ReturnType<typeof startEndpoint>>) {
  const asked = Promise.withResolvers<void>();
  const answers = Promise.withResolvers<void>();
  const latest = door.latest.bind(door);
  door.latest = async (...of) => {
    asked.resolve();
    await answers.promise;
    return await latest(...of);
  };
  return { asked, answers, latest };
}

test('a line that is no message is answered with its code, and costs the others nothing; too many end the connection', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint({ limits: { bodyBytes: 4096, jsonDepth: 8 } });
  const client = await lines(endpoint);
  const bad: [string | Buffer, string][] = [
    ['{"jsonrpc":"2.0","id":1,\n', 'MCP-JSON'],
    ['[]\n', 'MCP-JSON'],
    ['"text"\r\n', 'MCP-JSON'],
    [`${'['.repeat(9)}${']'.repeat(9)}\n`, 'MCP-JSON'],
    [`${'x'.repeat(5000)}\n`, 'MCP-REQUEST'],
    [Buffer.from([0x7b, 0xff, 0x7d, 0x0a]), 'MCP-JSON'],
  ];
  for (const [line, code] of bad) {
    client.stream.write(line);
    assert.equal(codeOf(await client.hear()), code);
    client.say('\n', modern('resources/read', { uri: 'vitals://patients' }));
    assert.ok((await client.hear())?.result);
  }
  for (let i = bad.length; i < 33; i += 1) client.say('?\n');
  for (let i = bad.length; i < 33; i += 1) assert.equal(codeOf(await client.hear()), 'MCP-JSON');
  assert.equal(await client.hear(), undefined);
});

test('a question that is nested too deep, or names what no head has room for, is refused under its id, and those beside it go on', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint({ limits: { jsonDepth: 8 } });
  const client = await lines(endpoint);
  const { asked, answers } = heldUp(endpoint);
  client.say(modern('resources/read', { uri: 'vitals://patient/pat-0001/latest' }, 'beside'));
  await asked.promise;
  const nested = `{"jsonrpc":"2.0","id":"deep","method":"tools/list","params":${'['.repeat(9)}${']'.repeat(9)}}\n`;
  const long = 'x'.repeat(20_000);
  const bad: [unknown, string, string][] = [
    [nested, 'deep', 'MCP-JSON'],
    [modern('resources/read', { uri: `vitals://patient/${long}/latest` }, 'uri'), 'uri', 'MCP-HEADERS'],
    [modern('tools/call', { name: long }, 'name'), 'name', 'MCP-ARGUMENTS'],
    [modern(long, {}, 'method'), 'method', 'MCP-METHOD'],
    [`${JSON.stringify(modern('tools/list', {}, 'revision')).replace('2026-07-28', long)}\n`, 'revision', 'MCP-HEADERS'],
  ];
  for (const [line, id, code] of bad) {
    client.say(line);
    const heard = await client.hear();
    assert.deepEqual([heard?.id, codeOf(heard)], [id, code]);
  }
  answers.resolve();
  assert.ok((await client.hearAnswer('beside')).at(-1)?.result);
});

test('an id that is under way is refused, and so is one question more than may be asked at once; a question given up is not answered', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint();
  const never = Promise.withResolvers<never>();
  let asked = 0;
  endpoint.door.latest = () => {
    asked += 1;
    return never.promise;
  };
  const client = await lines(endpoint);
  const read = (id: number) => ({ ...modern('resources/read', { uri: 'vitals://patient/pat-0001/latest' }), id });
  for (let id = 0; id < 64; id += 1) client.say(read(id));
  await until(() => asked === 64);
  client.say(read(5));
  assert.deepEqual(await client.hear().then((m) => [m?.id, codeOf(m)]), [5, 'MCP-ID']);
  client.say(read(64));
  assert.deepEqual(await client.hear().then((m) => [m?.id, codeOf(m)]), [64, 'MCP-LIMIT']);
  client.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } });
  client.say({ ...modern('resources/read', { uri: 'vitals://patients' }), id: 100 });
  const answer = await client.hear();
  assert.equal(answer?.id, 100);
  assert.ok(answer.result);
  client.stream.destroy();
  await until(() => endpoint.service.status().connections === 0);
  never.reject(new Error('nobody waits'));
});

test('an answer with the id of a question frees none of the places, and is refused without that id', async () => {
  verifies('MCP-LINE-BOUNDED');
  await using endpoint = await startEndpoint();
  const never = Promise.withResolvers<never>();
  endpoint.door.latest = () => never.promise;
  const client = await lines(endpoint);
  const read = (id: number) => ({ ...modern('resources/read', { uri: 'vitals://patient/pat-0001/latest' }), id });
  for (let id = 0; id < 40; id += 1) client.say(read(id));
  for (let id = 0; id < 10; id += 1) {
    client.say({ jsonrpc: '2.0', id, result: {} });
    assert.deepEqual(await client.hear().then((m) => [m?.id, codeOf(m)]), [null, 'MCP-METHOD']);
  }
  for (let id = 40; id < 65; id += 1) client.say(read(id));
  assert.deepEqual(await client.hear().then((m) => [m?.id, codeOf(m)]), [64, 'MCP-LIMIT']);
  client.stream.destroy();
  await until(() => endpoint.service.status().connections === 0);
  never.reject(new Error('nobody waits'));
});

test('notifications are carried one after the other, however many are said, and refused ones end the connection', async () => {
  verifies('MCP-LINE-BOUNDED');
  await using endpoint = await startEndpoint();
  const { service, metrics } = endpoint;
  let most = 0;
  const watched: Pick<McpService, 'accept' | 'admits'> = {
    admits: (caller, authorization) => service.admits(caller, authorization),
    accept: (stream, caller) => {
      service.accept(stream, caller);
      most = Math.max(most, service.status().connections);
    },
  };
  const overlay = endpoint.as('hub-2');
  const rest = { overlay, service: 'watched-line', host: SERVICE, log: silentLogger, metrics };
  await using wire = serveMcpLines({ ...rest, endpoint: watched });
  await wire.start(new AbortController().signal);
  const client = new Lines(await endpoint.as('ai-all').dial('watched-line'));
  client.say(INITIALIZE);
  assert.ok((await client.hear())?.result);
  const progress = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } };
  for (let i = 0; i < 100; i += 1) client.say(progress);
  client.say({ jsonrpc: '2.0', id: 2, method: 'ping' });
  assert.equal((await client.hear())?.id, 2);
  // The event stream of the session, what is carried, and what was before it and is being closed.
  assert.ok(most <= 3, `${most} at once`);
  const before = metrics.get('mcp_refused', 'MCP-METHOD');
  for (let i = 0; i < 200; i += 1) client.say({ method: 'a' });
  let refused = 0;
  for (let next = await client.hear(); next; next = await client.hear()) refused += codeOf(next) === 'MCP-METHOD' ? 1 : 0;
  assert.equal(refused, 33);
  assert.equal(metrics.get('mcp_refused', 'MCP-METHOD') - before, 33);
});

test('a subscription that is given up is closed in the evidence, and the connection goes on', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint();
  const client = await lines(endpoint);
  const uri = 'vitals://patient/pat-0001/latest';
  client.say({ ...listen([uri]), id: 'sub-1' });
  await client.hear();
  assert.equal(((await client.hear()) as { params?: { uri?: string } }).params?.uri, uri);
  client.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'sub-1' } });
  const closed = await endpoint.door.until(({ call }) => call === 'closeSubscription');
  assert.equal(closed.delivered, 1);
  client.say({ ...modern('tools/list', {}), id: 2 });
  assert.equal((await client.hear())?.id, 2);
});

test('a session ends with its connection, and one that the hub ends takes the connection with it', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint();
  for (const how of ['left', 'removed'] as const) {
    const client = await lines(endpoint);
    client.say(INITIALIZE);
    assert.ok((await client.hear())?.result);
    client.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
    client.say({ jsonrpc: '2.0', id: 7, method: 'resources/subscribe', params: { uri: 'vitals://patients' } });
    const heard = [await client.hear(), await client.hear()];
    assert.deepEqual(new Set(heard.map((m) => m?.id ?? m?.method)), new Set([7, 'notifications/resources/updated']));
    assert.equal(endpoint.service.status().sessions, 1);
    if (how === 'left') client.stream.end();
    else endpoint.registry.delete('ai-all');
    while (await client.hear());
    await until(() => endpoint.service.status().sessions === 0 && endpoint.service.status().connections === 0);
  }
});

test('what was asked before a client ended its side is answered, in either revision; what it follows ends with it', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint();
  const read = { uri: 'vitals://patient/pat-0001/latest' };
  for (const said of [
    [modern('resources/read', read, 2)],
    [INITIALIZE, { jsonrpc: '2.0', id: 2, method: 'resources/read', params: read }],
  ]) {
    const { asked, answers, latest } = heldUp(endpoint);
    const client = await lines(endpoint);
    client.say(...said, listen(['vitals://patients'], 3));
    client.stream.end();
    await asked.promise;
    await until(() => endpoint.service.status().subscriptions === 1);
    answers.resolve();
    assert.ok((await client.hearAnswer(2)).at(-1)?.result);
    while (await client.hear());
    await until(() => endpoint.service.status().connections === 0 && endpoint.service.status().sessions === 0);
    endpoint.door.latest = latest;
  }
});

test('a client that is gone after it ended its side is not answered, and one that takes no answer is cut', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint({ limits: { stallMs: 20 } });
  const never = Promise.withResolvers<never>();
  const asked = Promise.withResolvers<void>();
  const latest = endpoint.door.latest.bind(endpoint.door);
  endpoint.door.latest = () => {
    asked.resolve();
    return never.promise;
  };
  const left = await lines(endpoint);
  left.say(modern('resources/read', { uri: 'vitals://patient/pat-0001/latest' }));
  left.stream.end();
  await asked.promise;
  left.stream.destroy();
  await until(() => endpoint.service.status().connections === 0);
  never.reject(new Error('nobody waits'));
  endpoint.door.latest = latest;
  const deaf = await lines(endpoint);
  for (let id = 0; id < 60; id += 1) deaf.say(modern('tools/list', {}, id));
  deaf.stream.end();
  await until(() => endpoint.metrics.get('mcp_lines_cut', 'stalled') === 1);
  await until(() => endpoint.service.status().connections === 0);
  deaf.stream.destroy();
});

test('a second opening is refused, and the session of the first goes on with what it follows', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint();
  const client = await lines(endpoint);
  client.say(INITIALIZE);
  await client.hearAnswer(INITIALIZE.id);
  client.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
  client.say({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: 'vitals://patients' } });
  await client.hearAnswer(2);
  await until(() => endpoint.service.status().streams === 1);
  client.say({ ...INITIALIZE, id: 3 });
  assert.ok((await client.hearAnswer(3)).at(-1)?.error);
  client.say({ jsonrpc: '2.0', id: 4, method: 'ping' });
  assert.ok((await client.hearAnswer(4)).at(-1)?.result);
  const { streams, sessions, subscriptions } = endpoint.service.status();
  assert.deepEqual([streams, sessions, subscriptions], [1, 1, 1]);
  client.stream.destroy();
});

test('a reader that stays stalled is cut, and what it costs meanwhile is bounded', async () => {
  verifies('MCP-LINE');
  const patients = Array.from({ length: 50 }, (_, i) => `pat-${i}-${'x'.repeat(200)}`);
  await using endpoint = await startEndpoint({ patients, limits: { coalesceMs: 0, stallMs: 20 } });
  const { stream, ...client } = await lines(endpoint);
  void client;
  stream.pause();
  const closed = gone(stream);
  const uris = patients.map((patient) => `vitals://patient/${patient}/latest`);
  stream.write(`${JSON.stringify({ ...listen(uris), id: 1 })}\n`);
  await until(() => endpoint.service.status().subscriptions === patients.length);
  // Of the line, or of the stream of notifications that is passed on there: whichever is seen first ends both.
  const isCut = () => endpoint.metrics.get('mcp_lines_cut', 'stalled') + endpoint.metrics.get('mcp_streams_ended', 'stalled') > 0;
  while (!isCut()) {
    for (const patient of patients) endpoint.change(patient);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => endpoint.service.status().subscriptions === 0 && endpoint.service.status().connections === 0);
  assert.ok(endpoint.metrics.get('mcp_notifications', 'mcp-2026') < 20_000);
  stream.destroy();
  await closed;
});

test('a line that is begun and not ended is cut, and so is a reader that leaves its answers; whoever says nothing stays', async () => {
  verifies('MCP-LINE');
  await using endpoint = await startEndpoint({ limits: { headersMs: 50, requestMs: 50, stallMs: 50 } });
  const quiet = await lines(endpoint);
  quiet.say(modern('tools/list', {}));
  assert.ok((await quiet.hear())?.result);
  const slow = await lines(endpoint);
  slow.stream.resume();
  const dripping = setInterval(() => slow.stream.write('{'), 5);
  await gone(slow.stream).finally(() => clearInterval(dripping));
  assert.equal(endpoint.metrics.get('mcp_lines_cut', 'line'), 1);
  const deaf = await lines(endpoint);
  deaf.stream.pause();
  // As much as no buffer on the way takes.
  for (let id = 0; endpoint.metrics.get('mcp_lines_cut', 'stalled') === 0; id += 1) {
    deaf.say({ ...modern('tools/list', {}), id });
    await new Promise((resolve) => setImmediate(resolve));
  }
  quiet.say({ ...modern('tools/list', {}), id: 2 });
  assert.equal((await quiet.hear())?.id, 2);
  assert.equal(endpoint.metrics.get('mcp_lines_cut', 'line'), 1);
  deaf.stream.destroy();
});

test('a person behind the line shows a token by a line of its own, and is refused without, by its code', async () => {
  verifies('MCP-LINE');
  await using site = await tokenSite();
  const overlay = site.as('hub');
  await using service = serveMcpLines({
    ...{ overlay, service: LINE_SERVICE, endpoint: site.service, host: 'vitals-mcp', log: silentLogger, metrics: site.hub.metrics },
  });
  await service.start(new AbortController().signal);
  const client = new Lines(await site.as('ai-nurse').dial(LINE_SERVICE));
  const list = modern('resources/read', { uri: 'vitals://patients' });
  client.say({ ...list, id: 1 });
  assert.deepEqual(await client.hear().then((m) => [m?.id, codeOf(m)]), [1, 'ACCESS-TOKEN-NEEDED']);
  client.say(tokenLine(await site.idp.sign({ sub: 'nurse-1' })), { ...list, id: 2 });
  const answer = await client.hear();
  assert.ok(answer?.result, JSON.stringify(answer));
  for (const odd of ['', 'two words', 'x'.repeat(20_000)]) {
    client.say(tokenLine(odd), { ...list, id: 3 });
    assert.equal(codeOf(await client.hear()), 'ACCESS-TOKEN-NEEDED');
  }
});
