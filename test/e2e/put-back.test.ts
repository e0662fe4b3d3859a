import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { createIngest } from '../../hub/ingest/create-ingest.ts';
import { parseRegistry } from '../../hub/registry/load-registry.ts';
import { type Instant, systemClock } from '../../shared/clock.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { verifies } from '../requirements.ts';
import { TestClock, type TestHub, testHub } from '../support/hub.ts';
import { until } from '../support/uplink.ts';
import { drained, homeRecord, listen, outboxFile, send, storedValuesOf } from '../support/uplink-site.ts';

const HOUR = 60 * 60_000;
const KEY = Buffer.alloc(32, 7);

/** A hub whose store may be copied while it is closed, and the copy put back; with a clock of its own, which the gateway's readings follow. */
class Home implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'vitalmesh-put-back-'));
  readonly clock = new TestClock(systemClock.now());
  readonly network = createMemoryNetwork();

  copyTo(name: string): void {
    copyFileSync(join(this.dir, 'hub.db'), join(this.dir, name));
  }

  putBack(name: string): void {
    for (const suffix of ['-wal', '-shm']) rmSync(join(this.dir, `hub.db${suffix}`), { force: true });
    copyFileSync(join(this.dir, name), join(this.dir, 'hub.db'));
  }

  /** A run of the hub, which reads its registry at the start. */
  async run(
    patient: string,
    during: (hub: TestHub, read: (patient: string, confirmed?: Instant) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const { clock, dir, network } = this;
    await using hub = testHub({ dir, key: KEY, clock });
    const { registry, store } = hub;
    const read = async (who: string, confirmed?: Instant): Promise<void> => {
      const confirms = confirmed === undefined ? '' : `, confirmed: '${new Date(confirmed).toISOString()}'`;
      const next = parseRegistry(
        `tenants: { clinic: { kind: sandbox } }\ngateways: [{ identity: gw-home, tenant: clinic, patient: ${who}${confirms} }]`,
      );
      registry.replace(next, await store.rebind(next.bindings(), clock.now()));
    };
    await read(patient);
    const rebind = async (): Promise<void> => registry.rebound(await store.rebind(registry.bindings(), clock.now()));
    await using _server = await listen(network, { ...hub, ingest: createIngest({ ...hub, clock, rebind }) });
    await during(hub, read);
  }

  /** The gateway measures, and sends it to the hub that runs. */
  async measure(outbox: Outbox, ...values: number[]): Promise<void> {
    await using _agent = await send(this.network, outbox, this.clock);
    for (const value of values) await outbox.append([{ ...homeRecord(undefined, value), receivedAt: this.clock.now() }]);
    await drained(outbox);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

for (const restartsBetween of [false, true]) {
  test(`a copy of the store is put back by hand, ${restartsBetween ? 'of before a restart' : 'within a run'}: what came since is nobody’s until somebody confirms`, async () => {
    verifies('PUT-BACK-NOBODYS', 'HUB-RESTORED', 'NO-SILENT-DROP');
    using home = new Home();
    await using outbox = await outboxFile().open();
    await home.run('pat-home-anna', async () => {
      home.clock.advance(HOUR);
      await home.measure(outbox, 40);
    });
    home.copyTo('copy.db');
    await home.run('pat-home-anna', async (_, read) => {
      home.clock.advance(HOUR);
      await read('pat-home-bert');
      home.clock.advance(HOUR);
      await home.measure(outbox, 50, 51);
      home.clock.advance(HOUR);
      await read('pat-home-anna');
    });
    if (restartsBetween)
      await home.run('pat-home-anna', async () => {
        home.clock.advance(HOUR);
        await home.measure(outbox, 60);
      });
    home.putBack('copy.db');
    home.clock.advance(HOUR);
    // With what is measured in the very minute in which it is noticed.
    const lost = restartsBetween ? 4 : 3;
    await home.run('pat-home-anna', async (hub, read) => {
      home.clock.advance(HOUR);
      await home.measure(outbox, 70);
      await until(async () => (await outbox.status()).quarantined === lost);
      assert.deepEqual(await storedValuesOf(hub), [40]);
      home.clock.advance(HOUR);
      await home.measure(outbox, 80);
      assert.deepEqual(await storedValuesOf(hub), [40, 80], 'what is measured since is taken');
      await read('pat-home-anna', home.clock.now());
    });
    // A start, and another connection, find nothing new: what was confirmed stays confirmed.
    home.clock.advance(HOUR);
    await home.run('pat-home-anna', async (hub, read) => {
      await read('pat-home-anna', home.clock.now() - HOUR);
      await home.measure(outbox, 90);
      assert.deepEqual(await storedValuesOf(hub), [40, 80, 90]);
      assert.deepEqual(hub.registry.gateway('gw-home')?.since?.unknown?.length, 2, 'before the store, and the one loss');
    });
  });
}

test('a gateway that knows nothing of a loss makes none, however often hub and gateway start', async () => {
  verifies('PUT-BACK-NOBODYS');
  using home = new Home();
  const file = outboxFile();
  for (let run = 0; run < 3; run += 1)
    await home.run('pat-home-anna', async (hub) => {
      home.clock.advance(HOUR);
      for (const value of [run * 2 + 40, run * 2 + 41]) {
        await using outbox = await file.open();
        await home.measure(outbox, value);
      }
      assert.equal((await storedValuesOf(hub)).length, (run + 1) * 2);
      assert.equal(hub.registry.gateway('gw-home')?.since?.unknown?.length, 1);
    });
});
