import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import type { RawClient } from '../../../support/ziti/raw-client.ts';
import { accept, idsOf, portOf, Stage, u32Of } from './stage.ts';

const MODERN = { 1012: '\x01', 1023: '\x01', 1024: '\x01', 1028: '\x00' };

/** Dials `vitals` and says which of the hosts is asked; that one says yes. */
async function askedHost(dialer: RawClient, hosts: readonly RawClient[], connId: number, headers = {}): Promise<number> {
  dialer.send(60783, { 1000: connId, ...headers }, 'gw1/vitals/Dial');
  const asked = await Promise.race(hosts.map(async (host, i) => host.arrival(60787).then(() => i)));
  const host = hosts[asked];
  assert.ok(host);
  await accept(host);
  await dialer.next(60784);
  return asked;
}

describe('embedded router: hosts', { timeout: 30_000 }, () => {
  test('a Bind is confirmed, asked for its state and told that its terminator exists', async () => {
    verifies('FABRIC-ROUTER-AS-REAL');
    await using s = await Stage.start();
    const client = await s.channel('hub');
    const sequence = client.send(60790, { 1000: 3, 1021: 'listener', ...MODERN }, 'hub/vitals/Bind');
    const connected = await client.next(60784);
    assert.deepEqual([idsOf(connected), u32Of(connected, 1), u32Of(connected, 1000)], [[1, 1000, 1012], sequence, 3]);
    assert.equal(String(connected.headers.get(1012)), '\x01');
    const inspect = await client.next(60798);
    assert.deepEqual([idsOf(inspect), u32Of(inspect, 1000)], [[1000], 3]);
    const success = await client.next(60800);
    assert.deepEqual([idsOf(success), u32Of(success, 1000)], [[1000], 3]);
    client.send(60799, { 1: inspect.sequence, 1000: 3, 1022: '\x02' }, '{"id":3}');
    await client.sync();
    assert.deepEqual(client.unread, []);
  });

  test('a host that offers neither is neither inspected nor told of its terminator', async () => {
    await using s = await Stage.start();
    const client = await s.channel('hub');
    client.send(60790, { 1000: 3 }, 'hub/vitals/Bind');
    assert.deepEqual(idsOf(await client.next(60784)), [1, 1000]);
    await client.sync();
    assert.deepEqual(client.unread, []);
  });

  test('a host of before chooses the ids of its connections and is told that they are good', async () => {
    verifies('FABRIC-ROUTER-AS-REAL');
    await using s = await Stage.start();
    const host = await s.host('hub', 'vitals', { 1012: '\x00', 1024: '\x00' });
    const dialer = await s.channel('gw1');
    for (const [n, hostConnId] of [
      [1, 55],
      [2, 56],
    ] as const) {
      dialer.send(60783, { 1000: n }, 'gw1/vitals/Dial');
      const dial = await host.next(60787);
      assert.deepEqual(idsOf(dial), [1000, 1008, 1026, 1034, 1035]);
      assert.equal(String(dial.headers.get(1008)), '');
      const answer = host.send(60788, { 1: dial.sequence, 1000: 7 }, Buffer.of(hostConnId, 0, 0, 0));
      const confirmed = await host.next(60784);
      assert.deepEqual(
        [idsOf(confirmed), u32Of(confirmed, 1), u32Of(confirmed, 1000), u32Of(confirmed, 1001)],
        [[1, 1000, 1001], answer, 7, n],
      );
      await dialer.next(60784);
      dialer.send(60786, { 1000: n }, 'zzz');
      assert.equal(u32Of(await host.next(60786), 1000), hostConnId);
    }
    dialer.send(60783, { 1000: 3 }, 'gw1/vitals/Dial');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const dial = await host.next(60787);
      host.send(60788, { 1: dial.sequence, 1000: 7 }, Buffer.of(55, 0, 0, 0));
    }
    assert.match(String((await dialer.next(60785)).body), /sink id 55 already in use/);
  });

  test('the same listener bound again takes the place of the former one', async () => {
    await using s = await Stage.start();
    const former = await s.host('hub', 'vitals', { 1021: 'l-dup' });
    const latter = await s.host('hub', 'vitals', { 1021: 'l-dup' });
    const closed = await former.next(60785);
    assert.deepEqual([idsOf(closed), u32Of(closed, 1000), u32Of(closed, 1014)], [[1000, 1014, 1033], 7, 1]);
    assert.equal(String(closed.body), 'found a newer terminator for listener id');
    assert.equal(
      String(closed.headers.get(1033)),
      '{"message":"newer terminator found for listener id","code":1,"cause":null,"retryHint":0}',
    );
    await s.circuit(await s.channel('gw1'), latter);
    assert.equal(s.router.stats().terminators, 1);
  });

  test('a listener id of somebody else takes no place', async () => {
    await using s = await Stage.start();
    const host = await s.host('hub', 'vitals', { 1021: 'l-dup' });
    await s.host('hub2', 'vitals', { 1021: 'l-dup' });
    await host.sync();
    assert.deepEqual(host.unread, []);
    assert.equal(s.router.stats().terminators, 2);
  });

  test('Unbind, StateClosed on the bind and the end of the channel remove the terminator; circuits go on where they can', async () => {
    await using s = await Stage.start();
    const dialer = await s.channel('gw1');
    const host = await s.host();
    const connId = await s.circuit(dialer, host);
    host.send(60791, { 1000: 7 }, 'hub/vitals/Bind');
    host.send(60785, { 1000: 7 });
    await host.sync();
    assert.deepEqual(host.unread, []);
    dialer.send(60783, { 1000: 2 }, 'gw1/vitals/Dial');
    assert.equal(String((await dialer.next(60785)).body), 'service vitals has no terminators');
    dialer.send(60786, { 1000: 1 }, 'still');
    assert.equal(u32Of(await host.next(60786), 1000), connId);

    host.send(60790, { 1000: 8, 1024: '\x01' }, 'hub/vitals/Bind');
    await host.next(60784);
    await host.next(60800);
    assert.equal(s.router.stats().terminators, 1);
    await host[Symbol.asyncDispose]();
    const closed = await dialer.next(60785);
    assert.deepEqual([u32Of(closed, 1000), String(closed.body)], [1, 'close called']);
    dialer.send(60783, { 1000: 2 }, 'gw1/vitals/Dial');
    assert.equal(String((await dialer.next(60785)).body), 'service vitals has no terminators');
  });

  test('a dial that was under way when its host unbound goes on with the answer, unless the host may host no longer', async () => {
    await using s = await Stage.start();
    const dialer = await s.channel('gw1');
    for (const mayHost of [true, false]) {
      const host = await s.host();
      dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
      await host.arrival(60787);
      host.send(60791, { 1000: 7 }, 'hub/vitals/Bind');
      host.send(60785, { 1000: 7 });
      await host.sync();
      if (!mayHost) s.grants.change(() => s.grants.denied.add('hub vitals Bind'));
      const connId = await accept(host);
      if (!mayHost) {
        assert.deepEqual([u32Of(await host.next(60785), 1000), s.router.stats().circuits], [connId, 0]);
        assert.match(String((await dialer.next(60785)).body), /has no terminators/);
        continue;
      }
      await dialer.next(60784);
      dialer.send(60786, { 1000: 1 }, 'late');
      assert.equal(u32Of(await host.next(60786), 1000), connId);
      dialer.send(60785, { 1000: 1 });
      await host.next(60785);
    }
  });

  test('an instance is reached by its name, and by nobody who does not name it', async () => {
    await using s = await Stage.start();
    const named = await s.host('hub', 'vitals', { 1006: 'inst-A', 1007: 'secret' });
    const dialer = await s.channel('gw1');
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    assert.equal(String((await dialer.next(60785)).body), 'service vitals has no terminators');
    assert.equal(await askedHost(dialer, [named], 1, { 1006: 'inst-A' }), 0);
  });

  test('hosts share the dials; a cost, a precedence and an UpdateBind turn them', async () => {
    await using s = await Stage.start();
    const hosts = [await s.host('hub'), await s.host('hub2')];
    const dialer = await s.channel('gw1');
    const asked: number[] = [];
    for (let i = 0; i < 6; i += 1) asked.push(await askedHost(dialer, hosts, 10 + i));
    assert.equal(asked.filter((i) => i === 0).length, 3);
    hosts[0]?.send(60794, { 1000: 7, 1004: Buffer.of(100, 0) }, 'hub/vitals/Bind');
    await hosts[0]?.sync();
    for (let i = 0; i < 3; i += 1) assert.equal(await askedHost(dialer, hosts, 20 + i), 1);
    hosts[0]?.send(60794, { 1000: 7, 1005: Buffer.of(1) }, 'hub/vitals/Bind');
    await hosts[0]?.sync();
    for (let i = 0; i < 3; i += 1) assert.equal(await askedHost(dialer, hosts, 30 + i), 0);
  });

  test('a dial reaches a host on another router of the network, and prefers one on its own', async () => {
    await using s = await Stage.start();
    const second = await s.secondRouter();
    const far = await s.host('hub', 'vitals', { 1021: 'same listener' }, portOf(second));
    const dialer = await s.channel('gw1');
    assert.equal(await askedHost(dialer, [far], 1), 0);
    dialer.send(60786, { 1000: 1 }, 'across');
    assert.equal(String((await far.next(60786)).body), 'across');
    const near = await s.host('hub', 'vitals', { 1021: 'same listener' });
    assert.equal(await askedHost(dialer, [far, near], 2), 1);
    await far.sync();
    assert.deepEqual(far.unread, []);
    await second[Symbol.asyncDispose]();
    assert.equal(String((await dialer.next(60785)).body), 'close called');
    assert.equal(await askedHost(dialer, [near], 3), 0);
  });

  test('what a router that has stopped hosted stays, and is not asked; with its return it is gone', async () => {
    verifies('FABRIC-ROUTER-AS-REAL');
    await using s = await Stage.start();
    const dialer = await s.channel('gw1');
    const refused = async (connId: number): Promise<string> => {
      dialer.send(60783, { 1000: connId }, 'gw1/vitals/Dial');
      return String((await dialer.next(60785)).body);
    };
    const second = await s.secondRouter();
    await s.host('hub', 'vitals', {}, portOf(second));
    await second[Symbol.asyncDispose]();
    assert.equal(await refused(1), 'service vitals has no online terminators for instanceId ');
    assert.equal(s.terminators.size, 1);
    const near = await s.host('hub2');
    assert.equal(await askedHost(dialer, [near], 2), 0);
    near.send(60785, { 1000: 7 });
    await near.sync();
    assert.equal(await refused(3), 'service vitals has no online terminators for instanceId ');
    const back = await s.secondRouter();
    assert.equal(await refused(4), 'service vitals has no terminators');
    assert.equal(s.terminators.boundBy('hub'), 0);
    const far = await s.host('hub', 'vitals', {}, portOf(back));
    assert.equal(await askedHost(dialer, [far], 5), 0);
  });

  test('a dial that waits for the host of a router that stops is tried at another', async () => {
    await using s = await Stage.start();
    const dialer = await s.channel('gw1');
    const second = await s.secondRouter();
    const first = await s.host('hub', 'vitals', {}, portOf(second));
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    await first.next(60787);
    const near = await s.host('hub2');
    await second[Symbol.asyncDispose]();
    await accept(near);
    await dialer.next(60784);
  });

  test('an identity has so many binds and no more, on all its channels; what it gives up it may have again', async () => {
    verifies('FABRIC-ROUTER-BOUNDED');
    await using s = await Stage.start({ binds: 2 });
    const [one, two, other] = [await s.host(), await s.host(), await s.host('hub2')];
    const bind = (connId: number) => one.send(60790, { 1000: connId, ...MODERN }, 'hub/vitals/Bind');
    bind(8);
    assert.equal(String((await one.next(60785)).body), 'too many binds of this identity');
    assert.equal(s.terminators.size, 3);
    two.send(60785, { 1000: 7 });
    await two.sync();
    bind(8);
    await one.next(60784);
    await other.sync();
    assert.deepEqual(other.unread, []);
  });
});
