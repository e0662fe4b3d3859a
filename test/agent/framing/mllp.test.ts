import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_MAX_FRAME_BYTES } from '../../../agent/framing/framing.ts';
import { mllp, mllpFrame } from '../../../agent/framing/mllp.ts';
import { verifies } from '../../requirements.ts';
import { assertPure, shown, whateverTheCut } from './events.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

test('messages of one stream, however it is cut', () => {
  verifies('FRAMING-PURE');
  assert.deepEqual(whateverTheCut(mllp, bytes('\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r'), 100), ['MSH|1', 'MSH|2']);
});

test('a message is whole at 1C: the 0D behind it may be missing, a line feed may follow', () => {
  assert.deepEqual(whateverTheCut(mllp, bytes('\x0bMSH|1\x1c\x0bMSH|2\x1c\r\n\x0bMSH|3\x1c'), 100), ['MSH|1', 'MSH|2', 'MSH|3']);
});

test('bytes before a block are garbage, and are counted', () => {
  verifies('NO-SILENT-DROP');
  assert.deepEqual(whateverTheCut(mllp, bytes('GET / HTTP\x0bMSH|1\x1c\rjunk\x0bMSH|2\x1c\r'), 100), [
    '-garbage 10',
    'MSH|1',
    '-garbage 4',
    'MSH|2',
  ]);
});

test('empty blocks, and line ends beyond two behind a block, are garbage and are told of in runs', () => {
  verifies('NO-SILENT-DROP');
  assert.deepEqual(whateverTheCut(mllp, bytes('\x0bMSH|1\x1c\r\n\r\r\n\x0bMSH|2\x1c\r'), 100), ['MSH|1', '-garbage 3', 'MSH|2']);
  assert.deepEqual(whateverTheCut(mllp, bytes(`${'\x0b\x1c\r'.repeat(100)}\x0bMSH|1\x1c\r`), 100), ['-garbage 200', 'MSH|1']);
  assert.deepEqual(whateverTheCut(mllp, bytes(`${'\x0b'.repeat(100)}MSH|1\x1c\r`), 100), ['-truncated 99', 'MSH|1']);
});

test('what a framer holds is only what may become a message', () => {
  const framer = mllp(100);
  const heldAfter = (text: string): number => {
    framer.push(bytes(text));
    return framer.held;
  };
  assert.deepEqual(
    ['junk', '\x0bMSH|', 'x'.repeat(90), 'y'.repeat(90), '\x1c', '\r'.repeat(50), '\x0bM'].map(heldAfter),
    [0, 4, 94, 0, 0, 0, 1],
  );
});

test('a block whose end was lost is discarded at the next 0B, or at the end of the stream', () => {
  verifies('GOOD-PARTS-SURVIVE');
  assert.deepEqual(whateverTheCut(mllp, bytes('\x0bMSH|1\x0bMSH|2\x1c\r\x0bMSH|3'), 100), ['-truncated 6', 'MSH|2', '-truncated 6']);
});

test('a message above the limit costs itself only', () => {
  const stream = bytes(`\x0bMSH|1\x1c\r\x0bMSH|${'x'.repeat(50)}\x1c\r\x0bMSH|2\x1c\r\x0b${'y'.repeat(30)}\x0bMSH|3\x1c\r`);
  assert.deepEqual(whateverTheCut(mllp, stream, 20), ['MSH|1', '-oversized 55', 'MSH|2', '-oversized 31', 'MSH|3']);
  assert.deepEqual(whateverTheCut(mllp, bytes(`\x0b${'z'.repeat(20)}\x1c\r`), 20), ['z'.repeat(20)], 'the limit itself is allowed');
});

test('the beginning of an oversized message is handed out, for the answer to its sender', () => {
  const framer = mllp(64);
  const [event] = [...framer.push(bytes(`\x0bMSH|^~\\&|A|B|${'x'.repeat(100)}\x1c\r`)), ...framer.end()];
  assert.ok(event && 'discarded' in event);
  assert.equal(
    Buffer.from(event.discarded.head ?? [])
      .toString('latin1')
      .slice(0, 12),
    'MSH|^~\\&|A|B',
  );
  assert.ok((event.discarded.head?.length ?? 0) <= 1024);
});

test('an endless message takes no more memory than the limit, and is told of while it lasts', () => {
  const framer = mllp(1024);
  const chunk = Buffer.alloc(64 * 1024, 0x41);
  const before = process.memoryUsage().arrayBuffers;
  framer.push(Buffer.of(0x0b));
  let discarded = 0;
  for (let i = 0; i < 256; i += 1) {
    for (const event of framer.push(chunk)) if ('discarded' in event) discarded += event.discarded.bytes;
  }
  assert.ok(discarded > 15 * 1024 * 1024);
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
  assert.deepEqual(shown(framer.push(bytes('\x1c\r\x0bMSH|1\x1c\r'))).slice(-1), ['MSH|1']);
});

test('a message of the greatest size arrives byte by byte', () => {
  const framer = mllp(DEFAULT_MAX_FRAME_BYTES);
  const message = Buffer.alloc(DEFAULT_MAX_FRAME_BYTES, 0x42);
  const stream = mllpFrame(message);
  let frames = 0;
  for (let at = 0; at < stream.length; at += 1) {
    for (const event of framer.push(stream.subarray(at, at + 1))) if ('frame' in event && message.equals(event.frame)) frames += 1;
  }
  assert.equal(frames, 1);
});

test('random streams give the same events however they are cut', () => {
  verifies('FRAMING-PURE');
  assertPure(mllp, ['\x0b', '\x1c', '\x1c\r', '\r', '\n', 'MSH|^~\\&|', '\x0bMSH|\x1c\r', 'x'.repeat(15)].map(bytes), 16);
});
