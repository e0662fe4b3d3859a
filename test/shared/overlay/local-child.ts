// A process of its own that dials `vitals`, says so, and then lives until it is killed.
import { loadIdentity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import { openLocalOverlay } from '../../../shared/overlay/local.ts';

const [socketPath = '', identityFile = ''] = process.argv.slice(2);
const overlay = await openLocalOverlay({ socketPath, identity: loadIdentity(identityFile), log: silentLogger });
const connection = await overlay.dial('vitals');
connection.write('half of a message');
