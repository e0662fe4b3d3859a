import assert from 'node:assert/strict';
import { test } from 'node:test';
import { line } from '../../../agent/framing/line.ts';
import { verifies } from '../../requirements.ts';
import { assertPure, whateverTheCut } from './events.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const lines = line({ maxBytes: 16 });

test('lines end with CR, LF or CRLF; empty ones are none', () => {
  verifies('FRAMING-PURE');
  assert.deepEqual(whateverTheCut(lines, bytes('one\r\ntwo\nthree\r\r\n\nfour\r'), 1024), ['one', 'two', 'three', 'four']);
});

test('NULs around a line are padding, one inside stays to be seen', () => {
  assert.deepEqual(whateverTheCut(lines, bytes(`${'\0'.repeat(40)}one\0\0\r\n\0tw\0o\r`), 1024), ['one', 'tw\0o']);
});

test('a line above the limit costs itself only', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  assert.deepEqual(whateverTheCut(lines, bytes(`one\r${'x'.repeat(40)}\rtwo\r`), 1024), ['one', '-oversized 40', 'two']);
  assert.deepEqual(whateverTheCut(lines, bytes(`${'x'.repeat(16)}\r`), 1024), ['x'.repeat(16)], 'the limit itself is allowed');
  assert.deepEqual(
    whateverTheCut(line({ maxBytes: 100 }), bytes(`${'x'.repeat(10)}\r`), 8),
    ['-oversized 10'],
    "the source's limit holds too",
  );
});

test('a last line without end was cut off: it may lack digits', () => {
  assert.deepEqual(whateverTheCut(lines, bytes('one\rtw'), 1024), ['one', '-truncated 2']);
  assert.deepEqual(whateverTheCut(lines, bytes('one\r\0\0'), 1024), ['one']);
});

test('random streams give the same events however they are cut', () => {
  verifies('FRAMING-PURE');
  assertPure(lines, ['\r', '\n', '\r\n', '\0', 'SPO2=097', 'x'.repeat(17)].map(bytes), 16);
});
