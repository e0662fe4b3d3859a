import { join } from 'node:path';
import { startFabric } from '../../provisioning/fabric/fabric.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { enroll } from '../../shared/overlay/ziti/enroll/enroll.ts';
import { serveTasks } from './overlay-child.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

/** The embedded network, in a process of its own: services `encrypted` and `plain`, identities host.json and dialer.json in `home`. */
async function start(home: string): Promise<void> {
  const { admin } = await startFabric({ home: join(home, 'fabric'), controller: ANYWHERE, router: ANYWHERE, log: silentLogger });
  for (const service of ['encrypted', 'plain']) await admin.createService({ name: service, encryptionRequired: service === 'encrypted' });
  for (const [name, type] of [
    ['host', 'Bind'],
    ['dialer', 'Dial'],
  ] as const) {
    const { jwt } = await admin.createIdentity({ name });
    await enroll({ token: jwt, identityPath: join(home, `${name}.json`), now: () => systemClock.now() });
    await admin.createPolicy({ name: type, type, identityRoles: [`@${name}`], serviceRoles: ['#all'] });
  }
}

serveTasks({ start });
