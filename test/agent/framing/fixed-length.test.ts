import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixedLength } from '../../../agent/framing/fixed-length.ts';
import { verifies } from '../../requirements.ts';
import { assertPure, whateverTheCut } from './events.ts';

const df8 = fixedLength({ bytes: 4, syncBit: { byte: 0, bit: 7 } });
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const frame = (text: string): string => hex(text).toString('latin1');

test('frames follow each other', () => {
  verifies('FRAMING-PURE');
  assert.deepEqual(whateverTheCut(df8, hex('80486120 80496220'), 1024), [frame('80486120'), frame('80496220')]);
});

test('a byte without the sync bit where a frame must begin is garbage', () => {
  verifies('NO-SILENT-DROP');
  assert.deepEqual(whateverTheCut(df8, hex('486120 80486120 00'), 1024), ['-garbage 3', frame('80486120'), '-garbage 1']);
});

test('a frame cut short by the next one, or by the end, is truncated; the next one is whole', () => {
  verifies('GOOD-PARTS-SURVIVE');
  assert.deepEqual(whateverTheCut(df8, hex('8048 80496220 80'), 1024), ['-truncated 2', frame('80496220'), '-truncated 1']);
  assert.deepEqual(whateverTheCut(df8, hex('80 81 82 83496220'), 1024), ['-truncated 3', frame('83496220')]);
});

test('a line of noise is told of while it lasts', () => {
  const noise = Buffer.alloc(10_000, 0x11);
  assert.deepEqual(whateverTheCut(df8, noise.subarray(0, 5000), 1024), ['-garbage 4096', '-garbage 904']);
});

test('random streams give the same events however they are cut', () => {
  verifies('FRAMING-PURE');
  assertPure(df8, [hex('80486120'), hex('80'), hex('ff7f7f7f'), hex('20')], 1024);
});
