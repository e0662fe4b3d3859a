import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../../../shared/clock.ts';
import { asVitalmeshError } from '../../../../shared/errors.ts';
import { loadIdentity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { enroll } from '../../../../shared/overlay/ziti/enroll/enroll.ts';
import { openZitiOverlayOf, type ZitiBehaviour } from '../../../../shared/overlay/ziti/overlay.ts';
import { zitiParts } from '../../../../shared/overlay/ziti/ziti.ts';
import { AdminSite } from '../../../provisioning/fabric/management/admin-site.ts';
import { verifies } from '../../../requirements.ts';
import { echo } from '../../../support/ziti/hub-and-gateway.ts';

/** A network with an administrator, a hub that hosts `vitals` and a gateway that dials it. */
class Site implements AsyncDisposable {
  readonly admin: AdminSite;
  readonly #overlays = new AsyncDisposableStack();
  /** Binds of the hub's that were begun, and those that came to stand. */
  binds = { begun: 0, stood: 0 };

  private constructor(admin: AdminSite) {
    this.admin = admin;
  }

  static async start(): Promise<Site> {
    const site = new Site(await AdminSite.start());
    const { admin } = site.admin.site.fabric;
    await admin.createService({ name: 'vitals' });
    await admin.createPolicy({ name: 'bind', type: 'Bind', identityRoles: ['#hub'], serviceRoles: ['@vitals'] });
    await admin.createPolicy({ name: 'dial', type: 'Dial', identityRoles: ['#gateway'], serviceRoles: ['@vitals'] });
    return site;
  }

  async open(role: 'hub' | 'gateway', behaviour: ZitiBehaviour = {}): Promise<Overlay> {
    const { site } = this.admin;
    const identityPath = join(site.home, '..', `${role}.json`);
    const { jwt } = await site.fabric.admin.createIdentity({ name: role, attributes: [role] });
    await enroll({ token: jwt, identityPath, now: () => systemClock.now() });
    const parts = zitiParts({ identity: loadIdentity(identityPath), log: silentLogger });
    const hostService: typeof parts.hostService = async (request) => {
      this.binds.begun += 1;
      const hosting = await parts.hostService(request);
      this.binds.stood += 1;
      return hosting;
    };
    const options = { backoff: { minMs: 5, maxMs: 50 }, ...behaviour };
    return this.#overlays.use(await openZitiOverlayOf({ ...parts, hostService }, silentLogger, options));
  }

  /** Ids of the terminators that the controller has. */
  async terminators(): Promise<string[]> {
    return (await this.admin.get('/terminators')).map(({ id }: { id: string }) => id);
  }

  async deleteTerminators(): Promise<void> {
    for (const id of await this.terminators()) await this.admin.call('DELETE', `/terminators/${id}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#overlays.disposeAsync();
    await this.admin[Symbol.asyncDispose]();
  }
}

async function dialled(gateway: Overlay): Promise<Duplex> {
  return (await gateway.dial('vitals')).on('error', () => undefined);
}

async function echoes(connection: Duplex, text = 'ping'): Promise<void> {
  connection.write(text);
  const [chunk] = await once(connection, 'data');
  assert.equal(String(chunk), text);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

describe('a hub whose terminators somebody deletes', { timeout: 60_000 }, () => {
  test('is dialled again by itself; what was connected goes on', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED');
    await using site = await Site.start();
    const hub = await site.open('hub', { rebindEveryMs: 1500 });
    const gateway = await site.open('gateway');
    const binding = await hub.bind('vitals', echo);
    const before = await dialled(gateway);
    await echoes(before);
    const [first] = await site.terminators();
    await site.deleteTerminators();
    let refusals = 0;
    for (;;) {
      const error = await dialled(gateway).then(
        (connection) => void connection.destroy(),
        (thrown: unknown) => asVitalmeshError(thrown),
      );
      if (!error) break;
      assert.equal(error.code, 'OVERLAY-NO-TERMINATOR');
      // Nobody has told the hub.
      assert.equal(binding.failure, undefined);
      refusals += 1;
      await echoes(before);
    }
    assert.ok(refusals > 0);
    await echoes(before);
    await echoes(await dialled(gateway));
    const [second, ...more] = await site.terminators();
    assert.notEqual(second, first);
    assert.deepEqual(more, []);
  });

  test('binds anew without loss: over 20 times under load every dial succeeds and arrives once, and no byte is missing', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED');
    await using site = await Site.start();
    const hub = await site.open('hub', { rebindEveryMs: 40 });
    const gateway = await site.open('gateway');
    let arrived = 0;
    await hub.bind('vitals', (connection) => {
      arrived += 1;
      echo(connection);
    });
    const stream = await dialled(gateway);
    const [sent, heard] = [createHash('sha256'), createHash('sha256')];
    let [sentBytes, heardBytes] = [0, 0];
    stream.on('data', (chunk: Buffer) => {
      heard.update(chunk);
      heardBytes += chunk.length;
    });
    let isOver = false;
    const streaming = (async () => {
      while (!isOver) {
        const chunk = randomBytes(16 * 1024);
        sent.update(chunk);
        sentBytes += chunk.length;
        if (!stream.write(chunk)) await once(stream, 'drain');
        await turn();
      }
      stream.end();
      await once(stream, 'end');
    })();
    let dials = 1;
    const dialling = Array.from({ length: 8 }, async () => {
      while (site.binds.stood < 21) {
        const connection = await dialled(gateway);
        dials += 1;
        await echoes(connection, `dial ${dials}`);
        connection.end();
      }
    });
    await Promise.all(dialling);
    isOver = true;
    await streaming;
    assert.ok(dials > 20, `${dials} dials`);
    assert.equal(arrived, dials);
    assert.deepEqual([heardBytes, heard.digest('hex')], [sentBytes, sent.digest('hex')]);
    assert.ok((await site.terminators()).length <= 2);
  });

  test('keeps the offer that stands while the controller is away, and is bound anew when it is back', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED');
    await using site = await Site.start();
    const { controller } = site.admin.site.fabric;
    const hub = await site.open('hub', { rebindEveryMs: 100, requestTimeoutMs: 500 });
    const gateway = await site.open('gateway');
    const binding = await hub.bind('vitals', echo);
    const connection = await dialled(gateway);
    await controller.stop();
    // One may have been under way.
    const before = site.binds.begun;
    await until(() => site.binds.begun > before + 1);
    const stood = site.binds.stood;
    await until(() => site.binds.begun > before + 3);
    assert.deepEqual([site.binds.stood, binding.failure, hub.state], [stood, undefined, 'ready']);
    await echoes(connection);
    await controller.start();
    await echoes(await dialled(gateway));
    await until(() => site.binds.stood > stood);
    await echoes(await dialled(gateway));
    await echoes(connection);
  });
});
