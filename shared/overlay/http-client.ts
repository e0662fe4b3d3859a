import type { Socket } from 'node:net';
import { Agent, type buildConnector, type Dispatcher, fetch as undiciFetch } from 'undici';
import { VitalmeshError } from '../errors.ts';
import type { Overlay } from './overlay.ts';

/** HTTP/1.1 to one service of an overlay. Disposing it ends every connection made through it. */
export interface OverlayHttp extends AsyncDisposable {
  /** As the web's own `fetch`; whatever the URL's host is, the connection goes to the service. */
  readonly fetch: typeof globalThis.fetch;
  /** `http://<service>/`: hubs compare the Host header with the service name. */
  readonly origin: URL;
}

export interface OverlayHttpOptions {
  /** Limit for one dial; 10,000 ms unless told. */
  dialTimeoutMs?: number;
  /** Limit for the head of an answer; 60,000 ms unless told. There is none for its body, because event streams have no end. */
  headersTimeoutMs?: number;
}

/**
 * An HTTP client whose connections are overlay connections. A dial that fails rejects the fetch with a TypeError whose `cause` is
 * the overlay's VitalmeshError. Throws CONFIG-INVALID for a service name that cannot stand as a host in a URL.
 */
export function overlayHttp(overlay: Pick<Overlay, 'dial'>, service: string, options: OverlayHttpOptions = {}): OverlayHttp {
  const { dialTimeoutMs = 10_000, headersTimeoutMs = 60_000 } = options;
  const agent = new Agent({
    connect: overlayConnector(overlay, service, dialTimeoutMs),
    bodyTimeout: 0,
    headersTimeout: headersTimeoutMs,
    pipelining: 1,
  });
  return {
    fetch: fetchThrough(agent),
    origin: serviceOrigin(service),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

function overlayConnector(overlay: Pick<Overlay, 'dial'>, service: string, timeoutMs: number): buildConnector.connector {
  return (_options, callback) => {
    // The promise also keeps the callback asynchronous; undici sends nothing when it is called within connect.
    overlay.dial(service, { timeoutMs }).then(
      // undici types a net.Socket; of it, it uses what every Duplex has and tests for the rest.
      (connection) => callback(null, connection as unknown as Socket),
      (error: unknown) => callback(error as Error, null),
    );
  };
}

function fetchThrough(dispatcher: Dispatcher): typeof globalThis.fetch {
  const bound = (input: Parameters<typeof undiciFetch>[0], init?: Parameters<typeof undiciFetch>[1]) =>
    undiciFetch(input, { ...init, dispatcher });
  // undici's own types and those of Node's globals describe the same classes under different names.
  return bound as unknown as typeof globalThis.fetch;
}

function serviceOrigin(service: string): URL {
  if (!/^[a-z0-9]([a-z0-9._-]{0,252}[a-z0-9])?$/i.test(service)) {
    throw new VitalmeshError('CONFIG-INVALID', {
      detail: 'an MCP service name is 1 to 254 letters, digits, dots, hyphens and underscores',
    });
  }
  return new URL(`http://${service}/`);
}
