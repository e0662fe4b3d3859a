import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FreeNumbers } from '../../../../../shared/overlay/ziti/channel/free-numbers.ts';

test('numbers begin at 1, leave out those in use, and begin again behind the largest', () => {
  const taken = new Set([2, 3, 0x7fff_ffff, 1]);
  const isTaken = (number: number): boolean => taken.has(number);
  const fresh = new FreeNumbers({ max: 0x7fff_ffff, isTaken: (number) => number === 2 });
  assert.deepEqual([fresh.next(), fresh.next(), fresh.next()], [1, 3, 4]);
  const late = new FreeNumbers({ max: 0x7fff_ffff, isTaken, last: 0x7fff_fffd });
  assert.deepEqual([late.next(), late.next(), late.next()], [0x7fff_fffe, 4, 5]);
});
