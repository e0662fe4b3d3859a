import assert from 'node:assert/strict';
import { type Instant, parseInstant } from '../../../../shared/clock.ts';

// Local times of October 2026, by offsets that stand here so that nothing of what is tested reckons them: clocks went forward in Sydney on the 4th (at 02:00, UTC 3rd 16:00),
// back in Berlin on the 25th (at 03:00, 01:00 UTC) and back in New York on 1 November (at 02:00, 06:00 UTC), which is the 32nd here.

/** `05 07:12`: that day of October by the clock of Berlin. In the hour that comes twice on the 25th with its offset: `25 02:30+01:00`. */
export function berlin(text: string): Instant {
  return local(text, (day, time) => (day > 25 || (day === 25 && time >= '03:00') ? '+01:00' : '+02:00'));
}

/** The same by the clock of Sydney. */
export function sydney(text: string): Instant {
  return local(text, (day, time) => (day > 4 || (day === 4 && time >= '02:00') ? '+11:00' : '+10:00'));
}

/** The same by the clock of New York. */
export function newYork(text: string): Instant {
  return local(text, (day, time) => (day > 32 || (day === 32 && time >= '02:00') ? '-05:00' : '-04:00'));
}

function local(text: string, offsetOf: (day: number, time: string) => string): Instant {
  const [, day = '', time = '', offset] = /^(\d\d) (\d\d:\d\d(?::\d\d)?)([+-]\d\d:\d\d)?$/.exec(text) ?? assert.fail(text);
  const date = Number(day) > 31 ? `2026-11-${String(Number(day) - 31).padStart(2, '0')}` : `2026-10-${day}`;
  const seconds = time.length === 5 ? ':00' : '';
  return parseInstant(`${date}T${time}${seconds}${offset ?? offsetOf(Number(day), time)}`)?.at ?? assert.fail(text);
}

/** A time as a reader was told it, in the same form, by the clock of its own zone; of the hours that come twice with the offset. A day of September stands as `Sep 27`. */
export function told(text: string | null): string {
  if (text === null) return '-';
  const [, month = '', day = '', time = '', offset = ''] = /^2026-(09|10|11)-(\d\d)T(\d\d:\d\d)\S*?([+-]\d\d:\d\d|Z)$/.exec(text) ?? [];
  if (month === '') return text;
  const twice = /^10-25 02:|^11-01 01:/.test(`${month}-${day} ${time}`) ? offset : '';
  const named = month === '11' ? String(Number(day) + 31) : month === '09' ? `Sep ${day}` : day;
  return `${named} ${time}${twice}`;
}
