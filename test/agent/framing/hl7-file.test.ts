import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hl7File } from '../../../agent/framing/hl7-file.ts';
import { verifies } from '../../requirements.ts';
import { assertPure, whateverTheCut } from './events.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

for (const end of ['\r', '\n', '\r\n']) {
  test(`bare messages with line ends ${JSON.stringify(end)}`, () => {
    verifies('FRAMING-PURE');
    const file = ['MSH|1', 'PID|', 'MSH|2', 'OBX|MSH|', ''].join(end);
    assert.deepEqual(whateverTheCut(hl7File, bytes(file), 1000), [`MSH|1${end}PID|${end}`, `MSH|2${end}OBX|MSH|${end}`]);
  });
}

test('MLLP blocks, with or without garbage before the first', () => {
  assert.deepEqual(whateverTheCut(hl7File, bytes('\x0bMSH|1\rPID|\x1c\r\x0bMSH|2\x1c\r'), 1000), ['MSH|1\rPID|', 'MSH|2']);
  assert.deepEqual(whateverTheCut(hl7File, bytes('noise\r\n\x0bMSH|1\x1c\r'), 1000), ['-garbage 7', 'MSH|1']);
});

test('a block among bare messages ends them', () => {
  verifies('GOOD-PARTS-SURVIVE');
  assert.deepEqual(whateverTheCut(hl7File, bytes('MSH|1\rPID|\r\x0bMSH|2\x1c\r'), 1000), ['MSH|1\rPID|\r', 'MSH|2']);
});

test('what has no MSH is a message too, so that its lack is reported', () => {
  assert.deepEqual(whateverTheCut(hl7File, bytes('PID|1\nPV1|\nMSH|2\n'), 1000), ['PID|1\nPV1|\n', 'MSH|2\n']);
  assert.deepEqual(whateverTheCut(hl7File, bytes('PID|1\nPV1|'), 1000), ['PID|1\nPV1|']);
});

test('byte order marks, blank lines and an empty file', () => {
  assert.deepEqual(whateverTheCut(hl7File, bytes('\r\n\xef\xbb\xbfMSH|1\n\n\xef\xbb\xbfMSH|2'), 1000), [
    '\xef\xbb\xbfMSH|1\n\n',
    '\xef\xbb\xbfMSH|2',
  ]);
  assert.deepEqual(whateverTheCut(hl7File, bytes(''), 1000), []);
  assert.deepEqual(whateverTheCut(hl7File, bytes('\n\n'), 1000), []);
});

test('a bare message above the limit costs itself only', () => {
  verifies('NO-SILENT-DROP');
  const file = `MSH|1\r${'MSH|2'.padEnd(40, 'x')}\rMSH|3\r`;
  assert.deepEqual(whateverTheCut(hl7File, bytes(file), 20), ['MSH|1\r', '-oversized 41', 'MSH|3\r']);
});

test('random streams give the same events however they are cut', () => {
  verifies('FRAMING-PURE');
  assertPure(hl7File, ['\r', '\n', '\r\n', 'MSH|', 'MSH|1\rPID|\r', '\x0bMSH|1\x1c\r', '\xef\xbb\xbf', 'x'.repeat(15)].map(bytes), 24);
});
