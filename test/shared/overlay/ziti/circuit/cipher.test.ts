import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { dialCircuit } from '../../../../../shared/overlay/ziti/circuit/dial.ts';
import { Outbound } from '../../../../../shared/overlay/ziti/circuit/outbound.ts';
import type { SecretSender } from '../../../../../shared/overlay/ziti/crypto/contract.ts';
import { newKeyPair, serverKeys } from '../../../../../shared/overlay/ziti/crypto/kx.ts';
import { secretSender } from '../../../../../shared/overlay/ziti/crypto/secretstream.ts';
import { encodeFrame } from '../../../../../shared/overlay/ziti/wire/encode.ts';
import { verifies } from '../../../../requirements.ts';
import { dialRequest, guarded } from '../../../../support/ziti/circuits.ts';
import { FakeChannel } from '../../../../support/ziti/fake-channel.ts';

const FIN = 1;
const MULTIPART_MESSAGE = 16;

describe('an encrypted circuit', { timeout: 20_000 }, () => {
  test('carries what was sealed for it, also in the frame of the end', async () => {
    const { channel, connection, sender } = await dialled();
    channel.receive(data(sender.header));
    channel.receive(data(sealed(sender, 'hello ')));
    channel.receive(data(sealed(sender, '')));
    channel.receive(data(sealed(sender, 'world'), FIN));
    connection.end();
    assert.equal(await readAll(connection), 'hello world');
  });

  for (const [what, text] of [
    ['that leave bytes out', `${'\0'.repeat(64)}\x02\0ok`],
    ['of one byte each', '\x01\0x'.repeat(100_000)],
    ['of nothing at all', ''],
  ] as const) {
    test(`is cut by a multipart message, which nobody asked for: parts ${what}`, async () => {
      verifies('OVERLAY-END-TO-END');
      const { channel, connection, sender } = await dialled();
      const received: string[] = [];
      connection.on('data', (chunk) => received.push(String(chunk)));
      channel.receive(data(sender.header));
      channel.receive(data(text === '' ? Buffer.alloc(0) : sealed(sender, text), MULTIPART_MESSAGE));
      await closed(connection);
      assert.equal((connection.errored as VitalmeshError).code, 'OVERLAY-PROTOCOL');
      assert.deepEqual(received, []);
    });
  }

  for (const [what, frames, code] of [
    ['a changed byte', (sender: SecretSender) => [sender.header, tampered(sealed(sender, 'hello'))], 'OVERLAY-CRYPTO'],
    ['a message left out', (sender: SecretSender) => [sender.header, sealed(sender, 'a') && sealed(sender, 'b')], 'OVERLAY-CRYPTO'],
    ['a message in clear', (sender: SecretSender) => [sender.header, Buffer.from('a message that nobody sealed')], 'OVERLAY-CRYPTO'],
    ['a message too short for one', (sender: SecretSender) => [sender.header, Buffer.alloc(16)], 'OVERLAY-CRYPTO'],
    ['a header that is too short', (sender: SecretSender) => [sender.header.subarray(1)], 'OVERLAY-CRYPTO'],
    ['a header and a message in one', (sender: SecretSender) => [Buffer.concat([sender.header, sealed(sender, 'a')])], 'OVERLAY-CRYPTO'],
    ['no header', (sender: SecretSender) => [sealed(sender, 'hello')], 'OVERLAY-CRYPTO'],
  ] as const) {
    test(`is cut by ${what}`, async () => {
      verifies('OVERLAY-END-TO-END');
      const { channel, connection, sender } = await dialled();
      const received: string[] = [];
      connection.on('data', (chunk) => received.push(String(chunk)));
      for (const body of frames(sender)) channel.receive(data(body));
      await closed(connection);
      assert.equal((connection.errored as VitalmeshError).code, code);
      assert.deepEqual(received, []);
      assert.deepEqual(
        channel.takeSent().map((frame) => frame.slice(8, 12)),
        ['71ed'],
      );
    });
  }

  test('ends before its message counter can wrap', () => {
    verifies('OVERLAY-END-TO-END');
    const failures: Error[] = [];
    const exhausted: SecretSender = {
      header: Buffer.alloc(24),
      overheadBytes: 17,
      seal: () => {
        throw new VitalmeshError('OVERLAY-CRYPTO', { detail: 'the message counter is used up' });
      },
    };
    const channel = new FakeChannel();
    const outbound = new Outbound({
      channel,
      connId: 1,
      sender: exhausted,
      peer: 'none',
      onFailure: (error) => failures.push(error),
      onStalled: () => undefined,
    });
    outbound.send([Buffer.from('one too many')], () => assert.fail('it was never sent'));
    assert.equal(
      outbound.nextFrame(() => 1),
      undefined,
    );
    assert.deepEqual(
      failures.map((error) => (error as VitalmeshError).code),
      ['OVERLAY-CRYPTO'],
    );
  });
});

/** A dialer of ours, and what its host would send with. */
async function dialled(): Promise<{ channel: FakeChannel; connection: Duplex; sender: SecretSender }> {
  const channel = new FakeChannel();
  const dialling = dialCircuit(dialRequest(channel, { encryptionRequired: true }));
  const [connect = ''] = channel.takeSent();
  const host = newKeyPair();
  const keys = serverKeys(host, Buffer.from(connect, 'hex').subarray(40, 72));
  channel.receive(
    encodeFrame(
      {
        type: 60784,
        headers: [
          [1000, 1],
          [1, 1],
          [1003, host.publicKey],
        ],
      },
      5,
    ),
  );
  const connection = guarded(await dialling);
  await new Promise(setImmediate);
  channel.takeSent();
  return { channel, connection, sender: secretSender(keys.tx) };
}

function sealed(sender: SecretSender, text: string): Buffer {
  const plain = Buffer.from(text);
  const target = Buffer.alloc(plain.length + sender.overheadBytes);
  sender.seal(plain, target, 0);
  return target;
}

function tampered(bytes: Buffer): Buffer {
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  return bytes;
}

function data(body: Buffer, flags = 0): Buffer {
  return encodeFrame({ type: 60786, headers: [[1000, 1], ...(flags === 0 ? [] : [[1010, flags] as const])], body }, 9);
}

async function readAll(stream: Duplex): Promise<string> {
  let all = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) all += chunk;
  return all;
}

async function closed(stream: Duplex): Promise<void> {
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}
