import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AccessLimit } from '../../../../hub/access/budgets/access-limit.ts';
import { DAY_MS, HOUR_MS, noUsage, take, type Usage, type Use } from '../../../../hub/access/budgets/usage.ts';
import { verifies } from '../../../requirements.ts';

const CAPS = { callsPerDay: 5, callsPerMonth: 12, othersPerHour: 3, othersPerDay: 6 };
const NOON = Date.UTC(2026, 10, 29, 12);
const many = { patients: 10_000 };

/** The limit that it runs into, with the wait; undefined where it was let through. */
function refused(usage: Usage, use: Partial<Use>, at: number, patients = many.patients): [string, number] | undefined {
  try {
    take(usage, { calls: 0, others: [], ...use }, CAPS, { at, patients });
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof AccessLimit);
    assert.ok(thrown.retryAfterMs > 0);
    return [thrown.limit, thrown.retryAfterMs];
  }
}

test('days and months are those of UTC, and the wait goes to their end', () => {
  verifies('LIMITS-DAYS');
  const usage = noUsage();
  for (let i = 0; i < 5; i += 1) assert.equal(refused(usage, { calls: 1 }, NOON), undefined);
  assert.deepEqual(refused(usage, { calls: 1 }, NOON), ['callsPerDay', 12 * HOUR_MS]);
  for (let i = 0; i < 5; i += 1) assert.equal(refused(usage, { calls: 1 }, NOON + 12 * HOUR_MS), undefined);
  assert.deepEqual(refused(usage, { calls: 1 }, NOON + 12 * HOUR_MS), ['callsPerDay', DAY_MS]);
  const next = Date.UTC(2026, 11, 1);
  const last = noUsage();
  for (const day of [27, 28, 29])
    for (let i = 0; i < 4; i += 1) assert.equal(refused(last, { calls: 1 }, Date.UTC(2026, 10, day)), undefined);
  assert.deepEqual(refused(last, { calls: 1 }, next - DAY_MS), ['callsPerMonth', DAY_MS]);
  assert.equal(refused(last, { calls: 1 }, next), undefined);
  assert.deepEqual([...last.calls.values()], [1], 'the month before is forgotten');
});

test('patients of others are counted once in 24 hours, and the wait goes to when the first of them is forgotten', () => {
  verifies('LIMITS-OTHERS');
  const usage = noUsage();
  for (const [i, patient] of ['a', 'b', 'c'].entries()) assert.equal(refused(usage, { others: [patient] }, NOON + i), undefined);
  assert.deepEqual(refused(usage, { others: ['d'] }, NOON + 3), ['othersPerHour', HOUR_MS - 3]);
  assert.equal(refused(usage, { others: ['a', 'b'] }, NOON + 4), undefined, 'known already');
  assert.equal(refused(usage, { others: ['d', 'e', 'f'] }, NOON + 2 * HOUR_MS), undefined);
  assert.deepEqual(refused(usage, { others: ['g'] }, NOON + 4 * HOUR_MS), ['othersPerDay', DAY_MS - 4 * HOUR_MS]);
  assert.equal(refused(usage, { others: ['a'] }, NOON + DAY_MS - 1), undefined);
  assert.equal(refused(usage, { others: ['g'] }, NOON + DAY_MS), undefined);
});

test('patients counted by a clock that was ahead lock nobody out, and do not count twice where it was a little', () => {
  verifies('LIMITS-OTHERS');
  const ahead = (byMs: number): Usage => ({ calls: new Map(), others: new Map(['a', 'b', 'c'].map((patient) => [patient, NOON + byMs])) });
  const far = ahead(30 * DAY_MS);
  assert.equal(refused(far, { others: ['d', 'a'] }, NOON), undefined);
  assert.deepEqual(
    [...far.others],
    [
      ['d', NOON],
      ['a', NOON],
    ],
    'who is asked for again is counted again',
  );
  const little = ahead(HOUR_MS);
  assert.deepEqual(refused(little, { others: ['d'] }, NOON), ['othersPerHour', HOUR_MS]);
  assert.equal(refused(little, { others: ['a', 'b', 'c'] }, NOON + 1), undefined);
  assert.equal(refused(little, { others: ['d'] }, NOON + HOUR_MS), undefined);
});

test('of a refused use nothing is taken, of many patients at once neither', () => {
  verifies('LIMITS-OTHERS');
  const usage = noUsage();
  assert.equal(refused(usage, { calls: 1, others: ['a', 'b', 'c', 'd'] }, NOON)?.[0], 'othersPerHour');
  assert.deepEqual([usage.calls.size, usage.others.size], [0, 0]);
});

test('whatever policy.yaml says, it is less than a tenth of the patients in a day, but for the first eight', () => {
  verifies('LIMITS-OTHERS');
  const wide = { ...CAPS, othersPerHour: 1000, othersPerDay: 1000 };
  for (const [patients, through] of [
    [5, 8],
    [90, 8],
    [91, 9],
    [200, 19],
    [20_000, 1000],
  ] as const) {
    const usage = noUsage();
    let seen = 0;
    try {
      for (; seen < 5000; seen += 1) take(usage, { calls: 0, others: [`p-${seen}`] }, wide, { at: NOON, patients });
    } catch (thrown) {
      assert.ok(thrown instanceof AccessLimit);
    }
    assert.equal(seen, through, `of ${patients}`);
  }
});

test('in no 24 hours, however the requests lie, are there more than the limits say', () => {
  verifies('LIMITS-DAYS', 'LIMITS-OTHERS');
  const uses = fc.array(
    fc.record({ ms: fc.integer({ min: 0, max: 3 * HOUR_MS }), patient: fc.integer({ min: 0, max: 30 }), calls: fc.constantFrom(0, 1) }),
    {
      maxLength: 120,
    },
  );
  fc.assert(
    fc.property(uses, (all) => {
      const usage = noUsage();
      let at = NOON;
      const through: { at: number; patient: number; calls: number }[] = [];
      for (const { ms, patient, calls } of all) {
        at += ms;
        if (refused(usage, { calls: calls as 0 | 1, others: [`p-${patient}`] }, at) === undefined) through.push({ at, patient, calls });
      }
      for (const { at: end } of through) {
        const day = through.filter((one) => Math.floor(one.at / DAY_MS) === Math.floor(end / DAY_MS));
        assert.ok(day.reduce((sum, { calls }) => sum + calls, 0) <= CAPS.callsPerDay);
        // Who was first asked for before may be asked for again until 24 hours are over.
        const within = new Set(through.filter((one) => one.at > end - DAY_MS && one.at <= end).map(({ patient }) => patient));
        assert.ok(within.size <= 2 * CAPS.othersPerDay);
      }
    }),
  );
});
