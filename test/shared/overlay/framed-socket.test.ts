import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { OverlayConnection } from '../../../shared/overlay/connection.ts';
import { connectionOver } from '../../../shared/overlay/framed-socket.ts';
import { verifies } from '../../requirements.ts';

/** A connection, and the bare stream that its other end would sit on. */
function ends(): { connection: OverlayConnection; wire: Duplex } {
  const [near, wire] = duplexPair({ allowHalfOpen: true });
  const connection = connectionOver(near);
  connection.on('error', () => connection.destroy());
  return { connection, wire };
}

function frame(content: string | Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(content.length);
  return Buffer.concat([header, Buffer.from(content)]);
}

const END = Buffer.alloc(4);

async function textOf(stream: Duplex): Promise<string> {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  await once(stream, 'end');
  return text;
}

/** The code with which the connection fails, and what was read before. */
async function failure(connection: OverlayConnection): Promise<string> {
  const failed = Promise.withResolvers<string>();
  connection.on('error', (error: Error & { code?: string }) => failed.resolve(error.code ?? ''));
  connection.on('end', () => failed.resolve('a clean end'));
  connection.resume();
  return failed.promise;
}

describe('framed connection', () => {
  test('writes a length and that many bytes, and says its end', async () => {
    const { connection, wire } = ends();
    connection.write('one');
    connection.write('');
    connection.end('two');
    const parts: Buffer[] = [];
    for await (const part of wire) {
      parts.push(part);
      if (Buffer.concat(parts).subarray(-4).equals(END)) break;
    }
    let [text, wireBytes] = ['', Buffer.concat(parts)];
    for (let length = wireBytes.readUInt32BE(); length > 0; length = wireBytes.readUInt32BE()) {
      text += wireBytes.subarray(4, 4 + length);
      wireBytes = wireBytes.subarray(4 + length);
    }
    assert.equal(text, 'onetwo');
    assert.equal(wireBytes.length, 4);
  });

  test('reads the same however the bytes are cut', async () => {
    verifies('OVERLAY-CONTRACT');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ minLength: 1, maxLength: 50 })),
        fc.array(fc.integer({ min: 1, max: 40 })),
        async (texts, cuts) => {
          const { connection, wire } = ends();
          const bytes = Buffer.concat([...texts.map((text) => frame(Buffer.from(text))), END]);
          const read = textOf(connection);
          let at = 0;
          for (const size of cuts) {
            wire.write(bytes.subarray(at, at + size));
            at += size;
          }
          wire.write(bytes.subarray(at));
          assert.equal(await read, texts.join(''));
          connection.end();
        },
      ),
      { numRuns: 100 },
    );
  });

  for (const [name, bytes] of [
    ['before any byte', Buffer.alloc(0)],
    ['inside a header', frame('reading').subarray(0, 2)],
    ['inside a frame', frame('reading').subarray(0, 8)],
    ['behind a frame, without the end', frame('reading')],
  ] as const) {
    test(`an orderly end of the stream below ${name} is a cut`, async () => {
      const { connection, wire } = ends();
      const failed = failure(connection);
      wire.end(bytes);
      assert.equal(await failed, 'OVERLAY-CLOSED');
    });
  }

  test('data behind the end, and a length that nobody sends, break the protocol', async () => {
    const behindEnd = ends();
    behindEnd.connection.on('end', () => assert.fail('the end was taken for clean'));
    const first = failure(behindEnd.connection);
    behindEnd.wire.write(Buffer.concat([END, frame('more')]));
    assert.equal(await first, 'OVERLAY-PROTOCOL');
    const tooLong = ends();
    const second = failure(tooLong.connection);
    tooLong.wire.write(Buffer.from('GET / HTTP/1.1\r\n'));
    assert.equal(await second, 'OVERLAY-PROTOCOL');
  });

  test('a write larger than a frame arrives whole', async () => {
    const [near, far] = duplexPair();
    const [a, b] = [connectionOver(near), connectionOver(far)];
    const content = Buffer.alloc(17 * 1024 * 1024, 'vital');
    a.end(content);
    let bytes = 0;
    for await (const chunk of b) {
      assert.ok(content.subarray(bytes, bytes + chunk.length).equals(chunk));
      bytes += chunk.length;
    }
    assert.equal(bytes, content.length);
    b.end();
  });
});
