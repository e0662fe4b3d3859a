import { EventEmitter, on } from 'node:events';
import type { Client } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type CallToolResult, type GetPromptResult, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { connectMcp } from '../../shared/mcp-client.ts';
import { overlayHttp } from '../../shared/overlay/http-client.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';

export interface Update {
  uri: string;
  /** `vitalmesh/version` of its `_meta`. */
  version: number;
  at: string | number;
}

/** Notifications of one subscription, in order of arrival. */
export class Updates extends EventEmitter<{ update: [Update] }> {
  readonly seen: Update[] = [];

  push(update: Update): void {
    this.seen.push(update);
    this.emit('update', update);
  }

  of(uri: string): Update[] {
    return this.seen.filter((update) => update.uri === uri);
  }

  /** Resolves when one for which this holds has come, now or before. */
  async until(holds: (update: Update) => boolean): Promise<Update> {
    const before = this.seen.find(holds);
    if (before) return before;
    for await (const [update] of on(this, 'update', { signal: AbortSignal.timeout(90_000) }) as AsyncIterableIterator<[Update]>)
      if (holds(update)) return update;
    throw new Error('unreachable: the events have no end');
  }

  /** Resolves when `count` have come for a resource. */
  count(uri: string, count: number): Promise<Update> {
    return this.until(() => this.of(uri).length >= count);
  }
}

/** What a test does with a client, whatever it speaks. */
export interface TestClient extends AsyncDisposable {
  readonly revision: '2025-11-25' | '2026-07-28';
  /** URIs of all pages of the resource list. */
  resources(): Promise<string[]>;
  templates(): Promise<string[]>;
  tools(): Promise<{ name: string; outputSchema?: unknown; annotations?: { readOnlyHint?: boolean | undefined } | undefined }[]>;
  /** The JSON of a resource. */
  read(uri: string): Promise<Record<string, unknown>>;
  call(name: string, args: Record<string, unknown>): Promise<CallToolResult>;
  completePatient(typed: string): Promise<string[]>;
  prompts(): Promise<{ name: string; arguments?: { name: string; required?: boolean | undefined }[] | undefined }[]>;
  prompt(name: string, args: Record<string, string>): Promise<GetPromptResult>;
  /** Values of an argument of a prompt that begin as typed. */
  completeArgument(prompt: string, argument: string, typed: string): Promise<string[]>;
  /** Values of a variable of a template that begin as typed. */
  completeVariable(template: string, variable: string, typed: string): Promise<string[]>;
  subscribe(uris: readonly string[]): Promise<Updates>;
  /** Resolves when the hub has ended the subscription or session. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** SDK v2, pinned to 2026-07-28. */
export async function connectModern(overlay: Overlay, service: string): Promise<TestClient> {
  const mcp = await connectMcp({ overlay, service, name: 'test-2026', timeoutMs: 10_000 });
  const { client } = mcp;
  const ended = Promise.withResolvers<void>();
  return {
    ...ofRevision2026(client),
    subscribe: async (uris) => {
      const updates = new Updates();
      const listening = await mcp.listen(uris, (uri, hint) => updates.push({ uri, version: hint.version ?? -1, at: hint.at ?? -1 }));
      listening.closed.then((how) => how !== 'local' && ended.resolve());
      return updates;
    },
    ended: ended.promise,
    close: mcp.close,
    [Symbol.asyncDispose]: mcp.close,
  };
}

type Asking = Pick<
  TestClient,
  | 'revision'
  | 'resources'
  | 'templates'
  | 'tools'
  | 'read'
  | 'call'
  | 'completePatient'
  | 'prompts'
  | 'prompt'
  | 'completeArgument'
  | 'completeVariable'
>;

/** What it asks, whatever it is connected by. */
export function ofRevision2026(client: Client): Asking {
  return {
    revision: '2026-07-28',
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    templates: async () => (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate),
    tools: async () => (await client.listTools()).tools,
    read: async (uri) => contentsJson((await client.readResource({ uri })).contents),
    call: async (name, args) => (await client.callTool({ name, arguments: args })) as CallToolResult,
    completePatient: async (value) => (await client.complete(patientCompletion(value))).completion.values,
    prompts: async () => (await client.listPrompts()).prompts,
    prompt: async (name, args) => (await client.getPrompt({ name, arguments: args })) as GetPromptResult,
    completeArgument: async (prompt, name, value) => (await client.complete(argumentCompletion(prompt, name, value))).completion.values,
    completeVariable: async (template, name, value) => (await client.complete(variableCompletion(template, name, value))).completion.values,
  };
}

/** SDK 1.x, as hosts of today have it: 2025-11-25 with a session and its event stream. */
export async function connectLegacy(overlay: Overlay, service: string): Promise<TestClient> {
  const http = overlayHttp(overlay, service);
  const streams = countStreams(http.fetch);
  const transport = new LegacyTransport(new URL('mcp', http.origin), {
    fetch: streams.fetch,
    reconnectionOptions: { maxRetries: 0, initialReconnectionDelay: 1, maxReconnectionDelay: 1, reconnectionDelayGrowFactor: 1 },
  });
  const client = new LegacyClient({ name: 'test-2025', version: '1' });
  const close = async (): Promise<void> => {
    await client.close();
    await http[Symbol.asyncDispose]();
  };
  const updates = updatesOf(client);
  try {
    await client.connect(transport);
    await streams.opened;
  } catch (error) {
    await close();
    throw error;
  }
  return ofRevision2025(client, { updates, ended: streams.ended, close });
}

/** What its server tells it that it should read again. */
export function updatesOf(client: LegacyClient): Updates {
  const updates = new Updates();
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    const meta = params._meta ?? {};
    updates.push({ uri: params.uri, version: Number(meta['vitalmesh/version'] ?? -1), at: String(meta['vitalmesh/at']) });
  });
  return updates;
}

interface Held {
  updates: Updates;
  ended: Promise<void>;
  close: () => Promise<void>;
}

/** Whatever it is connected by. */
export function ofRevision2025(client: LegacyClient, { updates, ended, close }: Held): TestClient {
  return {
    revision: '2025-11-25',
    resources: async () => {
      const uris: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await client.listResources(cursor === undefined ? {} : { cursor });
        uris.push(...page.resources.map(({ uri }) => uri));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      return uris;
    },
    templates: async () => (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate),
    tools: async () => (await client.listTools()).tools,
    read: async (uri) => contentsJson((await client.readResource({ uri })).contents),
    call: async (name, args) => (await client.callTool({ name, arguments: args })) as CallToolResult,
    completePatient: async (value) => (await client.complete(patientCompletion(value))).completion.values,
    prompts: async () => (await client.listPrompts()).prompts,
    prompt: async (name, args) => await client.getPrompt({ name, arguments: args }),
    completeArgument: async (prompt, name, value) => (await client.complete(argumentCompletion(prompt, name, value))).completion.values,
    completeVariable: async (template, name, value) => (await client.complete(variableCompletion(template, name, value))).completion.values,
    subscribe: async (uris) => {
      for (const uri of uris) await client.subscribeResource({ uri });
      return updates;
    },
    ended,
    close,
    [Symbol.asyncDispose]: close,
  };
}

export const CONNECTORS = { '2025-11-25': connectLegacy, '2026-07-28': connectModern } as const;

function contentsJson(contents: readonly unknown[]): Record<string, unknown> {
  const [first] = contents as readonly { text?: string }[];
  return JSON.parse(first?.text ?? 'null') as Record<string, unknown>;
}

function argumentCompletion(prompt: string, name: string, value: string) {
  return { ref: { type: 'ref/prompt' as const, name: prompt }, argument: { name, value } };
}

function variableCompletion(template: string, name: string, value: string) {
  return { ref: { type: 'ref/resource' as const, uri: template }, argument: { name, value } };
}

function patientCompletion(value: string) {
  return { ref: { type: 'ref/resource' as const, uri: 'vitals://patient/{id}/latest' }, argument: { name: 'id', value } };
}

/** Sees the event stream (GET) of a session open and end, which the SDK keeps to itself. */
function countStreams(fetch: typeof globalThis.fetch): { fetch: typeof globalThis.fetch; opened: Promise<void>; ended: Promise<void> } {
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const watched: typeof globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (init?.method !== 'GET') return response;
    opened.resolve();
    if (!response.ok || !response.body) return response;
    const body = response.body.pipeThrough(new TransformStream({ flush: () => ended.resolve() }));
    return new Response(body, { status: response.status, headers: [...response.headers] });
  };
  return { fetch: watched, opened: opened.promise, ended: ended.promise };
}
