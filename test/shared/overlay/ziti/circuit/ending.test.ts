import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { dialCircuit } from '../../../../../shared/overlay/ziti/circuit/dial.ts';
import { verifies } from '../../../../requirements.ts';
import { turnsUntil } from '../../../../support/until.ts';
import { CircuitSite, dialRequest, guarded } from '../../../../support/ziti/circuits.ts';
import { FakeChannel } from '../../../../support/ziti/fake-channel.ts';

const CONN_1 = 'e8030000 04000000 01000000';
const CONNECTED = `0306090c 70ed0000 05000000 18000000 00000000 ${CONN_1} 01000000 04000000 01000000`;
const CLOSED = `0306090c 71ed0000 06000000 0c000000 00000000 ${CONN_1}`;
const EMPTY = `0306090c 72ed0000 06000000 0c000000 00000000 ${CONN_1}`;
const HELLO = `0306090c 72ed0000 06000000 0c000000 05000000 ${CONN_1} 68656c6c6f`;
const FIN = `0306090c 72ed0000 08000000 18000000 00000000 ${CONN_1} f2030000 04000000 01000000`;
const HELLO_AND_FIN = `0306090c 72ed0000 08000000 18000000 05000000 ${CONN_1} f2030000 04000000 01000000 68656c6c6f`;
const GRANT = `0306090c 72ed0000 08000000 18000000 00000000 ${CONN_1} f2030000 04000000 00804000`;
const INSPECT = `0306090c 7eed0000 09000000 0c000000 00000000 ${CONN_1}`;

for (const encrypted of [false, true]) {
  describe(`the end of ${encrypted ? 'an encrypted' : 'a plain'} circuit`, { timeout: 20_000 }, () => {
    for (const first of ['near', 'far'] as const) {
      test(`${first} ends first and hears the other to its end; both are closed cleanly`, async () => {
        verifies('OVERLAY-CIRCUITS');
        const site = new CircuitSite({ encrypted });
        const { near, far } = await site.connect();
        const [early, late] = first === 'near' ? [near, far] : [far, near];
        early.end('question');
        assert.equal(await readAll(late), 'question');
        late.write('part one, ');
        late.end('part two');
        assert.equal(await readAll(early), 'part one, part two');
        await Promise.all([closed(near), closed(far)]);
        assert.deepEqual([near.errored, far.errored], [null, null]);
        await turnsUntil(() => site.dialChannel.attachedIds.length === 0 && site.hostChannel.attachedIds.length === 1);
      });
    }

    test('everything that was finished arrives, though its sender closes right behind', async () => {
      verifies('OVERLAY-CIRCUITS');
      const { near, far } = await new CircuitSite({ encrypted, delay: () => 3 }).connect();
      const answer = randomBytes(3 * 1024 * 1024);
      far.end(answer, () => far.destroy());
      assert.equal((await readBytes(near)).equals(answer), true);
      near.end();
      await closed(near);
      assert.equal(near.errored, null);
    });

    test('who still has something to say to a side that closed gets an error, behind all that was said to it', async () => {
      const { near, far } = await new CircuitSite({ encrypted }).connect();
      far.end(randomBytes(300_000), () => far.destroy());
      await closed(far);
      assert.equal((await readBytes(near)).length, 300_000);
      assert.equal(await failure(near), 'OVERLAY-CLOSED');
    });

    test('what is written to a side that has closed is not taken for sent, though there is still something to read', async () => {
      const site = new CircuitSite({ encrypted });
      const { near, far } = await site.connect();
      far.end(randomBytes(300_000), () => far.destroy());
      await turnsUntil(() => site.dialChannel.attachedIds.length === 0);
      let wasTaken = false;
      near.write('too late', () => {
        wasTaken = !near.destroyed;
      });
      near.end();
      assert.equal((await readBytes(near)).length, 300_000);
      assert.equal(await failure(near), 'OVERLAY-CLOSED');
      assert.equal(wasTaken, false);
    });

    test('a cut without an end is an error and never an end', async () => {
      verifies('OVERLAY-CIRCUITS');
      const { near, far } = await new CircuitSite({ encrypted }).connect();
      let ended = false;
      far.on('end', () => {
        ended = true;
      });
      near.write('half of a mess');
      await once(far, 'readable');
      near.destroy();
      assert.equal(await failure(far), 'OVERLAY-CLOSED');
      assert.equal(ended, false);
    });

    test('a channel that is lost is an error with its reason', async () => {
      const site = new CircuitSite({ encrypted });
      const { near } = await site.connect();
      const reason = new VitalmeshError('OVERLAY-UNREACHABLE');
      site.dialChannel.lose(reason);
      assert.equal(await failure(near), 'OVERLAY-CLOSED');
      assert.equal((near.errored as VitalmeshError).cause, reason);
      assert.equal(
        site.dialChannel.takeSent().some((frame) => frame.slice(8, 12) === '71ed'),
        false,
      );
    });

    test('a channel that is lost behind the end of the other side costs nothing that was sent', async () => {
      const site = new CircuitSite({ encrypted });
      const { near, far } = await site.connect();
      const answer = randomBytes(700_000);
      far.end(answer);
      await once(far, 'finish');
      await turnsUntil(() => site.router.deliveredTo(site.dialChannel) >= answer.length);
      for (let i = 0; i < 10; i += 1) await new Promise(setImmediate);
      site.dialChannel.lose(new VitalmeshError('OVERLAY-UNREACHABLE'));
      near.end();
      assert.equal((await readBytes(near)).equals(answer), true);
      await closed(near);
      assert.equal(near.errored, null);
    });

    test('`finish` means that the end is with the channel', async () => {
      const site = new CircuitSite({ encrypted });
      const { near } = await site.connect();
      // The grant that answers the host's.
      await turnsUntil(() => site.dialChannel.sent.length === (encrypted ? 3 : 2));
      site.dialChannel.takeSent();
      site.dialChannel.hasRoom = false;
      let finished = false;
      near.on('finish', () => {
        finished = true;
      });
      near.end('last words');
      for (let i = 0; i < 10; i += 1) await new Promise(setImmediate);
      assert.equal(finished, false);
      site.dialChannel.hasRoom = true;
      await once(near, 'finish');
      near.destroy();
      const types = site.dialChannel.takeSent().map((frame) => frame.slice(8, 12));
      assert.deepEqual(types, ['72ed', '72ed', '71ed']);
    });

    test('whatever two sides do in whatever order: both end, none loses what it was given the end of', async () => {
      verifies('OVERLAY-CIRCUITS');
      await fc.assert(
        fc.asyncProperty(
          fc.array(actions, { maxLength: 12 }),
          fc.array(fc.nat(4), { minLength: 1, maxLength: 20 }),
          async (script, delays) => {
            let at = 0;
            const site = new CircuitSite({ encrypted, delay: () => delays[at++ % delays.length] ?? 0 });
            await playOut(site, script);
          },
        ),
        { numRuns: 60 },
      );
    });
  });
}

type Action = { side: 'near' | 'far'; act: 'write' | 'end' | 'destroy' | 'pass'; bytes: number };
const actions: fc.Arbitrary<Action> = fc.record({
  side: fc.constantFrom('near', 'far'),
  act: fc.constantFrom('write', 'write', 'write', 'end', 'destroy', 'pass'),
  bytes: fc.integer({ min: 1, max: 150_000 }),
});

/** Plays the script, ends what is not ended, and compares what arrived with what was written. */
async function playOut(site: CircuitSite, script: readonly Action[]): Promise<void> {
  const { near, far } = await site.connect();
  const sides = { near: new Side(near), far: new Side(far) };
  for (const { side, act, bytes } of script) {
    if (act === 'pass') await new Promise(setImmediate);
    else sides[side].act(act, bytes);
  }
  for (const side of ['near', 'far'] as const) sides[side].act('end', 0);
  await Promise.all([closed(near), closed(far)]);
  for (const [receiver, sender] of [
    [sides.near, sides.far],
    [sides.far, sides.near],
  ] as const) {
    const [received, written] = [Buffer.concat(receiver.received), Buffer.concat(sender.written)];
    assert.ok(received.equals(written.subarray(0, received.length)), 'what arrived is what was written, as far as it came');
    if (receiver.ended) assert.equal(received.length, written.length, 'an end comes behind everything');
    if (!sender.wasDestroyed && !receiver.wasDestroyed) assert.ok(receiver.ended);
    if (!receiver.ended && !receiver.wasDestroyed) assert.equal((receiver.stream.errored as VitalmeshError).code, 'OVERLAY-CLOSED');
  }
  await turnsUntil(() => site.dialChannel.attachedIds.length === 0 && site.hostChannel.attachedIds.length === 1);
}

class Side {
  readonly stream: Duplex;
  readonly received: Buffer[] = [];
  readonly written: Buffer[] = [];
  ended = false;
  wasDestroyed = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => this.received.push(chunk));
    stream.on('end', () => {
      this.ended = true;
    });
  }

  act(act: 'write' | 'end' | 'destroy', bytes: number): void {
    if (act === 'destroy') {
      this.wasDestroyed ||= !this.stream.destroyed;
      this.stream.destroy();
    } else if (this.stream.writable) {
      if (act === 'end') this.stream.end();
      else {
        const chunk = randomBytes(bytes);
        this.written.push(chunk);
        this.stream.write(chunk);
      }
    }
  }
}

describe('frames of an end, by hand', { timeout: 20_000 }, () => {
  test('an end may carry the last bytes; empty frames, a second end and everything behind the close mean nothing', async () => {
    const { channel, connection } = await dialled();
    channel.receiveHex(EMPTY, HELLO, EMPTY, HELLO_AND_FIN, FIN, EMPTY, GRANT, CLOSED, HELLO, FIN, CLOSED);
    connection.end();
    assert.equal(await readAll(connection), 'hellohello');
    await closed(connection);
    assert.equal(connection.errored, null);
  });

  test('data behind the end breaks the protocol', async () => {
    const { channel, connection } = await dialled();
    channel.receiveHex(FIN, HELLO);
    assert.equal(await failure(connection), 'OVERLAY-PROTOCOL');
    assert.deepEqual(
      channel.takeSent().map((frame) => frame.slice(8, 12)),
      ['71ed'],
    );
  });

  test('data behind the end breaks the protocol for a reader that has not come to the end, too', async () => {
    const { channel, connection } = await dialled();
    for (let i = 0; i < 30_000; i += 1) channel.receiveHex(HELLO);
    channel.receiveHex(FIN, HELLO);
    assert.equal(await failure(connection), 'OVERLAY-PROTOCOL');
  });

  test('flags of the wrong length, or that nobody knows, mean nothing', async () => {
    const { channel, connection } = await dialled();
    channel.receiveHex(`0306090c 72ed0000 08000000 15000000 05000000 ${CONN_1} f2030000 01000000 01 68656c6c6f`);
    channel.receiveHex(`0306090c 72ed0000 08000000 18000000 05000000 ${CONN_1} f2030000 04000000 6e7f0000 68656c6c6f`);
    connection.end();
    channel.receiveHex(HELLO, FIN);
    assert.equal(await readAll(connection), 'hellohellohello');
  });

  test('the reason of a router is the cause of the error', async () => {
    const { channel, connection } = await dialled();
    const text = Buffer.from('dial access lost').toString('hex');
    channel.receiveHex(`0306090c 71ed0000 06000000 0c000000 10000000 ${CONN_1} ${text}`);
    assert.equal(await failure(connection), 'OVERLAY-CLOSED');
    assert.equal(((connection.errored as VitalmeshError).cause as VitalmeshError).code, 'OVERLAY-DENIED');
  });

  test('an inspected connection answers as one that was dialled', async () => {
    const { channel } = await dialled();
    channel.receiveHex(INSPECT);
    assert.match(channel.takeSent().join(), /^0306090c7fed0000.{8}21000000.{8}.*01000000040000000900000.*fe0300000100000001/);
  });

  test('after our end the other side has so long to say something, and again after each thing it says', async (t) => {
    verifies('OVERLAY-CIRCUITS');
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { channel, connection } = await dialled(1000);
    connection.resume();
    connection.end('request');
    await once(connection, 'finish');
    channel.takeSent();
    t.mock.timers.tick(999);
    channel.receiveHex(HELLO);
    t.mock.timers.tick(999);
    assert.equal(connection.destroyed, false);
    t.mock.timers.tick(1);
    assert.equal(await failure(connection), 'OVERLAY-CLOSED');
    assert.deepEqual(
      channel.takeSent().map((frame) => frame.slice(8, 12)),
      ['71ed'],
    );
  });

  test('no limit runs for an answer that has ended, nor before our end, nor while our reader is the slow one', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const answered = await dialled(1000);
    answered.connection.end();
    await turnsUntil(() => answered.connection.writableFinished);
    answered.channel.receiveHex(HELLO, FIN);
    const silent = await dialled(1000);
    const slow = await dialled(1000);
    slow.connection.end();
    for (let i = 0; i < 30_000; i += 1) slow.channel.receiveHex(HELLO);
    await turnsUntil(() => answered.connection.writableFinished && slow.connection.writableFinished);
    t.mock.timers.tick(100_000);
    assert.deepEqual(
      [answered, silent, slow].map(({ connection }) => connection.destroyed),
      [false, false, false],
    );
    assert.equal(await readAll(answered.connection), 'hello');
  });
});

async function dialled(lingerMs = 30_000): Promise<{ channel: FakeChannel; connection: Duplex }> {
  const channel = new FakeChannel();
  const dialling = dialCircuit(dialRequest(channel, { limits: { lingerMs } }));
  channel.receiveHex(CONNECTED);
  const connection = guarded(await dialling);
  await new Promise(setImmediate);
  channel.takeSent();
  return { channel, connection };
}

async function readBytes(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function readAll(stream: Duplex): Promise<string> {
  return (await readBytes(stream)).toString();
}

async function closed(stream: Duplex): Promise<void> {
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}

/** The code with which the stream fails. */
async function failure(stream: Duplex): Promise<string | undefined> {
  await closed(stream);
  return (stream.errored as { code?: string } | null)?.code;
}
