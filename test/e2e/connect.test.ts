import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { INITIALIZE } from '../hub/mcp/support.ts';
import { verifies } from '../requirements.ts';
import { SiteProcess } from '../support/fabric-site.ts';
import { updatesOf } from '../support/mcp-clients.ts';
import { LATEST, McpSite } from '../support/mcp-site.ts';
import { until } from '../support/until.ts';

interface Leg {
  url: string;
  bearer: string;
}

/** The status of one request by hand; `headers` go over those of a client that does everything right. */
function statusOf({ url, bearer }: Leg, headers: Record<string, string | undefined>, method = 'POST'): Promise<number | undefined> {
  const right = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const given = Object.entries({ ...right, ...headers }).filter(([, value]) => value !== undefined);
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers: Object.fromEntries(given) }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('error', reject);
    asked.end(method === 'POST' ? JSON.stringify(INITIALIZE) : undefined);
  });
}

describe('vitalmesh connect, as a person starts it', { timeout: 400_000 }, () => {
  let site: McpSite;

  before(async () => {
    verifies('MCP-CONNECT');
    site = await McpSite.open();
  });

  after(() => site[Symbol.asyncDispose]());

  const start = async (...more: string[]): Promise<{ leg: Leg; process: SiteProcess }> => {
    const process = new SiteProcess('provisioning', [...site.command('connect').args, '--json', ...more]);
    const [said] = await process.says(/^\{.*\}$/m);
    return { leg: JSON.parse(said) as Leg, process };
  };

  const shown = ({ bearer }: Leg) => ({ requestInit: { headers: { authorization: `Bearer ${bearer}` } } });

  test('it listens on loopback alone, with a bearer of its own each time, and lets nobody in without; SIGTERM ends it', async () => {
    const { leg, process } = await start();
    await using _process = process;
    const { hostname, port } = new URL(leg.url);
    assert.equal(hostname, '127.0.0.1');
    assert.match(leg.bearer, /^[\w-]{43}$/);
    assert.ok(!process.child.spawnargs.includes(leg.bearer));
    const { leg: other, process: second } = await start();
    await using _second = second;
    assert.notEqual(other.bearer, leg.bearer);

    assert.equal(await statusOf(leg, {}), 200);
    const refusals: [Record<string, string | undefined>, number][] = [
      [{ authorization: undefined }, 401],
      [{ authorization: `Bearer ${other.bearer}` }, 401],
      [{ host: `vitals.example:${port}` }, 403],
      [{ host: 'vitals-mcp' }, 403],
      [{ origin: `http://127.0.0.1:${port}` }, 403],
      [{ origin: 'null' }, 403],
    ];
    for (const [headers, status] of refusals) assert.equal(await statusOf(leg, headers), status, JSON.stringify(headers));
    assert.equal(process.stderr.includes(leg.bearer), false);

    assert.equal(await process.stop(), 0);
  });

  test('a bearer that is kept in a file is the same the next time, and stands nowhere else', async () => {
    const file = join(site.folder, 'bearer');
    const bearers: string[] = [];
    for (let run = 0; run < 2; run += 1) {
      const { leg, process } = await start('--bearer', file);
      await using _process = process;
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const bearer = readFileSync(file, 'utf8').trim();
      assert.equal(process.stdout.includes(bearer), false);
      assert.equal(await statusOf({ ...leg, bearer }, {}), 200);
      bearers.push(bearer);
    }
    assert.equal(bearers[0], bearers[1]);
  });

  test('the hub is killed and comes back: asked meanwhile it says why, afterwards clients of both revisions go on', async () => {
    const { leg, process } = await start();
    await using _process = process;
    const url = new URL(leg.url);
    const modern = new Client({ name: 'm', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    const told: string[] = [];
    modern.setNotificationHandler('notifications/resources/updated', ({ params }) => void told.push(params.uri));
    await modern.connect(new StreamableHTTPClientTransport(url, shown(leg)));
    const listening = await modern.listen({ resourceSubscriptions: [LATEST] });
    const follow = async (): Promise<LegacyClient> => {
      const client = new LegacyClient({ name: 'l', version: '1' });
      const updates = updatesOf(client);
      await client.connect(new LegacyTransport(url, shown(leg)));
      await client.subscribeResource({ uri: LATEST });
      await updates.count(LATEST, 3);
      return client;
    };
    const legacy = await follow();
    await until(() => told.length >= 3);

    await site.killHub();
    // The end of a stream is told, so that a client can open it again.
    await listening.closed;
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${leg.bearer}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify(INITIALIZE),
    });
    const { error } = (await answer.json()) as { error: { data: { code: string; retryable: boolean } } };
    assert.equal(answer.status, 502);
    assert.match(error.data.code, /^OVERLAY-/);
    assert.equal(error.data.retryable, true);

    await site.startHub();
    // A session of 2025-11-25 was the hub's that is gone: a client that is told so opens another.
    await assert.rejects(legacy.listTools(), ({ code }: { code?: number }) => code === 404);
    await legacy.close();
    await (await follow()).close();
    const before = told.length;
    await modern.listen({ resourceSubscriptions: [LATEST] });
    await until(() => told.length >= before + 3);
    assert.ok((await modern.listTools()).tools.length > 0);
    await modern.close();
  });
});
