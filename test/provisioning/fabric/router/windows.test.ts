import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import type { RawClient } from '../../../support/ziti/raw-client.ts';
import { accept, Stage, u32Of } from './stage.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CHUNK = 64 * KIB;
/** Resends often, so that a test need not wait. */
const BRISK = { resendMs: 20, resendGrowth: 1 };

function sha256(...chunks: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** Sends `content` in chunks, as fast as the own socket takes it. */
function sendAll(client: RawClient, connId: number, content: Buffer): void {
  for (let at = 0; at < content.length; at += CHUNK) client.send(60786, { 1000: connId }, content.subarray(at, at + CHUNK));
}

/** Resolves when payloads are dropped and none gets through any more. */
async function stuck({ router }: Stage, witness: RawClient): Promise<void> {
  let { payloads, drops } = router.stats();
  for (;;) {
    await witness.sync();
    const now = router.stats();
    if (now.payloads !== payloads) ({ payloads, drops } = now);
    else if (drops > 0 && now.drops >= drops + 10) return;
    else if (drops === 0) drops = now.drops;
  }
}

async function receive(client: RawClient, bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  for (let received = 0; received < bytes; ) {
    const { body } = await client.next(60786);
    chunks.push(body);
    received += body.length;
  }
  return sha256(...chunks);
}

describe('embedded router: windows', { timeout: 60_000 }, () => {
  test('a sender with at most 1 MiB under way has nothing dropped', async () => {
    verifies('FABRIC-ROUTER-WINDOWS');
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    const connId = await s.circuit(dialer, host);
    const content = randomBytes(32 * MIB);
    const sending = (async () => {
      let granted = MIB;
      for (let at = 0; at < content.length; at += CHUNK) {
        while (at + CHUNK > granted) {
          await dialer.next(60786);
          granted += 256 * KIB;
        }
        dialer.send(60786, { 1000: 1 }, content.subarray(at, at + CHUNK));
      }
    })();
    const hash = createHash('sha256');
    for (let received = 0; received < content.length; ) {
      const { body } = await host.next(60786);
      hash.update(body);
      const before = received;
      received += body.length;
      if (Math.floor(before / (256 * KIB)) !== Math.floor(received / (256 * KIB))) host.send(60786, { 1000: connId }, 'grant');
    }
    await sending;
    assert.equal(hash.digest('hex'), sha256(content));
    assert.equal(s.router.stats().drops, 0);
  });

  test('a sender that outruns its reader has payloads dropped, its whole channel stands still, and nothing is lost', async () => {
    verifies('FABRIC-ROUTER-WINDOWS');
    await using s = await Stage.start(BRISK);
    s.grants.addService('other');
    const [sleeper, host2] = [await s.host('hub'), await s.host('hub2', 'other')];
    const dialer = await s.channel('gw1');
    await s.circuit(dialer, sleeper);
    dialer.send(60783, { 1000: 2 }, 'gw1/other/Dial');
    const dial = await host2.next(60787);
    host2.send(60788, { 1: dial.sequence, 1000: 7 }, dial.headers.get(1012));
    await dialer.next(60784);
    const stranger = await s.channel('gw2');

    sleeper.socket.pause();
    const content = randomBytes(24 * MIB);
    sendAll(dialer, 1, content);
    dialer.send(60786, { 1000: 2 }, 'behind the bulk');
    await stuck(s, stranger);
    await host2.sync();
    assert.deepEqual(host2.unread, [], 'the neighbour on the same channel waits');

    const received = receive(sleeper, content.length);
    sleeper.socket.resume();
    assert.equal(await received, sha256(content));
    assert.equal(String((await host2.next(60786)).body), 'behind the bulk');
  });

  test('other channels go on meanwhile, and their payloads for the same reader come between those that wait', async () => {
    verifies('FABRIC-ROUTER-WINDOWS');
    await using s = await Stage.start(BRISK);
    const host = await s.host();
    const [bulk, other] = [await s.channel('gw1'), await s.channel('gw2')];
    const [bulkId, otherId] = [await s.circuit(bulk, host, 1, 'gw1'), await s.circuit(other, host, 1, 'gw2')];
    host.socket.pause();
    const content = Buffer.alloc(24 * MIB);
    sendAll(bulk, 1, content);
    await stuck(s, other);
    other.send(60786, { 1000: 1 }, 'urgent');
    await other.sync();
    host.socket.resume();
    let behind = 0;
    for (let received = 0, urgent = false; received < content.length; ) {
      const frame = await host.next(60786);
      if (u32Of(frame, 1000) === otherId) urgent = true;
      else {
        assert.equal(u32Of(frame, 1000), bulkId);
        received += frame.body.length;
        if (urgent) behind += frame.body.length;
      }
    }
    assert.ok(behind >= 3 * MIB, `${behind} bytes of bulk that waited came behind what was urgent`);
  });

  test('what was sent before a close comes before it, dropped payloads too', async () => {
    await using s = await Stage.start(BRISK);
    const host = await s.host();
    const dialer = await s.channel('gw1');
    const stranger = await s.channel('gw2');
    await s.circuit(dialer, host);
    host.socket.pause();
    const content = randomBytes(20 * MIB);
    sendAll(dialer, 1, content);
    dialer.send(60785, { 1000: 1 });
    await stuck(s, stranger);
    const received = receive(host, content.length);
    host.socket.resume();
    assert.equal(await received, sha256(content));
    assert.equal(String((await host.next(60785)).body), 'close called');
    await s.circuit(dialer, host);
  });

  test('the sum of what waits for one channel is bounded too', async () => {
    verifies('FABRIC-ROUTER-BOUNDED');
    await using s = await Stage.start({ ...BRISK, windowBytes: 64 * MIB, channelBytes: 4 * MIB });
    const host = await s.host();
    const dialers = [await s.channel('gw1'), await s.channel('gw2')];
    const stranger = await s.channel('stranger');
    for (const [i, dialer] of dialers.entries()) await s.circuit(dialer, host, 1, i === 0 ? 'gw1' : 'gw2');
    host.socket.pause();
    // Each is far within its own window; the kernel takes some of it.
    for (const dialer of dialers) sendAll(dialer, 1, Buffer.alloc(12 * MIB));
    await stuck(s, stranger);
    const counts = new Map<number | undefined, number>();
    host.socket.resume();
    for (let received = 0; received < 24 * MIB; ) {
      const frame = await host.next(60786);
      counts.set(u32Of(frame, 1000), (counts.get(u32Of(frame, 1000)) ?? 0) + frame.body.length);
      received += frame.body.length;
    }
    assert.deepEqual([...counts.values()], [12 * MIB, 12 * MIB]);
  });

  test('so is the sum of what waits for all: who does not read waits, who reads goes on, and nothing is lost', async () => {
    verifies('FABRIC-ROUTER-BOUNDED');
    await using s = await Stage.start({ ...BRISK, windowBytes: 64 * MIB, routerBytes: 8 * MIB });
    s.grants.addService('other');
    const [hosts, dialers]: [RawClient[], RawClient[]] = [[], []];
    for (const service of ['vitals1', 'vitals2', 'vitals3']) {
      s.grants.addService(service);
      const [host, dialer] = [await s.host('hub', service), await s.channel('gw1')];
      dialer.send(60783, { 1000: 1 }, `gw1/${service}/Dial`);
      await accept(host);
      await dialer.next(60784);
      hosts.push(host);
      dialers.push(dialer);
    }
    const reader = await s.host('hub2', 'other');
    const good = await s.channel('gw2');
    good.send(60783, { 1000: 1 }, 'gw2/other/Dial');
    await accept(reader);
    await good.next(60784);
    for (const host of hosts) host.socket.pause();
    for (const dialer of dialers) sendAll(dialer, 1, Buffer.alloc(12 * MIB));
    await stuck(s, good);
    const { waitingBytes } = s.router.stats();
    assert.ok(waitingBytes > 4 * MIB && waitingBytes <= 8 * MIB + 3 * CHUNK, `${waitingBytes} bytes wait`);
    const content = randomBytes(4 * MIB);
    const received = receive(reader, content.length);
    sendAll(good, 1, content);
    assert.equal(await received, sha256(content));
    const all = hosts.map((host) => receive(host, 12 * MIB));
    for (const host of hosts) host.socket.resume();
    const expected = sha256(Buffer.alloc(12 * MIB));
    assert.deepEqual(await Promise.all(all), [expected, expected, expected]);
    assert.equal(s.router.stats().waitingBytes, 0);
  });

  test('what waited for a channel that ends waits no longer', async () => {
    verifies('FABRIC-ROUTER-BOUNDED');
    await using s = await Stage.start(BRISK);
    const host = await s.host();
    const dialer = await s.channel('gw1');
    const witness = await s.channel('gw2');
    await s.circuit(dialer, host);
    host.socket.pause();
    sendAll(dialer, 1, Buffer.alloc(12 * MIB));
    await stuck(s, witness);
    assert.ok(s.router.stats().waitingBytes > MIB);
    host.socket.destroy();
    await dialer.next(60785);
    assert.equal(s.router.stats().waitingBytes, 0);
  });

  test('a client that asks without end and reads no answers is read no further, and answered when it reads', async () => {
    verifies('FABRIC-ROUTER-BOUNDED');
    await using s = await Stage.start();
    const client = await s.channel('gw1');
    const neighbour = await s.channel('gw2');
    client.socket.pause();
    const asked = 40_000;
    for (let i = 0; i < asked; i += 1) client.send(3, { 128: Buffer.alloc(1000) });
    let last = -1;
    for (let still = 0; still < 50; still += 1) {
      await neighbour.sync();
      if (client.socket.writableLength !== last) still = 0;
      last = client.socket.writableLength;
    }
    assert.ok(last > 0, 'everything was read from a client that reads nothing');
    client.socket.resume();
    for (let i = 0; i < asked; i += 1) await client.next(2);
  });

  test('1,000 circuits on one channel do not mix', async () => {
    await using s = await Stage.start();
    const host = await s.host();
    const dialer = await s.channel('gw1');
    for (let connId = 1; connId <= 1000; connId += 1) dialer.send(60783, { 1000: connId, 1008: `c${connId}` }, 'gw1/vitals/Dial');
    const names = new Map<number, string>();
    for (let i = 0; i < 1000; i += 1) {
      const dial = await host.next(60787);
      const connId = dial.headers.get(1012);
      assert.ok(connId);
      names.set(connId.readUInt32LE(), String(dial.headers.get(1008)));
      host.send(60788, { 1: dial.sequence, 1000: 7 }, connId);
    }
    for (let i = 0; i < 1000; i += 1) await dialer.next(60784);
    assert.equal(s.router.stats().circuits, 1000);
    for (let connId = 1; connId <= 1000; connId += 1) dialer.send(60786, { 1000: connId }, `c${connId}`);
    for (let i = 0; i < 1000; i += 1) {
      const frame = await host.next(60786);
      const connId = u32Of(frame, 1000) ?? 0;
      assert.equal(String(frame.body), names.get(connId));
      host.send(60785, { 1000: connId });
    }
    for (let i = 0; i < 1000; i += 1) await dialer.next(60785);
    assert.equal(s.router.stats().circuits, 0);
  });
});
