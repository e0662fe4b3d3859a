import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { serveTasks } from './overlay-child.ts';

/** The peer to compare with: a process that pipes a TLS server to a TLS client, and knows nothing of what passes. */
async function start({ target, key, cert, ca }: { target: number; key: string; cert: string; ca: string }): Promise<number> {
  const server = createServer({ key, cert, noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port: target, ca });
    far.setNoDelay(true);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

serveTasks({ start });
