import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Fabric } from '../../../../provisioning/fabric/fabric.ts';
import { asVitalmeshError, VitalmeshError } from '../../../../shared/errors.ts';
import { loadIdentity } from '../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../shared/log.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import type { Channel } from '../../../../shared/overlay/ziti/channel/contract.ts';
import type { Controller } from '../../../../shared/overlay/ziti/controller/contract.ts';
import { openZitiOverlayOf } from '../../../../shared/overlay/ziti/overlay.ts';
import { type ZitiOptions, zitiParts } from '../../../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../../../requirements.ts';
import { until } from '../../../support/until.ts';
import { type PlannedFabric, plannedFabric } from '../../../support/ziti/network.ts';
import { TcpRelay } from '../../../support/ziti/tcp-relay.ts';

const SERVICE = 'vitals';
const PLAN = {
  services: [SERVICE],
  identities: { hub: { dial: [], bind: [SERVICE] }, gateway: { dial: [SERVICE], bind: [] } },
};
const QUICK = { backoff: { minMs: 5, maxMs: 20 }, flushMs: 50 };

interface Way {
  /** Names of the routers that can be reached from there; all unless told. */
  only?: readonly string[];
  /** A relay in front of a router, by its name. */
  through?: ReadonlyMap<string, TcpRelay>;
  /** Of the channels through relays. */
  channel?: ZitiOptions['channel'];
}

/** Somebody in the network, with every channel that was opened, by the name of its router. */
interface Member extends AsyncDisposable {
  overlay: Overlay;
  controller: Controller;
  channels: { router: string; channel: Channel }[];
  /** The router that a connection was dialled over. */
  routerOf: WeakMap<Duplex, string>;
}

/** A network with two routers. */
class Site implements AsyncDisposable {
  readonly #planned: PlannedFabric;
  readonly #members = new AsyncDisposableStack();

  private constructor(planned: PlannedFabric) {
    this.#planned = planned;
  }

  static async start(): Promise<Site> {
    return new Site(await plannedFabric(PLAN, true, { moreRouters: [{ host: '127.0.0.1', port: 0 }] }));
  }

  get fabric(): Fabric {
    return this.#planned.fabric;
  }

  router(index: number): Fabric['routers'][number] {
    const router = this.fabric.routers[index];
    assert.ok(router);
    return router;
  }

  /** With channels to every router that it reaches. */
  async open(identity: string, { only, through, channel }: Way = {}): Promise<Member> {
    const partsWith = (options: ZitiOptions['channel']) =>
      zitiParts({
        identity: loadIdentity(this.#planned.identityPath(identity)),
        log: silentLogger,
        controller: { signOutTimeoutMs: 50 },
        channel: { ...options, limits: { closeMs: 50 } },
      });
    const [parts, relayed] = [partsWith(undefined), partsWith(channel)];
    const channels: Member['channels'] = [];
    const openChannel: typeof parts.openChannel = async (router, session, signal) => {
      if (only && !only.includes(router.name)) throw new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'no way there from here' });
      const relay = through?.get(router.name);
      const opened = relay
        ? await relayed.openChannel({ ...router, port: relay.port }, session, signal)
        : await parts.openChannel(router, session, signal);
      channels.push({ router: router.name, channel: opened });
      return opened;
    };
    const routerOf: Member['routerOf'] = new WeakMap();
    const dialCircuit: typeof parts.dialCircuit = async (request) => {
      const connection = await parts.dialCircuit(request);
      routerOf.set(connection, channels.find(({ channel: opened }) => opened === request.channel)?.router ?? '');
      return connection;
    };
    const overlay = this.#members.use(await openZitiOverlayOf({ ...parts, openChannel, dialCircuit }, silentLogger, QUICK));
    await until(() => openTo(channels).length === (only ?? this.fabric.routers).length);
    return { overlay, controller: parts.controller, channels, routerOf, [Symbol.asyncDispose]: () => overlay[Symbol.asyncDispose]() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#members[Symbol.asyncDispose]();
    await this.#planned[Symbol.asyncDispose]();
  }
}

/** The names of the routers that a member has a channel to. */
function openTo(channels: Member['channels']): string[] {
  return channels.filter(({ channel }) => !channel.closed.aborted).map(({ router }) => router);
}

/** Sends back what comes, and keeps what the ends of its connections were. */
function echoing(connections: Duplex[]): (connection: Duplex) => void {
  return (connection) => {
    connections.push(connection);
    connection.on('error', () => undefined);
    connection.pipe(connection);
  };
}

async function dialled(overlay: Overlay): Promise<Duplex> {
  const connection = await overlay.dial(SERVICE, { timeoutMs: 10_000 });
  connection.on('error', () => undefined);
  connection.resume();
  return connection;
}

/** What is said comes back. */
async function answers(connection: Duplex): Promise<void> {
  connection.write('vitals');
  await new Promise((resolve) => connection.once('data', resolve));
}

async function answeredDial(overlay: Overlay): Promise<void> {
  const connection = await dialled(overlay);
  await endedOf([connection]);
  if (connection.errored) throw connection.errored;
  connection.destroy();
}

/** As `answeredDial`, again and again until there is an answer. */
async function answeredSometime(overlay: Overlay): Promise<void> {
  for (;;) {
    try {
      await answeredDial(overlay);
      return;
    } catch (error) {
      assert.match(asVitalmeshError(error).code, /^OVERLAY-(NO-TERMINATOR|UNREACHABLE|CLOSED)$/);
    }
    await turn();
  }
}

async function ended(connection: Duplex): Promise<void> {
  if (!connection.closed) await new Promise((resolve) => connection.once('close', resolve));
}

/** Those that end; the others answer. */
async function endedOf(connections: readonly Duplex[]): Promise<Duplex[]> {
  await Promise.all(
    connections.map((connection) => (connection.closed ? undefined : Promise.race([answers(connection), ended(connection)]))),
  );
  return connections.filter(({ closed }) => closed);
}

describe('two routers', { timeout: 180_000 }, () => {
  test('share the connections; when one stops, those of the other go on, and dials that begin or wait meanwhile do not fail', async () => {
    verifies('OVERLAY-SICK-ROUTER');
    verifies('OVERLAY-REBIND');
    await using site = await Site.start();
    const { overlay: hub } = await site.open('hub');
    const { overlay: gateway, controller } = await site.open('gateway');
    const far: Duplex[] = [];
    await hub.bind(SERVICE, echoing(far));
    const near = await Promise.all(Array.from({ length: 10 }, () => dialled(gateway)));
    await Promise.all(near.map(answers));

    const dials = Array.from({ length: 13 }, () => dialled(gateway));
    const stopping = site.router(0).stop();
    dials.push(...Array.from({ length: 13 }, () => dialled(gateway)));
    await Promise.all([...dials, stopping]);
    for (let i = 0; i < 26; i += 1) await answeredDial(gateway);

    const gone = await endedOf(near);
    assert.ok(gone.length > 0 && gone.length < 10, `${gone.length} of 10 ended`);
    for (const { errored } of gone) assert.equal(asVitalmeshError(errored).code, 'OVERLAY-CLOSED');
    const cut = (): Duplex[] => far.slice(0, 10).filter(({ closed }) => closed);
    await until(() => cut().length === gone.length);
    for (const { errored } of cut()) assert.equal(asVitalmeshError(errored).code, 'OVERLAY-CLOSED');
    assert.deepEqual([hub.state, gateway.state], ['ready', 'ready']);
    assert.deepEqual(
      (await controller.edgeRouters()).filter(({ online }) => online).map(({ name }) => name),
      ['router-2'],
    );
  });

  test('one that was away is used and bound again by itself', async () => {
    verifies('OVERLAY-REBIND');
    await using site = await Site.start();
    await using hub = await site.open('hub');
    await using gateway = await site.open('gateway');
    await hub.overlay.bind(SERVICE, echoing([]));
    for (const [away, left] of [
      [0, 1],
      [1, 0],
      [0, 1],
    ] as const) {
      await site.router(away).stop();
      await answeredSometime(gateway.overlay);
      assert.deepEqual([site.router(away).online, site.router(left).online], [false, true]);
      await site.router(away).start();
      await until(() => openTo(hub.channels).length === 2 && openTo(gateway.channels).length === 2);
    }
    assert.deepEqual(openTo(hub.channels).sort(), ['router-1', 'router-2']);
  });

  test('with both away dials fail at once, and with either back they do not', async () => {
    verifies('OVERLAY-REBIND');
    await using site = await Site.start();
    const { overlay: hub } = await site.open('hub');
    const { overlay: gateway } = await site.open('gateway');
    await hub.bind(SERVICE, echoing([]));
    await Promise.all([site.router(0).stop(), site.router(1).stop()]);
    await until(() => hub.state === 'lost' && gateway.state === 'lost');
    await assert.rejects(gateway.dial(SERVICE), { code: 'OVERLAY-UNREACHABLE' });
    await site.router(1).start();
    await answeredSometime(gateway);
  });

  test('a dialer on one reaches a host on the other, and learns that it is gone', async () => {
    await using site = await Site.start();
    const { overlay: hub } = await site.open('hub', { only: ['router-2'] });
    const { overlay: gateway } = await site.open('gateway', { only: ['router-1'] });
    await hub.bind(SERVICE, echoing([]));
    const connection = await dialled(gateway);
    await answers(connection);
    await site.router(1).stop();
    await ended(connection);
    assert.equal(asVitalmeshError(connection.errored).code, 'OVERLAY-CLOSED');
    await assert.rejects(gateway.dial(SERVICE), { code: 'OVERLAY-NO-TERMINATOR', detail: /no online terminators/ });
    await site.router(1).start();
    await answeredSometime(gateway);
  });

  test('one that falls silent is left after its probes, dials go over the other meanwhile, and it is used again when it answers', async () => {
    verifies('OVERLAY-SICK-ROUTER');
    await using site = await Site.start();
    await using relay = await TcpRelay.start();
    const port = Number(new URL(site.router(0).url).port);
    relay.aim(port);
    const way: Way = { through: new Map([['router-1', relay]]), channel: { latencyEveryMs: 100, latencyTimeoutMs: 1500 } };
    await using hub = await site.open('hub', way);
    await using gateway = await site.open('gateway', way);
    await hub.overlay.bind(SERVICE, echoing([]));
    const near: Duplex[] = [];
    const over = (router: string): Duplex[] =>
      near.filter((connection) => !connection.closed && gateway.routerOf.get(connection) === router);
    // On a slow machine its channel may have been given up, and made again, before it falls silent.
    while (over('router-1').length === 0 || over('router-2').length === 0) near.push(await dialled(gateway.overlay));
    relay.freeze();
    const unheard = over('router-1');
    await Promise.all(Array.from({ length: 8 }, () => answeredDial(gateway.overlay)));
    await until(() => [hub, gateway].every(({ channels }) => !openTo(channels).includes('router-1')));
    const left = gateway.channels.findLast(({ router }) => router === 'router-1')?.channel;
    assert.equal(asVitalmeshError(left?.closed.reason).code, 'OVERLAY-TIMEOUT');
    await Promise.all(unheard.map(ended));
    for (const connection of over('router-2')) await answers(connection);
    assert.ok(over('router-2').length > 0);
    relay.aim(port);
    await until(() => [hub, gateway].every(({ channels }) => openTo(channels).includes('router-1')));
    await site.router(1).stop();
    await answeredSometime(gateway.overlay);
  });
});
