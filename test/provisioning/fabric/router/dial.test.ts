import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { accept, idsOf, Stage, u32Of } from './stage.ts';

const EXHAUSTED =
  /^exceeded maximum \[2\] retries creating circuit \[c\/(\w{22})\] \(error creating route for \[s\/\1\] on \[r\/router1\] \(error creating route for \[c\/\1\]: (.*)\)\)$/;

describe('embedded router: dials that fail', { timeout: 30_000 }, () => {
  test('a host that says no is asked twice, and its dialer reads why', async () => {
    verifies('FABRIC-ROUTER-AS-REAL');
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    const sequence = dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    const dials = [];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const dial = await host.next(60787);
      dials.push(dial);
      host.send(60789, { 1: dial.sequence, 1000: 7 }, 'no thanks');
    }
    const [first, second] = dials;
    assert.deepEqual(first?.headers.get(1026), second?.headers.get(1026));
    assert.deepEqual(
      dials.map((dial) => u32Of(dial, 1012)),
      [0x8000_0000, 0x8000_0001],
    );
    const closed = await dialer.next(60785);
    assert.deepEqual([idsOf(closed), u32Of(closed, 1), u32Of(closed, 1000)], [[1, 1000, 1026], sequence, 1]);
    const [, circuitId, reason] = EXHAUSTED.exec(String(closed.body)) ?? [];
    assert.equal(circuitId, String(closed.headers.get(1026)));
    assert.match(reason ?? '', /^failed to establish connection with terminator address \w{22}\. error: \(no thanks\)$/);
    await host.sync();
    assert.deepEqual(host.unread, []);
    await s.circuit(dialer, host);
  });

  test('a host that does not answer is asked twice, then told that nobody waits, and a late answer is too', async () => {
    verifies('FABRIC-ROUTER-AS-REAL');
    await using s = await Stage.start({ hostAnswerMs: 50 });
    const host = await s.host();
    const dialer = await s.channel('gw1');
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    const [first, second] = [await host.next(60787), await host.next(60787)];
    const withdrawn = await host.next(60785);
    assert.deepEqual([u32Of(withdrawn, 1000), String(withdrawn.body)], [0x8000_0001, 'close called']);
    const closed = await dialer.next(60785);
    const [, , reason] = EXHAUSTED.exec(String(closed.body)) ?? [];
    assert.equal(reason, 'timeout waiting for message reply: context deadline exceeded');
    for (const [dial, connId] of [
      [first, 0x8000_0000],
      [second, 0x8000_0001],
    ] as const) {
      host.send(60788, { 1: dial.sequence, 1000: 7 }, dial.headers.get(1012));
      assert.equal(u32Of(await host.next(60785), 1000), connId);
    }
    assert.equal(s.router.stats().circuits, 0);
  });

  test('a second attempt goes to another host where there is one', async () => {
    await using s = await Stage.start();
    const hosts = [await s.host('hub'), await s.host('hub2')] as const;
    const dialer = await s.channel('gw1');
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    const refusing = await Promise.race(hosts.map(async (host, i) => host.arrival(60787).then(() => i)));
    const [asked, other] = refusing === 0 ? hosts : [hosts[1], hosts[0]];
    const dial = await asked.next(60787);
    asked.send(60789, { 1: dial.sequence, 1000: 7 }, 'busy');
    await accept(other);
    await dialer.next(60784);
    await asked.sync();
    assert.deepEqual(asked.unread, []);
  });

  for (const answer of [Buffer.from('01000000', 'hex'), Buffer.alloc(0), Buffer.alloc(5)]) {
    test(`a host that takes a connection under an id of ${answer.length} bytes that was not offered has not taken it`, async () => {
      await using s = await Stage.start();
      const host = await s.host();
      const dialer = await s.channel('gw1');
      dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const dial = await host.next(60787);
        host.send(60788, { 1: dial.sequence, 1000: 7 }, answer);
      }
      assert.match(String((await dialer.next(60785)).body), EXHAUSTED);
    });
  }

  test('a dialer that gives up frees its id, and the host that says yes later is told', async () => {
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    const dial = await host.next(60787);
    dialer.send(60785, { 1000: 1 });
    await dialer.sync();
    host.send(60788, { 1: dial.sequence, 1000: 7 }, dial.headers.get(1012));
    assert.equal(u32Of(await host.next(60785), 1000), u32Of(dial, 1012));
    await s.circuit(dialer, host);
  });

  test('a dialer whose channel ends while its host thinks costs the host one StateClosed', async () => {
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    const dial = await host.next(60787);
    await dialer[Symbol.asyncDispose]();
    while (s.router.stats().channels > 1) await host.sync();
    host.send(60788, { 1: dial.sequence, 1000: 7 }, dial.headers.get(1012));
    assert.equal(u32Of(await host.next(60785), 1000), u32Of(dial, 1012));
    await host.sync();
    assert.deepEqual(host.unread, []);
  });

  test('a host whose channel ends while it thinks is not asked again; another one is', async () => {
    await using s = await Stage.start();
    const dying = await s.host('hub');
    const dialer = await s.channel('gw1');
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    await dying.next(60787);
    const other = await s.host('hub2');
    await dying[Symbol.asyncDispose]();
    await accept(other);
    await dialer.next(60784);
  });

  test('rights that were lost while the host was thinking are lost', async () => {
    verifies('FABRIC-ROUTER-REVOKED');
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    dialer.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    const dial = await host.next(60787);
    s.grants.denied.add('gw1 vitals Dial');
    host.send(60788, { 1: dial.sequence, 1000: 7 }, dial.headers.get(1012));
    assert.equal(String((await dialer.next(60785)).body), 'no policies provide access');
    assert.equal(u32Of(await host.next(60785), 1000), u32Of(dial, 1012));
  });

  test('a flood of dials to a host that does not answer ends in refusals, and the host works afterwards', async () => {
    verifies('FABRIC-ROUTER-BOUNDED');
    await using s = await Stage.start({ hostAnswerMs: 100 });
    const host = await s.host();
    const dialer = await s.channel('gw1');
    for (let connId = 1; connId <= 3000; connId += 1) dialer.send(60783, { 1000: connId, 1011: Buffer.alloc(200) }, 'gw1/vitals/Dial');
    for (let connId = 1; connId <= 3000; connId += 1) assert.match(String((await dialer.next(60785)).body), EXHAUSTED);
    await host.sync();
    while (host.unread.length > 0) await host.next();
    await s.circuit(dialer, host);
  });
});
