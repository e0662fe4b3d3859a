import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { around, DAY_MIN, occurrences, WEEKDAYS, type Window } from '../../../../hub/clinical/due/schedule.ts';
import { expectedSchema } from '../../../../hub/clinical/due/schema.ts';
import { verifies } from '../../../requirements.ts';

const DAY_MS = 86_400_000;

/** Reckoned by hand from the nights of 2026: Berlin 29 March and 25 October at 01:00 UTC, New York 8 March at 07:00 and 1 November at 06:00 UTC. */
const BY_HAND: readonly [zone: string, day: string, window: string, from: string, until: string][] = [
  ['Europe/Berlin', '2026-03-28', '07:00-09:00', '2026-03-28T06:00Z', '2026-03-28T08:00Z'],
  ['Europe/Berlin', '2026-03-29', '07:00-09:00', '2026-03-29T05:00Z', '2026-03-29T07:00Z'],
  ['Europe/Berlin', '2026-03-29', '00:30-04:00', '2026-03-28T23:30Z', '2026-03-29T02:00Z'],
  ['Europe/Berlin', '2026-03-29', '02:15-02:45', '2026-03-29T01:15Z', '2026-03-29T01:45Z'],
  ['Europe/Berlin', '2026-03-29', '02:00-03:00', '2026-03-29T01:00Z', '2026-03-29T02:00Z'],
  ['Europe/Berlin', '2026-03-29', '01:30-02:30', '2026-03-29T00:30Z', '2026-03-29T01:30Z'],
  ['Europe/Berlin', '2026-03-29', '02:30-03:15', '2026-03-29T01:30Z', '2026-03-29T02:15Z'],
  ['Europe/Berlin', '2026-03-28', '22:00-02:30', '2026-03-28T21:00Z', '2026-03-29T01:30Z'],
  ['Europe/Berlin', '2026-03-29', '00:00-24:00', '2026-03-28T23:00Z', '2026-03-29T22:00Z'],
  ['Europe/Berlin', '2026-10-25', '07:00-09:00', '2026-10-25T06:00Z', '2026-10-25T08:00Z'],
  ['Europe/Berlin', '2026-10-25', '01:00-04:00', '2026-10-24T23:00Z', '2026-10-25T03:00Z'],
  ['Europe/Berlin', '2026-10-25', '02:15-02:45', '2026-10-25T00:15Z', '2026-10-25T01:45Z'],
  ['Europe/Berlin', '2026-10-25', '02:00-03:00', '2026-10-25T00:00Z', '2026-10-25T02:00Z'],
  ['Europe/Berlin', '2026-10-25', '01:30-02:30', '2026-10-24T23:30Z', '2026-10-25T01:30Z'],
  ['Europe/Berlin', '2026-10-25', '00:00-24:00', '2026-10-24T22:00Z', '2026-10-25T23:00Z'],
  ['America/New_York', '2026-03-08', '06:00-08:00', '2026-03-08T10:00Z', '2026-03-08T12:00Z'],
  ['America/New_York', '2026-03-08', '01:00-04:00', '2026-03-08T06:00Z', '2026-03-08T08:00Z'],
  ['America/New_York', '2026-03-08', '02:15-02:45', '2026-03-08T07:15Z', '2026-03-08T07:45Z'],
  ['America/New_York', '2026-11-01', '00:00-03:00', '2026-11-01T04:00Z', '2026-11-01T08:00Z'],
  ['America/New_York', '2026-11-01', '01:15-01:45', '2026-11-01T05:15Z', '2026-11-01T06:45Z'],
  ['America/New_York', '2026-10-31', '23:00-01:30', '2026-11-01T03:00Z', '2026-11-01T06:30Z'],
];

function windowOf(text: string, days?: readonly string[]): Window {
  const file = { version: 'test', patients: { 'pat-home-01': { weight: [{ window: text, ...(days && { days }) }] } } };
  return expectedSchema.parse(file).patients['pat-home-01']?.weight?.[0]?.window ?? assert.fail();
}

test('windows go by the clock on the wall, in nights of 23 and 25 hours too', () => {
  verifies('DUE-WINDOWS');
  for (const [zone, day, text, from, until] of BY_HAND) {
    const whole = windowOf(text);
    const weekday = WEEKDAYS[(new Date(`${day}T12:00Z`).getUTCDay() + 6) % 7] ?? assert.fail();
    const only = windowOf(text, [weekday]);
    const expected = { from: Date.parse(from), until: Date.parse(until) };
    const says = `${zone} ${day} ${text}`;
    assert.deepEqual(occurrences(only, zone, Date.parse(from), Date.parse(from) + 1), [expected], says);
    assert.deepEqual(occurrences(only, zone, Date.parse(from) - DAY_MS, Date.parse(from)), [], `${says}: not before`);
    assert.deepEqual(occurrences(only, zone, Date.parse(until), Date.parse(until) + DAY_MS), [], `${says}: not after`);
    assert.ok(
      occurrences(whole, zone, Date.parse(from), Date.parse(until)).some(
        (one) => one.from === expected.from && one.until === expected.until,
      ),
      says,
    );
  }
});

const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'UTC', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Auckland');
const windows = fc
  .record({
    fromMin: fc.integer({ min: 0, max: DAY_MIN - 1 }),
    lengthMin: fc.integer({ min: 1, max: DAY_MIN }),
    weekdays: fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 }),
  })
  .map(({ fromMin, lengthMin, weekdays }): Window => ({ fromMin, untilMin: fromMin + lengthMin, weekdays }));
const instants = fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2030, 0) });

/** By the machine's own calendar, not ours. */
function localOf(at: number, zone: string): { weekday: number; minutes: number } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  return { weekday: WEEKDAYS.indexOf(part('weekday').toLowerCase() as 'mon'), minutes: Number(part('hour')) * 60 + Number(part('minute')) };
}

test('each listed day has one occurrence, which begins when the clock there says so, whatever stretch is asked for', () => {
  verifies('DUE-WINDOWS');
  fc.assert(
    fc.property(windows, zones, instants, (window, zone, a) => {
      const b = a + 14 * DAY_MS;
      const found = occurrences(window, zone, a, b);
      const begun = found.filter(({ from }) => from >= a);
      assert.ok(Math.abs(begun.length - 2 * window.weekdays.length) <= 1, `${begun.length} in two weeks`);
      for (const [i, { from, until }] of found.entries()) {
        const nominalMs = (window.untilMin - window.fromMin) * 60_000;
        assert.ok(Math.abs(until - from - nominalMs) <= 3_600_000, 'an hour shorter or longer at most');
        assert.ok(until > from || nominalMs <= 3_600_000);
        assert.ok(from > (found[i - 1]?.from ?? 0), 'in order');
        const { weekday, minutes } = localOf(from, zone);
        assert.ok(window.weekdays.includes(weekday));
        const laterMin = minutes - window.fromMin;
        assert.ok(
          laterMin === 0 || laterMin === 60 || laterMin === 30,
          'later only where an hour, or on Lord Howe half of one, is skipped',
        );
        assert.deepEqual(
          occurrences(window, zone, from, from + 1).filter((one) => one.from === from),
          [{ from, until }],
        );
      }
      const half = a + 7 * DAY_MS;
      const parts = [...occurrences(window, zone, a, half), ...occurrences(window, zone, half, b)];
      assert.deepEqual([...new Map(parts.map((one) => [one.from, one])).values()], found);
    }),
    { numRuns: 60 },
  );
});

test('the current occurrence is the last that opened, and the next one the first that did not', () => {
  verifies('DUE-WINDOWS');
  fc.assert(
    fc.property(windows, zones, instants, fc.integer({ min: 0, max: 12 * 60 }), (window, zone, now, aheadMin) => {
      const aheadMs = aheadMin * 60_000;
      const { current, next } = around(window, zone, now, aheadMs);
      assert.ok(current && next);
      assert.ok(current.from - aheadMs <= now && now < next.from - aheadMs);
      const between = occurrences(window, zone, current.from, next.from).filter(({ from }) => from > current.from && from < next.from);
      assert.deepEqual(between, []);
    }),
    { numRuns: 60 },
  );
});

test('a file with an impossible window, or with windows of which one reading could be two, is refused', () => {
  verifies('DUE-FILE');
  const weight = (...windows: object[]) => expectedSchema.safeParse({ version: 'test', panels: { heart: { weight: windows } } }).success;
  assert.ok(weight({ window: '07:00-09:00' }, { window: '09:00-11:00' }));
  assert.ok(weight({ window: '07:00-09:00', days: ['mon'], tolerance: '1h' }, { window: '07:30-10:00', days: ['tue'] }));
  assert.ok(weight({ window: '22:00-02:00', tolerance: '2h', zone: 'America/New_York' }));
  assert.ok(!weight({ window: '07:00-09:00', tolerance: '30m' }, { window: '09:00-11:00' }));
  assert.ok(!weight({ window: '22:00-02:00', days: ['sun'] }, { window: '01:00-03:00', days: ['mon'] }), 'across the end of the week');
  assert.ok(!weight({ window: '00:00-24:00', tolerance: '1m' }), 'with itself of the next day');
  for (const window of ['7:00-9:00', '07:00-07:00', '07:00-24:30', '25:00-26:00', '07:00', '']) assert.ok(!weight({ window }), window);
  for (const tolerance of ['13h', '-1m', '30', '721m']) assert.ok(!weight({ window: '07:00-09:00', tolerance }), tolerance);
  assert.ok(!weight({ window: '07:00-09:00', zone: 'Mars/Olympus' }));
  assert.ok(!weight({ window: '07:00-09:00', days: [] }));
  assert.ok(!expectedSchema.safeParse({ version: 'test', panels: { heart: { wait: [] } } }).success);
});
