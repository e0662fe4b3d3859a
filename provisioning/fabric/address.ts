import { once } from 'node:events';
import { createServer } from 'node:net';
import { VitalmeshError } from '../../shared/errors.ts';

/** FABRIC-ADDRESS in words, for what `listen` gave as the reason. */
export function notListening(cause: unknown, host: string, port: number): VitalmeshError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'error';
  const why = code === 'EADDRINUSE' ? 'in use by another program' : code;
  return new VitalmeshError('FABRIC-ADDRESS', { cause, detail: `${host}:${port} (${why})` });
}

/** Throws FABRIC-ADDRESS when the address cannot be listened on now. */
export async function checkListenable(host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (cause) {
    throw notListening(cause, host, port);
  }
  const closed = once(server, 'close');
  server.close();
  await closed;
}
