import { z } from 'zod';
import { isZone } from '../../../shared/clock.ts';
import { panel, vital } from '../../../shared/vitals.ts';
import { groupName, patientId, versionName } from '../limits/schema.ts';
import { DAY_MIN, WEEKDAYS, type Window } from './schedule.ts';

const WEEK_MIN = 7 * DAY_MIN;
/** What is later than half a day is another reading. */
const MAX_TOLERANCE_MIN = 12 * 60;

/** `07:00-09:00`; `22:00-02:00` ends on the next day; the end may be `24:00`. */
const hours = z.string().transform((text, context) => {
  const [, fromHour, fromMinute, untilHour, untilMinute] = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/.exec(text) ?? [];
  const fromMin = Number(fromHour) * 60 + Number(fromMinute);
  const untilMin = Number(untilHour) * 60 + Number(untilMinute);
  if (untilMin <= DAY_MIN && fromMin !== untilMin) return { fromMin, untilMin: untilMin > fromMin ? untilMin : untilMin + DAY_MIN, text };
  context.addIssue({ code: 'custom', message: 'expected two different times of day, as 07:00-09:00' });
  return z.NEVER;
});

/** `30m`, `2h`; minutes. */
const tolerance = z.string().transform((text, context) => {
  const [, count, unit] = /^(\d{1,3})([mh])$/.exec(text) ?? [];
  const minutes = Number(count) * (unit === 'h' ? 60 : 1);
  if (minutes <= MAX_TOLERANCE_MIN) return minutes;
  context.addIssue({ code: 'custom', message: 'expected a whole number and m or h, 12h at most' });
  return z.NEVER;
});

const zone = z.string().refine(isZone, 'expected an IANA time zone');

const expectation = z
  .strictObject({
    window: hours.describe('From when until when, by the clock of the zone.'),
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .default([...WEEKDAYS])
      .describe('Days on which it begins; every day unless given.'),
    tolerance: tolerance.prefault('0m').describe('How much earlier or later also counts.'),
    zone: zone.optional().describe('That of the patient, else of the hub, unless given.'),
  })
  .transform(({ window: { text, ...hours }, days, tolerance: toleranceMin, zone }) => {
    const weekdays = WEEKDAYS.flatMap((day, i) => (days.includes(day) ? [i] : []));
    return { text, window: { ...hours, weekdays } satisfies Window, toleranceMin, zone };
  });

/** One reading that is expected again and again. */
export type Expectation = z.output<typeof expectation>;

/** Of one vital sign; none at all is nothing expected, whatever a panel or ward says. */
const ofVital = z
  .array(expectation)
  .max(24)
  .transform((all, context) => {
    if (!isApart(all))
      context.addIssue({ code: 'custom', message: 'expected windows that are apart, with what is tolerated: one reading cannot be two' });
    return all;
  });

const expected = z.record(
  z.string().refine((key) => (vital(key) ?? panel(key)) !== undefined, 'expected a key of the parameter table or of a panel'),
  ofVital,
);

/** The schema of the site's file of expected readings (`clinical.expected` of hub.yaml). Nothing is expected of anybody whom it does not name. */
export const expectedSchema = z.strictObject({
  version: versionName,
  wards: z.record(groupName, expected).default({}).describe('Of whoever lies there now.'),
  panels: z.record(groupName, expected).default({}).describe('Of whoever is on the list; of several panels all.'),
  patients: z
    .record(patientId, expected)
    .default({})
    .describe('Counts before panels, and these before the ward, vital sign by vital sign.'),
  zones: z.record(patientId, zone).default({}).describe("Of the patient's home."),
});

export type ExpectedFile = z.output<typeof expectedSchema>;

export const NO_EXPECTED: ExpectedFile = expectedSchema.parse({ version: 'built-in' });

/** Whether no two windows of a week touch each other, with what is tolerated. */
function isApart(all: readonly Expectation[]): boolean {
  const spans = all
    .flatMap(({ window: { fromMin, untilMin, weekdays }, toleranceMin }) =>
      weekdays.map((day) => ({ from: day * DAY_MIN + fromMin - toleranceMin, until: day * DAY_MIN + untilMin + toleranceMin })),
    )
    .sort((a, b) => a.from - b.from);
  return spans.every(({ until }, i) => until <= (spans[i + 1]?.from ?? (spans[0]?.from ?? 0) + WEEK_MIN));
}
