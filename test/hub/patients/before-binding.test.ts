import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boundFrom, isBeforeBinding, type MeasuredAt, mayReachInto } from '../../../hub/patients/before-binding.ts';
import { verifies } from '../../requirements.ts';

const MIN = 60_000;
const SINCE = Date.UTC(2026, 10, 21, 10);

/** Minutes after the binding. */
const at = (sortMin: number, storedMin: number, sentMin: number | null, flags: MeasuredAt['flags'] = []): MeasuredAt => ({
  sortTime: SINCE + sortMin * MIN,
  storedAt: SINCE + storedMin * MIN,
  sentAt: sentMin === null ? null : SINCE + sentMin * MIN,
  flags,
});

test('what was or may have been measured before the binding is told from what was not', () => {
  verifies('SUBJECT-BY-HUB');
  const cases: [string, MeasuredAt, boolean][] = [
    ['measured before', at(-1, 5, 5), true],
    ['measured before, time of sending unknown', at(-1, 5, null), true],
    ['right after: a clock two minutes ahead could have said so', at(1, 1, 1), true],
    ['measured after', at(2, 2, 2), false],
    ['measured after, time of sending unknown', at(2, 2, null), false],
    ['kept for long, but measured after', at(10, 500, 500), false],
    ['gateway an hour ahead, measured before', at(59, 5, 65), true],
    ['gateway an hour ahead, measured after', at(65, 10, 70), false],
    ['gateway an hour behind: it cannot be told', at(-50, 10, -50), true],
    ['gateway was an hour ahead, and was set right before it sent', at(59, 5, 5), true],
    ['from the future, time of sending unknown', at(60, 5, null), true],
    ['out of a memory whose clock is in doubt', at(500, 500, 500, ['memory', 'clock']), true],
    ['of a boot without the time, surely not before', at(500, 500, 500, ['memory', 'clock', 'not-earlier']), false],
    ['of a boot without the time, as early as it can have been before', at(1, 500, 500, ['memory', 'clock', 'not-earlier']), true],
    ['out of a memory without a clock', at(500, 500, 500, ['memory', 'clockless']), true],
    ['out of a memory whose clock is right', at(500, 600, 600, ['memory']), false],
    ['of a device without a clock, as it came', at(500, 500, 500, ['clockless']), false],
  ];
  for (const [what, measured, before] of cases) assert.equal(isBeforeBinding(measured, SINCE), before, what);
  for (const [what, measured] of cases) assert.equal(isBeforeBinding(measured, 0), false, what);
  for (const [what, measured] of cases) assert.equal(isBeforeBinding(measured, Number.POSITIVE_INFINITY), true, what);
});

test('whatever a steady clock shows, nothing measured before is taken', () => {
  verifies('SUBJECT-BY-HUB');
  const span = fc.integer({ min: 0, max: 10_000 * MIN });
  fc.assert(
    fc.property(span, span, fc.integer({ min: -10_000 * MIN, max: 10_000 * MIN }), (beforeMs, keptMs, offsetMs) => {
      const measured = SINCE - 1 - beforeMs;
      const sent = measured + keptMs;
      const shown = { sortTime: measured + offsetMs, sentAt: sent + offsetMs, storedAt: sent, flags: [] };
      assert.ok(isBeforeBinding(shown, SINCE));
    }),
    { numRuns: 200 },
  );
});

test('the first instant of a stretch that is surely of the binding is taken, and the one before it is not', () => {
  verifies('SUBJECT-BY-HUB');
  const minutes = fc.integer({ min: -500, max: 500 });
  fc.assert(
    fc.property(minutes, fc.option(minutes), (storedMin, sentMin) => {
      const clocks = { storedAt: SINCE + storedMin * MIN, sentAt: sentMin === null ? null : SINCE + sentMin * MIN };
      const first = boundFrom(clocks, SINCE);
      assert.ok(isBeforeBinding({ ...clocks, sortTime: first - 1, flags: [] }, SINCE));
      // Where the stretch reaches beyond it to an instant that is taken, so is every one from it on.
      const taken = (sortTime: number): boolean => !isBeforeBinding({ ...clocks, sortTime, flags: [] }, SINCE);
      for (const later of [0, MIN, 100 * MIN]) if (taken(first + later)) assert.ok(taken(first));
    }),
  );
  assert.equal(boundFrom({ storedAt: SINCE, sentAt: null }, 0), Number.NEGATIVE_INFINITY);
});

test('what is surely older than an unknown stretch, or surely later, is not of it; anything in doubt is', () => {
  verifies('SUBJECT-BY-HUB');
  const MIN = 60_000;
  const [from, until] = [SINCE, SINCE + 100 * MIN];
  const storedAt = until + 100 * MIN;
  const stretch = { from, found: until - MIN, until };
  const at = (sortTime: number, more: Partial<MeasuredAt> = {}): MeasuredAt => ({
    sortTime,
    flags: [],
    storedAt,
    sentAt: storedAt,
    ...more,
  });
  const cases: [string, MeasuredAt, number, boolean][] = [
    ['older', at(from - 3 * MIN), 0, false],
    ['as old as a clock may be off', at(from - MIN), 0, true],
    ['within', at(from + MIN), 0, true],
    ['shortly after', at(until + MIN), 0, true],
    ['later', at(until + 3 * MIN), 0, false],
    ['older, and nobody says by which clock', at(from - 3 * MIN, { sentAt: null }), 0, true],
    ['older, by a clock in doubt', at(from - 3 * MIN, { flags: ['clock'] }), 0, true],
    ['older, by a clock that is behind', at(from - 3 * MIN, { sentAt: storedAt - 30 * MIN }), 0, true],
    ['begins before and ends within', at(from - 30 * MIN), 40 * MIN, true],
    ['begins before and ends behind', at(from - 30 * MIN), 150 * MIN, true],
    ['begins and ends before', at(from - 30 * MIN), 20 * MIN, false],
  ];
  for (const [what, measured, lasts, reaches] of cases)
    assert.equal(mayReachInto(stretch, measured, measured.sortTime + lasts), reaches, what);
});
