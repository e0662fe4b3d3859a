import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { enroll } from '../../../../../shared/overlay/ziti/enroll/enroll.ts';
import { EnrollingController, IDENTITY_ID } from '../../../../support/ziti/enrolling-controller.ts';

test('a token becomes an identity file', async () => {
  await using controller = await EnrollingController.start();
  const folder = mkdtempSync(join(tmpdir(), 'enroll-'));
  try {
    const identityPath = join(folder, 'gw1.json');
    await enroll({ token: `${controller.token()}\n`, identityPath, now: Date.now });
    assert.equal(loadIdentity(identityPath).id, IDENTITY_ID);
    assert.deepEqual(readdirSync(folder), ['gw1.json']);
    assert.equal(statSync(identityPath).mode & 0o777, 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
