import type { IncomingMessage, ServerResponse } from 'node:http';
import { isJsonContentType } from '@modelcontextprotocol/server';
import { deeperThan } from '../../shared/json-depth.ts';
import { HttpRefusal, rpcError, waitOf } from './errors.ts';
import type { Extension } from './extension.ts';
import type { McpLimits } from './limits.ts';
import type { Refusal } from './refusal.ts';

export const MCP_PATH = '/mcp';
const METHODS = ['GET', 'POST', 'DELETE'];

/** Throws HttpRefusal unless the request names one of these as its Host, without regard to case or port, and comes from no browser, or of one of their pages where that is taken. */
export function checkHost(
  request: IncomingMessage,
  hosts: readonly string[],
  { ownOrigin }: Pick<Extension, 'ownOrigin'> = { ownOrigin: false },
): void {
  const { host, origin } = request.headers;
  if (!isOneOf(hosts, host)) throw new HttpRefusal(403, 'MCP-REQUEST', 'Host is not the name of this service');
  // No browser has any business on the overlay; refusing them all ends DNS rebinding and cross-site requests.
  if (origin !== undefined && !(ownOrigin && isOneOf(hosts, /^http:\/\/([^/]+)$/.exec(origin)?.[1])))
    throw new HttpRefusal(403, 'MCP-REQUEST', 'requests with an Origin are refused');
}

function isOneOf(hosts: readonly string[], named: string | undefined): boolean {
  return named !== undefined && hosts.includes(named.toLowerCase().replace(/:\d+$/, ''));
}

/** Throws HttpRefusal for another path or method than those of the endpoint. */
export function checkTarget(request: IncomingMessage): void {
  if (request.url !== MCP_PATH) throw new HttpRefusal(404, 'MCP-REQUEST', `the only path is ${MCP_PATH}`);
  if (!METHODS.includes(request.method ?? '')) throw new HttpRefusal(405, 'MCP-REQUEST', `the methods are ${METHODS.join(', ')}`);
}

/** The JSON of a POST. Throws HttpRefusal: 413 beyond `bodyBytes`, 415 for another type or coding, 400 for what is not JSON, and for a list. */
export async function readBody(request: IncomingMessage, limits: Pick<McpLimits, 'bodyBytes' | 'jsonDepth'>): Promise<unknown> {
  if (!isJsonContentType(request.headers['content-type'] ?? null)) {
    throw new HttpRefusal(415, 'MCP-REQUEST', 'Content-Type must be application/json');
  }
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new HttpRefusal(415, 'MCP-REQUEST', 'the body must not be compressed');
  }
  const bytes = await readBytes(request, limits.bodyBytes);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new HttpRefusal(400, 'MCP-JSON', 'not UTF-8');
  }
  // Depth is judged first: parsing deep nesting works, walking the result is what overflows a stack.
  if (deeperThan(text, limits.jsonDepth)) throw new HttpRefusal(400, 'MCP-JSON', `nested deeper than ${limits.jsonDepth}`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new HttpRefusal(400, 'MCP-JSON');
  }
  // Neither revision has batches. The SDK takes them in the older one, and keeps all answers of one in which a question was taken back.
  if (Array.isArray(body)) throw new HttpRefusal(400, 'MCP-JSON', 'one message of JSON-RPC a request, not a list of them');
  return body;
}

/** Reads with events rather than iteration, because leaving an iteration destroys the connection before the refusal is sent. */
function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const tooLarge = (): HttpRefusal => new HttpRefusal(413, 'MCP-REQUEST', `at most ${limit} bytes`);
    if (Number(request.headers['content-length'] ?? 0) > limit) return reject(tooLarge());
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= limit) {
        chunks.push(chunk);
        return;
      }
      request.off('data', onData);
      chunks.length = 0;
      request.resume();
      reject(tooLarge());
    };
    request.on('data', onData);
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', () => reject(new HttpRefusal(400, 'MCP-REQUEST', 'the body was cut off')));
  });
}

const MAX_ID_CHARS = 128;

/**
 * Refuses ids, and tokens of progress, that would be repeated at length in every event of a stream, or come back changed (MCP 2026-07-28, basic: a string or
 * an integer). Throws HttpRefusal 400 MCP-ID.
 */
export function checkIds(body: unknown): void {
  if (!isObject(body)) return;
  const { id = null, params } = body;
  const meta = isObject(params) && isObject(params._meta) ? params._meta : {};
  if (id !== null && !isId(id)) throw new HttpRefusal(400, 'MCP-ID');
  if (meta.progressToken !== undefined && !isId(meta.progressToken)) throw new HttpRefusal(400, 'MCP-ID', 'the progress token');
}

function isId(id: unknown): boolean {
  return typeof id === 'string' ? id.length <= MAX_ID_CHARS : Number.isSafeInteger(id);
}

/** When to come again, of what is refused for its haste (RFC 9110 §10.2.3, in seconds). */
export function retryHeader({ status, error }: Pick<Refusal, 'status' | 'error'>): Record<string, string> {
  const retryAfterMs = waitOf(error);
  return status === 429 && retryAfterMs !== undefined ? { 'retry-after': `${Math.ceil(retryAfterMs / 1000)}` } : {};
}

/** Answers with a coded error in the form of JSON-RPC. A refused connection is not used again. */
export function refuse(response: ServerResponse, { status, error, challenge }: Refusal, id: string | number | null = null): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(rpcError(error, id));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
    ...retryHeader({ status, error }),
    ...(status === 405 ? { allow: METHODS.join(', ') } : {}),
    ...(status === 200 || status === 404 ? {} : { connection: 'close' }),
  });
  response.end(body);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The id of the question that a body asks; null where it asks none. */
export function idOf(body: unknown): string | number | null {
  const id = isObject(body) ? body.id : null;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}
