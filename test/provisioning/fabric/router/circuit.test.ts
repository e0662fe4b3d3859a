import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { accept, idsOf, Stage, u32Of } from './stage.ts';

describe('embedded router: circuits', { timeout: 30_000 }, () => {
  test('a dial reaches the host with what the dialer said and who it really is', async () => {
    verifies('FABRIC-ROUTER-CALLER');
    await using s = await Stage.start();
    const host = await s.host('hub', 'vitals', { 1003: Buffer.alloc(32, 2) });
    const dialer = await s.channel('gw1');
    const sent = dialer.send(
      60783,
      {
        1000: 5,
        1003: Buffer.alloc(32, 3),
        1008: 'somebody else',
        1009: '\x00',
        1011: 'app',
        1025: 'vm1marker',
        1034: 'EVIL',
        1035: 'evil',
      },
      'gw1/vitals/Dial',
    );
    const dial = await host.next(60787);
    assert.deepEqual(idsOf(dial), [1000, 1003, 1008, 1011, 1012, 1025, 1026, 1034, 1035]);
    assert.equal(u32Of(dial, 1000), 7);
    assert.equal(u32Of(dial, 1012), 0x8000_0000);
    assert.deepEqual(dial.headers.get(1003), Buffer.alloc(32, 3));
    assert.equal(String(dial.headers.get(1008)), 'somebody else');
    assert.equal(String(dial.headers.get(1011)), 'app');
    assert.equal(String(dial.headers.get(1025)), 'vm1marker');
    assert.equal(String(dial.headers.get(1034)), 'gw1');
    assert.equal(String(dial.headers.get(1035)), "gw1's name");
    assert.equal(String(dial.body), 'hub/vitals/Bind');
    host.send(60788, { 1: dial.sequence, 1000: 7 }, Buffer.from('00000080', 'hex'));
    const connected = await dialer.next(60784);
    assert.deepEqual(idsOf(connected), [1, 1000, 1003, 1026, 1101]);
    assert.equal(u32Of(connected, 1), sent);
    assert.deepEqual(connected.headers.get(1003), Buffer.alloc(32, 2));
    assert.deepEqual(connected.headers.get(1026), dial.headers.get(1026));
    assert.equal(connected.headers.get(1101)?.toString('hex'), '00000000');
  });

  test('data passes both ways without its sequence header and with its flags, in every size', async () => {
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    const connId = await s.circuit(dialer, host);
    for (const size of [0, 1, 100, 4095, 4096, 5000, 65_536, 200_000, 1_000_000, 9_000_000]) {
      const content = randomBytes(size);
      dialer.send(60786, { 1001: 9, 1000: 1, 1010: 4 }, content);
      const there = await host.next(60786);
      assert.deepEqual(idsOf(there), [1000, 1010]);
      assert.equal(u32Of(there, 1000), connId);
      assert.equal(u32Of(there, 1010), 4);
      assert.ok(there.body.equals(content));
      host.send(60786, { 1000: connId }, content);
      const back = await dialer.next(60786);
      assert.deepEqual(idsOf(back), [1000]);
      assert.equal(u32Of(back, 1000), 1);
      assert.ok(back.body.equals(content));
    }
  });

  test('what a host sends right behind its yes comes behind StateConnected', async () => {
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    const connId = await accept(host);
    host.send(60786, { 1000: connId }, 'early');
    await dialer.next(60784);
    assert.equal(String((await dialer.next(60786)).body), 'early');
  });

  test('an end in both directions closes nothing; StateClosed does, and says "close called" whatever its sender said', async () => {
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    const connId = await s.circuit(dialer, host);
    dialer.send(60786, { 1000: 1, 1010: 1 });
    host.send(60786, { 1000: connId, 1010: 1 }, 'last');
    assert.equal(u32Of(await host.next(60786), 1010), 1);
    assert.equal(String((await dialer.next(60786)).body), 'last');
    dialer.send(60786, { 1000: 1 }, 'behind the end');
    assert.equal(String((await host.next(60786)).body), 'behind the end');
    host.send(60785, { 1000: connId }, 'bye from host');
    const closed = await dialer.next(60785);
    assert.deepEqual(idsOf(closed), [1000, 1001]);
    assert.equal(u32Of(closed, 1001), 1);
    assert.equal(String(closed.body), 'close called');
    await host.sync();
    assert.deepEqual(host.unread, []);
    assert.equal(s.router.stats().circuits, 0);
  });
});
