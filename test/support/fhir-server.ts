import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

/** An answer that the server gives in the place of its own. A string is sent as it is. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** What goes wrong with one batch. */
export type Fault =
  /** Nothing is stored. */
  | { refuse: Answer }
  /** The connection is cut, before or after the batch was stored. */
  | { cut: 'before' | 'after' }
  /** It is stored, and answered otherwise; the function gets what the answer would have been. */
  | { answer: (honest: BatchResponse) => Answer }
  /** It is stored once the promise resolves. */
  | { slow: Promise<void> }
  /** It is stored and never answered. */
  | { silent: true };

export interface BatchResponse {
  resourceType: 'Bundle';
  type: 'batch-response';
  entry: { response: { status: string; location?: string; outcome?: unknown } }[];
}

interface Stored {
  id: string;
  resource: StoredResource;
}

export interface StoredResource extends Record<string, unknown> {
  resourceType: string;
  identifier?: { system?: string; value: string }[];
}

interface Entry {
  resource: StoredResource;
  request: { method: string; url: string; ifNoneExist?: string };
}

const TYPES: readonly string[] = ['Observation', 'Device', 'DeviceMetric', 'Basic'];

/** What a FHIR server says of itself that does all that is needed. */
export function capability(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    kind: 'instance',
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        resource: TYPES.map((type) => ({ type, interaction: [{ code: 'read' }, { code: 'create' }], conditionalCreate: true })),
        interaction: [{ code: 'transaction' }, { code: 'batch' }],
      },
    ],
    ...changes,
  };
}

/**
 * A FHIR R4 server as far as this project needs one: real HTTP, `metadata`, batches of (conditional) creates, resources kept in memory. It does
 * what http://hl7.org/fhir/R4/http.html says of them, and goes wrong when it is told to.
 */
export class FhirTestServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #stored: Stored[] = [];
  #last = 0;
  metadata: Answer = { status: 200, body: capability() };
  /** With which every request must come. */
  token: string | undefined;
  /** What goes wrong with the next batches, one after the other. */
  readonly faults: Fault[] = [];
  /** Goes wrong with every batch, where nothing is left in `faults`. */
  fault: ((entries: readonly string[]) => Fault | undefined) | undefined;
  /** A status with which one entry is refused, by its identifier. */
  refuse: (identifier: string, resource: StoredResource) => number | undefined = () => undefined;
  /** The condition of a creation is left aside, as by a server that does not know the search parameter: everything matches. */
  ignoresConditions = false;
  /** Identifiers of our system in each batch, in the order of arrival. */
  readonly batches: string[][] = [];
  /** `method path` of each request, with its headers. */
  readonly requests: { line: string; headers: IncomingMessage['headers'] }[] = [];
  connections = 0;

  private constructor(tls: ServerOptions | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch(() => response.destroy());
    };
    this.#server = tls ? createHttps(tls, serve) : createHttp(serve);
    this.#server.on('connection', () => {
      this.connections += 1;
    });
    this.#server.on('tlsClientError', () => undefined);
  }

  /** Listens on loopback at `/fhir`; over TLS where it is given a certificate. */
  static async listen({ tls, port = 0 }: { tls?: ServerOptions; port?: number } = {}): Promise<FhirTestServer> {
    const server = new FhirTestServer(tls);
    server.#server.listen(port, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/fhir`;
  }

  /** All that it holds, in the order of storing. */
  get resources(): StoredResource[] {
    return this.#stored.map(({ resource }) => resource);
  }

  /** How often each identifier of ours is there. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { resource } of this.#stored) {
      const key = ownIdentifier(resource);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  /** Keeps a resource as if somebody else had sent it. */
  add(resource: StoredResource): string {
    this.#last += 1;
    const id = `${this.#last}`;
    this.#stored.push({ id, resource: { ...resource, id } });
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request;
    this.requests.push({ line: `${method} ${url}`, headers });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.token !== undefined && headers.authorization !== `Bearer ${this.token}`)
      return send(response, { status: 401, body: outcome('login') });
    if (method === 'GET' && url === '/fhir/metadata') return send(response, this.metadata);
    if (method !== 'POST' || url !== '/fhir') return send(response, { status: 404, body: outcome('not-found') });
    if (!/^application\/fhir\+json/.test(headers['content-type'] ?? '')) return send(response, { status: 415, body: outcome('structure') });
    await this.#batch(JSON.parse(Buffer.concat(chunks).toString('utf8')), response);
  }

  async #batch(bundle: { resourceType?: string; type?: string; entry?: Entry[] }, response: ServerResponse): Promise<void> {
    const { resourceType, type, entry: entries } = bundle;
    if (resourceType !== 'Bundle' || type !== 'batch' || !entries) return send(response, { status: 400, body: outcome('structure') });
    const identifiers = entries.map(({ resource }) => ownIdentifier(resource));
    this.batches.push(identifiers);
    const fault = this.faults.shift() ?? this.fault?.(identifiers);
    if (fault && 'refuse' in fault) return send(response, fault.refuse);
    if (fault && 'cut' in fault && fault.cut === 'before') return void response.destroy();
    if (fault && 'slow' in fault) await fault.slow;
    const honest: BatchResponse = {
      resourceType: 'Bundle',
      type: 'batch-response',
      entry: entries.map((entry) => ({ response: this.#create(entry) })),
    };
    if (fault && 'cut' in fault) return void response.destroy();
    if (fault && 'silent' in fault) return;
    send(response, fault && 'answer' in fault ? fault.answer(honest) : { status: 200, body: honest });
  }

  #create({ resource, request }: Entry): BatchResponse['entry'][number]['response'] {
    const { method, url, ifNoneExist } = request;
    if (method !== 'POST') return { status: '405 Method Not Allowed', outcome: outcome('not-supported') };
    if (url !== resource.resourceType || !TYPES.includes(url)) return { status: '404 Not Found', outcome: outcome('not-supported') };
    const refused = this.refuse(ownIdentifier(resource), resource);
    if (refused !== undefined) return { status: `${refused}`, outcome: outcome('processing') };
    const [, system, value] = /^identifier=([^|&]+)\|([^&]+)$/.exec(ifNoneExist ?? '') ?? [];
    if (system === undefined) return { status: '400 Bad Request', outcome: outcome('invalid') };
    const matches = this.#stored.filter(({ resource: other }) => {
      return (
        this.ignoresConditions ||
        (other.resourceType === url && other.identifier?.some((one) => one.system === system && one.value === value))
      );
    });
    if (matches.length > 1) return { status: '412 Precondition Failed', outcome: outcome('multiple-matches') };
    if (matches[0]) return { status: '200 OK', location: `${url}/${matches[0].id}` };
    return { status: '201 Created', location: `${this.url}/${url}/${this.add(resource)}/_history/1` };
  }
}

function ownIdentifier({ identifier }: StoredResource): string {
  return identifier?.find(({ system }) => system === 'urn:vitalmesh:resource')?.value ?? '';
}

/** An OperationOutcome with one issue. */
export function outcome(code: string): unknown {
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, diagnostics: 'told by the server of a test' }] };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
