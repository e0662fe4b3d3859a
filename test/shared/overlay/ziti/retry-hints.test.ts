import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { createUplink } from '../../../../agent/uplink.ts';
import { systemClock } from '../../../../shared/clock.ts';
import type { ErrorCode } from '../../../../shared/errors.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import { HostedService } from '../../../../shared/overlay/hosted-service.ts';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { Refusal, type Retry } from '../../../../shared/overlay/ziti/circuit/reasons.ts';
import { openZitiOverlayOf, type ZitiBehaviour } from '../../../../shared/overlay/ziti/overlay.ts';
import { hintedPauseMs } from '../../../../shared/overlay/ziti/pace.ts';
import { verifies } from '../../../requirements.ts';
import { testNetwork } from '../../../support/identities.ts';
import { turnsUntil } from '../../../support/until.ts';
import { MemoryOutbox } from '../../../support/uplink.ts';
import { router, type ScriptedHosting, ScriptedNetwork, service } from '../../../support/ziti/scripted-network.ts';

/** Longer than any test: what waits for that, waits for something else. */
const PATIENT: ZitiBehaviour = { backoff: { minMs: 1, maxMs: 600_000 } };
const QUICK: ZitiBehaviour = { backoff: { minMs: 1, maxMs: 4 } };

function open(network: ScriptedNetwork, behaviour: ZitiBehaviour = QUICK): Promise<Overlay> {
  return openZitiOverlayOf(network.parts, network.log, behaviour);
}

async function twoRouters(behaviour: ZitiBehaviour): Promise<{ network: ScriptedNetwork; overlay: Overlay }> {
  const network = new ScriptedNetwork();
  network.routers = [router('one'), router('two')];
  const overlay = await open(network, behaviour);
  await turnsUntil(() => network.channels.length === 2);
  return { network, overlay };
}

function said(retry: Retry, code: ErrorCode = 'OVERLAY-UNREACHABLE'): Refusal {
  return new Refusal(code, retry, { detail: 'the words of the router' });
}

function at(hostings: readonly ScriptedHosting[], index: number): ScriptedHosting {
  const hosting = hostings.at(index);
  assert.ok(hosting);
  return hosting;
}

const ignore = (): void => undefined;

test('the pauses of hints: seconds to start over, longer when busy, minutes when it is not wanted again', () => {
  const backoff = { minMs: 500, maxMs: 30_000 };
  for (const [retry, least, most] of [
    ['default', 0, 0],
    ['start-over', 2000, 4000],
    ['busy', 10_000, 20_000],
    ['not-again', 150_000, 300_000],
  ] as const) {
    for (let i = 0; i < 50; i += 1) {
      const ms = hintedPauseMs(retry, backoff);
      assert.ok(ms >= least && ms <= most, `${retry}: ${ms} ms`);
    }
  }
});

describe('what a router hints with a refused dial', { timeout: 20_000 }, () => {
  test('too busy: another router at once, and the busy one is left in peace', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const { network, overlay } = await twoRouters(PATIENT);
    await using _ = overlay;
    const busy = network.channelTo('one');
    network.refuseDial = ({ channel }) => (channel === busy ? said('busy') : undefined);
    for (let i = 0; i < 10; i += 1) await overlay.dial('vitals');
    const asked = network.dials.filter(({ channel }) => channel === busy).length;
    assert.ok(asked <= 1, `${asked} times`);
    assert.equal(network.dials.length - asked, 10);
    assert.equal(network.count('session Dial id-of-vitals'), 1);
  });

  for (const hint of ['default', 'start-over', 'not-again'] as const) {
    test(`a router that refuses every dial is the least busy, and takes no more than the first from one that is well: ${hint}`, async () => {
      verifies('OVERLAY-RETRY-HINT');
      const { network, overlay } = await twoRouters(PATIENT);
      await using _ = overlay;
      const sick = network.channelTo('one');
      network.refuseDial = ({ channel }) => (channel === sick ? said(hint) : undefined);
      let failed = 0;
      for (let i = 0; i < 20; i += 1) await overlay.dial('vitals').catch(() => (failed += 1));
      assert.ok(failed <= 1, `${failed} dials failed`);
      assert.ok(network.dials.filter(({ channel }) => channel === sick).length <= 1);
    });
  }

  test('a router whose connections end at once is left for another; where all do so, each is tried in turn', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const { network, overlay } = await twoRouters(PATIENT);
    await using _ = overlay;
    const sick = network.channelTo('one');
    const isOfSick = (): boolean => network.dials.at(-1)?.channel === sick;
    const dialAndEnd = async (): Promise<boolean> => {
      const connection = await overlay.dial('vitals');
      const closed = once(connection, 'close');
      connection.destroy();
      await closed;
      return isOfSick();
    };
    const turns: boolean[] = [];
    for (let i = 0; i < 6; i += 1) turns.push(await dialAndEnd());
    assert.equal(turns.filter(Boolean).length, 3, turns.join());
    while (!(await dialAndEnd()));
    for (let i = 0; i < 5; i += 1) {
      await overlay.dial('vitals');
      assert.equal(isOfSick(), false);
    }
  });

  test('too busy everywhere: said to whoever dials, with the words of the router, each router asked once', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const { network, overlay } = await twoRouters(PATIENT);
    await using _ = overlay;
    network.refuseDial = () => said('busy');
    for (let i = 0; i < 5; i += 1) {
      await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-UNREACHABLE', detail: 'the words of the router', retryable: true });
    }
    assert.equal(network.dials.length, 2);
    network.refuseDial = () => undefined;
    network.services = [...network.services, service('other', ['Dial'])];
    await overlay.dial('other');
    assert.equal(network.dials.length, 3, 'another service is another matter');
  });

  test('not again: no dial until something changes, and nobody is asked for anything however often it is tried', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    // So that it is listed at each refresh: their pauses grow too.
    network.servicesMark = undefined;
    await using overlay = await open(network, { ...PATIENT, refreshEveryMs: 2 });
    network.refuseDial = () => said('not-again', 'OVERLAY-DENIED');
    const refused = { code: 'OVERLAY-DENIED', detail: 'the words of the router', retryable: false };
    await assert.rejects(overlay.dial('vitals'), refused);
    const sessions = network.count('session Dial id-of-vitals');
    const refreshes = network.count('services');
    await turnsUntil(() => network.count('services') > refreshes + 3);
    for (let i = 0; i < 20; i += 1) await assert.rejects(overlay.dial('vitals'), refused);
    assert.deepEqual([network.dials.length, network.count('session Dial id-of-vitals')], [1, sessions]);
    network.refuseDial = () => undefined;
    network.services = [service('vitals', ['Dial'], 'made-again')];
    for (;;) {
      const dialled = await overlay.dial('vitals').then(
        () => true,
        () => false,
      );
      if (dialled) break;
      await new Promise(setImmediate);
    }
    assert.equal(network.dials.at(-1)?.session.serviceId, 'made-again');
  });

  test('not again: a new API session is a change too', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, PATIENT);
    network.refuseDial = () => said('not-again');
    await assert.rejects(overlay.dial('vitals'), { retryable: false });
    network.refuseDial = () => undefined;
    network.newApiSession();
    await turnsUntil(() => network.channels.length === 2);
    await overlay.dial('vitals');
  });

  test('not again, and nothing changes: asked again all the same, by and by, with a new session', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    let refusals = 3;
    network.refuseDial = () => (refusals-- > 0 ? said('not-again') : undefined);
    for (;;) {
      const dialled = await overlay.dial('vitals').then(
        () => true,
        () => false,
      );
      if (dialled) break;
      await new Promise(setImmediate);
    }
    assert.equal(network.dials.length, 4);
    assert.equal(new Set(network.dials.map(({ session }) => session.token)).size, 4);
  });

  test('not again: a pause that runs out in the middle of a dial is over for the next one, which has a new session', async (t) => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, PATIENT);
    network.refuseDial = () => said('not-again');
    await assert.rejects(overlay.dial('vitals'), { retryable: false });
    network.refuseDial = () => undefined;
    // Once it is looked at, the time is that after every pause.
    const real = performance.now.bind(performance);
    let aheadMs = 0;
    t.mock.method(performance, 'now', () => {
      const nowMs = real() + aheadMs;
      aheadMs = 10 * 600_000;
      return nowMs;
    });
    await assert.rejects(overlay.dial('vitals'), { retryable: false });
    assert.equal(network.dials.length, 1);
    await overlay.dial('vitals');
    assert.deepEqual(
      network.dials.map(({ session }) => session.token),
      ['st1', 'st2'],
    );
  });

  test('start over: services and session are asked for anew and it is dialled again, once', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, PATIENT);
    await overlay.dial('vitals');
    const listed = network.count('services');
    // The code alone would not say so.
    network.refuseDial = ({ session }) => (session.token === 'st1' ? said('start-over') : undefined);
    await overlay.dial('vitals');
    assert.deepEqual([network.dials.length, network.count('services')], [3, listed + 1]);
    network.refuseDial = () => said('start-over');
    await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-UNREACHABLE', retryable: true });
    assert.equal(network.dials.length, 5);
  });
});

describe('what a router hints with the end of a bind', { timeout: 20_000 }, () => {
  test('start over: bound again on the same channel with everything asked for anew, when the permission is back', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const binding = await overlay.bind('vitals', ignore);
    network.services = [];
    const { length } = network.binds;
    at(network.hostings, 0).end(said('start-over', 'OVERLAY-DENIED'));
    const listed = network.count('services');
    await turnsUntil(() => network.count('services') > listed + 2);
    assert.equal(binding.failure, 'OVERLAY-NO-SERVICE');
    assert.equal(network.binds.length, length, 'no bind without the permission');
    network.services = [service('vitals', ['Bind'])];
    await turnsUntil(() => network.standing.length === 1);
    assert.deepEqual([network.channels.length, at(network.standing, 0).request.session.token], [1, 'st2']);
    assert.equal(binding.failure, undefined);
  });

  test('not again: the binding says why, looks for a change, and binds when there is one', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { backoff: { minMs: 1, maxMs: 1000 } });
    const binding = await overlay.bind('vitals', ignore);
    at(network.hostings, 0).end(said('not-again', 'OVERLAY-DENIED'));
    const listed = network.count('services');
    await turnsUntil(() => network.count('services') > listed);
    assert.deepEqual([binding.failure, network.binds.length], ['OVERLAY-DENIED', 1]);
    network.services = [service('vitals', ['Bind'], 'made-again')];
    await turnsUntil(() => network.standing.length === 1);
    assert.equal(at(network.standing, 0).request.session.serviceId, 'made-again');
  });

  test('not again, and nothing changes: tried again all the same', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.bind('vitals', ignore);
    let refusals = 2;
    network.refuseBind = () => (refusals-- > 0 ? said('not-again') : undefined);
    at(network.hostings, 0).end(said('not-again'));
    await turnsUntil(() => network.standing.length === 1);
    assert.equal(network.binds.length, 4);
  });

  test('busy on one router changes nothing on the other', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const { network, overlay } = await twoRouters({ ...PATIENT, rebindEveryMs: 2 });
    await using _ = overlay;
    const binding = await overlay.bind('vitals', ignore);
    await turnsUntil(() => network.standing.length === 2);
    const busy = network.channelTo('one');
    let asked = 0;
    network.refuseBind = ({ channel }) => {
      if (channel !== busy) return undefined;
      asked += 1;
      return said('busy');
    };
    network.standing.find(({ request }) => request.channel === busy)?.end(said('busy'));
    const { length } = network.hostings;
    await turnsUntil(() => network.hostings.length > length + 3);
    assert.deepEqual([asked <= 1, binding.failure], [true, undefined]);
  });
});

test('a service that the network does not want hosted again is no reason for a program not to start', async () => {
  verifies('OVERLAY-RETRY-HINT');
  const refusing = { bind: () => Promise.reject(said('not-again', 'OVERLAY-DENIED')) };
  const network = new ScriptedNetwork();
  await using hosted = new HostedService({
    overlay: refusing as unknown as Overlay,
    service: 'vitals',
    accept: (stream) => stream.destroy(),
    log: network.log,
  });
  await hosted.start(new AbortController().signal);
  await turnsUntil(() => network.warnings.length > 0);
  assert.deepEqual(hosted.status(), { bound: false, code: 'OVERLAY-DENIED' });
});

test('an uplink whose dial is not wanted again asks no router in vain, goes on trying, and is there when something has changed', async () => {
  verifies('OVERLAY-RETRY-HINT');
  const network = new ScriptedNetwork();
  await using overlay = await open(network, PATIENT);
  network.refuseDial = () => said('not-again', 'OVERLAY-DENIED');
  const identity = await (await testNetwork()).identity('gw1');
  const metrics = new Metrics();
  await using uplink = createUplink({
    outbox: new MemoryOutbox(),
    overlay,
    service: 'vitals',
    identity,
    hubIdentity: ['hub'],
    log: silentLogger,
    metrics,
    clock: systemClock,
    retry: { minMs: 1, maxMs: 2, slowMinMs: 1, slowMaxMs: 2 },
  });
  await uplink.start(new AbortController().signal);
  const refused = (): number => metrics.get('uplink_lost', 'OVERLAY-DENIED');
  await turnsUntil(() => refused() > 10);
  assert.deepEqual([network.dials.length, uplink.status().code], [1, 'OVERLAY-DENIED']);
  network.newApiSession();
  await turnsUntil(() => network.dials.length === 2);
});
