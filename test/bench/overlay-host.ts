import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { openZitiOverlay } from '../../shared/overlay/ziti/ziti.ts';
import { serveTasks } from './overlay-child.ts';
import { answerTraffic } from './overlay-traffic.ts';

/** The far end of all ways, in a process of its own: binds both services, and listens for TLS. */
async function start({ identity, key, cert }: { identity: string; key: string; cert: string }): Promise<number> {
  const overlay = await openZitiOverlay({ identity: loadIdentity(identity), log: silentLogger });
  for (const service of ['encrypted', 'plain']) await overlay.bind(service, answerTraffic);
  const server = createServer({ key, cert, noDelay: true }, answerTraffic);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

serveTasks({ start });
