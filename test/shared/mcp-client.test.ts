import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { connectMcp } from '../../shared/mcp-client.ts';
import { overlayHttp } from '../../shared/overlay/http-client.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { SERVICE, startEndpoint } from '../hub/mcp/support.ts';

const LATEST = 'vitals://patient/pat-0001/latest';

test('a client lists, reads, subscribes and is told', async () => {
  await using endpoint = await startEndpoint();
  await using mcp = await connectMcp({ overlay: endpoint.as('ai-all'), service: SERVICE, name: 'viewer' });
  const listed = (await mcp.client.listResources()).resources.map(({ uri }) => uri).sort();
  assert.deepEqual(listed, ['hub://health', LATEST, 'vitals://patient/pat-0002/latest', 'vitals://patients']);
  const told = Promise.withResolvers<{ uri: string; version: number | undefined; at: number | undefined }>();
  const listening = await mcp.listen([LATEST], (uri, { version, at }) => version === 1 && told.resolve({ uri, version, at }));
  endpoint.change('pat-0001', { at: 1_700_000_000_123 });
  assert.deepEqual(await told.promise, { uri: LATEST, version: 1, at: 1_700_000_000_123 });
  await listening.close();
  assert.equal(await listening.closed, 'local');
  await endpoint.door.until(({ call }) => call === 'closeSubscription');
});

test('more resources than one stream takes are spread over several', async () => {
  const patients = Array.from({ length: 600 }, (_, i) => `pat-${1000 + i}`);
  await using endpoint = await startEndpoint({ patients });
  await using mcp = await connectMcp({ overlay: endpoint.as('ai-all'), service: SERVICE, name: 'viewer' });
  const all = Promise.withResolvers<void>();
  const seen = new Set<string>();
  const uris = patients.map((patient) => `vitals://patient/${patient}/latest`);
  await mcp.listen(uris, (uri) => {
    seen.add(uri);
    if (seen.size === uris.length) all.resolve();
  });
  await all.promise;
  assert.equal(endpoint.service.status().streams, 3);
  await mcp.close();
});

test('a subscription that is refused leaves nothing open, and says why', async () => {
  await using endpoint = await startEndpoint();
  await using mcp = await connectMcp({ overlay: endpoint.as('ai-one'), service: SERVICE, name: 'viewer' });
  await assert.rejects(
    mcp.listen(['vitals://patient/pat-0002/latest'], () => undefined),
    (error: { data?: { code?: string } }) => error.data?.code === 'NOT-FOUND',
  );
  assert.equal(endpoint.service.status().streams, 0);
});

test('whom the hub refuses is told its code; of other answers no word is taken for one', async () => {
  await using endpoint = await startEndpoint();
  const stranger = { overlay: endpoint.as('ai-stranger'), service: SERVICE, name: 'viewer' };
  await assert.rejects(connectMcp(stranger), { code: 'ACCESS-UNKNOWN-CALLER', retryable: false });

  for (const body of ['no JSON', 'null', '{"error":{"data":{"code":"toString"}}}', '{"error":{"data":{"code":1}}}']) {
    const network = createMemoryNetwork();
    await using client = network.overlay({ id: 'ai', name: 'ai' });
    await using hub = network.overlay({ id: 'hub', name: 'hub' });
    const other = createServer((_request, response) => response.writeHead(403, { 'content-type': 'application/json' }).end(body));
    await using _binding = await hub.bind(SERVICE, (connection) => {
      connection.on('error', () => undefined);
      other.emit('connection', connection);
    });
    await assert.rejects(connectMcp({ overlay: client, service: SERVICE, name: 'viewer' }), { code: 'MCP-PEER' }, body);
  }
});

test("the overlay's error comes through, and a peer that is not the hub is named as such", async () => {
  const network = createMemoryNetwork();
  await using client = network.overlay({ id: 'ai', name: 'ai' });
  await using hub = network.overlay({ id: 'hub', name: 'hub' });
  await assert.rejects(connectMcp({ overlay: client, service: SERVICE, name: 'viewer' }), { code: 'OVERLAY-NO-TERMINATOR' });
  await assert.rejects(connectMcp({ overlay: client, service: 'no host', name: 'viewer' }), { code: 'CONFIG-INVALID' });

  const other = createServer((_request, response) => response.end('hello'));
  await using _binding = await hub.bind(SERVICE, (connection) => {
    connection.on('error', () => undefined);
    other.emit('connection', connection);
  });
  await assert.rejects(connectMcp({ overlay: client, service: SERVICE, name: 'viewer' }), { code: 'MCP-PEER' });
});

test('HTTP over the overlay carries requests side by side and ends with its owner', async () => {
  const network = createMemoryNetwork();
  await using client = network.overlay({ id: 'ai', name: 'ai' });
  await using hub = network.overlay({ id: 'hub', name: 'hub' });
  const open = new Set<unknown>();
  const server = createServer((request, response) => {
    response.write(`${request.headers.host}${request.url}`);
    if (request.url !== '/endless') response.end();
  });
  await using _binding = await hub.bind('web', (connection) => {
    open.add(connection.on('error', () => undefined));
    connection.once('close', () => open.delete(connection));
    server.emit('connection', connection);
  });
  const closed = Promise.withResolvers<void>();
  {
    await using http = overlayHttp(client, 'web');
    const endless = await http.fetch(new URL('endless', http.origin));
    const texts = await Promise.all(['a', 'b', 'c'].map(async (path) => (await http.fetch(new URL(path, http.origin))).text()));
    assert.deepEqual(texts, ['web/a', 'web/b', 'web/c']);
    for (const connection of open) (connection as NodeJS.EventEmitter).once('close', () => open.size <= 1 && closed.resolve());
    endless.text().catch(() => undefined);
  }
  await closed.promise;
});
