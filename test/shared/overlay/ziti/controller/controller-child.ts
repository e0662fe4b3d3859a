import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';

/** A process of its own with one controller: `idle` leaves it open after a call, `busy` disposes it while a call is not answered. */
const [path = '', mode] = process.argv.slice(2);
const controller = openController({ identity: loadIdentity(path), limits: { signOutTimeoutMs: 50 } });
await controller.signIn();
if (mode === 'busy') {
  const call = controller.services();
  process.stdin.once('data', () => {
    process.stdin.destroy();
    void controller[Symbol.asyncDispose]();
  });
  const { code } = await call.then(
    () => ({ code: 'none' }),
    (error: { code: string }) => error,
  );
  process.stdout.write(code);
}
