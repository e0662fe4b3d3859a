import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  classToGo,
  diskLimit,
  diskRoom,
  LEAST_LIMIT_BYTES,
  type Level,
  levelOf,
  nextStep,
  type Space,
  STEPS,
  type Step,
} from '../../../agent/outbox/room.ts';
import { verifies } from '../../requirements.ts';

const MIB = 1024 * 1024;

/** `refused`: in quarantine, by number of the class. */
type Rows = { delivered?: number; refused?: Record<number, number> } & Partial<Record<keyof Space['pending'], number>>;

/** A space of 1000 bytes, filled to `used`, with so many rows of each class of 10 bytes each. */
function space(used: number, rows: Rows): Space {
  const { delivered = 0, refused = {}, ...pending } = rows;
  const amount = (count: number) => ({ rows: count, bytes: 10 * count });
  return {
    usedBytes: used,
    limitBytes: 1000,
    roomBytes: 1000,
    delivered: amount(delivered),
    pending: Object.fromEntries(Object.entries(pending).map(([name, count]) => [name, amount(count)])),
    quarantined: new Map(Object.entries(refused).map(([number, count]) => [Number(number), amount(count)])),
  };
}

describe('what goes next', () => {
  const all = { delivered: 1, alert: 1, gap: 1, movement: 1, device: 1, spot: 1, continuous: 1, waveform: 1 };
  const cases: [string, Space, boolean, Step[], Step | undefined][] = [
    ['nothing while there is room', space(749, all), false, [], undefined],
    ['delivered rows before anything else', space(750, all), false, [], 'delivered'],
    ['delivered rows in need as well', space(1000, all), true, [], 'delivered'],
    ['nothing that waits below 95 %', space(949, { ...all, delivered: 0 }), false, [], undefined],
    ['waves first', space(950, { ...all, delivered: 0 }), false, [], 'waveform'],
    ['waves until there is enough room', space(901, { ...all, delivered: 0 }), true, [], 'waveform'],
    ['no more than enough', space(899, { ...all, delivered: 0 }), true, [], undefined],
    ['continuous readings are thinned when no wave is left', space(990, { ...all, delivered: 0, waveform: 0 }), true, [], 'thin'],
    ['a wave that cannot go is passed over', space(990, { ...all, delivered: 0 }), true, ['waveform'], 'thin'],
    ['what is thinned goes then', space(990, { continuous: 1, spot: 1 }), true, ['thin'], 'continuous'],
    ['spot readings after all of them', space(990, { spot: 1, alert: 1 }), true, ['thin'], 'spot'],
    ['what may have been sent comes last', space(990, { spot: 1, waveform: 1 }), true, ['waveform', 'spot'], 'sent'],
    ['refused waves before good ones', space(950, { waveform: 1, refused: { 50: 1 } }), false, [], 'refused'],
    ['refused continuous readings as well', space(950, { waveform: 1, refused: { 40: 1 } }), false, [], 'refused'],
    ['nothing refused while there is room', space(949, { refused: { 50: 25 } }), false, [], undefined],
    ['quarantine beyond its share, though there is room', space(300, { refused: { 10: 26 } }), false, [], 'excess'],
    [
      'refused spot readings after continuous ones',
      space(950, { continuous: 1, spot: 1, refused: { 30: 1 } }),
      true,
      ['thin'],
      'continuous',
    ],
    ['refused spot readings before good ones', space(950, { spot: 1, refused: { 30: 1 } }), true, [], 'refusedSpot'],
    ['what is refused and never given up', space(2000, { refused: { 10: 9, 20: 9, 29: 2 } }), true, [], undefined],
    ['what is never given up', space(2000, { alert: 9, gap: 9, movement: 9, device: 9 }), true, [], undefined],
    ['nothing when all was tried', space(2000, all), true, [...STEPS], undefined],
  ];
  for (const [title, given, isMakingRoom, done, expected] of cases) {
    test(title, () => {
      verifies('OUTBOX-CLASSES');
      assert.equal(nextStep(given, isMakingRoom, new Set(done)), expected);
    });
  }
});

test('from quarantine goes what is least protected, undecodable parts after what may be given up', () => {
  verifies('OUTBOX-CLASSES');
  const { quarantined } = space(0, { refused: { 10: 1, 25: 1, 29: 1, 30: 1, 40: 1, 50: 1 } });
  const order: (number | undefined)[] = [];
  for (const left = new Map(quarantined); left.size > 0; ) {
    const next = classToGo(left, 'excess');
    order.push(next);
    left.delete(next ?? 0);
    assert.ok(order.length < 10);
  }
  assert.deepEqual(order, [50, 40, 30, 29, 25, 10]);
  assert.deepEqual(
    (['refused', 'refusedSpot'] as const).map((step) => classToGo(space(0, { refused: { 29: 1, 30: 1 } }).quarantined, step)),
    [undefined, 30],
  );
});

describe('how full it is', () => {
  const cases: [number, number, Level, Level][] = [
    [799, 0, 'calm', 'calm'],
    [800, 0, 'calm', 'nearly'],
    [701, 0, 'nearly', 'nearly'],
    [699, 0, 'nearly', 'calm'],
    [999, 0, 'nearly', 'nearly'],
    [1000, 0, 'nearly', 'full'],
    [999, 0, 'full', 'nearly'],
    [600, 0, 'full', 'calm'],
    // Delivered rows go by themselves.
    [900, 20, 'calm', 'calm'],
    [900, 10, 'calm', 'nearly'],
  ];
  for (const [used, delivered, before, expected] of cases) {
    test(`${used} of 1000 bytes, ${10 * delivered} of them delivered, ${before} before: ${expected}`, () => {
      verifies('OUTBOX-ALARM');
      assert.equal(levelOf(space(used, { delivered, spot: 1 }), before), expected);
    });
  }
});

test('with nothing left that may go, it is full before its end', () => {
  verifies('OUTBOX-ALARM');
  assert.deepEqual(
    [949, 950].map((used) => levelOf(space(used, { alert: 90 }), 'nearly')),
    ['nearly', 'full'],
  );
  assert.equal(levelOf(space(950, { alert: 90, refused: { 30: 1 } }), 'nearly'), 'nearly', 'what was refused may go');
});

test('the disk limits the file, and something is left free on it', () => {
  verifies('OUTBOX-LIMITS');
  assert.equal(diskLimit({ totalBytes: 64_000 * MIB, freeBytes: 1000 * MIB }, 500 * MIB), 1436 * MIB);
  assert.equal(diskLimit({ totalBytes: 200 * MIB, freeBytes: 100 * MIB }, 10 * MIB), 100 * MIB);
  assert.equal(diskLimit({ totalBytes: 8 * MIB, freeBytes: 0 }, MIB), LEAST_LIMIT_BYTES);
});

test('a disk that is too small for the least limit brings the alarm before it is full, and nothing is given up for it', () => {
  verifies('OUTBOX-ALARM');
  const disk = (fileBytes: number, logBytes: number) => ({ totalBytes: 14 * MIB, freeBytes: 8 * MIB - fileBytes - logBytes });
  const rooms = [0, 4 * MIB].map((log) => diskRoom(disk(MIB, log), MIB, log));
  assert.deepEqual(rooms, [8 * MIB - 4_096_000, 8 * MIB - 4_096_000], 'the same while the log grows');
  const roomBytes = rooms[0] ?? 0;
  const at = (share: number): Space => ({
    ...space(0, { spot: 1 }),
    limitBytes: LEAST_LIMIT_BYTES,
    roomBytes,
    usedBytes: share * roomBytes,
  });
  assert.deepEqual([levelOf(at(0.79), 'calm'), levelOf(at(0.81), 'calm')], ['calm', 'nearly']);
  assert.equal(nextStep(at(0.99), false, new Set()), undefined);
});
