import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import type { RawClient, RawFrame } from '../../../support/ziti/raw-client.ts';
import { idsOf, Stage, u32Of } from './stage.ts';

/** A stage with a circuit from gw1 (id 1) to hub, and what the two sides read of a change. */
async function withCircuit(): Promise<{ s: Stage; host: RawClient; dialer: RawClient; hostConnId: number }> {
  const s = await Stage.start();
  const host = await s.host();
  const dialer = await s.channel('gw1');
  return { s, host, dialer, hostConnId: await s.circuit(dialer, host) };
}

function said(frame: RawFrame): [number | undefined, string] {
  assert.equal(frame.type, 60785);
  return [u32Of(frame, 1000), String(frame.body)];
}

async function silent(client: RawClient): Promise<void> {
  await client.sync();
  assert.deepEqual(client.unread, []);
}

describe('embedded router: what is taken away', { timeout: 30_000 }, () => {
  for (const [who, loses] of [
    ['dialer', 'gw1'],
    ['host', 'hub'],
  ] as const) {
    test(`a ${who} whose session or identity is gone loses its channel without a word, the other reads "close called"`, async () => {
      verifies('FABRIC-ROUTER-REVOKED');
      const { s, host, dialer, hostConnId } = await withCircuit();
      await using _ = s;
      const [own, other] = who === 'dialer' ? [dialer, host] : [host, dialer];
      s.grants.change(() => s.grants.sessions.delete(`token-${loses}`));
      assert.deepEqual(said(await other.next()), [who === 'dialer' ? hostConnId : 1, 'close called']);
      await own.closed;
      assert.deepEqual(own.unread, []);
      assert.deepEqual([s.router.stats().circuits, s.router.stats().terminators], [0, who === 'host' ? 0 : 1]);
      await silent(other);
    });
  }

  test('a dial policy taken away: "dial access lost" to the dialer, "close called" to the host', async () => {
    verifies('FABRIC-ROUTER-REVOKED');
    const { s, host, dialer, hostConnId } = await withCircuit();
    await using _ = s;
    const neighbour = await s.channel('gw2');
    const spared = await s.circuit(neighbour, host, 1, 'gw2');
    s.grants.change(() => s.grants.denied.add('gw1 vitals Dial'));
    const lost = await dialer.next();
    assert.deepEqual(
      [said(lost), idsOf(lost)],
      [
        [1, 'dial access lost'],
        [1000, 1001],
      ],
    );
    assert.deepEqual(said(await host.next()), [hostConnId, 'close called']);
    dialer.send(60786, { 1000: 1 }, 'more');
    await silent(dialer);
    neighbour.send(60786, { 1000: 1 }, 'unharmed');
    assert.equal(u32Of(await host.next(60786), 1000), spared);
  });

  test('a bind policy taken away: the bind and its circuits end, and the channel stays', async () => {
    verifies('FABRIC-ROUTER-REVOKED');
    const { s, host, dialer, hostConnId } = await withCircuit();
    await using _ = s;
    s.grants.change(() => s.grants.denied.add('hub vitals Bind'));
    const lost = await host.next();
    assert.deepEqual([said(lost), idsOf(lost), u32Of(lost, 1014)], [[7, 'bind access lost'], [1000, 1014, 1033], 14]);
    assert.equal(String(lost.headers.get(1033)), '{"message":"bind access lost","code":14,"cause":null,"retryHint":2}');
    assert.deepEqual(said(await host.next()), [hostConnId, 'bind access lost']);
    assert.deepEqual(said(await dialer.next()), [1, 'close called']);
    dialer.send(60783, { 1000: 2 }, 'gw1/vitals/Dial');
    assert.equal(String((await dialer.next(60785)).body), 'service vitals has no terminators');
    s.grants.change(() => s.grants.denied.clear());
    host.send(60790, { 1000: 7, 1012: '\x01' }, 'hub/vitals/Bind');
    await host.next(60784);
    await s.circuit(dialer, host);
  });

  for (const [name, type] of [
    ['given up', 60791],
    ['made again with its listener id', 60790],
  ] as const) {
    test(`a bind policy taken away ends the circuits of a bind that was ${name} before, too`, async () => {
      verifies('FABRIC-ROUTER-REVOKED');
      await using s = await Stage.start();
      const host = await s.host('hub', 'vitals', { 1021: 'listener' });
      const dialer = await s.channel('gw1');
      const hostConnId = await s.circuit(dialer, host);
      const again = await s.channel('hub');
      if (type === 60791) host.send(type, { 1000: 7 }, 'hub/vitals/Bind');
      else again.send(type, { 1000: 9, 1012: '\x01', 1021: 'listener' }, 'hub/vitals/Bind');
      await Promise.all([host.sync(), again.sync()]);
      assert.equal(s.router.stats().circuits, 1);
      s.grants.change(() => s.grants.denied.add('hub vitals Bind'));
      assert.deepEqual(said(await dialer.next()), [1, 'close called']);
      if (type === 60790) assert.deepEqual(said(await host.next()), [7, 'found a newer terminator for listener id']);
      assert.deepEqual(said(await host.next()), [hostConnId, 'bind access lost']);
    });
  }

  test('a service deleted: bind and circuit read "bind access lost", the dialer "close called"', async () => {
    const { s, host, dialer, hostConnId } = await withCircuit();
    await using _ = s;
    s.grants.change(() => s.grants.services.delete('vitals'));
    assert.deepEqual(said(await host.next()), [7, 'bind access lost']);
    assert.deepEqual(said(await host.next()), [hostConnId, 'bind access lost']);
    assert.deepEqual(said(await dialer.next()), [1, 'close called']);
  });

  test("a host's service session ended: its bind ends with code 3, its circuits live", async () => {
    const { s, host, dialer, hostConnId } = await withCircuit();
    await using _ = s;
    s.grants.change(() => s.grants.endedSessions.add('hub/vitals/Bind'));
    const ended = await host.next();
    assert.deepEqual([said(ended), u32Of(ended, 1014)], [[7, 'session ended'], 3]);
    assert.equal(String(ended.headers.get(1033)), '{"message":"service session removed","code":3,"cause":null,"retryHint":2}');
    dialer.send(60786, { 1000: 1 }, 'still?');
    assert.equal(u32Of(await host.next(60786), 1000), hostConnId);
    dialer.send(60783, { 1000: 2 }, 'gw1/vitals/Dial');
    assert.equal(String((await dialer.next(60785)).body), 'service vitals has no terminators');
  });

  test('a dialer\'s service session ended: "session closed" to the dialer, "close called" to the host', async () => {
    const { s, host, dialer, hostConnId } = await withCircuit();
    await using _ = s;
    s.grants.change(() => s.grants.endedSessions.add('gw1/vitals/Dial'));
    assert.deepEqual(said(await dialer.next()), [1, 'session closed']);
    assert.deepEqual(said(await host.next()), [hostConnId, 'close called']);
  });

  test('encryption demanded from now on changes nothing that runs', async () => {
    const { s, host, dialer } = await withCircuit();
    await using _ = s;
    s.grants.change(() => s.grants.addService('vitals', { encryptionRequired: true }));
    dialer.send(60783, { 1000: 2 }, 'gw1/vitals/Dial');
    assert.equal(String((await dialer.next(60785)).body), 'encryption required on service, initiator did not send public header');
    dialer.send(60786, { 1000: 1 }, 'still');
    await host.next(60786);
  });

  test('what waits for a reader that was cut off is not sent to it any more', async () => {
    const { s, host, dialer } = await withCircuit();
    await using _ = s;
    host.socket.pause();
    for (let i = 0; i < 60; i += 1) dialer.send(60786, { 1000: 1 }, Buffer.alloc(65_536));
    await dialer.sync();
    s.grants.change(() => s.grants.sessions.delete('token-hub'));
    assert.deepEqual(said(await dialer.next()), [1, 'close called']);
    assert.equal(s.router.stats().channels, 1);
  });
});
