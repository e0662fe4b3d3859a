import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { openZitiOverlayOf, type ZitiBehaviour } from '../../../../shared/overlay/ziti/overlay.ts';
import { verifies } from '../../../requirements.ts';
import { turnsUntil } from '../../../support/until.ts';
import { router, ScriptedNetwork } from '../../../support/ziti/scripted-network.ts';

const QUICK: ZitiBehaviour = { backoff: { minMs: 1, maxMs: 4 } };

function open(network: ScriptedNetwork, behaviour: ZitiBehaviour = {}): Promise<Overlay> {
  return openZitiOverlayOf(network.parts, network.log, { ...QUICK, ...behaviour });
}

describe('channels to edge routers', { timeout: 20_000 }, () => {
  test('a hello proves nothing: ready is who got an answer', async () => {
    verifies('OVERLAY-PROVEN-CHANNEL');
    const network = new ScriptedNetwork();
    network.greet = (channel) => {
      channel.answers = false;
    };
    const opening = open(network);
    await turnsUntil(() => network.channels.length === 1);
    for (let i = 0; i < 10; i += 1) await turn();
    let resolved = false;
    void opening.then(() => {
      resolved = true;
    });
    await turn();
    assert.equal(resolved, false);
    network.channels[0]?.answer();
    await using overlay = await opening;
    assert.equal(overlay.state, 'ready');
  });

  test('a router that cuts the channel behind its hello makes the controller be asked, whose new session opens the next', async () => {
    verifies('OVERLAY-SESSION-RENEWED');
    const network = new ScriptedNetwork();
    network.greet = (channel) => {
      if (channel.sessionToken !== 'token-1') return;
      channel.cut();
      network.newApiSession();
    };
    await using overlay = await open(network);
    await turnsUntil(() => overlay.state === 'ready');
    assert.deepEqual(
      network.channels.map(({ sessionToken }) => sessionToken),
      ['token-1', 'token-2'],
    );
    assert.ok(network.count('routers') >= 2);
  });

  test('opening waits no longer than a request may take, also for a router that never answers', async () => {
    const network = new ScriptedNetwork();
    network.greet = (channel) => {
      channel.answers = false;
    };
    await using overlay = await open(network, { requestTimeoutMs: 20 });
    assert.equal(overlay.state, 'connecting');
    network.greet = () => undefined;
    await turnsUntil(() => overlay.state === 'ready');
    assert.ok(network.channels.slice(0, -1).every(({ disposed }) => disposed));
  });

  test('without an edge router it stays connecting, says so once, and begins with the first that comes', async () => {
    const network = new ScriptedNetwork();
    network.routers = [router('one', false)];
    await using overlay = await open(network);
    assert.equal(overlay.state, 'connecting');
    await turnsUntil(() => network.count('routers') >= 4);
    assert.equal(overlay.state, 'connecting');
    assert.deepEqual(network.warnings, ['no edge router is online for this identity']);
    assert.equal(network.channels.length, 0);
    network.routers = [router('one')];
    await turnsUntil(() => overlay.state === 'ready');
  });

  test('without a controller it stays connecting, says so once, and goes on asking', async () => {
    const network = new ScriptedNetwork();
    network.controllerDown = true;
    await using overlay = await open(network);
    assert.equal(overlay.state, 'connecting');
    await turnsUntil(() => network.count('routers') >= 4);
    assert.deepEqual(network.warnings, ['the edge routers cannot be asked for']);
    network.controllerDown = false;
    await turnsUntil(() => overlay.state === 'ready');
  });

  test('lost is the end of the last channel, and it comes back by itself', async () => {
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using overlay = await open(network);
    await turnsUntil(() => network.channels.length === 2);
    await turn();
    const seen: string[] = [];
    using _watch = overlay.onState((state) => seen.push(state));
    network.routers = [router('two')];
    network.channelTo('one').cut();
    await turn();
    assert.deepEqual(seen, []);
    network.channelTo('two').cut();
    assert.deepEqual(seen, ['lost']);
    await turnsUntil(() => overlay.state === 'ready');
    assert.deepEqual(seen, ['lost', 'ready']);
  });

  test('with the controller gone a lost channel is opened again with the session there is', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const { parts } = network;
    network.controllerDown = true;
    // A controller's session outlives its absence; only questions fail.
    parts.controller.signIn = async () => network.apiSession;
    network.channelTo('one').cut();
    await turnsUntil(() => network.asked.length > 4);
    network.controllerDown = false;
    await turnsUntil(() => overlay.state === 'ready');
  });

  test('channels are kept to as many routers as wanted, and to another when one is gone', async () => {
    const network = new ScriptedNetwork();
    network.routers = ['one', 'two', 'three', 'four'].map((name) => router(name));
    await using _overlay = await open(network, { maxRouters: 3 });
    await turnsUntil(() => network.channels.length === 3);
    for (let i = 0; i < 10; i += 1) await turn();
    const names = network.channels.map(({ router: name }) => name);
    assert.equal(new Set(names).size, 3);
    const [gone] = names;
    network.routers = network.routers.map((entry) => ({ ...entry, online: entry.name !== gone }));
    network.channelTo(String(gone)).cut();
    const other = network.routers.find(({ name }) => !names.includes(name));
    await turnsUntil(() => network.channels.at(-1)?.router === other?.name);
    assert.equal(network.channels.length, 4);
  });

  test('dials of one moment are spread', async () => {
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using overlay = await open(network);
    await turnsUntil(() => network.channels.length === 2);
    await turn();
    await Promise.all(Array.from({ length: 6 }, () => overlay.dial('vitals')));
    assert.deepEqual(
      network.channels.map((channel) => network.dials.filter((dial) => dial.channel === channel).length),
      [3, 3],
    );
  });

  test('one that comes online again is connected to soon, also while others are', async () => {
    verifies('OVERLAY-SICK-ROUTER');
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using overlay = await open(network);
    await turnsUntil(() => network.channels.length === 2);
    network.routers = [router('one', false), router('two')];
    network.channelTo('one').cut();
    const asked = network.count('routers');
    await turnsUntil(() => network.count('routers') >= asked + 4);
    assert.equal(network.channels.length, 2);
    network.routers = [router('one'), router('two')];
    await turnsUntil(() => network.channels.length === 3);
    assert.equal(network.channels.at(-1)?.router, 'one');
    assert.equal(overlay.state, 'ready');
  });

  test('a router that is missed is looked for less and less often', async (t) => {
    const network = new ScriptedNetwork();
    network.routers = [router('one', false), router('two')];
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const overlay = await open(network, { backoff: { minMs: 100, maxMs: 100 }, refreshEveryMs: 10_000_000 });
    for (let i = 0; i < 1000; i += 1) {
      t.mock.timers.tick(100);
      for (let j = 0; j < 4; j += 1) await turn();
    }
    // 100 s hold ten waits of 100 ms, 200 ms and so on, a quarter more or less.
    const asked = network.count('routers');
    assert.ok(asked >= 4 && asked <= 12, `asked ${asked} times`);
    t.mock.timers.reset();
    await overlay[Symbol.asyncDispose]();
  });

  test('a channel that works stays while the controller says that its router is offline', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { refreshEveryMs: 2 });
    const states: string[] = [];
    using _watch = overlay.onState((state) => states.push(state));
    await overlay.dial('vitals');
    network.routers = [router('one', false)];
    const asked = network.count('routers');
    await turnsUntil(() => network.count('routers') >= asked + 4);
    await overlay.dial('vitals');
    assert.deepEqual([states, network.channels.length, network.channelTo('one').disposed], [[], 1, false]);
  });

  test('when the last router has gone from the list, the next one is found soon', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    network.routers = [];
    network.channelTo('one').cut();
    await turnsUntil(() => network.warnings.includes('no edge router is online for this identity'));
    network.routers = [router('two')];
    await turnsUntil(() => overlay.state === 'ready');
    assert.equal(network.channels.at(-1)?.router, 'two');
  });

  test('one that fails makes room for another; those under way are left alone', async () => {
    verifies('OVERLAY-SICK-ROUTER');
    for (let i = 0; i < 8; i += 1) {
      const network = new ScriptedNetwork();
      network.routers = ['one', 'two', 'three', 'four'].map((name) => router(name));
      network.greet = (channel) => {
        channel.answers = network.channels.length > 2;
        if (network.channels.length === 3) channel.cut();
      };
      const opening = open(network, { maxRouters: 3 });
      await turnsUntil(() => network.channels.length === 4);
      const [first, second, failed, other] = network.channels;
      assert.deepEqual([first?.disposed, second?.disposed], [false, false]);
      assert.notEqual(other?.router, failed?.router);
      first?.answer();
      second?.answer();
      await using _overlay = await opening;
    }
  });

  test('a new API session replaces the channel; what the old one carries goes on, and with its end it ends', async () => {
    verifies('OVERLAY-SESSION-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const states: string[] = [];
    using _watch = overlay.onState((state) => states.push(state));
    const connection = await overlay.dial('vitals');
    const old = network.channelTo('one');
    network.newApiSession();
    await turnsUntil(() => network.channels.length === 2 && network.channelTo('one') !== old);
    await overlay.dial('vitals');
    assert.equal(network.dials.at(-1)?.channel, network.channels[1]);
    assert.equal(old.closed.aborted, false);
    assert.equal(connection.destroyed, false);
    connection.destroy();
    await turnsUntil(() => old.disposed);
    assert.deepEqual(states, []);
  });

  test('a channel of an old session that carries nothing ends at once', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    network.newApiSession();
    await turnsUntil(() => network.channels.length === 2 && network.channels[0]?.disposed === true);
    assert.equal(overlay.state, 'ready');
  });

  test('who lets everybody in and cuts them at once is asked less and less', async (t) => {
    const network = new ScriptedNetwork();
    t.mock.timers.enable({ apis: ['setTimeout'] });
    network.greet = (channel) => void Promise.resolve().then(() => Promise.resolve().then(() => channel.cut()));
    const overlay = await open(network, { backoff: { minMs: 100, maxMs: 60_000 } });
    for (let i = 0; i < 600; i += 1) {
      t.mock.timers.tick(100);
      for (let j = 0; j < 4; j += 1) await turn();
    }
    // Within that minute a constant pause of 100 ms would have made hundreds of attempts.
    assert.ok(network.channels.length > 2 && network.channels.length < 30, `${network.channels.length} attempts`);
    t.mock.timers.reset();
    await overlay[Symbol.asyncDispose]();
  });
});

describe('the router of a dial', { timeout: 20_000 }, () => {
  test('is the one with least to do', async () => {
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using overlay = await open(network);
    await turnsUntil(() => network.channels.length === 2);
    await turn();
    for (let i = 0; i < 4; i += 1) await overlay.dial('vitals');
    const through = (): (string | undefined)[] =>
      network.dials.map(({ channel }) => (channel === network.channelTo('one') ? 'one' : 'two'));
    assert.deepEqual(through().toSorted(), ['one', 'one', 'two', 'two']);
    network.channelTo('one').bytesQueued = 1000;
    for (let i = 0; i < 4; i += 1) await overlay.dial('vitals');
    assert.deepEqual(through().slice(4), ['two', 'two', 'two', 'two']);
  });

  test('is another one while the one that left a dial unanswered is silent', async (t) => {
    verifies('OVERLAY-SICK-ROUTER');
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using overlay = await open(network);
    await turnsUntil(() => network.channels.length === 2);
    await turn();
    const sick = network.channelTo('one');
    sick.answers = false;
    network.channelTo('two').bytesQueued = 1000;
    network.refuseDial = ({ channel }) => (channel === sick ? new Promise(() => undefined) : undefined);
    // Its time does not run out before it has reached the router, however slow the machine is.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const unanswered = assert.rejects(overlay.dial('vitals', { timeoutMs: 20 }), { code: 'OVERLAY-TIMEOUT' });
    await turnsUntil(() => network.dials.length === 1);
    t.mock.timers.tick(20);
    await unanswered;
    t.mock.timers.reset();
    assert.equal(network.dials.at(-1)?.channel, sick);
    for (let i = 0; i < 3; i += 1) await overlay.dial('vitals');
    assert.ok(network.dials.slice(1).every(({ channel }) => channel !== sick));
    sick.answer();
    await turn();
    await overlay.dial('vitals');
    assert.notEqual(network.dials.at(-1)?.channel, sick, 'it may answer probes, and no dial');
    network.refuseDial = ({ channel }) => (channel === sick ? undefined : 'OVERLAY-UNREACHABLE');
    await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-UNREACHABLE' });
    await overlay.dial('vitals');
    assert.equal(network.dials.at(-1)?.channel, sick);
  });

  test('is another one when a channel ends before it has answered', async () => {
    verifies('OVERLAY-SICK-ROUTER');
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using overlay = await open(network);
    await turnsUntil(() => network.channels.length === 2);
    await turn();
    const dying = network.channelTo('one');
    network.channelTo('two').bytesQueued = 1000;
    network.refuseDial = ({ channel }) => {
      if (channel !== dying) return undefined;
      dying.cut();
      return 'OVERLAY-UNREACHABLE';
    };
    await overlay.dial('vitals');
    assert.equal(network.dials.length, 2);
  });

  test('is one of the present session while others are still being replaced', async () => {
    verifies('OVERLAY-SESSION-RENEWED');
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using overlay = await open(network);
    await turnsUntil(() => network.channels.length === 2);
    await turn();
    network.greet = (channel) => {
      channel.answers = channel.router === 'two';
      channel.bytesQueued = 1000;
    };
    network.newApiSession();
    await turnsUntil(() => network.channels.length === 4);
    await turn();
    await overlay.dial('vitals');
    assert.equal(network.dials[0]?.channel, network.channelTo('two'));
    assert.equal(network.channelTo('two').sessionToken, 'token-2');
  });

  test('is one of the service, and is connected to when it is none of those that are kept', async () => {
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    const { parts } = network;
    const { createSession } = parts.controller;
    await using overlay = await openZitiOverlayOf(
      {
        ...parts,
        controller: {
          ...parts.controller,
          createSession: async (...args) => ({ ...(await createSession(...args)), routers: [router('elsewhere')] }),
        },
      },
      network.log,
      QUICK,
    );
    await overlay.dial('vitals');
    assert.equal(network.dials[0]?.channel, network.channelTo('elsewhere'));
  });

  test('without any channel a dial fails at once', async () => {
    const network = new ScriptedNetwork();
    network.routers = [];
    await using overlay = await open(network);
    await assert.rejects(overlay.dial('vitals', { timeoutMs: 1_000_000 }), { code: 'OVERLAY-UNREACHABLE' });
  });
});
