import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as LegacyStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as LegacyHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Updates, updatesOf } from '../../support/mcp-clients.ts';
import type { Errand, ForeignClient, Place, Seen } from './visit.ts';

/** The TypeScript SDK 1.32.2, which knows revision 2025-11-25 alone. */
export const sdk1: ForeignClient = async ({ place, patient, uri, updates }) => {
  const client = new LegacyClient({ name: 'sdk-1', version: '1' });
  const heard = updatesOf(client);
  await client.connect('url' in place ? new LegacyHttp(...http(place)) : new LegacyStdio(stdio(place)));
  try {
    const seen = {
      revision: '2025-11-25',
      tools: (await client.listTools()).tools.map(({ name }) => name),
      resources: (await client.listResources()).resources.map((resource) => resource.uri),
      read: jsonOf((await client.readResource({ uri })).contents),
      called: structuredOf(await client.callTool({ name: 'get_latest_vitals', arguments: { patient } })),
    };
    await client.subscribeResource({ uri });
    await heard.count(uri, updates);
    return { ...seen, updates: heard.seen.slice(0, updates).map((update) => update.uri) };
  } finally {
    await client.close();
  }
};

/** The TypeScript SDK 2.4.0. */
export const sdk2: ForeignClient = async ({ place, era, patient, uri, updates }: Errand): Promise<Seen> => {
  const mode = era === 'modern' ? { pin: '2026-07-28' } : era;
  const client = new Client({ name: 'sdk-2', version: '1' }, { versionNegotiation: { mode } });
  const heard = new Updates();
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => heard.push({ uri: params.uri, version: 0, at: 0 }));
  await client.connect('url' in place ? new StreamableHTTPClientTransport(...http(place)) : new StdioClientTransport(stdio(place)));
  try {
    const seen = {
      revision: client.getNegotiatedProtocolVersion() ?? 'none',
      tools: (await client.listTools()).tools.map(({ name }) => name),
      resources: (await client.listResources()).resources.map((resource) => resource.uri),
      read: jsonOf((await client.readResource({ uri })).contents),
      called: structuredOf(await client.callTool({ name: 'get_latest_vitals', arguments: { patient } })),
    };
    if (seen.revision < '2026') await client.subscribeResource({ uri });
    else await client.listen({ resourceSubscriptions: [uri] });
    await heard.count(uri, updates);
    return { ...seen, updates: heard.seen.slice(0, updates).map((update) => update.uri) };
  } finally {
    await client.close();
  }
};

function http({ url, bearer }: Extract<Place, { url: string }>): [URL, { requestInit: RequestInit }] {
  return [new URL(url), { requestInit: { headers: { authorization: `Bearer ${bearer}` } } }];
}

function stdio({ command, args, env }: Extract<Place, { command: string }>) {
  return { command, args: [...args], env: { ...env, PATH: process.env.PATH ?? '' }, stderr: 'ignore' as const };
}

function jsonOf(contents: readonly unknown[]): Record<string, unknown> {
  const [first] = contents as readonly { text?: string }[];
  return JSON.parse(first?.text ?? 'null') as Record<string, unknown>;
}

function structuredOf(result: object): Record<string, unknown> {
  return ('structuredContent' in result ? result.structuredContent : {}) as Record<string, unknown>;
}
