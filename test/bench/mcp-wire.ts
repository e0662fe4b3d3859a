import { Agent, type IncomingMessage, request } from 'node:http';
import { addressOf, type Revision, TOOL } from './mcp-plan.ts';

/** One client by hand, so that what it costs to be a client does not count as the server's: no schema is compiled, nothing is checked that the benchmark does not need. */
export class WireClient {
  readonly #port: number;
  readonly #revision: Revision;
  readonly #localAddress: string;
  readonly #agent = new Agent({ keepAlive: true });
  #session: string | undefined;
  #ids = 0;

  /** `client` is which of the callers it is. */
  constructor(port: number, revision: Revision, client: number) {
    this.#port = port;
    this.#revision = revision;
    this.#localAddress = addressOf(client);
  }

  /** A session of 2025-11-25; the newer revision has none. */
  async open(): Promise<void> {
    if (this.#revision === '2026-07-28') return;
    const clientInfo = { name: 'bench', version: '1' };
    const response = await this.#send(
      'POST',
      this.#message('initialize', { protocolVersion: this.#revision, capabilities: {}, clientInfo }),
    );
    await resultOf(response);
    this.#session = String(response.headers['mcp-session-id']);
    await textOf(await this.#send('POST', { jsonrpc: '2.0', method: 'notifications/initialized' }));
  }

  /** The result of one request. */
  async ask(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    return await resultOf(await this.#send('POST', this.#message(method, params)));
  }

  /** Follows resources; resolves when the stream is open and the server has taken all of them. `onUpdated` gets what each notification's `_meta` says. */
  async listen(uris: readonly string[], onUpdated: (meta: Record<string, unknown>) => void): Promise<void> {
    if (this.#revision === '2026-07-28') {
      const opened = this.#message('subscriptions/listen', { notifications: { resourceSubscriptions: uris } });
      await follow(await this.#send('POST', opened), onUpdated, true);
      return;
    }
    // The bare SDK sends no head before the first event of a stream that nobody asked anything over.
    void this.#send('GET').then((stream) => follow(stream, onUpdated, false));
    for (const uri of uris) await this.ask('resources/subscribe', { uri });
  }

  close(): void {
    this.#agent.destroy();
  }

  #message(method: string, params: Record<string, unknown>): Record<string, unknown> {
    this.#ids += 1;
    const message = { jsonrpc: '2.0', id: this.#ids, method };
    return { ...message, params: this.#revision === '2026-07-28' ? { ...params, _meta: ENVELOPE } : params };
  }

  #send(method: 'GET' | 'POST', body?: Record<string, unknown>): Promise<IncomingMessage> {
    const text = body && JSON.stringify(body);
    const headers = {
      accept: 'application/json, text/event-stream',
      ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      ...(this.#revision === '2026-07-28' ? modernHeaders(body) : this.#session !== undefined && this.#sessionHeaders()),
    };
    return new Promise((resolve, reject) => {
      const to = { host: '127.0.0.1', port: this.#port, path: '/mcp', localAddress: this.#localAddress, agent: this.#agent };
      request({ ...to, method, headers }, resolve)
        .on('error', reject)
        .end(text);
    });
  }

  #sessionHeaders(): Record<string, string> {
    return { 'mcp-session-id': this.#session ?? '', 'mcp-protocol-version': this.#revision };
  }
}

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
};

function modernHeaders(body: Record<string, unknown> | undefined): Record<string, string> {
  const { uri, name } = (body?.params ?? {}) as Record<string, unknown>;
  const named = uri ?? name;
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': String(body?.method) };
  return typeof named === 'string' ? { ...headers, 'mcp-name': named } : headers;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  return text;
}

/** Of an answer in JSON, or in the only event of a stream. Throws what the server refused. */
async function resultOf(response: IncomingMessage): Promise<Record<string, unknown>> {
  const text = await textOf(response);
  const isStream = response.headers['content-type']?.startsWith('text/event-stream');
  const json = isStream ? (/^data: (\{.*)$/m.exec(text)?.[1] ?? '{}') : text;
  const { result } = JSON.parse(json) as { result?: Record<string, unknown> };
  if (!result || result.isError) throw new Error(`the server answered ${response.statusCode} ${text.slice(0, 500)}`);
  return result;
}

/** Reads an event stream until it ends; resolves with its first message where the stream begins with one. */
function follow(stream: IncomingMessage, onUpdated: (meta: Record<string, unknown>) => void, isLed: boolean): Promise<void> {
  if (stream.statusCode !== 200) throw new Error(`the server does not open a stream: ${stream.statusCode}`);
  stream.setEncoding('utf8');
  stream.on('error', () => stream.destroy());
  return new Promise((resolve) => {
    let rest = '';
    stream.on('data', (chunk: string) => {
      const events = (rest + chunk).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const at = event.indexOf('data: {');
        if (at < 0) continue;
        const { method, params } = JSON.parse(event.slice(at + 'data: '.length)) as Notification;
        if (method === 'notifications/resources/updated') onUpdated(params?._meta ?? {});
        else resolve();
      }
    });
    if (!isLed) resolve();
  });
}

interface Notification {
  method?: string;
  params?: { _meta?: Record<string, unknown> };
}

/** What is measured, and how it is asked for. */
export const ASKED = {
  'tools/list': (): Record<string, unknown> => ({}),
  'tools/call': (patient: string): Record<string, unknown> => ({ name: TOOL, arguments: { patient } }),
  'resources/read': (_patient: string, uri: string): Record<string, unknown> => ({ uri }),
} as const;
export type Asked = keyof typeof ASKED;
