import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { dialCircuit } from '../../../../../shared/overlay/ziti/circuit/dial.ts';
import { newKeyPair, serverKeys } from '../../../../../shared/overlay/ziti/crypto/kx.ts';
import { secretReceiver, secretSender } from '../../../../../shared/overlay/ziti/crypto/secretstream.ts';
import { encodeFrame } from '../../../../../shared/overlay/ziti/wire/encode.ts';
import { verifies } from '../../../../requirements.ts';
import { turnsUntil } from '../../../../support/until.ts';
import { dialRequest, guarded } from '../../../../support/ziti/circuits.ts';
import { FakeChannel } from '../../../../support/ziti/fake-channel.ts';

// Frames of connection 1, by hand: magic, type, sequence, length of headers, length of body | headers | body.
const CONNECTED = '0306090c 70ed0000 05000000 18000000 00000000 | e8030000 04000000 01000000 | 01000000 04000000 01000000';
const CLOSED = '0306090c 71ed0000 06000000 0c000000 0c000000 | e8030000 04000000 01000000 | 636c6f73652063616c6c6564';
const HELLO_DATA = '0306090c 72ed0000 06000000 0c000000 05000000 | e8030000 04000000 01000000 | 68656c6c6f';
const WORLD_DATA = '0306090c 72ed0000 07000000 0c000000 05000000 | e8030000 04000000 01000000 | 776f726c64';
const END = '0306090c 72ed0000 08000000 18000000 00000000 | e8030000 04000000 01000000 | f2030000 04000000 01000000';
const SENT_CLOSE = '0c000000 00000000 e8030000 04000000 01000000';

describe('dialling', { timeout: 20_000 }, () => {
  test('a plain dial, from Connect to StateClosed, byte by byte', async () => {
    verifies('OVERLAY-CIRCUITS');
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel));
    const [connect = ''] = channel.takeSent();
    assert.match(
      connect,
      pattern(
        '0306090c 6fed0000 01000000 30000000 03000000',
        'e8030000 04000000 01000000 f0030000 03000000 677731 01040000 08000000 766d31 ..{5} 04040000 01000000 00',
        '746f6b',
      ),
    );
    channel.receiveHex(CONNECTED);
    const connection = guarded(await dialling);
    assert.deepEqual(channel.takeSent(), [], 'an unencrypted dialer has nothing to say first');

    connection.write('hi');
    connection.end();
    await once(connection, 'finish');
    assert.deepEqual(channel.takeSent(), [
      plain('0306090c 72ed0000 02000000 0c000000 02000000 e8030000 04000000 01000000 6869'),
      plain('0306090c 72ed0000 03000000 18000000 00000000 e8030000 04000000 01000000 f2030000 04000000 01000000'),
    ]);
    channel.receiveHex(HELLO_DATA, END);
    assert.equal(await readAll(connection), 'hello');
    await closed(connection);
    assert.equal(connection.errored, null);
    const [close = '', ...more] = channel.takeSent();
    assert.match(close, pattern('0306090c 71ed0000 ..{4}', SENT_CLOSE));
    assert.deepEqual(more, []);
    assert.deepEqual(channel.attachedIds, []);
  });

  test('an encrypted dial shows a key, and its stream header goes alone and first', async () => {
    verifies('OVERLAY-CIRCUITS');
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel, { encryptionRequired: true }));
    const [connect = ''] = channel.takeSent();
    assert.match(
      connect,
      pattern(
        '0306090c 6fed0000 01000000 61000000 03000000 e8030000 04000000 01000000',
        'eb030000 20000000 ..{32} f1030000 01000000 00 f0030000 03000000 677731',
      ),
    );
    const host = newKeyPair();
    const keys = serverKeys(host, Buffer.from(connect, 'hex').subarray(40, 72));
    // As a real router sends it: other headers in between, some of them meaningless here.
    channel.receiveHex(
      '0306090c 70ed0000 05000000 54000000 00000000 4d040000 04000000 00000000 01000000 04000000 01000000',
      `eb030000 20000000 ${host.publicKey.toString('hex')} 06000000 00000000 e8030000 04000000 01000000`,
    );
    const connection = guarded(await dialling);
    const [header = ''] = channel.takeSent();
    assert.match(header, pattern('0306090c 72ed0000 02000000 0c000000 18000000 e8030000 04000000 01000000 ..{24}'));
    connection.write('hi');
    await turnsUntil(() => channel.sent.length > 0);
    const [data = ''] = channel.takeSent();
    assert.match(data, pattern('0306090c 72ed0000 03000000 0c000000 13000000 e8030000 04000000 01000000 ..{19}'));
    const receiver = secretReceiver(keys.rx, Buffer.from(header, 'hex').subarray(32));
    assert.equal(receiver.open(Buffer.from(data, 'hex').subarray(32)).toString(), 'hi');

    const sender = secretSender(keys.tx);
    const sealed = Buffer.alloc(2 + sender.overheadBytes);
    sender.seal(Buffer.from('yo'), sealed, 0);
    channel.receiveHex(`0306090c 72ed0000 07000000 0c000000 18000000 e8030000 04000000 01000000 ${sender.header.toString('hex')}`);
    channel.receiveHex(`0306090c 72ed0000 08000000 0c000000 13000000 e8030000 04000000 01000000 ${sealed.toString('hex')}`, END);
    assert.equal(await readAll(connection), 'yo');
  });

  for (const [what, frames] of [
    ['in the chunk of the answer', [[CONNECTED, HELLO_DATA, WORLD_DATA, END]]],
    ['before the answer', [[HELLO_DATA], [WORLD_DATA], [CONNECTED], [END]]],
    ['on both sides of the answer', [[HELLO_DATA, CONNECTED, WORLD_DATA], [END]]],
    ['and the whole connection with it, closed already', [[HELLO_DATA, CONNECTED, WORLD_DATA, END, CLOSED]]],
  ] as const) {
    test(`early data is not lost: ${what}`, async () => {
      verifies('OVERLAY-CIRCUITS');
      const channel = new FakeChannel();
      const dialling = dialCircuit(dialRequest(channel));
      for (const chunk of frames) channel.receiveHex(...chunk);
      const connection = guarded(await dialling);
      connection.end();
      assert.equal(await readAll(connection), 'helloworld');
      await closed(connection);
      assert.equal(connection.errored, null);
    });
  }

  for (const [what, frame] of [
    ['data without a body', data(Buffer.alloc(0))],
    [
      'headers',
      encodeFrame(
        {
          type: 60786,
          headers: [
            [1000, 1],
            [5000, Buffer.alloc(60_000)],
          ],
          body: Buffer.from('x'),
        },
        1,
      ),
    ],
    ['data', data(Buffer.alloc(60_000))],
  ] as const) {
    test(`no more than a reader's share is kept before the answer: ${what}`, async () => {
      verifies('OVERLAY-CIRCUITS');
      const channel = new FakeChannel();
      const dialling = dialCircuit(dialRequest(channel, { limits: { unreadBytes: 100_000 } }));
      for (let i = 0; i < 2000; i += 1) channel.receive(Buffer.from(frame));
      channel.receiveHex(CONNECTED);
      await assert.rejects(dialling, { code: 'OVERLAY-PROTOCOL' });
      assert.deepEqual(channel.attachedIds, []);
      assert.match(channel.takeSent().at(-1) ?? '', pattern('0306090c 71ed0000 ..{4}', SENT_CLOSE));
    });
  }

  test("nor in the turn behind it: the connection is cut before its owner's eyes", async () => {
    verifies('OVERLAY-CIRCUITS');
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel, { limits: { unreadBytes: 100_000 } }));
    const frames = Array.from({ length: 10 }, () => data(Buffer.alloc(60_000)));
    channel.receive(Buffer.concat([plainBytes(CONNECTED), ...frames]));
    const connection = await dialling;
    const [error] = await once(connection, 'error');
    assert.equal(error.code, 'OVERLAY-PROTOCOL');
    assert.deepEqual(channel.attachedIds, []);
  });

  test('small bodies that come early are kept as that, not with the chunk that they came in', async () => {
    verifies('OVERLAY-CIRCUITS');
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel));
    channel.receive(Buffer.concat([data(Buffer.from('x')), data(Buffer.alloc(1_000_000), 77)]));
    channel.receiveHex(CONNECTED);
    const connection = guarded(await dialling);
    await once(connection, 'readable');
    const kept: Buffer = connection.read();
    assert.equal(String(kept), 'x');
    assert.ok(kept.buffer.byteLength < 1_000_000);
  });

  test('frames of other kinds are not kept; an inspection is answered at once', async () => {
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel, { limits: { unreadBytes: 100_000 } }));
    channel.takeSent();
    for (let i = 0; i < 2000; i += 1)
      channel.receive(
        encodeFrame(
          {
            type: 60796,
            headers: [
              [1000, 1],
              [5000, Buffer.alloc(6000)],
            ],
          },
          1,
        ),
      );
    channel.receive(encodeFrame({ type: 60798, headers: [[1000, 1]] }, 1));
    assert.deepEqual(
      channel.takeSent().map((frame) => frame.slice(8, 12)),
      ['7fed'],
    );
    channel.receiveHex(CONNECTED, HELLO_DATA, END);
    const connection = guarded(await dialling);
    connection.end();
    assert.equal(await readAll(connection), 'hello');
  });

  test('a connection that is cut in the chunk of the answer fails before the eyes of its owner', async () => {
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel));
    channel.receiveHex(CONNECTED, HELLO_DATA, CLOSED);
    const connection = await dialling;
    const [error] = await once(connection, 'error');
    assert.equal(error.code, 'OVERLAY-CLOSED');
  });

  test('a channel that is lost behind the answer fails the connection before the eyes of its owner', async () => {
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel));
    channel.receiveHex(CONNECTED);
    const reason = new VitalmeshError('OVERLAY-UNREACHABLE');
    channel.lose(reason);
    const [error] = await once(await dialling, 'error');
    assert.equal(error.code, 'OVERLAY-CLOSED');
    assert.equal(error.cause, reason);
  });

  test('a refusal is an error, as answer and ahead of it', async () => {
    const text = Buffer.from('invalid session').toString('hex');
    for (const header of ['01000000 04000000 01000000', '4d040000 04000000 01000000']) {
      const channel = new FakeChannel();
      const dialling = dialCircuit(dialRequest(channel));
      channel.receiveHex(`0306090c 71ed0000 05000000 18000000 0f000000 e8030000 04000000 01000000 ${header} ${text}`);
      await assert.rejects(dialling, { code: 'OVERLAY-SESSION', detail: 'invalid session' });
      channel.takeSent();
      channel.receiveHex(CONNECTED);
      assert.deepEqual([channel.takeSent(), channel.attachedIds], [[], []], 'nothing more to be said');
    }
  });

  for (const [what, header, code] of [
    ['no key', '', 'OVERLAY-PROTOCOL'],
    ['an empty key', 'eb030000 00000000', 'OVERLAY-PROTOCOL'],
    ['half a key', `eb030000 10000000 ${'07'.repeat(16)}`, 'OVERLAY-CRYPTO'],
    ['a key with which every secret is the same', `eb030000 20000000 ${'00'.repeat(32)}`, 'OVERLAY-CRYPTO'],
  ] as const) {
    test(`a host that sends ${what} where encryption is required is not talked to`, async () => {
      verifies('OVERLAY-END-TO-END');
      const channel = new FakeChannel();
      const dialling = dialCircuit(dialRequest(channel, { encryptionRequired: true }));
      channel.takeSent();
      const headerBytes = header.replaceAll(' ', '');
      const length = (24 + headerBytes.length / 2).toString(16).padStart(2, '0');
      channel.receiveHex(
        `0306090c 70ed0000 05000000 ${length}000000 00000000 e8030000 04000000 01000000 01000000 04000000 01000000`,
        headerBytes,
      );
      await assert.rejects(dialling, { code });
      const [close = '', ...more] = channel.takeSent();
      assert.match(close, pattern('0306090c 71ed0000 ..{4}', SENT_CLOSE));
      assert.deepEqual([more, channel.attachedIds], [[], []]);
    });
  }

  test('a key that nobody asked for changes nothing', async () => {
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel));
    channel.receiveHex(
      '0306090c 70ed0000 05000000 40000000 00000000 e8030000 04000000 01000000 01000000 04000000 01000000',
      `eb030000 20000000 ${'07'.repeat(32)}`,
      HELLO_DATA,
      END,
    );
    assert.equal(await readAll(guarded(await dialling)), 'hello');
  });

  test('a dial that was given up is closed at once, and again when it succeeds late', async () => {
    const channel = new FakeChannel();
    const giving = new AbortController();
    const dialling = dialCircuit(dialRequest(channel, { signal: giving.signal }));
    channel.takeSent();
    const reason = new VitalmeshError('OVERLAY-TIMEOUT');
    giving.abort(reason);
    await assert.rejects(dialling, reason);
    assert.match(channel.takeSent().join(), pattern('0306090c 71ed0000 ..{4}', SENT_CLOSE));
    channel.receiveHex(HELLO_DATA, CONNECTED, WORLD_DATA);
    assert.match(channel.takeSent().join(), pattern('0306090c 71ed0000 ..{4}', SENT_CLOSE));
    assert.deepEqual(channel.attachedIds, []);
  });

  test('a dial that was given up and then is refused leaves nothing', async () => {
    const channel = new FakeChannel();
    const giving = new AbortController();
    const dialling = dialCircuit(dialRequest(channel, { signal: giving.signal }));
    giving.abort(new VitalmeshError('OVERLAY-TIMEOUT'));
    await assert.rejects(dialling, { code: 'OVERLAY-TIMEOUT' });
    channel.takeSent();
    channel.receiveHex(CLOSED);
    assert.deepEqual([channel.takeSent(), channel.attachedIds], [[], []]);
  });

  test('a signal that aborts behind the answer means nothing any more', async () => {
    const channel = new FakeChannel();
    const giving = new AbortController();
    const dialling = dialCircuit(dialRequest(channel, { signal: giving.signal }));
    channel.receiveHex(CONNECTED);
    giving.abort();
    const connection = guarded(await dialling);
    channel.receiveHex(HELLO_DATA, END);
    assert.equal(await readAll(connection), 'hello');
  });

  test('nothing is sent when the signal has aborted or the channel has ended', async () => {
    const channel = new FakeChannel();
    const reason = new VitalmeshError('OVERLAY-CLOSED');
    await assert.rejects(dialCircuit(dialRequest(channel, { signal: AbortSignal.abort(reason) })), reason);
    channel.lose(reason);
    await assert.rejects(dialCircuit(dialRequest(channel)), reason);
    assert.deepEqual(channel.takeSent(), []);
  });

  test('a channel that is lost ends the dial with its reason', async () => {
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel));
    const reason = new VitalmeshError('OVERLAY-UNREACHABLE');
    channel.lose(reason);
    await assert.rejects(dialling, reason);
  });

  test('an answer of another kind is an error', async () => {
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel));
    channel.takeSent();
    channel.receiveHex(CONNECTED.replace('70ed', '73ed'));
    await assert.rejects(dialling, { code: 'OVERLAY-PROTOCOL' });
    assert.match(channel.takeSent().join(), pattern('0306090c 71ed0000 ..{4}', SENT_CLOSE));
  });

  test('data without end ahead of the answer is cut off', async () => {
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel, { limits: { unreadBytes: 1000 } }));
    for (let i = 0; i < 8; i += 1) channel.receiveHex(HELLO_DATA);
    await assert.rejects(dialling, { code: 'OVERLAY-PROTOCOL' });
    assert.deepEqual(channel.attachedIds, []);
  });

  test('who destroys the connection before it has taken its first frame closes it', async () => {
    const channel = new FakeChannel();
    const dialling = dialCircuit(dialRequest(channel));
    channel.takeSent();
    channel.receiveHex(CONNECTED, HELLO_DATA);
    (await dialling).destroy();
    assert.match(channel.takeSent().join(), pattern('0306090c 71ed0000 ..{4}', SENT_CLOSE));
    await turnsUntil(() => channel.attachedIds.length === 0);
  });
});

function plain(hex: string): string {
  return hex.replaceAll(' ', '');
}

function plainBytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/[\s|]/g, ''), 'hex');
}

function data(body: Buffer, connId = 1): Buffer {
  return encodeFrame({ type: 60786, headers: [[1000, connId]], body }, 1);
}

/** Frames in hex as a pattern: `..` any byte. */
function pattern(...hex: string[]): RegExp {
  return new RegExp(`^${plain(hex.join('')).replaceAll(/\.\.\{(\d+)\}/g, (_, bytes) => `[0-9a-f]{${2 * Number(bytes)}}`)}`);
}

async function readAll(stream: Duplex): Promise<string> {
  let all = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) all += chunk;
  return all;
}

async function closed(stream: Duplex): Promise<void> {
  if (!stream.closed) await once(stream, 'close');
}
