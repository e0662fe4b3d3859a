import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Fabric, startFabric } from '../../provisioning/fabric/fabric.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { enroll } from '../../shared/overlay/ziti/enroll/enroll.ts';
import { verifies } from '../requirements.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

/** A running embedded network, and a folder for identities. */
async function network(): Promise<AsyncDisposable & { fabric: Fabric; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-enroll-'));
  const fabric = await startFabric({ home: join(folder, 'network'), controller: ANYWHERE, router: ANYWHERE, log: silentLogger });
  return {
    fabric,
    folder,
    async [Symbol.asyncDispose]() {
      await fabric[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test('a token of the embedded network makes an identity of it, once', async () => {
  verifies('ENROLL-CLEAR');
  await using site = await network();
  const { fabric, folder } = site;
  const { id, jwt } = await fabric.admin.createIdentity({ name: 'ward-3' });
  const enrolling = (name: string, token = jwt) => enroll({ token, identityPath: join(folder, name), now: Date.now });
  await enrolling('gw1.json');
  const identity = loadIdentity(join(folder, 'gw1.json'));
  assert.deepEqual([identity.id, identity.controllers, identity.caPem], [id, [fabric.controllerUrl], fabric.caPem]);
  const [listed] = await fabric.admin.listIdentities();
  assert.ok(listed?.id === id && listed.enrolledAt !== undefined);
  await assert.rejects(enrolling('gw2.json'), { code: 'ENROLL-SPENT' });
  assert.deepEqual(readdirSync(folder).sort(), ['gw1.json', 'network']);
});

test('a token that was withdrawn, or whose identity is gone, is told apart from one that never was of this network', async () => {
  verifies('ENROLL-CLEAR');
  await using site = await network();
  await using other = await network();
  const { admin } = site.fabric;
  const enrolling = (token: string) => enroll({ token, identityPath: join(site.folder, 'gw.json'), now: Date.now });
  const first = await admin.createIdentity({ name: 'bed-1' });
  const second = await admin.reissueToken('bed-1');
  await assert.rejects(enrolling(first.jwt), { code: 'ENROLL-SPENT' });
  await admin.deleteIdentity('bed-1');
  await assert.rejects(enrolling(second.jwt), { code: 'ENROLL-SPENT' });
  const [, claims, signature] = (await other.fabric.admin.createIdentity({ name: 'bed-1' })).jwt.split('.');
  const [header] = first.jwt.split('.');
  const moved = Buffer.from(
    Buffer.from(claims ?? '', 'base64url')
      .toString()
      .replaceAll(new URL(other.fabric.controllerUrl).host, new URL(site.fabric.controllerUrl).host),
  ).toString('base64url');
  await assert.rejects(enrolling(`${header}.${moved}.${signature}`), { code: 'ENROLL-TOKEN' });
  assert.deepEqual(readdirSync(site.folder), ['network']);
});
