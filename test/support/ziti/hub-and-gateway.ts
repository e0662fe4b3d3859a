import type { Duplex } from 'node:stream';
import type { Fabric } from '../../../provisioning/fabric/fabric.ts';
import { loadIdentity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import { openZitiOverlay } from '../../../shared/overlay/ziti/ziti.ts';
import { plannedFabric } from './network.ts';

const PLAN = {
  services: ['vitals'],
  identities: { hub: { dial: [], bind: ['vitals'] }, gateway: { dial: ['vitals'], bind: [] } },
};

/** An embedded network with a hub and a gateway in it, made as the programs make them. */
export interface HubAndGateway extends AsyncDisposable {
  readonly fabric: Fabric;
  readonly hub: Overlay;
  readonly gateway: Overlay;
  identityPath(identity: 'hub' | 'gateway'): string;
}

export async function hubAndGateway(encryptionRequired: boolean): Promise<HubAndGateway> {
  await using stack = new AsyncDisposableStack();
  const planned = stack.use(await plannedFabric(PLAN, encryptionRequired));
  const open = (name: string): Promise<Overlay> =>
    openZitiOverlay({ identity: loadIdentity(planned.identityPath(name)), log: silentLogger, backoff: { minMs: 5, maxMs: 50 } });
  const hub = stack.use(await open('hub'));
  const gateway = stack.use(await open('gateway'));
  const running = stack.move();
  return {
    fabric: planned.fabric,
    hub,
    gateway,
    identityPath: (identity) => planned.identityPath(identity),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Sends back what comes; a connection that is cut is the test's business. */
export function echo(connection: Duplex): void {
  connection.on('error', () => connection.destroy());
  connection.pipe(connection);
}
