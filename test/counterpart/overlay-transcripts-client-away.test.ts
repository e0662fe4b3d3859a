import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { verifies } from '../requirements.ts';
import { ending } from '../support/ziti/conversation.ts';
import { ScriptedSite, transcript } from '../support/ziti/scripted-site.ts';

const RESTART = 'Q2-controller-restart';
const IDLE = 'T-idle-circuits-after-controller-restart';
const FIRST_ROUTER_ID = 0x8000_0000;

function detailOf(error: unknown): unknown {
  return (error as { detail?: string } | undefined)?.detail;
}

function codeOf(error: unknown): unknown {
  return (error as { code?: string } | undefined)?.code;
}

describe('our client, where a real controller was away', { timeout: 60_000 }, () => {
  test('a host is confirmed twice, loses circuits of before the restart, and keeps the one of after it', async () => {
    verifies('OVERLAY-REAL-ROUTER', 'OVERLAY-CONTROLLER-AWAY');
    await using site = await ScriptedSite.open(transcript(IDLE, 'host R1'));
    const hosting = await site.host();
    const said: { connection: Duplex; over: Promise<void> }[] = [];
    for (const connId of [0, 1, 2]) {
      const { connection } = await site.accepted();
      said.push({ connection, over: site.converse(connection, FIRST_ROUTER_ID + connId) });
    }
    const [first, second, third] = said;
    assert.ok(first && second && third);
    const ends: unknown[] = [];
    for (const { connection, over } of [first, second]) {
      await over;
      ends.push(codeOf(await ending(connection)));
    }
    await third.over;
    assert.deepEqual(ends, ['OVERLAY-CLOSED', 'OVERLAY-CLOSED']);
    assert.deepEqual([third.connection.destroyed, hosting.ended.aborted], [false, false]);
  });

  test('a bind made meanwhile stands when it is confirmed', async () => {
    verifies('OVERLAY-REAL-ROUTER', 'OVERLAY-CONTROLLER-AWAY');
    await using site = await ScriptedSite.open(transcript(RESTART, 'bind while controller down'));
    const hosting = await site.host();
    await site.accepted();
    assert.equal(hosting.ended.aborted, false);
  });

  test('a dial made before the way is known is worth another try, which succeeds', async () => {
    verifies('OVERLAY-REAL-ROUTER', 'OVERLAY-CONTROLLER-AWAY');
    await using site = await ScriptedSite.open(transcript(RESTART, 'dial started while down'));
    await assert.rejects(site.dial(), (error) => {
      assert.deepEqual([codeOf(error), String(detailOf(error)).slice(0, 16)], ['OVERLAY-UNREACHABLE', "can't route from"]);
      return true;
    });
    assert.equal((await site.dial(1)).destroyed, false);
  });
});
