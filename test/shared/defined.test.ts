import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defined } from '../../shared/defined.ts';

test('what is undefined has no field; what is null, false or empty has', () => {
  assert.deepEqual(Object.entries(defined({ a: undefined, b: null, c: false, d: '', e: 0 })), [
    ['b', null],
    ['c', false],
    ['d', ''],
    ['e', 0],
  ]);
});
