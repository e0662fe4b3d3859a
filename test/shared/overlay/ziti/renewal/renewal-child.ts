import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { IdentityFiles } from '../../../../../shared/identity/identity-files.ts';
import { silentLogger } from '../../../../../shared/log.ts';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { renewIdentity } from '../../../../../shared/overlay/ziti/renewal/renew.ts';

/**
 * Renews an identity and kills itself with SIGKILL behind the nth thing that is done on disk or over the network; exits with 0 when there is
 * no nth one. `node renewal-child.ts FILE N`. Prints what it does, so that a test can say where it died.
 */
const [path = '', nth = '0'] = process.argv.slice(2);
let done = 0;

function did(what: string): void {
  done += 1;
  if (done !== Number(nth)) return;
  fs.writeSync(1, `${what}\n`);
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way; nothing more may happen.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const files = new IdentityFiles(path);
using _lock = files.lock();
const held = files.open(silentLogger);
const controller = openController({ identity: held, limits: { signOutTimeoutMs: 50 } });
await controller.signIn();

const CHANGES = ['openSync', 'writeSync', 'writeFileSync', 'fsyncSync', 'linkSync', 'renameSync', 'rmSync', 'fchownSync'] as const;
for (const name of CHANGES) {
  const original = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      const changes = name === 'openSync' ? args[1] === 'wx' : name !== 'rmSync' || fs.existsSync(String(args[0]));
      const result = original(...args);
      if (changes) did(`${name} ${typeof args[0] === 'string' ? args[0].slice(path.length) : ''}`);
      return result;
    },
  });
}
syncBuiltinESMExports();

await renewIdentity({
  files,
  held,
  now: () => Date.now(),
  controller: {
    authenticator: (signal) => controller.authenticator(signal),
    async extend(...args) {
      const extension = await controller.extend(...args);
      did('extend answered');
      return extension;
    },
    async verifyExtension(...args) {
      const verification = await controller.verifyExtension(...args);
      did('verify answered');
      return verification;
    },
    async signInAgain(signal) {
      const signedIn = await controller.signInAgain(signal);
      did('signed in');
      return signedIn;
    },
  },
});
files.dropPrevious();
process.exit(0);
