import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setTimeout as ms } from 'node:timers/promises';
import type { Clock } from '../../../../../shared/clock.ts';
import type { HeldIdentity } from '../../../../../shared/identity/held-identity.ts';
import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { IdentityFiles } from '../../../../../shared/identity/identity-files.ts';
import { silentLogger } from '../../../../../shared/log.ts';
import { openRenewedOverlay, type RenewedOverlay } from '../../../../../shared/overlay/ziti/ziti.ts';
import { secureDialer, secureListener } from '../../../../../shared/uplink/inner-tls.ts';
import { verifies } from '../../../../requirements.ts';
import { echo } from '../../../../support/ziti/hub-and-gateway.ts';
import { type PlannedFabric, plannedFabric } from '../../../../support/ziti/network.ts';
import { fingerprintOf } from './renewing-site.ts';

const PLAN = {
  services: ['vitals', 'inner'],
  identities: { hub: { dial: [], bind: ['vitals', 'inner'] }, gateway: { dial: ['vitals', 'inner'], bind: [] } },
};
const DAY_MS = 24 * 60 * 60 * 1000;

/** A clock that a test sets; the network's own goes right. */
class SetClock implements Clock {
  aheadMs = 0;
  now(): number {
    return Date.now() + this.aheadMs;
  }
  monotonicMs(): number {
    return performance.now();
  }
}

interface Program extends RenewedOverlay {
  held: HeldIdentity;
  path: string;
  clock: SetClock;
}

async function program(network: PlannedFabric, name: string, clock = new SetClock()): Promise<Program> {
  const path = network.identityPath(name);
  const files = new IdentityFiles(path);
  const held = files.open(silentLogger);
  const renewed = await openRenewedOverlay({
    ...{ held, files, clock, log: silentLogger, signIn: 'certificate', lookAgainMs: 5, backoff: { minMs: 5, maxMs: 50 }, flushMs: 50 },
    controller: { signOutTimeoutMs: 50 },
  });
  return { ...renewed, held, path, clock, [Symbol.asyncDispose]: () => renewed[Symbol.asyncDispose]() };
}

/** Waits for something that nobody announces. */
async function until(condition: () => boolean): Promise<void> {
  for (const giveUpAt = performance.now() + 20_000; !condition(); await ms(5))
    assert.ok(performance.now() < giveUpAt, condition.toString());
}

/** Sends counted bytes and takes them back for as long as it lasts; the longest silence in between. */
class Pulse {
  readonly #stream: Duplex;
  #stopped = false;
  readonly running: Promise<number>;
  beats = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.running = this.#run();
    this.running.catch(() => undefined);
  }

  async #run(): Promise<number> {
    for (const reading = this.#stream[Symbol.asyncIterator](); !this.#stopped; this.beats += 1) {
      this.#stream.write(Buffer.from([this.beats & 0xff]));
      const { value, done } = await reading.next();
      assert.deepEqual({ done, value: [...(value ?? [])] }, { done: false, value: [this.beats & 0xff] });
      await ms(1);
    }
    return this.beats;
  }

  async stop(): Promise<number> {
    this.#stopped = true;
    const beats = await this.running;
    this.#stream.destroy();
    return beats;
  }
}

describe('renewal by itself', { timeout: 60_000 }, () => {
  test('is not due before two thirds of the life, and is then: streams go on, dials go on, both sides show new certificates', async () => {
    verifies('RENEWAL-MAKE-BEFORE-BREAK');
    await using network = await plannedFabric(PLAN, true);
    const early = new SetClock();
    early.aheadMs = 240 * DAY_MS;
    await using hub = await program(network, 'hub', early);
    await using gateway = await program(network, 'gateway');
    await hub.overlay.bind('vitals', echo);
    assert.equal(hub.renewal.status().state, 'waiting');
    assert.ok(hub.renewal.status().nextAt > early.now());
    const before = { hub: fingerprintOf(hub.held.identity.certPem), gateway: fingerprintOf(gateway.held.identity.certPem) };
    const pulse = new Pulse(await gateway.overlay.dial('vitals'));

    // Dials all the time, one after the other; each must succeed and answer.
    let dialling = true;
    const dials = (async () => {
      let count = 0;
      for (; dialling; count += 1) {
        const stream = await gateway.overlay.dial('vitals');
        stream.end('x');
        let answer = '';
        for await (const chunk of stream) answer += chunk;
        assert.equal(answer, 'x');
      }
      return count;
    })();

    const files = { hub: new IdentityFiles(hub.path), gateway: new IdentityFiles(gateway.path) };
    for (const { renewal, held, clock } of [hub, gateway]) {
      clock.aheadMs = 300 * DAY_MS;
      await until(() => renewal.status().lastRenewedAt !== null);
      assert.equal(held.next, undefined);
    }
    assert.notEqual(fingerprintOf(hub.held.identity.certPem), before.hub);
    assert.notEqual(fingerprintOf(gateway.held.identity.certPem), before.gateway);
    assert.equal(loadIdentity(gateway.path).certPem, gateway.held.identity.certPem);

    const beatsThen = pulse.beats;
    await until(() => pulse.beats > beatsThen + 50);
    dialling = false;
    assert.ok((await dials) > 5);
    assert.ok(
      files.gateway.hasNext === false && existsSync(`${gateway.path}.previous`),
      'a channel of the old session is open, so the old pair is kept',
    );

    // Only a listener can look at the certificate it was shown, so either side is that once.
    const arrivals: Duplex[] = [];
    await hub.overlay.bind('inner', (raw) => void arrivals.push(raw));
    for (const [listener, dialer] of [
      [hub, gateway],
      [gateway, hub],
    ] as const) {
      const dialled = await gateway.overlay.dial('inner');
      await until(() => arrivals.length === 1);
      const arrived = arrivals.pop();
      assert.ok(arrived);
      const [atListener, atDialer] = listener === hub ? [arrived, dialled] : [dialled, arrived];
      const [{ stream }, secured] = await Promise.all([
        secureListener(atListener, listener.held.identity, { timeoutMs: 5000 }),
        secureDialer(atDialer, dialer.held.identity, { timeoutMs: 5000 }),
      ]);
      assert.equal(stream.getPeerX509Certificate()?.fingerprint256, fingerprintOf(dialer.held.identity.certPem));
      for (const end of [stream, secured.stream]) end.destroy();
    }

    assert.ok((await pulse.stop()) > 50);
    // The last stream of the old channels has ended, and they with it; then the sessions and old pairs go.
    await until(() => !existsSync(`${gateway.path}.previous`) && !existsSync(`${hub.path}.previous`));
  });
});
