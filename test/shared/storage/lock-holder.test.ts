import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holderIn } from '../../../shared/storage/lock-holder.ts';

// As Linux prints it; device 254:0, and 259:300, whose minor number has more than eight bits.
const LOCKS = `1: POSIX  ADVISORY  WRITE 28989 fe:00:10159585 1073741824 1073742335
2: FLOCK  ADVISORY  WRITE 7 fe:00:77 0 EOF
2: -> POSIX  ADVISORY  WRITE 8 fe:00:78 0 EOF
3: POSIX  ADVISORY  READ  9 103:12c:78 0 EOF
4: POSIX  ADVISORY  READ  0 fe:00:79 0 EOF
`;
const FE_00 = 0xfe00n;

test('who holds a file is read out of the list of locks, by device and number of the file', () => {
  assert.equal(holderIn(LOCKS, { dev: FE_00, ino: 10159585n }), 28989);
  assert.equal(holderIn(LOCKS, { dev: 0x11032cn, ino: 78n }), 9);
});

test('another file, another kind of lock, somebody who only waits and a process that cannot be seen are nobody', () => {
  for (const ino of [1n, 1015958n, 77n, 78n, 79n]) assert.equal(holderIn(LOCKS, { dev: FE_00, ino }), undefined, String(ino));
  assert.equal(holderIn('', { dev: FE_00, ino: 77n }), undefined);
});
