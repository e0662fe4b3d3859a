import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../../shared/log.ts';
import { openChannel } from '../../../../../shared/overlay/ziti/channel/open.ts';

/** Opens a channel, sends 1,000 StateClosed frames and closes it; then exits at once or when nothing keeps it. */
const [identityPath = '', port = '', then = ''] = process.argv.slice(2);
const channel = await openChannel({
  host: '127.0.0.1',
  port: Number(port),
  identity: loadIdentity(identityPath),
  sessionToken: 'token',
  log: silentLogger,
});
for (let connId = 1; connId <= 1000; connId += 1) channel.send({ type: 60785, headers: [[1000, connId]] });
await channel[Symbol.asyncDispose]();
if (then === 'exit') process.exit(0);
