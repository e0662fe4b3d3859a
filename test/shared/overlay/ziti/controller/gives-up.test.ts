import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { verifies } from '../../../../requirements.ts';
import { testNetwork } from '../../../../support/identities.ts';

test('a call that is given up ends at once, even while its connection is still being made', { timeout: 20_000 }, async () => {
  verifies('OVERLAY-CONTROLLER-BOUNDED');
  const silent = createServer((socket) => void socket.on('error', () => socket.destroy()).resume());
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const identity = {
    ...(await (await testNetwork()).identity('gateway')),
    controllers: [`https://127.0.0.1:${(silent.address() as AddressInfo).port}`],
  };
  // Longer than the test may take: only giving up can end the call.
  await using controller = openController({ identity, limits: { connectTimeoutMs: 600_000, callTimeoutMs: 600_000 } });
  const caller = new AbortController();
  const call = assert.rejects(controller.services(caller.signal), { code: 'OVERLAY-CLOSED' });
  await once(silent, 'connection');
  caller.abort();
  await call;
  silent.close();
});
