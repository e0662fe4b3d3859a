import type { Readable, Writable } from 'node:stream';
import { Client } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { jsonLines, TOO_LONG } from '../../shared/mcp-line/json-lines.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { ofRevision2025, ofRevision2026, type TestClient, Updates, updatesOf } from './mcp-clients.ts';

/** The framing of standard input and output over any stream, for clients of either SDK. */
export class LineTransport implements Transport {
  onmessage?: (message: JSONRPCMessage) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #from: Readable;
  readonly #to: Writable;
  readonly ended: Promise<void>;

  constructor({ from, to }: { from: Readable; to: Writable }) {
    this.#from = from;
    this.#to = to;
    for (const stream of [from, to]) stream.on('error', () => stream.destroy());
    this.ended = new Promise((resolve) => {
      from.once('end', resolve);
      from.once('close', resolve);
    });
  }

  async start(): Promise<void> {
    void this.#read();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#to.write(`${JSON.stringify(message)}\n`);
  }

  async close(): Promise<void> {
    this.#to.end();
    this.#from.destroy();
  }

  async #read(): Promise<void> {
    try {
      for await (const line of jsonLines(this.#from, 16 << 20))
        if (line !== TOO_LONG) this.onmessage?.(JSON.parse(line.toString('utf8')) as JSONRPCMessage);
    } catch {
      // Cut off, which is told below.
    }
    this.onclose?.();
  }
}

async function dialled(overlay: Overlay, service: string): Promise<LineTransport> {
  const stream = await overlay.dial(service);
  return new LineTransport({ from: stream, to: stream });
}

/** SDK 1.x over the line wire. */
export async function connectLegacyLine(overlay: Overlay, service: string): Promise<TestClient> {
  return await legacyOver(await dialled(overlay, service));
}

export async function legacyOver(transport: LineTransport): Promise<TestClient> {
  const client = new LegacyClient({ name: 'test-2025', version: '1' });
  const updates = updatesOf(client);
  const close = () => client.close();
  try {
    await client.connect(transport, { timeout: 20_000 });
  } catch (error) {
    await close();
    throw error;
  }
  return ofRevision2025(client, { updates, ended: transport.ended, close });
}

/** SDK v2 over the line wire, pinned to 2026-07-28. */
export async function connectModernLine(overlay: Overlay, service: string): Promise<TestClient> {
  return await modernOver(await dialled(overlay, service));
}

export async function modernOver(transport: LineTransport): Promise<TestClient> {
  const client = new Client({ name: 'test-2026', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  const ended = Promise.withResolvers<void>();
  transport.ended.then(ended.resolve);
  const updates = new Updates();
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    const meta = params._meta ?? {};
    updates.push({ uri: params.uri, version: Number(meta['vitalmesh/version'] ?? -1), at: String(meta['vitalmesh/at']) });
  });
  const close = () => client.close();
  try {
    await client.connect(transport, { timeout: 20_000 });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...ofRevision2026(client),
    subscribe: async (uris) => {
      const { closed } = await client.listen({ resourceSubscriptions: [...uris] });
      closed.then((how) => how !== 'local' && ended.resolve());
      return updates;
    },
    ended: ended.promise,
    close,
    [Symbol.asyncDispose]: close,
  };
}

export const LINE_CONNECTORS = { '2025-11-25': connectLegacyLine, '2026-07-28': connectModernLine } as const;
