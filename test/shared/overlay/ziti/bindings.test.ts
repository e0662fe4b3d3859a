import assert from 'node:assert/strict';
import { type Duplex, PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Caller, Overlay } from '../../../../shared/overlay/overlay.ts';
import { openZitiOverlayOf, type ZitiBehaviour } from '../../../../shared/overlay/ziti/overlay.ts';
import { verifies } from '../../../requirements.ts';
import { turnsUntil } from '../../../support/until.ts';
import { router, type ScriptedHosting, ScriptedNetwork, service } from '../../../support/ziti/scripted-network.ts';

function open(network: ScriptedNetwork, behaviour: ZitiBehaviour = {}): Promise<Overlay> {
  return openZitiOverlayOf(network.parts, network.log, { backoff: { minMs: 1, maxMs: 4 }, ...behaviour });
}

/** A network with two routers, and an overlay with channels to both. */
async function twoRouters(): Promise<{ network: ScriptedNetwork; overlay: Overlay }> {
  const network = new ScriptedNetwork();
  network.routers = [router('one'), router('two')];
  const overlay = await open(network);
  await turnsUntil(() => network.channels.length === 2);
  await turn();
  return { network, overlay };
}

function at(hostings: readonly ScriptedHosting[], index: number): ScriptedHosting {
  const hosting = hostings.at(index);
  assert.ok(hosting);
  return hosting;
}

/** As long as five refreshes take (the overlay's are every 5 ms then), every pause of 4 ms at most is over. */
async function severalRefreshes(network: ScriptedNetwork): Promise<void> {
  const before = network.count('routers');
  await turnsUntil(() => network.count('routers') > before + 5);
}

const ignore = (): void => undefined;

describe('bindings', { timeout: 20_000 }, () => {
  test('stand on every router, and connections come whichever way', async () => {
    verifies('OVERLAY-REBIND');
    const { network, overlay } = await twoRouters();
    await using _ = overlay;
    const arrived: [Duplex, Caller][] = [];
    await overlay.bind('vitals', (connection, caller) => void arrived.push([connection, caller]));
    await turnsUntil(() => network.standing.length === 2);
    const connections = network.standing.map((hosting) => network.arrive(hosting));
    assert.deepEqual(
      arrived.map(([connection]) => connection),
      connections,
    );
    assert.deepEqual(arrived[0]?.[1], { identityId: 'caller', name: 'caller', verified: true });
  });

  test('each has a session of its own, and a listener id of its own on each router', async () => {
    verifies('OVERLAY-SERVICE-SESSIONS');
    const { network, overlay } = await twoRouters();
    await using _ = overlay;
    await overlay.bind('vitals', ignore);
    await overlay.bind('vitals', ignore);
    await turnsUntil(() => network.standing.length === 4);
    assert.equal(new Set(network.standing.map(({ request }) => request.listenerId)).size, 4);
    assert.equal(new Set(network.standing.map(({ request }) => request.session.token)).size, 2);
  });

  test('come back over the next channel with the listener id of before', async () => {
    verifies('OVERLAY-REBIND');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.bind('vitals', ignore);
    const gate = Promise.withResolvers<void>();
    network.beforeBind = gate.promise;
    network.channelTo('one').cut();
    await turnsUntil(() => network.channels.length === 2);
    for (let i = 0; i < 10; i += 1) await turn();
    // Ready means that it is hosted already.
    assert.equal(overlay.state, 'lost');
    gate.resolve();
    await turnsUntil(() => overlay.state === 'ready');
    assert.equal(network.standing.length, 1);
    const [before, after] = network.hostings;
    assert.equal(after?.request.listenerId, before?.request.listenerId);
    assert.notEqual(after?.request.channel, before?.request.channel);
  });

  test('come back on the same channel with a new session when theirs has ended', async () => {
    verifies('OVERLAY-REBIND');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.bind('vitals', ignore);
    at(network.hostings, 0).end('OVERLAY-SESSION');
    await turnsUntil(() => network.standing.length === 1);
    assert.equal(network.channels.length, 1);
    assert.deepEqual(
      network.hostings.map(({ request }) => request.session.token),
      ['st1', 'st2'],
    );
  });

  test('whose permission was taken come back when it is given again; the channel stays, and it is told once', async () => {
    verifies('OVERLAY-REBIND');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.bind('vitals', ignore);
    network.services = [];
    at(network.hostings, 0).end('OVERLAY-DENIED');
    const asked = network.count('services');
    await turnsUntil(() => network.count('services') > asked + 4);
    assert.equal(overlay.state, 'ready');
    assert.deepEqual(network.warnings, Array(2).fill('the service is not hosted through an edge router'));
    network.services = [service('vitals', ['Bind'], 'made-again')];
    await turnsUntil(() => network.standing.length === 1);
    assert.equal(at(network.standing, 0).request.session.serviceId, 'made-again');
    assert.equal(network.channels.length, 1);
  });

  test('that cannot be made at first are an error, and are not tried again', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { refreshEveryMs: 5 });
    let binds = 0;
    network.refuseBind = () => {
      binds += 1;
      return 'OVERLAY-DENIED';
    };
    await assert.rejects(overlay.bind('vitals', ignore), { code: 'OVERLAY-DENIED' });
    // Whoever asked for it tells it.
    assert.deepEqual(network.warnings, []);
    const before = binds;
    await severalRefreshes(network);
    assert.equal(binds, before);
  });

  test('are made when one router takes them, and the other one comes when it can', async () => {
    const { network, overlay } = await twoRouters();
    await using _ = overlay;
    const sick = network.channelTo('one');
    network.refuseBind = ({ channel }) => (channel === sick ? 'OVERLAY-UNREACHABLE' : undefined);
    await overlay.bind('vitals', ignore);
    assert.deepEqual(
      network.standing.map(({ request }) => request.channel),
      [network.channelTo('two')],
    );
    network.refuseBind = () => undefined;
    await turnsUntil(() => network.standing.length === 2);
  });

  test('reach a router that was offline when their session was made', async () => {
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two', false)];
    await using overlay = await open(network, { refreshEveryMs: 5 });
    await overlay.bind('vitals', ignore);
    network.routers = [router('one'), router('two')];
    await turnsUntil(() => network.standing.length === 2);
    // By a session that names it.
    const late = network.standing.find(({ request }) => request.channel === network.channelTo('two'));
    assert.deepEqual(late?.request.session.routers, network.routers);
  });

  test('wait for a network that is not there yet, and no longer than a request may take', async () => {
    const network = new ScriptedNetwork();
    network.routers = [];
    await using patient = await open(network);
    const binding = patient.bind('vitals', ignore);
    await turn();
    network.routers = [router('one')];
    assert.equal((await binding).service, 'vitals');

    const nowhere = new ScriptedNetwork();
    nowhere.routers = [];
    await using overlay = await open(nowhere, { requestTimeoutMs: 30 });
    await assert.rejects(overlay.bind('vitals', ignore), { code: 'OVERLAY-UNREACHABLE' });
  });

  test('that a router has taken and does not confirm are left to it beyond the time limit, and say so, until they are confirmed', async () => {
    verifies('OVERLAY-UNCONFIRMED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { requestTimeoutMs: 30, refreshEveryMs: 5 });
    const binding = await overlay.bind('vitals', ignore);
    const confirmation = Promise.withResolvers<void>();
    network.beforeConfirmation = confirmation.promise;
    network.channelTo('one').cut();
    await turnsUntil(() => overlay.state === 'lost');
    await turnsUntil(() => overlay.state === 'ready');
    await severalRefreshes(network);
    assert.deepEqual([network.binds.length, network.standing.length, binding.failure], [2, 1, 'OVERLAY-UNCONFIRMED']);
    assert.equal(network.binds[1]?.signal.aborted, false);
    confirmation.resolve();
    await turnsUntil(() => binding.failure === undefined);
    assert.deepEqual([network.binds.length, network.standing.length], [2, 1]);
    const told = network.logged.filter(({ message }) => message.startsWith('the service is'));
    assert.deepEqual(told, [
      { level: 'warn', message: 'the service is not hosted through an edge router' },
      { level: 'info', message: 'the service is hosted again' },
    ]);
  });

  test('that are not confirmed at first are there all the same at the time limit', async () => {
    verifies('OVERLAY-UNCONFIRMED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { requestTimeoutMs: 30 });
    const confirmation = Promise.withResolvers<void>();
    network.beforeConfirmation = confirmation.promise;
    const binding = await overlay.bind('vitals', ignore);
    assert.equal(binding.failure, 'OVERLAY-UNCONFIRMED');
    confirmation.resolve();
    await turnsUntil(() => binding.failure === undefined);
    assert.equal(network.binds.length, 1);
  });

  test('that end unconfirmed, by the router or with their channel, are made again', async () => {
    verifies('OVERLAY-UNCONFIRMED', 'OVERLAY-REBIND');
    for (const end of [
      (network: ScriptedNetwork) => at(network.standing, 0).end('OVERLAY-SESSION'),
      (network: ScriptedNetwork) => network.channelTo('one').cut(),
    ]) {
      const network = new ScriptedNetwork();
      await using overlay = await open(network, { requestTimeoutMs: 30 });
      network.beforeConfirmation = new Promise(() => undefined);
      const binding = await overlay.bind('vitals', ignore);
      network.beforeConfirmation = Promise.resolve();
      end(network);
      await turnsUntil(() => binding.failure === undefined);
      assert.deepEqual([network.hostings.length, network.standing.length], [2, 1]);
    }
  });

  test('given up unconfirmed are taken back', async () => {
    verifies('OVERLAY-UNCONFIRMED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { requestTimeoutMs: 30 });
    network.beforeConfirmation = new Promise(() => undefined);
    const binding = await overlay.bind('vitals', ignore);
    await binding[Symbol.asyncDispose]();
    assert.deepEqual([network.standing.length, at(network.hostings, 0).lateDials, binding.failure], [0, 'refuse', 'OVERLAY-CLOSED']);
  });

  test('given up are taken back from every router; what they have accepted goes on', async () => {
    const { network, overlay } = await twoRouters();
    await using _ = overlay;
    const binding = await overlay.bind('vitals', ignore);
    await turnsUntil(() => network.standing.length === 2);
    const connection = network.arrive(at(network.standing, 0));
    await binding[Symbol.asyncDispose]();
    assert.ok(network.hostings.every(({ disposed }) => disposed));
    assert.equal(connection.destroyed, false);
    network.channelTo('one').cut();
    await turnsUntil(() => network.channels.length === 3);
    for (let i = 0; i < 20; i += 1) await turn();
    assert.equal(network.standing.length, 0);
  });

  test('given up while the network is away do not come back', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const binding = await overlay.bind('vitals', ignore);
    network.controllerDown = true;
    network.channelTo('one').cut();
    await binding[Symbol.asyncDispose]();
    network.controllerDown = false;
    await turnsUntil(() => overlay.state === 'ready');
    assert.equal(network.standing.length, 0);
  });

  test('of an old API session are made over the new channel before the old one ends', async () => {
    verifies('OVERLAY-SESSION-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { refreshEveryMs: 5 });
    await overlay.bind('vitals', ignore);
    const first = at(network.hostings, 0);
    const connection = network.arrive(first);
    let stoodWhenBoundAgain: boolean | undefined;
    network.refuseBind = () => {
      stoodWhenBoundAgain = first.stands;
      return undefined;
    };
    network.newApiSession();
    await turnsUntil(() => first.disposed);
    assert.equal(stoodWhenBoundAgain, true);
    await severalRefreshes(network);
    assert.equal(network.hostings.length, 2);
    assert.equal(connection.destroyed, false);
    const { request } = at(network.hostings, 1);
    assert.equal(request.session.token, 'st2');
    assert.notEqual(request.listenerId, first.request.listenerId, 'the same would evict the first one');
  });

  test('that cannot be made over the channel of a new API session at once are made there again', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { refreshEveryMs: 5 });
    await overlay.bind('vitals', ignore);
    const { listenerId } = at(network.hostings, 0).request;
    let refusals = 2;
    network.refuseBind = () => (refusals-- > 0 ? 'OVERLAY-TIMEOUT' : undefined);
    network.newApiSession();
    await turnsUntil(() => network.hostings.length === 2);
    assert.notEqual(at(network.hostings, 1).request.listenerId, listenerId);
  });
});

describe('the end of an overlay', { timeout: 20_000 }, () => {
  test('cuts connections, gives bindings back, ends channels, and the controller’s session last', async () => {
    const network = new ScriptedNetwork();
    const overlay = await open(network);
    const dialled = await overlay.dial('vitals');
    await overlay.bind('vitals', ignore);
    const accepted = network.arrive(at(network.hostings, 0));
    const channel = network.channelTo('one');
    let controllerAtEnd: boolean | undefined;
    channel.closed.addEventListener('abort', () => {
      controllerAtEnd = network.controllerDisposed;
    });
    await overlay[Symbol.asyncDispose]();
    await overlay[Symbol.asyncDispose]();
    for (const { errored } of [dialled, accepted]) assert.equal((errored as { code?: string } | null)?.code, 'OVERLAY-CLOSED');
    assert.deepEqual([at(network.hostings, 0).disposed, channel.disposed, network.controllerDisposed], [true, true, true]);
    assert.equal(controllerAtEnd, false);
    assert.equal(overlay.state, 'closed');
  });

  test('ends what is under way, whatever it waits for', async () => {
    const network = new ScriptedNetwork();
    const overlay = await open(network);
    network.refuseDial = () => new Promise(() => undefined);
    const dialling = assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-CLOSED' });
    await turnsUntil(() => network.dials.length === 1);
    network.routers = [];
    network.channelTo('one').cut();
    await turnsUntil(() => overlay.state === 'lost');
    const binding = assert.rejects(overlay.bind('vitals', ignore), { code: 'OVERLAY-CLOSED' });
    network.controllerDown = true;
    const listing = assert.rejects(overlay.services(), { code: 'OVERLAY-CLOSED' });
    await overlay[Symbol.asyncDispose]();
    await Promise.all([dialling, binding, listing]);
  });

  test('in the moment in which a dial succeeds is a refused dial, never an error that nobody can take', async () => {
    for (let microtasks = 0; microtasks < 15; microtasks += 1) {
      const network = new ScriptedNetwork();
      const overlay = await open(network);
      let made: Duplex | undefined;
      network.dialled = () => {
        made = new PassThrough();
        void (async () => {
          for (let i = 0; i < microtasks; i += 1) await undefined;
          await overlay[Symbol.asyncDispose]();
        })();
        return made;
      };
      await overlay.dial('vitals').then(
        (connection) => connection.on('error', ignore),
        (error) => assert.equal(error.code, 'OVERLAY-CLOSED'),
      );
      await turnsUntil(() => overlay.state === 'closed');
      assert.equal(made?.destroyed, true);
    }
  });

  test('takes no connection that a router still offers', async () => {
    const network = new ScriptedNetwork();
    const overlay = await open(network);
    let taken = 0;
    await overlay.bind('vitals', () => {
      taken += 1;
    });
    const disposing = overlay[Symbol.asyncDispose]();
    assert.equal(network.arrive(at(network.hostings, 0)).destroyed, true);
    assert.equal(taken, 0);
    await disposing;
  });

  test('does not wait for ever for a router that is silent', async () => {
    const network = new ScriptedNetwork();
    const overlay = await open(network);
    await overlay.bind('vitals', ignore);
    network.channelTo('one').answers = false;
    await overlay[Symbol.asyncDispose]();
    assert.equal(overlay.state, 'closed');
  });
});
