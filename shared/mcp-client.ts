import { Client, type McpSubscription, SdkHttpError, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type Instant, parseInstant } from './clock.ts';
import { type ErrorCode, isErrorCode, VitalmeshError } from './errors.ts';
import { overlayHttp } from './overlay/http-client.ts';
import type { Overlay } from './overlay/overlay.ts';

/** The revision of MCP that is spoken; hubs that know only an older one are refused. */
const REVISION = '2026-07-28';
/** Hubs take so many resources in one stream. */
const URIS_PER_STREAM = 256;

export interface ConnectMcpOptions {
  overlay: Overlay;
  /** Overlay service of the hub's MCP endpoint. */
  service: string;
  /** How the client names itself. */
  name: string;
  /** The access token to show with each request, asked for anew at each: `tokenFromFile`. Without it the overlay identity is all that is shown. */
  token?: () => string | Promise<string>;
  /** Limit for connecting and for each request, 30,000 ms unless told. */
  timeoutMs?: number;
}

/** What a notification says besides the resource; hints, from hubs of Vitalmesh. */
export interface UpdateHint {
  /** Version of the hub's feed; rises with every change. */
  version?: number;
  /** When it changed, at the hub. */
  at?: Instant;
}

export type OnUpdated = (uri: string, hint: UpdateHint) => void;

/** Subscriptions that are open together. */
export interface McpListening {
  close(): Promise<void>;
  /** Resolves when the first of its streams has ended: by `close`, by the hub on purpose, or because the connection broke. */
  readonly closed: Promise<'local' | 'graceful' | 'remote'>;
}

export interface McpConnection extends AsyncDisposable {
  readonly client: Client;
  /**
   * Subscribes to resources; each is notified once at the beginning, and from then on whenever it should be read again. Rejects
   * with the SDK's ProtocolError when one of them does not exist or may not be seen (`data.code` NOT-FOUND).
   */
  listen(uris: readonly string[], onUpdated: OnUpdated): Promise<McpListening>;
  close(): Promise<void>;
}

/**
 * Connects an MCP client to a service of the overlay. Throws the overlay's error when the service cannot be dialled, CONFIG-INVALID
 * for an impossible service name, what `token` throws, the hub's own code when it refuses the caller (ACCESS-UNKNOWN-CALLER, ACCESS-TOKEN-NEEDED), MCP-PEER when
 * what answers does not speak this revision, or refuses in other words.
 */
export async function connectMcp({ overlay, service, name, token, timeoutMs = 30_000 }: ConnectMcpOptions): Promise<McpConnection> {
  const http = overlayHttp(overlay, service, { dialTimeoutMs: timeoutMs, headersTimeoutMs: timeoutMs });
  const client = new Client({ name, version: '1' }, { versionNegotiation: { mode: { pin: REVISION } } });
  const listeners = new Map<string, Set<OnUpdated>>();
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    for (const onUpdated of listeners.get(params.uri) ?? []) onUpdated(params.uri, hintOf(params._meta));
  });
  const close = async (): Promise<void> => {
    await client.close();
    await http[Symbol.asyncDispose]();
  };
  try {
    await client.connect(
      new StreamableHTTPClientTransport(new URL('mcp', http.origin), { fetch: token ? showing(token, http.fetch) : http.fetch }),
      { timeout: timeoutMs },
    );
  } catch (thrown) {
    await close();
    throw ownError(thrown);
  }
  return {
    client,
    listen: (uris, onUpdated) => listen(client, listeners, uris, onUpdated),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** RFC 6750 §2.1. */
function showing(token: () => string | Promise<string>, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${await token()}`);
    return await fetch(input, { ...init, headers });
  };
}

async function listen(
  client: Client,
  listeners: Map<string, Set<OnUpdated>>,
  uris: readonly string[],
  onUpdated: OnUpdated,
): Promise<McpListening> {
  const distinct = [...new Set(uris)];
  for (const uri of distinct) listeners.set(uri, (listeners.get(uri) ?? new Set()).add(onUpdated));
  const streams: McpSubscription[] = [];
  const close = async (): Promise<void> => {
    for (const uri of distinct) {
      listeners.get(uri)?.delete(onUpdated);
      if (listeners.get(uri)?.size === 0) listeners.delete(uri);
    }
    await Promise.all(streams.map((stream) => stream.close()));
  };
  try {
    for (let i = 0; i < distinct.length; i += URIS_PER_STREAM) {
      streams.push(await client.listen({ resourceSubscriptions: distinct.slice(i, i + URIS_PER_STREAM) }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close, closed: Promise.race(streams.map(({ closed }) => closed)) };
}

function hintOf(meta: Record<string, unknown> | undefined): UpdateHint {
  const version = meta?.['vitalmesh/version'];
  const at = meta?.['vitalmesh/at'];
  const instant = typeof at === 'string' ? parseInstant(at)?.at : undefined;
  return { ...(typeof version === 'number' ? { version } : {}), ...(instant === undefined ? {} : { at: instant }) };
}

/** The overlay's own error, or the hub's refusal, lies beneath what fetch and the SDK made of it. */
function ownError(thrown: unknown): VitalmeshError {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth += 1) {
    if (error instanceof VitalmeshError) return error;
    const code = error instanceof SdkHttpError ? refusalIn(error.data.text) : undefined;
    if (code !== undefined) return new VitalmeshError(code, { cause: thrown });
  }
  return new VitalmeshError('MCP-PEER', { cause: thrown });
}

/** The code of a refusal, out of the answer's text; of another's words nothing is taken but a code that we know. */
function refusalIn(text: unknown): ErrorCode | undefined {
  try {
    const { error } = JSON.parse(String(text)) as { error?: { data?: { code?: unknown } } };
    const code = error?.data?.code;
    return typeof code === 'string' && isErrorCode(code) ? code : undefined;
  } catch {
    return undefined;
  }
}
