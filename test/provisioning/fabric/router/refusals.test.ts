import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import type { RawFrame } from '../../../support/ziti/raw-client.ts';
import { idsOf, Stage, u32Of } from './stage.ts';

/** Id, text and headers of a StateClosed. */
function closedOf(frame: RawFrame): { connId: number | undefined; reply: number | undefined; text: string; ids: number[] } {
  assert.equal(frame.type, 60785);
  return { connId: u32Of(frame, 1000), reply: u32Of(frame, 1), text: String(frame.body), ids: idsOf(frame) };
}

describe('embedded router: what is refused, and what is ignored', { timeout: 30_000 }, () => {
  test('a Connect is refused with the text of the real router', async () => {
    verifies('FABRIC-ROUTER-AS-REAL');
    await using s = await Stage.start();
    s.grants.addService('sealed', { encryptionRequired: true });
    s.grants.addService('denied');
    s.grants.denied.add('gw1 denied Dial');
    s.grants.refusals.set('gone', { refusal: 'invalid session', unsolicited: 'session closed' });
    s.grants.refusals.set('bogus', { refusal: 'unable to get service token either by JWT parsing or id lookup' });
    const client = await s.channel('gw1');
    const refused = async (headers: Record<number, number | string>, body: string) => {
      const sequence = client.send(60783, headers, body);
      const { reply, ...closed } = closedOf(await client.next());
      assert.equal(reply, sequence);
      return closed;
    };
    const plain = { ids: [1, 1000] };
    const tried = { ids: [1, 1000, 1026] };
    assert.deepEqual(await refused({}, 'gw1/vitals/Dial'), { connId: 0, text: 'connId not set, required', ...plain });
    assert.deepEqual(await refused({ 1000: 1 }, 'bogus'), {
      connId: 1,
      text: 'unable to get service token either by JWT parsing or id lookup',
      ...plain,
    });
    assert.deepEqual(await refused({ 1000: 1 }, 'gw1/denied/Dial'), { connId: 1, text: 'no policies provide access', ...plain });
    assert.deepEqual(await refused({ 1000: 1 }, 'gw1/sealed/Dial'), {
      connId: 1,
      text: 'encryption required on service, initiator did not send public header',
      ...plain,
    });
    assert.deepEqual(await refused({ 1000: 1 }, 'gw1/vitals/Dial'), { connId: 1, text: 'service vitals has no terminators', ...tried });
    assert.deepEqual(await refused({ 1000: 1, 1006: 'nobody-home' }, 'gw1/vitals/Dial'), {
      connId: 1,
      text: 'service vitals has no terminators for instanceId nobody-home',
      ...tried,
    });

    const sequence = client.send(60783, { 1000: 9 }, 'gone');
    assert.deepEqual(closedOf(await client.next()), { connId: 9, reply: undefined, text: 'session closed', ids: [1000, 1001] });
    assert.deepEqual(closedOf(await client.next()), { connId: 9, reply: sequence, text: 'invalid session', ids: [1, 1000] });
  });

  test('a connection id that is in use is refused, and its connection lives on', async () => {
    await using s = await Stage.start();
    const host = await s.host();
    const client = await s.channel('gw1');
    const connId = await s.circuit(client, host);
    client.send(60783, { 1000: 1 }, 'gw1/vitals/Dial');
    assert.equal(closedOf(await client.next()).text, 'sink id 1 already in use');
    client.send(60786, { 1000: 1 }, 'alive?');
    assert.equal(u32Of(await host.next(60786), 1000), connId);
    client.send(60785, { 1000: 1 });
    await host.next(60785);
    await s.circuit(client, host);
  });

  test('a channel has a bounded number of connections', async () => {
    await using s = await Stage.start({ connections: 2 });
    const host = await s.host();
    const client = await s.channel('gw1');
    await s.circuit(client, host, 1);
    client.send(60783, { 1000: 2 }, 'gw1/vitals/Dial');
    client.send(60783, { 1000: 3 }, 'gw1/vitals/Dial');
    assert.equal(closedOf(await client.next()).text, 'too many connections on this channel');
  });

  test('a Bind is refused with the text of the real router', async () => {
    await using s = await Stage.start();
    s.grants.refusals.set('bogus', { refusal: 'token is malformed: token contains an invalid number of segments' });
    s.grants.denied.add('hub2 vitals Bind');
    const client = await s.channel('hub');
    const refused = async (headers: Record<number, number | string>, body: string) => {
      const sequence = client.send(60790, headers, body);
      const closed = closedOf(await client.next());
      assert.equal(closed.reply, sequence);
      assert.deepEqual(closed.ids, [1, 1000]);
      return closed.text;
    };
    assert.equal(await refused({}, 'hub/vitals/Bind'), 'connId not set, required');
    assert.equal(await refused({ 1000: 1 }, 'hub/vitals/Dial'), 'rejecting bind, invalid session type. expected Bind, got Dial');
    assert.equal(await refused({ 1000: 1 }, 'bogus'), 'token is malformed: token contains an invalid number of segments');
    const other = await s.channel('hub2');
    other.send(60790, { 1000: 1 }, 'hub2/vitals/Bind');
    assert.equal(closedOf(await other.next()).text, 'no policies provide access');
    assert.equal(s.router.stats().terminators, 0);
  });

  test('an Unbind of nothing is answered only when its token is bad', async () => {
    await using s = await Stage.start();
    const client = await s.channel('hub');
    client.send(60791, { 1000: 1 }, 'hub/vitals/Bind');
    await client.sync();
    assert.deepEqual(client.unread, []);
    const sequence = client.send(60791, { 1000: 1 }, 'gw1/vitals/Bind');
    assert.deepEqual(closedOf(await client.next()), { connId: 1, reply: sequence, text: 'bad token for Bind', ids: [1, 1000] });
  });

  test('Latency and Ping are answered, and reflect headers 128 to 255', async () => {
    await using s = await Stage.start();
    const client = await s.channel('gw1');
    for (const type of [1, 3]) {
      const sequence = client.send(type, { 127: 'a', 128: 'time', 255: 'z', 256: 'b' });
      const result = await client.next(2);
      assert.deepEqual(idsOf(result), [1, 2, 128, 255]);
      assert.equal(u32Of(result, 1), sequence);
      assert.equal(String(result.headers.get(2)), '\x01');
      assert.equal(String(result.headers.get(128)), 'time');
    }
  });

  test('what the real router ignores is ignored', async () => {
    await using s = await Stage.start();
    const client = await s.channel('gw1');
    for (const type of [
      0, 2, 4, 5, 4242, 10_800, 60_784, 60_786, 60_785, 60_788, 60_789, 60_793, 60_794, 60_795, 60_796, 60_798, 60_799, 60_804, 1100,
    ])
      client.send(type, { 1: 77, 1000: 12 }, 'abc');
    await client.sync();
    assert.deepEqual(client.unread, []);
    await (await s.channel('gw2')).sync();
  });

  test('a channel may show its own token again, not that of another session', async () => {
    await using s = await Stage.start();
    const client = await s.channel('gw1');
    const good = client.send(60803, {}, 'token-gw1');
    const success = await client.next(60801);
    assert.deepEqual([idsOf(success), u32Of(success, 1)], [[1], good]);
    const bad = client.send(60803, {}, 'token-gw2');
    const failure = await client.next(60802);
    assert.deepEqual([idsOf(failure), u32Of(failure, 1), u32Of(failure, 1014)], [[1, 1014, 1033], bad, 2]);
    assert.equal(String(failure.body), 'code: 2, message: invalid token, API session id does not match');
    assert.equal(
      String(failure.headers.get(1033)),
      '{"message":"invalid token, API session id does not match","code":2,"cause":null,"retryHint":0}',
    );
    assert.equal(await client.closed, 'end');
  });
});
