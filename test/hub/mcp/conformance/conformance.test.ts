import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { type ConformanceOptions, serveConformance } from '../../../../hub/mcp/conformance/conformance.ts';
import { serveMcp } from '../../../../hub/mcp/server.ts';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { createLogger, silentLogger } from '../../../../shared/log.ts';
import { createMemoryNetwork } from '../../../../shared/overlay/memory.ts';
import { verifies } from '../../../requirements.ts';
import { overlayCallers } from '../../../support/callers.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { type TestHub, testHub } from '../../../support/hub.ts';
import { CONNECTORS } from '../../../support/mcp-clients.ts';
import { codeOf, INITIALIZE, modern, SERVICE } from '../support.ts';

const SANDBOX = `
tenants: { suite: { kind: sandbox } }
gateways: [{ identity: gw-1, tenant: suite, beds: { BED-1: pat-0001 } }]
clients: [{ identity: suite, tenant: suite, kind: software, role: monitor, patients: all }]
`;

interface Mode extends AsyncDisposable {
  url: string;
  log: () => string;
  hub: TestHub;
  /** The tenants that are no sandbox any more. */
  inUse: Set<string>;
}

const CLOCK = { now: () => Date.now(), monotonicMs: () => performance.now() };

function optionsOf(hub: TestHub, more: Partial<ConformanceOptions> = {}): ConformanceOptions {
  const { door, feed, registry, metrics } = hub;
  return {
    ...{
      door,
      feed,
      registry,
      metrics,
      clock: CLOCK,
      log: silentLogger,
    },
    callers: overlayCallers(registry, metrics),
    request: { caller: 'suite', port: 0 },
    tenants: () => registry.tenants(),
    issuers: [],
    ...more,
  };
}

async function startMode(): Promise<Mode> {
  const hub = testHub({ registry: SANDBOX });
  const inUse = new Set<string>();
  let said = '';
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      said += chunk;
      done();
    },
  });
  const mode = serveConformance(
    optionsOf(hub, {
      log: createLogger({ component: 'hub', destination }),
      registry: {
        isSandbox: (tenant) => !inUse.has(tenant) && hub.registry.isSandbox(tenant),
        clientByIdentity: (id) => hub.registry.clientByIdentity(id),
      },
    }),
  );
  await mode.start(new AbortController().signal);
  const { url = '' } = mode.status();
  return {
    ...{ url, log: () => said, hub, inUse },
    [Symbol.asyncDispose]: async () => {
      await mode[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  const { method } = body as { method: string };
  const revision = method === 'initialize' ? {} : { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method };
  const all = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...revision, ...headers };
  return fetch(url, { method: 'POST', headers: all, body: JSON.stringify(body) });
}

async function toolsOf(url: string): Promise<string[]> {
  const { result } = (await (await post(url, modern('tools/list', {}))).json()) as { result: { tools: { name: string }[] } };
  return result.tools.map(({ name }) => name);
}

test('it is refused beside anybody in production, where tokens are taken, and as somebody who is not listed', async () => {
  verifies('MCP-CONFORMANCE-APART');
  await using hub = testHub({ registry: SANDBOX });
  const refused = (more: Partial<ConformanceOptions>, why: RegExp): void =>
    assert.throws(
      () => serveConformance(optionsOf(hub, more)),
      (error) => error instanceof VitalmeshError && error.code === 'MCP-CONFORMANCE' && why.test(error.detail ?? ''),
    );
  refused({ tenants: () => ['suite', 'icu'] }, /in production: icu/);
  refused({ registry: { isSandbox: () => false, clientByIdentity: (id) => hub.registry.clientByIdentity(id) } }, /in production: suite/);
  refused({ issuers: [{}] }, /tokens/);
  refused({ request: { caller: 'gw-1', port: 0 } }, /gw-1/);
  refused({ request: { caller: 'stranger', port: 0 } }, /stranger/);
  // Nothing was listened on.
  serveConformance(optionsOf(hub));
});

test('the fixtures stand beside the hub’s own tools, whose calls are evidence, on a port of this machine, and it says so loudly', async () => {
  verifies('MCP-CONFORMANCE-APART', 'ONE-DOOR');
  await using mode = await startMode();
  const { url, hub } = mode;
  assert.match(mode.log(), /"level":"warn".*CONFORMANCE MODE.*Never run a hub in use like this/);
  assert.ok(mode.log().includes(url));
  const tools = await toolsOf(url);
  assert.ok(tools.includes('test_simple_text') && tools.includes('get_latest_vitals'), tools.join());

  const read = await post(url, modern('resources/read', { uri: 'vitals://patients' }), { 'mcp-name': 'vitals://patients' });
  assert.equal(read.status, 200);
  const events = await evidenceOf(hub.store);
  assert.ok(events.some(({ action, channel, principal }) => action === 'patients.list' && channel === 'mcp-2026' && principal === 'suite'));
});

test('nobody reaches it from outside of the machine, or through a page of another host', async () => {
  verifies('MCP-CONFORMANCE-APART');
  await using mode = await startMode();
  const { port } = new URL(mode.url);
  const outside = Object.values(networkInterfaces()).flatMap(
    (all) => all?.filter(({ family, internal }) => family === 'IPv4' && !internal) ?? [],
  );
  for (const { address } of outside) await assert.rejects(fetch(`http://${address}:${port}/mcp`), address);
  const discover = modern('server/discover', {});
  for (const origin of ['http://evil.example.com', `http://evil.example.com:${port}`, `https://127.0.0.1:${port}`, 'null'])
    assert.equal((await post(mode.url, discover, { origin })).status, 403, origin);
  assert.equal((await post(mode.url, discover, { origin: `http://127.0.0.1:${port}` })).status, 200);
});

test('once the registry has somebody in production, every request is refused', async () => {
  verifies('MCP-CONFORMANCE-APART');
  await using mode = await startMode();
  assert.equal((await post(mode.url, INITIALIZE)).status, 200);
  mode.inUse.add('suite');
  for (const body of [INITIALIZE, modern('tools/list', {})]) {
    const answer = await post(mode.url, body);
    assert.deepEqual([answer.status, await codeOf(answer)], [403, 'MCP-CONFORMANCE']);
  }
});

for (const [revision, connect] of Object.entries(CONNECTORS)) {
  test(`${revision}: the hub’s own service has none of it`, async () => {
    verifies('MCP-CONFORMANCE-APART');
    await using mode = await startMode();
    const { door, feed, registry, metrics } = mode.hub;
    const network = createMemoryNetwork();
    await using overlay = network.overlay({ id: 'hub', name: 'hub' });
    await using own = serveMcp({
      overlay,
      service: SERVICE,
      door,
      feed,
      callers: overlayCallers(registry, metrics),
      clock: CLOCK,
      log: silentLogger,
      metrics,
    });
    await own.start(new AbortController().signal);
    await using nurse = network.overlay({ id: 'suite', name: 'suite' });
    await using client = await connect(nurse, SERVICE);
    const tools = (await client.tools()).map(({ name }) => name);
    assert.ok(tools.includes('get_latest_vitals'));
    assert.deepEqual(
      tools.filter((name) => name.startsWith('test_')),
      [],
    );
    assert.ok((await client.resources()).every((uri) => !uri.startsWith('test:')));
    await assert.rejects(client.read('test://static-text'));
  });
}
