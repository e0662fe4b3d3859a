import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AS_IT_IS, decide, type WaitingRun } from '../../../agent/boots/decide.ts';
import type { Instant } from '../../../shared/clock.ts';
import type { KnownTime } from '../../../shared/time/clock-run.ts';
import { verifies } from '../../requirements.ts';

const FLOOR = Date.UTC(2026, 10, 1);
const TRUE_TIME = Date.UTC(2027, 2, 1, 12);
const MINUTE_MS = 60_000;

const known = (over: Partial<KnownTime> = {}): KnownTime => ({
  ...{ boot: 'now', origin: TRUE_TIME - 10 * MINUTE_MS, sinceBootMs: 10 * MINUTE_MS, sure: true, settled: true, wasPlausible: false },
  ...over,
});
/** Counted from the floor, from one minute after the start on. */
const counted: WaitingRun = { boot: 'now', origin: FLOOR - MINUTE_MS, from: FLOOR, held: true, last: FLOOR + 5 * MINUTE_MS };
/** By the machine's own clock, which is right. */
const own: WaitingRun = { boot: 'now', origin: known().origin, from: TRUE_TIME - MINUTE_MS, held: false, last: TRUE_TIME };

describe('what becomes of what was stamped by a clock that nobody had confirmed', () => {
  test('of this boot, counted time is moved to where it truly was', () => {
    verifies('NO-CLOCK-RETIMED');
    const [decision] = decide([counted], known());
    assert.deepEqual(decision, { shift: known().origin - counted.origin, inDoubt: false });
    assert.equal(counted.from + (decision?.shift ?? 0), known().origin + MINUTE_MS);
  });

  test('the machine’s own time stays when it was near enough, and is moved when it was not, ahead or behind', () => {
    verifies('NO-CLOCK-RETIMED');
    for (const offMs of [0, 2 * MINUTE_MS, -2 * MINUTE_MS])
      assert.deepEqual(decide([{ ...own, origin: own.origin + offMs }], known()), [AS_IT_IS]);
    for (const offMs of [2 * MINUTE_MS + 1, -3 * 365 * 24 * 60 * MINUTE_MS]) {
      assert.deepEqual(decide([{ ...own, origin: own.origin + offMs, last: undefined }], known()), [{ shift: -offMs, inDoubt: false }]);
    }
  });

  test('a machine that nobody confirmed decides nothing; where nobody will, what surely was wrong, and what differs, goes as doubtful', () => {
    const differing = { ...own, origin: own.origin - 3 * MINUTE_MS, last: undefined };
    const unsure = known({ sure: false, settled: false });
    assert.deepEqual(decide([own, { ...own, boot: 'before' }, counted, differing], unsure), Array(4).fill(undefined));
    const settled = known({ sure: false, settled: true });
    assert.deepEqual(decide([own, { ...own, boot: 'before' }], settled), [undefined, undefined]);
    assert.equal(decide([counted], settled)[0]?.inDoubt, true);
    assert.deepEqual(decide([differing], settled), [{ shift: 3 * MINUTE_MS, inDoubt: true }]);
  });

  test('of an earlier boot, a plausible clock is doubted when this boot’s proved wrong, and else believed', () => {
    verifies('NO-CLOCK-BOUNDED-TIME');
    const earlier = { ...own, boot: 'before' };
    assert.deepEqual(decide([earlier], known()), [AS_IT_IS]);
    assert.deepEqual(decide([earlier], known({ wasPlausible: true })), [{ shift: 0, inDoubt: true }]);
  });

  test('of a machine that may have stood still, what seems to have come later than it says is doubtful, and what came earlier is not', () => {
    verifies('STOOD-STILL-DOUBTFUL');
    const paused = known({ mayHaveStoodStill: true });
    assert.deepEqual(decide([counted], paused), [{ shift: known().origin - counted.origin, inDoubt: true }]);
    const hour = 60 * MINUTE_MS;
    // Paused for an hour, or set by one: nobody knows; it is taken for as old as it may be.
    assert.deepEqual(decide([{ ...own, origin: own.origin - hour, last: undefined }], paused), [{ shift: 0, inDoubt: true }]);
    assert.deepEqual(decide([{ ...own, origin: own.origin + hour, last: undefined }], paused), [{ shift: -hour, inDoubt: false }]);
    assert.deepEqual(decide([{ ...own, origin: own.origin - MINUTE_MS }], paused), [AS_IT_IS]);
  });

  test('where what was known before proves wrong, nobody says that it was no earlier', () => {
    verifies('NO-CLOCK-BOUNDED-TIME');
    const ahead = { ...counted, boot: 'before', last: known().origin + MINUTE_MS };
    assert.deepEqual(decide([ahead], known()), [{ shift: -MINUTE_MS, inDoubt: true }]);
    assert.deepEqual(decide([{ ...ahead, last: known().origin - MINUTE_MS }], known()), [{ shift: 0, inDoubt: true, notEarlier: true }]);
  });

  test('a boot id alone is not believed: of this boot, nothing was received later than now', () => {
    verifies('NO-CLOCK-BOUNDED-TIME');
    const longer = { ...counted, last: counted.origin + known().sinceBootMs + 1001 };
    assert.equal(decide([longer], known())[0]?.inDoubt, true);
    assert.equal(decide([{ ...counted, last: counted.origin + known().sinceBootMs }], known())[0]?.inDoubt, false);
  });

  test('of several boots without the time, only the one in which it came to be known is sure; the others lie in their order, between what was known before and this boot, never later than they were', () => {
    verifies('NO-CLOCK-RETIMED', 'NO-CLOCK-BOUNDED-TIME');
    const boot = fc.record({
      off: fc.integer({ min: 1, max: 90 * 24 * 60 * MINUTE_MS }),
      beforeFirst: fc.integer({ min: 0, max: 10 * MINUTE_MS }),
      rows: fc.array(fc.integer({ min: 0, max: 24 * 60 * MINUTE_MS }), { minLength: 1, maxLength: 5 }),
    });
    fc.assert(
      fc.property(fc.array(boot, { minLength: 1, maxLength: 5 }), fc.integer({ min: 0, max: MINUTE_MS }), (boots, learnMs) => {
        let at: Instant = FLOOR;
        let origin = 0;
        let since = 0;
        const stamped = boots.map(({ off, beforeFirst, rows }, i) => {
          origin = at + off;
          at = origin + beforeFirst;
          const trueTimes = rows.map((after): Instant => {
            at += after;
            return at;
          });
          since = at - origin + learnMs;
          // Each process counts from the floor, from when it began on.
          const shownAt = (time: Instant): Instant => FLOOR + time - (origin + beforeFirst);
          const run: WaitingRun = { boot: String(i), origin: FLOOR - beforeFirst, from: FLOOR, held: true, last: shownAt(at) };
          return { run, trueTimes, shown: trueTimes.map(shownAt) };
        });
        const time = known({ boot: String(boots.length - 1), origin, sinceBootMs: since });
        const decisions = decide(
          stamped.map(({ run }) => run),
          time,
        );
        let before = FLOOR;
        for (const [i, { trueTimes, shown }] of stamped.entries()) {
          const decision = decisions[i];
          assert.ok(decision);
          const put = shown.map((shownAt) => shownAt + decision.shift);
          const isLast = i === boots.length - 1;
          assert.equal(decision.inDoubt, !isLast);
          assert.equal(decision.notEarlier, isLast ? undefined : true);
          if (isLast) assert.deepEqual(put, trueTimes);
          for (const [k, one] of put.entries()) {
            assert.ok(one >= before && one <= (trueTimes[k] ?? 0), 'in order, and not later than it was');
            before = one;
          }
        }
      }),
    );
  });
});
