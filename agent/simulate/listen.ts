import { createServer, type Socket } from 'node:net';
import { VitalmeshError } from '../../shared/errors.ts';

/** Host and port: where a device calls, or listens. */
export interface Target {
  host: string;
  port: number;
  /** Where it is called by TLS: who may have issued the certificate (PEM), and the name in it where that is not the host. */
  tls?: { ca: string; servername?: string };
}

/** `host:port`, or `host` alone for port 0 where `--listen` lets the system choose; IPv6 in brackets. Undefined for anything else. */
export function parseTarget(text: string): Target | undefined {
  const [, bracketed, plain, port = ''] = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

export function endpoint({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Listens, and says where (port 0 lets the system choose). Throws SOURCE-OPEN. */
export async function listen(
  { host, port }: Target,
  admit: (socket: Socket) => void,
): Promise<{ endpoint: string; close(): Promise<void> }> {
  const server = createServer({ noDelay: true }, admit);
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  server.on('error', resolve);
  server.listen({ host, port }, () => resolve(undefined));
  const error = await promise;
  if (error) throw new VitalmeshError('SOURCE-OPEN', { detail: (error as NodeJS.ErrnoException).code ?? error.name, cause: error });
  const bound = server.address();
  return {
    endpoint: typeof bound === 'object' && bound ? endpoint({ host: bound.address, port: bound.port }) : '',
    close: () => new Promise((closed) => server.close(() => closed())),
  };
}
