import { open } from 'node:fs/promises';
import { connect as connectTls } from 'node:tls';
import { Agent, type buildConnector, fetch } from 'undici';
import { asVitalmeshError, VitalmeshError } from '../../../shared/errors.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';

/** A set of some dozen keys with certificate chains is a tenth of it. */
const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 10_000;

/** The JSON of a file. Rejects with ACCESS-ISSUER-KEYS. */
export async function keysFromFile(path: string): Promise<unknown> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(MAX_BYTES + 1), position: 0 });
    if (bytesRead > MAX_BYTES) throw tooLarge();
    return JSON.parse(buffer.subarray(0, bytesRead).toString('utf8'));
  } catch (thrown) {
    if (thrown instanceof VitalmeshError) throw thrown;
    const { code } = thrown as NodeJS.ErrnoException;
    throw new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: `${path} (${code ?? 'not JSON'})` });
  }
}

export interface OverlayKeys {
  overlay: Pick<Overlay, 'dial'>;
  /** The overlay service behind which the issuer is reached. */
  service: string;
  /** `https`; its host is what the certificate must be for. */
  url: string;
  /** PEM of the CAs that may have issued it; those of Node unless given. */
  ca?: string;
}

/**
 * The JSON at an address, over an overlay service and in no other way. TLS within it, because a router of the overlay that could change the
 * keys could sign tokens. No redirects. Rejects with ACCESS-ISSUER-KEYS.
 */
export async function keysOverOverlay(options: OverlayKeys): Promise<unknown> {
  const { service, url } = options;
  const agent = new Agent({ connect: connector(options), pipelining: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
  try {
    const response = await fetch(url, { dispatcher: agent, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status !== 200) throw new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: `service ${service}: HTTP ${response.status}` });
    return JSON.parse(await bodyOf(response.body));
  } catch (thrown) {
    if (thrown instanceof VitalmeshError) throw thrown;
    const { code } = asVitalmeshError((thrown as Error).cause, 'ACCESS-ISSUER-KEYS');
    const why = code === 'ACCESS-ISSUER-KEYS' ? 'TLS, HTTP or JSON is not as it must be' : code;
    throw new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: `service ${service}: ${why}`, cause: thrown });
  } finally {
    await agent.destroy();
  }
}

function connector({ overlay, service, url, ca }: OverlayKeys): buildConnector.connector {
  const { hostname } = new URL(url);
  return (_options, callback) => {
    overlay.dial(service, { timeoutMs: TIMEOUT_MS }).then(
      (connection) => {
        const socket = connectTls({
          socket: connection,
          servername: hostname,
          ALPNProtocols: ['http/1.1'],
          minVersion: 'TLSv1.2',
          ...(ca !== undefined && { ca }),
        });
        // The owner of a stream listens to its errors; those of TLS come by the socket.
        connection.on('error', () => socket.destroy());
        socket.once('close', () => connection.destroy());
        socket.once('error', (error) => callback(error, null));
        socket.once('secureConnect', () => callback(null, socket));
      },
      (error: unknown) => callback(error as Error, null),
    );
  };
}

async function bodyOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge(): VitalmeshError {
  return new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: `more than ${MAX_BYTES} bytes` });
}
