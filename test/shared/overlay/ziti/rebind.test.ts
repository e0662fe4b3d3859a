import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { Refusal } from '../../../../shared/overlay/ziti/circuit/reasons.ts';
import { openZitiOverlayOf, type ZitiBehaviour } from '../../../../shared/overlay/ziti/overlay.ts';
import { verifies } from '../../../requirements.ts';
import { turnsUntil } from '../../../support/until.ts';
import { router, type ScriptedHosting, ScriptedNetwork } from '../../../support/ziti/scripted-network.ts';

const OFTEN: ZitiBehaviour = { backoff: { minMs: 1, maxMs: 4 }, rebindEveryMs: 2 };

function open(network: ScriptedNetwork, behaviour: ZitiBehaviour = {}): Promise<Overlay> {
  return openZitiOverlayOf(network.parts, network.log, { ...OFTEN, ...behaviour });
}

function at(hostings: readonly ScriptedHosting[], index: number): ScriptedHosting {
  const hosting = hostings.at(index);
  assert.ok(hosting);
  return hosting;
}

const ignore = (): void => undefined;

describe('binding anew from time to time', { timeout: 20_000 }, () => {
  test('makes the new offer before the old one is taken back: another listener id, the same channel and session, late dials accepted', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const stood: number[] = [];
    network.refuseBind = () => {
      stood.push(network.standing.length);
      return undefined;
    };
    const binding = await overlay.bind('vitals', ignore);
    const connection = network.arrive(at(network.hostings, 0));
    await turnsUntil(() => at(network.hostings, 0).disposed && network.hostings.length >= 4);
    const [first, second] = network.hostings;
    assert.notEqual(second?.request.listenerId, first?.request.listenerId);
    assert.equal(second?.request.channel, first?.request.channel);
    assert.equal(second?.request.session.token, first?.request.session.token);
    assert.equal(second?.request.connections, first?.request.connections);
    assert.equal(first?.lateDials, 'accept');
    assert.equal(connection.destroyed, false);
    assert.deepEqual(stood.slice(0, 4), [0, 1, 1, 1]);
    assert.equal(binding.failure, undefined);
    assert.deepEqual(network.warnings, []);
    assert.equal(network.count('session Bind id-of-vitals'), 1);
  });

  test('that is refused leaves the offer of before alone, and is tried again', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const binding = await overlay.bind('vitals', ignore);
    let refused = 0;
    network.refuseBind = () => {
      refused += 1;
      return 'OVERLAY-UNREACHABLE';
    };
    const { length } = network.hostings;
    const last = at(network.hostings, -1);
    await turnsUntil(() => refused > 3);
    assert.deepEqual([network.hostings.length, last.stands, binding.failure], [length, true, undefined]);
    assert.deepEqual(network.warnings, []);
    network.refuseBind = () => undefined;
    await turnsUntil(() => last.disposed && network.standing.length === 1);
  });

  test('that is not answered, as while the controller is away, leaves it too; without a network it comes back with its listener id', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { requestTimeoutMs: 30 });
    await overlay.bind('vitals', ignore);
    network.beforeBind = new Promise(() => undefined);
    const standing = at(network.standing, -1);
    const before = network.binds.length;
    await turnsUntil(() => network.binds.length > before + 3);
    const last = at(network.standing, 0);
    assert.ok(last.stands && network.hostings.indexOf(last) >= network.hostings.indexOf(standing));
    network.beforeBind = undefined;
    network.channelTo('one').cut();
    const { length } = network.hostings;
    await turnsUntil(() => network.hostings.length > length);
    assert.equal(at(network.hostings, length).request.listenerId, at(network.hostings, length - 1).request.listenerId);
  });

  test('that is taken and not confirmed leaves it too, and only one waits beside it', async () => {
    verifies('OVERLAY-TERMINATORS-RENEWED', 'OVERLAY-UNCONFIRMED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const binding = await overlay.bind('vitals', ignore);
    const confirmation = Promise.withResolvers<void>();
    network.beforeConfirmation = confirmation.promise;
    // Those that were confirmed before have made room for the last of them.
    await turnsUntil(() => network.standing.length === 1);
    const last = at(network.standing, 0);
    const stood: number[] = [];
    network.refuseBind = () => {
      stood.push(network.standing.length);
      return undefined;
    };
    await turnsUntil(() => stood.length === 6);
    assert.deepEqual([stood, binding.failure], [[1, 1, 1, 1, 1, 1], undefined]);
    assert.equal(last.stands, true);
    assert.deepEqual(network.warnings, []);
    confirmation.resolve();
    await turnsUntil(() => last.disposed && network.standing.length === 1);
  });

  test('with a session that has ended takes a new one', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.bind('vitals', ignore);
    network.refuseBind = ({ session }) => (session.token === 'st1' ? 'OVERLAY-SESSION' : undefined);
    await turnsUntil(() => network.standing.some(({ request }) => request.session.token === 'st2'));
    await turnsUntil(() => network.standing.length === 1);
  });

  test('with a session that its router wants to see no more takes a new one the next time', async () => {
    verifies('OVERLAY-RETRY-HINT');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    await overlay.bind('vitals', ignore);
    const refusal = new Refusal('OVERLAY-UNREACHABLE', 'not-again', { detail: 'x' });
    network.refuseBind = ({ session }) => (session.token === 'st1' ? refusal : undefined);
    await turnsUntil(() => network.standing.some(({ request }) => request.session.token === 'st2'));
  });

  test('stops with the end of the offer, which refuses late dials when the binding itself is given up', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const binding = await overlay.bind('vitals', ignore);
    await turnsUntil(() => network.hostings.length > 2);
    await binding[Symbol.asyncDispose]();
    const { length } = network.hostings;
    assert.equal(network.standing.length, 0);
    assert.ok(network.hostings.some(({ lateDials }) => lateDials === 'refuse'));
    const other = await overlay.bind('vitals', ignore);
    await turnsUntil(() => network.hostings.length > length + 4);
    assert.equal(
      network.standing.every(({ request }) => request.session.token === 'st2'),
      true,
    );
    await other[Symbol.asyncDispose]();
    assert.equal(network.standing.length, 0);
  });

  test('is spread: each service on each router has a time of its own', async (t) => {
    const times: number[] = [];
    const rebindEveryMs = 300_000_000;
    const { setTimeout: real } = globalThis;
    t.mock.method(globalThis, 'setTimeout', (act: () => void, ms = 0) => {
      if (ms > 200_000_000) times.push(ms);
      return real(act, ms);
    });
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using overlay = await open(network, { rebindEveryMs });
    await Promise.all(Array.from({ length: 10 }, () => overlay.bind('vitals', ignore)));
    await turnsUntil(() => times.length === 20);
    assert.equal(new Set(times).size, 20);
    const [least, most] = [Math.min(...times), Math.max(...times)];
    assert.ok(least >= 0.75 * rebindEveryMs && most <= 1.25 * rebindEveryMs && most - least > 0.05 * rebindEveryMs, `${least} to ${most}`);
  });
});
