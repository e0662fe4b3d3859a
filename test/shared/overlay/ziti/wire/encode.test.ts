import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { allocateFrame, encodeFrame } from '../../../../../shared/overlay/ziti/wire/encode.ts';
import { byteValue, type HeaderValue, u16, u16Value } from '../../../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, contentName, FLAG, HEADER } from '../../../../../shared/overlay/ziti/wire/ids.ts';
import { FrameReader } from '../../../../../shared/overlay/ziti/wire/reader.ts';
import { verifies } from '../../../../requirements.ts';
import { RECORDED } from '../../../../support/ziti/recorded-frames.ts';

/** What a header value is on the wire, said once more and in another way. */
function wireValue(value: HeaderValue): Buffer {
  if (typeof value === 'number') return Buffer.from(Uint32Array.of(value).buffer);
  if (typeof value === 'boolean') return Buffer.of(Number(value));
  return Buffer.from(value as string);
}

describe('frames on their way out', () => {
  test('are what the Go SDK was seen to send', () => {
    const hello = encodeFrame(
      { type: CONTENT.hello, headers: [[HEADER.sessionToken, 'de88054d-7851-4af0-8ef4-14f679a2bf2c']], body: Buffer.from('hc..xMvev') },
      -1,
    );
    assert.equal(hello.toString('hex'), RECORDED.hello);
    const fin = encodeFrame(
      {
        type: CONTENT.data,
        headers: [
          [HEADER.connId, 1],
          [HEADER.flags, FLAG.fin],
        ],
      },
      6,
    );
    assert.equal(fin.toString('hex'), RECORDED.fin);
    const dialSuccess = encodeFrame(
      {
        type: CONTENT.dialSuccess,
        headers: [
          [HEADER.connId, 1],
          [HEADER.replyFor, 4],
        ],
        body: Buffer.of(0, 0, 0, 0x80),
      },
      3,
    );
    assert.equal(dialSuccess.toString('hex'), RECORDED.dialSuccess);
  });

  test('carry every kind of header value, with its length in bytes', () => {
    const frame = encodeFrame(
      {
        type: CONTENT.bind,
        headers: [
          [HEADER.connId, 0x8000_0001],
          [HEADER.replyFor, -1],
          [HEADER.supportsBindSuccess, true],
          [HEADER.useXgressToSdk, false],
          [HEADER.callerId, 'Zürich'],
          [HEADER.cost, u16Value(0x1234)],
          [HEADER.cryptoMethod, byteValue(0)],
          [HEADER.appData, new Uint8Array(0)],
        ],
      },
      0x7fff_ffff,
    );
    const expected = [
      ['0306090c', '76ed0000', 'ffffff7f', '54000000', '00000000'],
      ['e8030000', '04000000', '01000080'],
      ['01000000', '04000000', 'ffffffff'],
      ['00040000', '01000000', '01'],
      ['04040000', '01000000', '00'],
      ['f0030000', '07000000', '5ac3bc72696368'],
      ['ec030000', '02000000', '3412'],
      ['f1030000', '01000000', '00'],
      ['f3030000', '00000000'],
    ];
    assert.equal(frame.toString('hex'), expected.flat().join(''));
  });

  test('may be filled in place', () => {
    const { buffer, bodyOffset } = allocateFrame(CONTENT.data, [[HEADER.connId, 1]], 22, 3);
    buffer.set(Buffer.from('2b004589766bb50a46f542a77a62a291f765710784e6', 'hex'), bodyOffset);
    assert.equal(buffer.toString('hex'), RECORDED.data);
  });

  test('are read back as they were', () => {
    verifies('OVERLAY-FRAMES');
    const id = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
    const value = fc.oneof<fc.Arbitrary<HeaderValue>[]>(
      fc.nat(0xffff_ffff),
      fc.integer({ min: -0x8000_0000, max: -1 }),
      fc.boolean(),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array(),
    );
    const headers = fc.uniqueArray(fc.tuple(id, value), { selector: ([key]) => key, maxLength: 20 });
    fc.assert(
      fc.property(id, id, headers, fc.uint8Array({ maxLength: 300 }), (type, sequence, outgoing, body) => {
        const [frame, ...more] = [...new FrameReader().push(encodeFrame({ type, headers: outgoing, body }, sequence))];
        assert.ok(frame);
        assert.equal(more.length, 0);
        assert.deepEqual([frame.type, frame.sequence], [type, sequence]);
        assert.deepEqual(
          [...frame.headers],
          outgoing.map(([key, sent]) => [key, wireValue(sent)]),
        );
        assert.deepEqual(frame.body, Buffer.from(body));
      }),
      { numRuns: 200 },
    );
  });

  test('a u16 is read as it was written', () => {
    assert.equal(u16(new Map([[HEADER.cost, u16Value(0xfffe)]]), HEADER.cost), 0xfffe);
  });
});

describe('content types', () => {
  test('have names to read', () => {
    assert.deepEqual([contentName(60783), contentName(2), contentName(99)], ['connect', 'result', 'type 99']);
  });
});
