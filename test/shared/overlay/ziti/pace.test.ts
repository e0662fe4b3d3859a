import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { VitalmeshError } from '../../../../shared/errors.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { openZitiOverlayOf, type ZitiParts } from '../../../../shared/overlay/ziti/overlay.ts';
import { Pace } from '../../../../shared/overlay/ziti/pace.ts';
import { verifies } from '../../../requirements.ts';
import { router, ScriptedNetwork } from '../../../support/ziti/scripted-network.ts';

const BACKOFF = { minMs: 500, maxMs: 30_000 };
const MINUTE_MS = 60_000;

interface OwnTime {
  /** Lets time pass, and everything happen that has its time meanwhile. */
  pass(ms: number): Promise<void>;
}

/** Time that passes when the test says so; every jitter comes to one half unless told. */
function ownTime(t: TestContext, random = () => 0.5): OwnTime {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.method(Math, 'random', random);
  return {
    async pass(ms) {
      for (const end = nowMs + ms; nowMs < end; ) {
        nowMs += 125;
        t.mock.timers.tick(125);
        for (let i = 0; i < 10; i += 1) await turn();
      }
    },
  };
}

/** A network on which a refusal takes a moment, as on any; without it an endless loop would starve the test. */
function partsOf(network: ScriptedNetwork, edgeRouters?: ZitiParts['controller']['edgeRouters']): ZitiParts {
  const { openChannel, controller, ...parts } = network.parts;
  return {
    ...parts,
    controller: { ...controller, ...(edgeRouters && { edgeRouters }) },
    async openChannel(...request) {
      await turn();
      return await openChannel(...request);
    },
  };
}

async function closed(t: TestContext, overlay: Overlay): Promise<void> {
  t.mock.timers.reset();
  await overlay[Symbol.asyncDispose]();
}

describe('the pace of attempts', { timeout: 30_000 }, () => {
  test('one router works and more than are wanted refuse: each is tried at its own pace, told of once, and taken when it is back', async (t) => {
    verifies('OVERLAY-PACED');
    const time = ownTime(t);
    const network = new ScriptedNetwork();
    network.routers = ['good', 'dead-1', 'dead-2', 'dead-3'].map((name) => router(name));
    const tried = new Map<string, number>();
    network.greet = (channel) => {
      tried.set(channel.router, (tried.get(channel.router) ?? 0) + 1);
      if (channel.router === 'good') return;
      channel.cut();
      throw new VitalmeshError('OVERLAY-UNREACHABLE');
    };
    const overlay = await openZitiOverlayOf(partsOf(network), network.log, { backoff: BACKOFF });
    await time.pass(10 * MINUTE_MS);
    assert.equal(tried.get('good'), 1);
    for (const name of ['dead-1', 'dead-2', 'dead-3']) {
      const times = tried.get(name) ?? 0;
      // Half of 30 s is the longest pause here; 40 of them fit in, and the first ones are shorter.
      assert.ok(times >= 10 && times <= 50, `${name} was tried ${times} times`);
    }
    assert.ok(network.count('routers') <= 150, `the controller was asked ${network.count('routers')} times`);
    assert.deepEqual(network.warnings, Array(3).fill('no channel to the edge router'));
    network.greet = () => undefined;
    await time.pass(MINUTE_MS);
    assert.equal(network.channels.filter((channel) => !channel.closed.aborted).length, 3);
    assert.equal(overlay.state, 'ready');
    await closed(t, overlay);
  });

  test('a controller that names other routers in each answer makes nobody hurry', async (t) => {
    verifies('OVERLAY-PACED');
    const time = ownTime(t);
    const network = new ScriptedNetwork();
    let answers = 0;
    let attempts = 0;
    network.greet = () => {
      attempts += 1;
      throw new VitalmeshError('OVERLAY-UNREACHABLE');
    };
    const parts = partsOf(network, async () => {
      await turn();
      answers += 1;
      return ['a', 'b', 'c', 'd'].map((name) => router(`${name}-${answers}`));
    });
    const overlay = await openZitiOverlayOf(parts, network.log, { backoff: BACKOFF });
    await time.pass(10 * MINUTE_MS);
    assert.ok(answers >= 10 && answers <= 60, `the controller was asked ${answers} times`);
    assert.ok(attempts <= 3 * answers, `${attempts} attempts`);
    await closed(t, overlay);
  });

  test('nor one whose list is empty every other time', async (t) => {
    verifies('OVERLAY-PACED');
    const time = ownTime(t);
    const network = new ScriptedNetwork();
    let answers = 0;
    network.greet = () => {
      throw new VitalmeshError('OVERLAY-UNREACHABLE');
    };
    const parts = partsOf(network, async () => {
      await turn();
      answers += 1;
      return answers % 2 === 0 ? [] : [router('one')];
    });
    const overlay = await openZitiOverlayOf(parts, network.log, { backoff: BACKOFF });
    await time.pass(10 * MINUTE_MS);
    assert.ok(answers >= 10 && answers <= 60, `the controller was asked ${answers} times`);
    await closed(t, overlay);
  });

  test('a sign-in that tells of its own session does not make the channel that it was for an old one', async (t) => {
    verifies('OVERLAY-SESSION-RENEWED');
    const time = ownTime(t);
    const network = new ScriptedNetwork();
    const parts = partsOf(network);
    parts.controller.signIn = async () => {
      await turn();
      network.newApiSession();
      return network.apiSession;
    };
    const overlay = await openZitiOverlayOf(parts, network.log, { backoff: BACKOFF });
    await time.pass(MINUTE_MS);
    assert.deepEqual(
      network.channels.map(({ sessionToken }) => sessionToken),
      ['token-2'],
    );
    await closed(t, overlay);
  });

  test('sessions that are renewed again and again have channels opened at the pace of the back-off; a later one has its channel at once', async (t) => {
    verifies('OVERLAY-PACED');
    const time = ownTime(t);
    const network = new ScriptedNetwork();
    network.greet = () => network.newApiSession();
    const overlay = await openZitiOverlayOf(partsOf(network), network.log, { backoff: BACKOFF });
    await time.pass(10 * MINUTE_MS);
    const opened = network.channels.length;
    assert.ok(opened >= 10 && opened <= 60, `${opened} channels`);
    network.greet = () => undefined;
    await time.pass(MINUTE_MS);
    const before = network.channels.length;
    network.newApiSession();
    for (let i = 0; i < 10; i += 1) await turn();
    assert.equal(network.channels.length, before + 1);
    assert.equal(overlay.state, 'ready');
    await closed(t, overlay);
  });

  test('a channel that had stood and is lost is opened again within seconds, whatever was before, and nobody is asked anything until then', async (t) => {
    verifies('OVERLAY-NO-STAMPEDE');
    const time = ownTime(t);
    const network = new ScriptedNetwork();
    network.greet = () => {
      throw new VitalmeshError('OVERLAY-UNREACHABLE');
    };
    const overlay = await openZitiOverlayOf(partsOf(network), network.log, { backoff: BACKOFF });
    await time.pass(10 * MINUTE_MS);
    network.greet = () => undefined;
    await time.pass(MINUTE_MS);
    assert.equal(overlay.state, 'ready');
    network.channelTo('one').cut();
    assert.equal(overlay.state, 'lost');
    const [asked, opened] = [network.count('routers'), network.channels.length];
    // Every jitter comes to one half.
    await time.pass(5 * BACKOFF.minMs - 125);
    assert.deepEqual([overlay.state, network.count('routers'), network.channels.length], ['lost', asked, opened]);
    await time.pass(250);
    assert.equal(overlay.state, 'ready');
    await closed(t, overlay);
  });

  test('a fleet that loses its router in one moment comes back spread over seconds, each member by one attempt', async (t) => {
    verifies('OVERLAY-NO-STAMPEDE');
    const time = ownTime(t, Math.random);
    const fleet = Array.from({ length: 200 }, () => new ScriptedNetwork());
    const overlays = await Promise.all(
      fleet.map((network) => openZitiOverlayOf(partsOf(network), network.log, { backoff: BACKOFF, maxRouters: 1 })),
    );
    const opened = (): number => fleet.reduce((total, { channels }) => total + channels.length, 0);
    await time.pass(MINUTE_MS);
    assert.equal(opened(), fleet.length);
    for (const network of fleet) network.channelTo('one').cut();
    const each: number[] = [];
    for (let second = 0; second < 6; second += 1) {
      const before = opened();
      await time.pass(1000);
      each.push(opened() - before);
    }
    // 40 are expected in each of the first five; 80 is more than seven standard deviations away.
    assert.ok(
      each.every((many) => many < 80),
      `${each} a second`,
    );
    assert.equal(opened(), 2 * fleet.length);
    assert.ok(overlays.every(({ state }) => state === 'ready'));
    t.mock.timers.reset();
    await Promise.all(overlays.map((overlay) => overlay[Symbol.asyncDispose]()));
  });

  test('a pause grows with each attempt, is known to whoever comes, and ends early with its waiter', async (t) => {
    const time = ownTime(t);
    const pace = new Pace(BACKOFF);
    assert.ok(!pace.rests && pace.wasLeftAlone);
    const rested = async (): Promise<boolean> => {
      let is = false;
      void pace.rested(new AbortController().signal).then(() => {
        is = true;
      });
      await turn();
      return is;
    };
    assert.ok(await rested());
    for (const pauseMs of [250, 500, 1000, 2000]) {
      pace.spend();
      await time.pass(pauseMs - 125);
      assert.ok(pace.rests && !(await rested()), `before ${pauseMs} ms`);
      await time.pass(125);
      assert.ok(!pace.rests && (await rested()), `after ${pauseMs} ms`);
    }
    assert.ok(!pace.wasLeftAlone);
    await time.pass(5000);
    assert.ok(pace.wasLeftAlone && pace.hasStood(performance.now() - 5000) && !pace.hasStood(performance.now() - 4999));
    pace.spend();
    const gone = new AbortController();
    const waiting = pace.rested(gone.signal);
    gone.abort();
    await waiting;
    assert.ok(pace.rests);
    pace.reset();
    pace.spend();
    await time.pass(250);
    assert.ok(!pace.rests);
  });
});
