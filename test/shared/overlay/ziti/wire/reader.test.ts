import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { byte, type Frame, flag, i32, text, u16, u32 } from '../../../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../../../shared/overlay/ziti/wire/ids.ts';
import { FRAME_LIMITS, FrameReader, HELLO_LIMITS } from '../../../../../shared/overlay/ziti/wire/reader.ts';
import { verifies } from '../../../../requirements.ts';
import { RECORDED, recordedBytes } from '../../../../support/ziti/recorded-frames.ts';

const MAGIC = '0306090c';

const bytes = (...parts: string[]): Buffer => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');

/** All frames of the chunks, with copies of what they hold: a later chunk may lie where an earlier one lay. */
function read(chunks: Buffer[], reader = new FrameReader()): Frame[] {
  return chunks.flatMap((chunk) =>
    [...reader.push(chunk)].map(({ headers, body, ...rest }) => ({
      ...rest,
      headers: new Map([...headers].map(([id, value]) => [id, Buffer.from(value)])),
      body: Buffer.from(body),
    })),
  );
}

function readOne(...parts: string[]): Frame {
  const [frame, ...more] = read([bytes(...parts)]);
  assert.ok(frame);
  assert.equal(more.length, 0);
  return frame;
}

function cut(whole: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, i) => Buffer.from(whole.subarray(i * size, (i + 1) * size)));
}

const ALL = Buffer.concat((Object.keys(RECORDED) as (keyof typeof RECORDED)[]).map(recordedBytes));
const ALL_FRAMES = read([ALL]);

describe('frame reader', () => {
  test('reads a hello (openziti-wire.md §4)', () => {
    const hello = readOne(RECORDED.hello);
    assert.deepEqual([hello.type, hello.sequence], [CONTENT.hello, -1]);
    assert.deepEqual([...hello.headers.keys()], [HEADER.sessionToken]);
    assert.equal(text(hello.headers, HEADER.sessionToken), 'de88054d-7851-4af0-8ef4-14f679a2bf2c');
    assert.equal(hello.body.toString(), 'hc..xMvev');
  });

  test("reads a router's answer, which repeats the sequence of -1", () => {
    const result = readOne(RECORDED.helloResult);
    assert.equal(result.type, CONTENT.result);
    assert.equal(i32(result.headers, HEADER.replyFor), -1);
    assert.equal(flag(result.headers, HEADER.resultSuccess), true);
    assert.equal(text(result.headers, HEADER.helloVersion), 'v2.0.3|e86e337a1f36|local|linux|amd64');
    assert.equal(text(result.headers, HEADER.id), 'GrQSyMojo');
    assert.equal(result.body.length, 0);
  });

  test('reads FIN, close and the first id that a router gave out', () => {
    const [fin, close, hosted] = [readOne(RECORDED.fin), readOne(RECORDED.close), readOne(RECORDED.closeCalled)];
    assert.deepEqual([fin.type, fin.sequence, u32(fin.headers, HEADER.flags)], [CONTENT.data, 6, 1]);
    assert.deepEqual([close.type, close.sequence, u32(close.headers, HEADER.connId)], [CONTENT.stateClosed, 7, 1]);
    assert.deepEqual([u32(hosted.headers, HEADER.connId), hosted.body.toString()], [0x8000_0000, 'close called']);
  });

  test('a frame may be empty', () => {
    const { headers, ...rest } = readOne(MAGIC, '05000000 01000000 00000000 00000000');
    assert.deepEqual(rest, { type: CONTENT.heartbeat, sequence: 1, body: Buffer.alloc(0) });
    assert.equal(headers.size, 0);
  });

  test('type and sequence may be negative', () => {
    const frame = readOne(MAGIC, 'feffffff 00000080 00000000 00000000');
    assert.deepEqual([frame.type, frame.sequence], [-2, -0x8000_0000]);
  });

  test('headers come in any order, unknown ones among them; of one that comes twice the last counts', () => {
    const connId = 'e8030000 04000000 2a000000';
    const unknown = '4d040000 04000000 00000000';
    const negative = 'ffffffff 00000000';
    const former = 'e8030000 04000000 07000000';
    for (const order of [
      [former, connId, unknown, negative],
      [negative, former, unknown, connId],
      [unknown, former, negative, connId],
    ]) {
      const frame = readOne(MAGIC, '72ed0000 01000000', '2c000000', '00000000', ...order);
      assert.equal(u32(frame.headers, HEADER.connId), 42);
      assert.equal(frame.headers.size, 3);
    }
  });

  test('a header value of another length than its kind is as good as missing', () => {
    const frame = readOne(
      MAGIC,
      '72ed0000 01000000 1d000000 00000000',
      'e8030000 03000000 010000',
      'f2030000 00000000',
      '01000000 02000000 0100',
    );
    assert.equal(u32(frame.headers, HEADER.connId), undefined);
    assert.equal(u32(frame.headers, HEADER.flags), undefined);
    assert.equal(byte(frame.headers, HEADER.flags), undefined);
    assert.equal(flag(frame.headers, HEADER.flags), false);
    assert.equal(i32(frame.headers, HEADER.replyFor), undefined);
    assert.equal(u16(frame.headers, HEADER.replyFor), 1);
    assert.equal(text(frame.headers, HEADER.circuitId), undefined);
  });

  test('several frames in one chunk, and none in an empty one', () => {
    assert.equal(ALL_FRAMES.length, Object.keys(RECORDED).length);
    assert.deepEqual(read([Buffer.alloc(0)]), []);
  });

  test('cut at any place, the frames are the same', () => {
    verifies('OVERLAY-FRAMES');
    for (let at = 0; at <= ALL.length; at++) {
      assert.deepEqual(read([Buffer.from(ALL.subarray(0, at)), Buffer.from(ALL.subarray(at))]), ALL_FRAMES, `cut at ${at}`);
    }
  });

  test('cut into pieces of any one size, the frames are the same', () => {
    verifies('OVERLAY-FRAMES');
    for (const size of [1, 2, 3, 7, 19, 20, 21, 64]) assert.deepEqual(read(cut(ALL, size)), ALL_FRAMES, `pieces of ${size}`);
  });

  test('a large body comes whole, however it is cut', () => {
    const body = Buffer.alloc(3 * 1024 * 1024 + 5, 'observation');
    const head = bytes(MAGIC, '72ed0000 01000000 0c000000');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(body.length);
    const whole = Buffer.concat([head, length, bytes('e8030000 04000000 01000000'), body, recordedBytes('fin')]);
    for (const size of [1000, 16_384, 65_536, 256 * 1024, 2 ** 20, whole.length]) {
      const [large, fin] = read(cut(whole, size));
      assert.ok(large?.body.equals(body), `pieces of ${size}`);
      assert.equal(fin?.sequence, 6);
    }
  });

  test('what lies whole in one chunk is not copied', () => {
    const chunk = Buffer.concat([recordedBytes('fin'), recordedBytes('data')]);
    const [, data] = [...new FrameReader().push(chunk)];
    chunk.fill(0xaa);
    assert.ok(data?.body.every((value) => value === 0xaa));
  });

  test('tells how much of a frame waits', () => {
    const reader = new FrameReader();
    assert.deepEqual([...reader.push(recordedBytes('data').subarray(0, 21))], []);
    assert.equal(reader.pending, 21);
    assert.equal([...reader.push(recordedBytes('data').subarray(21))].length, 1);
    assert.equal(reader.pending, 0);
  });
});

describe('frame reader, bad input', () => {
  const refused = (detail: RegExp, ...parts: string[]): void => {
    const whole = bytes(...parts);
    for (const chunks of [[whole], cut(whole, 1), cut(whole, 19)]) {
      assert.throws(
        () => read(chunks),
        (error: VitalmeshError) => error.code === 'OVERLAY-PROTOCOL' && detail.test(error.detail ?? ''),
      );
    }
  };

  test('other bytes are no frame', () => {
    verifies('OVERLAY-FRAMES');
    refused(/no frame/, '485454502f312e31203430302042616420526571756573740d0a0d0a');
    refused(/no frame/, '0306090d 00000000 01000000 00000000 00000000');
    refused(/no frame/, '00'.repeat(20));
    refused(/no frame/, RECORDED.fin, '00', RECORDED.fin);
  });

  test('a router of another version is told apart', () => {
    refused(/another version/, '0306090a 00000000 01000000 00000000 00000000');
  });

  test('lengths beyond the limit are refused as soon as the head is there', () => {
    verifies('OVERLAY-FRAMES');
    refused(/headers of 65537 bytes/, MAGIC, '72ed0000 01000000 01000100 00000000');
    refused(/a body of 16777217 bytes/, MAGIC, '72ed0000 01000000 00000000 01000001');
    refused(/headers of 4294967295 bytes/, MAGIC, '72ed0000 01000000 ffffffff 00000000');
    refused(/a body of 2147483648 bytes/, MAGIC, '72ed0000 01000000 00000000 00000080');
  });

  test('before the hello the limits are those of the hello, and may be raised behind it', () => {
    const reader = new FrameReader(HELLO_LIMITS);
    const large = bytes(MAGIC, '72ed0000 01000000 00000000 61100000');
    assert.throws(() => [...new FrameReader(HELLO_LIMITS).push(large)], { code: 'OVERLAY-PROTOCOL' });
    assert.throws(() => [...new FrameReader(HELLO_LIMITS).push(bytes(MAGIC, '72ed0000 01000000 01400000 00000000'))], {
      code: 'OVERLAY-PROTOCOL',
    });
    let count = 0;
    for (const _ of reader.push(Buffer.concat([recordedBytes('helloResult'), large, Buffer.alloc(4193)]))) {
      reader.limits = FRAME_LIMITS;
      count++;
    }
    assert.equal(count, 2);
  });

  test('headers whose lengths lie are refused', () => {
    verifies('OVERLAY-FRAMES');
    refused(/header 1000 is cut short/, MAGIC, '72ed0000 01000000 0c000000 00000000', 'e8030000 05000000 01000000');
    refused(/header 1000 is cut short/, MAGIC, '72ed0000 01000000 0c000000 04000000', 'e8030000 05000000 01000000 00000000');
    refused(/header 1000 is cut short/, MAGIC, '72ed0000 01000000 0c000000 00000000', 'e8030000 ffffffff 01000000');
    refused(/a header is cut short/, MAGIC, '72ed0000 01000000 0d000000 00000000', 'e8030000 04000000 01000000 00');
    refused(/a header is cut short/, MAGIC, '72ed0000 01000000 13000000 00000000', 'e8030000 04000000 01000000 00000000000000');
  });

  test('a length alone costs no memory', () => {
    verifies('OVERLAY-FRAMES');
    const readers = Array.from({ length: 64 }, () => new FrameReader());
    const before = process.memoryUsage().arrayBuffers;
    for (const reader of readers)
      assert.deepEqual([...reader.push(bytes(MAGIC, '72ed0000 01000000 00000000 00000001', '00'.repeat(64)))], []);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
    assert.deepEqual([...new Set(readers.map(({ pending }) => pending))], [84]);
  });

  test('random bytes, alone or inside real frames, are refused or are frames; nothing else happens', () => {
    verifies('OVERLAY-FRAMES');
    const mutation = fc.record({ at: fc.nat(ALL.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }), insert: fc.boolean() });
    const mutated = fc
      .array(mutation, { minLength: 1, maxLength: 4 })
      .map((mutations) =>
        mutations.reduce(
          (all, { at, bytes: put, insert }) => Buffer.concat([all.subarray(0, at), put, all.subarray(insert ? at : at + put.length)]),
          ALL,
        ),
      );
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      mutated,
    );
    fc.assert(
      fc.property(input, fc.integer({ min: 1, max: 100 }), (garbage, size) => {
        try {
          read(cut(garbage, size));
        } catch (error) {
          assert.ok(error instanceof VitalmeshError && error.code === 'OVERLAY-PROTOCOL', String(error));
        }
      }),
      { numRuns: 200 },
    );
  });
});
