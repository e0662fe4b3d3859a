import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { verifies } from '../requirements.ts';
import { INGEST, registryOf } from '../support/fabric-site.ts';
import { type TestHub, testHub } from '../support/hub.ts';
import { MemoryOutbox, until } from '../support/uplink.ts';
import { FaultyRelay } from '../support/ziti/faulty-relay.ts';
import { type PlannedFabric, plannedFabric } from '../support/ziti/network.ts';
import { openWired, sendWired, serveWired } from '../support/ziti/wired.ts';
import { drained, type Sending, type Served, spot, valuesOf } from '../support/ziti-uplink.ts';

const PLAN = { services: [INGEST], identities: { hub: { dial: [], bind: [INGEST] }, 'gw-1': { dial: [INGEST], bind: [] } } };
const DIRECTIONS = ['up', 'down', 'both'] as const;
const SIDES = ['gateway', 'hub'] as const;
type Side = (typeof SIDES)[number];

/** A hub and a gateway, each with relays of its own in front of the routers. */
class Site implements AsyncDisposable {
  readonly outbox = new MemoryOutbox();
  readonly #stack = new AsyncDisposableStack();
  readonly #sent: number[] = [];
  readonly relays: Record<Side, FaultyRelay[]> = { gateway: [], hub: [] };
  readonly #network: PlannedFabric;
  readonly hub: TestHub;
  served!: Served;
  sending!: Sending;

  private constructor(network: PlannedFabric, hub: TestHub) {
    this.#network = this.#stack.use(network);
    this.hub = this.#stack.use(hub);
  }

  static async start(routers: number): Promise<Site> {
    const moreRouters = Array.from({ length: routers - 1 }, () => ({ host: '127.0.0.1', port: 0 }));
    // A router does not know that a host behind a line that is half open is gone; its dial is tried at another one after this time.
    const network = await plannedFabric(PLAN, true, { moreRouters, routerLimits: { hostAnswerMs: 200 } });
    const [own, gateway] = (['hub', 'gw-1'] as const).map((name) => loadIdentity(network.identityPath(name)));
    assert.ok(own && gateway);
    const site = new Site(network, testHub({ registry: registryOf([gateway.id]) }));
    for (const side of SIDES) site.relays[side] = await Promise.all(site.targets.map((target) => site.#relay(target)));
    const over = (side: Side) => new Map(site.targets.map((port, i) => [port, site.relays[side][i] ?? assert.fail()]));
    site.served = site.#stack.use(await serveWired(own, site.hub, await openWired(own, over('hub'))));
    site.sending = site.#stack.use(await sendWired(gateway, own.id, site.outbox, await openWired(gateway, over('gateway'))));
    for (const side of SIDES) await until(() => site.relays[side].every(({ open }) => open > 0));
    await site.delivers();
    return site;
  }

  get targets(): number[] {
    return this.#network.fabric.routers.map(({ url }) => Number(new URL(url).port));
  }

  get connected(): number {
    return this.served.server.sessions().length;
  }

  async append(): Promise<void> {
    const value = 1 + this.#sent.length;
    this.#sent.push(value);
    await this.outbox.append([spot(value)]);
  }

  /** What is sent now, and all of before, is with the hub once. */
  async delivers(): Promise<void> {
    await this.append();
    await drained(this.outbox);
    assert.deepEqual(await valuesOf(this.hub), this.#sent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  async #relay(target: number): Promise<FaultyRelay> {
    return this.#stack.use(await FaultyRelay.start({ target }));
  }
}

describe('TCP that is half open: the other end is gone, and neither FIN nor RST comes', { timeout: 180_000, concurrency: true }, () => {
  for (const side of SIDES) {
    test(`on the side of the ${side}: found by probes, and resumed over a new connection`, async () => {
      verifies('OVERLAY-LIVENESS', 'OVERLAY-REBIND', 'EXACTLY-ONCE');
      await using site = await Site.start(1);
      const [relay] = site.relays[side];
      assert.ok(relay);
      for (const direction of DIRECTIONS) {
        const before = relay.counts.connections;
        relay.forget(direction);
        await site.delivers();
        assert.ok(relay.counts.connections > before, direction);
        await until(() => site.connected === 1);
      }
    });

    test(`on the side of the ${side}, and for new connections too: the hub says that nobody is connected, until the way is there again`, async () => {
      verifies('OVERLAY-LIVENESS', 'EXACTLY-ONCE');
      await using site = await Site.start(1);
      const [relay] = site.relays[side];
      assert.ok(relay);
      relay.up = { blackHole: true };
      relay.down = { blackHole: true };
      relay.forget();
      await site.append();
      await until(() => site.connected === 0 && site.sending.uplink.status().state === 'waiting');
      const overlay = side === 'hub' ? site.served.overlay : site.sending.overlay;
      await until(() => overlay.state === 'lost');
      assert.equal((await site.outbox.status()).pending, 1);
      relay.heal();
      await site.delivers();
      assert.equal(site.connected, 1);
    });

    test(`on the side of the ${side}, with two routers: the other one carries it`, async () => {
      verifies('OVERLAY-LIVENESS', 'OVERLAY-SICK-ROUTER', 'EXACTLY-ONCE');
      await using site = await Site.start(2);
      for (const [sick, well] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const relay = site.relays[side][sick] ?? assert.fail();
        if (sick === 0) {
          relay.up = { blackHole: true };
          relay.down = { blackHole: true };
          relay.forget();
        } else relay.freeze();
        await site.delivers();
        assert.ok((site.relays[side][well]?.open ?? 0) > 0);
        relay.heal();
        // What was held up meanwhile arrives after all.
        relay.freeze(false);
        const before = relay.counts.connections;
        // An attempt that began in a black hole ends first; one that was held up goes on.
        await until(() => (sick === 0 ? relay.counts.connections > before : relay.open > 0));
        await site.delivers();
      }
    });
  }
});
