import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../../../requirements.ts';
import { clocklessMachine, DAY_MS } from '../../../../support/clockless.ts';
import { EnrollingSite } from '../../../../support/ziti/enrolling-site.ts';

const { now } = clocklessMachine;

test('a machine that does not know the time enrols by that of the controller whose key signed the token', async () => {
  verifies('NO-CLOCK-ENROLS');
  await using site = await EnrollingSite.open();
  await site.enroll({ now });
  assert.equal(site.controller.requests.length, 2);
});

test('so does one whose clock is behind, though it could be right', async () => {
  verifies('SLOW-CLOCK-CONNECTS');
  await using site = await EnrollingSite.open();
  await site.enroll({ now: () => Date.now() - 15 * DAY_MS });
  assert.equal(site.controller.requests.length, 2);
});

test('it sees that its token has expired once it knows the time, and does not spend it', async () => {
  verifies('NO-CLOCK-ENROLS');
  await using site = await EnrollingSite.open();
  const token = site.controller.token({ exp: Math.floor(Date.now() / 1000) - 3600 });
  await site.refuses({ now, token }, 'ENROLL-EXPIRED');
  assert.deepEqual(
    site.controller.requests.map(({ method }) => method),
    ['GET'],
  );
});

test('it shows its token to no server whose certificate is not for that address', async () => {
  verifies('NO-CLOCK-ENROLS');
  await using site = await EnrollingSite.open({ ip: '127.0.0.9' });
  await site.refuses({ now }, 'ENROLL-TOKEN', /does not hold under the CA .*another host/);
  assert.equal(site.controller.requests.length, 1);
});

test('it shows its token to no other server than the one whose key signed it', async () => {
  verifies('NO-CLOCK-ENROLS');
  await using site = await EnrollingSite.open();
  await using other = await EnrollingSite.open();
  const claims = { ...site.controller.claims(), iss: other.controller.url };
  await site.refuses({ now, token: site.controller.token(claims) }, 'ENROLL-TOKEN', /not signed by the server that answers/);
  assert.deepEqual([site.controller.requests, other.controller.requests], [[], []]);
});
