import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { asVitalmeshError } from '../../../../shared/errors.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { verifies } from '../../../requirements.ts';
import { until } from '../../../support/until.ts';
import { echo } from '../../../support/ziti/hub-and-gateway.ts';
import { HubSite } from '../../../support/ziti/hub-site.ts';

async function dialled(gateway: Overlay): Promise<Duplex> {
  return (await gateway.dial('vitals')).on('error', () => undefined);
}

async function echoes(connection: Duplex, text = 'ping'): Promise<void> {
  connection.write(text);
  const [chunk] = await once(connection, 'data');
  assert.equal(String(chunk), text);
}

describe('a hub whose terminators somebody deletes', { timeout: 180_000 }, () => {
  test('is dialled again by itself; what was connected goes on', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED');
    await using site = await HubSite.start();
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
    await using site = await HubSite.start();
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
    await using site = await HubSite.start();
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
