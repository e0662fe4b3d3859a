// A process of its own that dials `vitals`, sends, ends, lets go of the overlay and is gone in the same breath.
import { once } from 'node:events';
import { loadIdentity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { openZitiOverlay } from '../../../../shared/overlay/ziti/ziti.ts';

const [identityFile = '', bytes = '0'] = process.argv.slice(2);
const overlay = await openZitiOverlay({ identity: loadIdentity(identityFile), log: silentLogger });
const connection = await overlay.dial('vitals');
connection.on('error', () => undefined);
connection.end(Buffer.alloc(Number(bytes), 'vitals '));
await once(connection, 'finish');
await overlay[Symbol.asyncDispose]();
process.exit(0);
