import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { madeSession, scriptedController, servicePage } from '../../../../support/ziti/controller-script.ts';

test('signs in once by certificate, and shows the session on every call', async () => {
  await using script = await scriptedController();
  script.on(({ path }) => (path === '/sessions' ? madeSession() : undefined));
  script.on(({ path }) =>
    path.startsWith('/services') ? servicePage([{ id: 's1', name: 'vitals', permissions: ['Dial'], encryptionRequired: true }]) : undefined,
  );
  await using controller = openController({ identity: await script.identity() });
  assert.deepEqual(await controller.services(), [{ id: 's1', name: 'vitals', permissions: ['Dial'], encryptionRequired: true }]);
  assert.deepEqual(await controller.createSession('s1', 'Dial'), {
    id: 'ss-1',
    token: 'ss-token',
    type: 'Dial',
    serviceId: 's1',
    routers: [{ name: 'r1', host: '127.0.0.1', port: 3022, online: true }],
  });
  assert.equal((await controller.signIn()).token, 'token-1');
  assert.deepEqual(script.lines, ['POST /authenticate?method=cert', 'GET /services?limit=500&offset=0', 'POST /sessions']);
  assert.deepEqual(
    script.asked.map(({ headers }) => headers['zt-session']),
    [undefined, 'token-1', 'token-1'],
  );
});
