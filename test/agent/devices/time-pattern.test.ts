import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timePattern } from '../../../agent/devices/time-pattern.ts';

test('a pattern reads times of its form and no other', () => {
  const read = timePattern('DD.MM.YYYY HH:mm');
  assert.deepEqual(read?.('21.11.2026 10:05'), { year: 2026, month: 11, day: 21, hour: 10, minute: 5, second: 0, millisecond: 0 });
  assert.equal(read?.('21x11x2026 10:05'), undefined, 'a literal stands for itself');
  assert.equal(read?.('21.11.26 10:05'), undefined);
  assert.equal(timePattern('MM/DD/YY HH:mm:ss.SSS')?.('11/21/26 10:00:04.120')?.millisecond, 120);
  assert.equal(timePattern('MM/DD/YY HH:mm')?.('11/21/07 10:00')?.year, 2007);
});

test('a pattern must say day, hour and minute, and each once', () => {
  assert.equal(timePattern('HH:mm:ss'), undefined);
  assert.equal(timePattern('YYYY-MM-DD'), undefined);
  assert.equal(timePattern('YYYY-MM-DD HH:mm mm'), undefined);
});
