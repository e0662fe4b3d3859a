import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Overlay } from '../../../../shared/overlay/overlay.ts';
import { updateToken } from '../../../../shared/overlay/ziti/channel/update-token.ts';
import { openZitiOverlayOf, type ZitiBehaviour } from '../../../../shared/overlay/ziti/overlay.ts';
import { verifies } from '../../../requirements.ts';
import { hex } from '../../../support/raw-router.ts';
import { turnsUntil } from '../../../support/until.ts';
import { router, ScriptedNetwork } from '../../../support/ziti/scripted-network.ts';
import { opened } from './channel/opened.ts';

function open(network: ScriptedNetwork, behaviour: ZitiBehaviour = {}): Promise<Overlay> {
  return openZitiOverlayOf(network.parts, network.log, { backoff: { minMs: 1, maxMs: 4 }, ...behaviour });
}

describe('a new token', { timeout: 20_000 }, () => {
  test('is shown on every channel of the session, once', async () => {
    verifies('OVERLAY-TOKEN-RENEWED');
    const network = new ScriptedNetwork();
    network.routers = [router('one'), router('two')];
    await using _overlay = await open(network);
    await turnsUntil(() => network.channels.length === 2);
    await turn();
    network.newToken();
    network.newToken();
    await turn();
    assert.deepEqual(
      network.channels.map(({ tokensShown }) => tokensShown),
      [
        ['token-1-1', 'token-1-2'],
        ['token-1-1', 'token-1-2'],
      ],
    );
    assert.ok(network.channels.every(({ closed }) => !closed.aborted));
  });

  test('is shown on a channel whose hello was under way with the one of before', async () => {
    verifies('OVERLAY-TOKEN-RENEWED');
    const network = new ScriptedNetwork();
    network.greet = (channel) => {
      channel.answers = false;
    };
    const opening = open(network);
    await turnsUntil(() => network.channels.length === 1);
    network.newToken();
    network.channels[0]?.answer();
    await using _overlay = await opening;
    await turnsUntil(() => network.channels[0]?.tokensShown.length === 1);
    assert.deepEqual([network.channels[0]?.sessionToken, network.channels[0]?.tokensShown], ['token-1', ['token-1-1']]);
  });

  test('is not shown on a channel of an older session, which goes on to its own end', async () => {
    verifies('OVERLAY-TOKEN-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const connection = await overlay.dial('vitals');
    const old = network.channelTo('one');
    network.newApiSession();
    await turnsUntil(() => network.channelTo('one') !== old);
    await turn();
    network.newToken();
    await turnsUntil(() => network.channelTo('one').tokensShown.length === 1);
    assert.deepEqual(old.tokensShown, []);
    assert.equal(old.closed.aborted, false);
    connection.destroy();
  });

  test('is shown on a channel that only ends what it carries', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { refreshEveryMs: 5 });
    const connection = await overlay.dial('vitals');
    const first = network.channelTo('one');
    network.routers = [router('two')];
    await turnsUntil(() => network.channels.length === 2);
    await turnsUntil(() => overlay.state === 'ready');
    await turn();
    network.newToken();
    await turnsUntil(() => first.tokensShown.length === 1);
    assert.equal(first.closed.aborted, false);
    connection.destroy();
  });

  test('that the router refuses costs its channel, and another one takes its place at once', async () => {
    verifies('OVERLAY-TOKEN-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const first = network.channelTo('one');
    first.tokenAnswer = 'refused';
    network.newToken();
    await turnsUntil(() => network.channels.length === 2 && first.closed.aborted);
    await turnsUntil(() => overlay.state === 'ready');
    assert.equal(network.channelTo('one').sessionToken, 'token-1-1');
    await overlay.dial('vitals');
    assert.equal(network.dials.at(-1)?.channel, network.channelTo('one'));
    assert.equal(network.warnings.filter((warning) => warning.startsWith('a new token was not taken')).length, 1);
  });

  test('that the router leaves unanswered makes another channel before the old one ends', async () => {
    verifies('OVERLAY-TOKEN-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network, { requestTimeoutMs: 30 });
    const connection = await overlay.dial('vitals');
    const first = network.channelTo('one');
    first.tokenAnswer = 'silence';
    network.newToken();
    await turnsUntil(() => network.channels.length === 2);
    assert.equal(first.closed.aborted, false);
    await turn();
    connection.destroy();
    await turnsUntil(() => first.disposed);
  });

  test('of an overlay that is closed meanwhile is nobody’s concern', async () => {
    const network = new ScriptedNetwork();
    const overlay = await open(network);
    network.channelTo('one').tokenAnswer = 'silence';
    network.newToken();
    await overlay[Symbol.asyncDispose]();
    network.newToken();
    assert.deepEqual(network.warnings, []);
  });
});

describe('a dial between two API sessions', { timeout: 20_000 }, () => {
  test('waits for a channel of the present one: a router takes nothing of it on one of the other', async () => {
    verifies('OVERLAY-SESSION-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const old = network.channelTo('one');
    network.greet = (channel) => {
      channel.answers = false;
    };
    network.newApiSession();
    const dialling = overlay.dial('vitals');
    await turnsUntil(() => network.channelTo('one') !== old);
    await turn();
    assert.equal(network.dials.length, 0);
    network.channelTo('one').answer();
    (await dialling).destroy();
    assert.equal(network.dials[0]?.channel, network.channelTo('one'));
  });

  test('that a new session overtakes is tried once more with one of its own service sessions', async () => {
    verifies('OVERLAY-SESSION-RENEWED');
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    network.refuseDial = () => {
      network.refuseDial = () => undefined;
      network.newApiSession();
      return 'OVERLAY-SESSION';
    };
    (await overlay.dial('vitals')).destroy();
    const [first, second] = network.dials;
    assert.equal(network.dials.length, 2);
    assert.notEqual(first?.session.id, second?.session.id);
    assert.equal(second?.channel, network.channels[1]);
    network.refuseDial = () => 'OVERLAY-SESSION';
    await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-SESSION' });
    assert.equal(network.dials.length, 4);
  });

  test('ends in time, or with the last channel, when there comes none', async () => {
    const network = new ScriptedNetwork();
    await using overlay = await open(network);
    const old = network.channelTo('one');
    network.greet = (channel) => {
      channel.answers = false;
    };
    network.newApiSession();
    await assert.rejects(overlay.dial('vitals', { timeoutMs: 20 }), { code: 'OVERLAY-TIMEOUT' });
    const dialling = overlay.dial('vitals');
    await turn();
    old.cut();
    await assert.rejects(dialling, { code: 'OVERLAY-UNREACHABLE' });
  });
});

describe('a token on the wire', { timeout: 20_000 }, () => {
  // Sequence of the first request behind the hello is 1: content type 60803, no headers, the token as body.
  const SHOWN = '0306090c 83ed0000 01000000 00000000 05000000 746f6b656e';

  test('goes out as it is; the answer says that it was taken', async () => {
    await using o = await opened();
    const showing = updateToken(o.channel, 'token', new AbortController().signal);
    assert.deepEqual(await o.peer.frame(), hex(SHOWN));
    await o.peer.send(hex('0306090c 81ed0000 01000000 0c000000 00000000 | 01000000 04000000 01000000'));
    await showing;
  });

  for (const [what, answer] of [
    ['that it was not', '0306090c 82ed0000 01000000 0c000000 03000000 | 01000000 04000000 01000000 | 6e6f2e'],
    ['nothing that fits', '0306090c 02000000 01000000 0c000000 00000000 | 01000000 04000000 01000000'],
  ] as const)
    test(`an answer says ${what}: it was not taken`, async () => {
      await using o = await opened();
      const showing = updateToken(o.channel, 'token', new AbortController().signal);
      await o.peer.frame();
      await o.peer.send(hex(answer));
      await assert.rejects(showing, { code: 'OVERLAY-SESSION' });
    });
});
