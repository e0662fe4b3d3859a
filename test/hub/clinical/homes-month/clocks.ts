import { daysBut, weighs } from './calm.ts';
import { cuff, weight } from './devices.ts';
import { type Chapter, key, refused, says } from './script.ts';
import { berlin, newYork, sydney } from './times.ts';

// The nights of 25 and of 23 hours, in the zone of each home, and devices whose clock is wrong. A pressure is expected on Sundays between two and three at night (in New York between
// one and two), so that it falls into the hour that comes twice, or never.

/** Berlin, 25 October: the window covers both hours, from 02:00+02:00 to 03:00+01:00. */
const longNight: Chapter = [
  ...weighs(4, daysBut(25)),
  ...['04', '11', '18'].map((sunday) => says(berlin(`${sunday} 02:30`), 4, cuff('BP-04', 130, 80))),
  key(berlin('25 01:59'), 4, { due: 'nibp done 18 02:30, weight done 24 07:04' }),
  key(berlin('25 02:30+02:00'), 4, { due: 'nibp due since 25 02:00+02:00, weight done 24 07:04' }),
  key(berlin('25 02:30+01:00'), 4, { due: 'nibp due since 25 02:00+02:00, weight done 24 07:04' }),
  says(berlin('25 02:45+01:00'), 4, cuff('BP-04', 128, 82)),
  key(berlin('25 02:50+01:00'), 4, { latest: 'nibp 128/82, weight 64.8', due: 'weight done 24 07:04, nibp done 25 02:45+01:00' }),
  key(berlin('25 03:01'), 4, { due: 'weight done 24 07:04, nibp done 25 02:45+01:00' }),
  // The morning is where it always is; and a value of 07:04 is stale 36 hours later, which is at 18:04 by the clock that was set back.
  key(berlin('25 06:00'), 4, { due: 'weight due since 25 06:00, nibp done 25 02:45+01:00' }),
  key(berlin('25 10:30'), 4, { due: 'weight missed since 25 10:30, nibp done 25 02:45+01:00' }),
  key(berlin('25 18:03'), 4, { latest: 'nibp 128/82, weight 64.8' }),
  key(berlin('25 18:04'), 4, { latest: 'nibp 128/82, weight (64.8)', sources: 'BP-04 live, WS-04 silent since 24 07:04, gw-04 live' }),
];

/** Sydney, 4 October: the hour from two to three is not there; the window is from three to four. Somebody of the county is there on a visit, and the gateway came along. */
const shortNight: Chapter = [
  ...weighs(5, daysBut(1, 4), { at: sydney }),
  ...['11', '18', '25'].map((sunday) => says(sydney(`${sunday} 02:30`), 5, cuff('BP-05', 130, 80))),
  key(sydney('04 01:59'), 5, { due: 'nibp missed since Sep 27 03:00, weight done 03 07:05' }),
  key(sydney('04 03:00'), 5, { due: 'nibp due since 04 03:00, weight done 03 07:05' }),
  says(sydney('04 03:20'), 5, cuff('BP-05', 131, 84)),
  key(sydney('04 03:59'), 5, { latest: 'nibp 131/84, weight 65.6', due: 'weight done 03 07:05, nibp done 04 03:20' }),
  key(sydney('04 06:00'), 5, { due: 'weight due since 04 06:00, nibp done 04 03:20' }),
  key(sydney('04 10:30'), 5, { due: 'weight missed since 04 10:30, nibp done 04 03:20' }),
  // 36 hours after 07:05 of the day before, by the clock that was put forward.
  key(sydney('04 20:04'), 5, { latest: 'nibp 131/84, weight 65.6' }),
  key(sydney('04 20:05'), 5, {
    latest: 'nibp 131/84, weight (65.6)',
    due: 'weight device-silent (missed) since 04 10:30, nibp done 04 03:20',
  }),
];

/** New York, 1 November: the hour from one to two comes twice, and nothing is measured. */
const lastNight: Chapter = [
  ...weighs(6, daysBut(), { at: newYork }),
  ...['04', '11', '18', '25'].map((sunday) => says(newYork(`${sunday} 01:30`), 6, cuff('BP-06', 130, 80))),
  key(newYork('25 01:40'), 6, { due: 'weight done 24 07:06, nibp done 25 01:30' }),
  key(newYork('32 01:30-04:00'), 6, { due: 'nibp due since 32 01:00-04:00, weight done 31 07:06' }),
  key(newYork('32 01:30-05:00'), 6, { due: 'nibp due since 32 01:00-04:00, weight done 31 07:06' }),
  key(newYork('32 02:00'), 6, {
    latest: 'weight 66.2, nibp (130/80)',
    due: 'nibp device-silent (missed) since 32 02:00, weight done 31 07:06',
  }),
];

const IN_2028 = Date.UTC(2028, 1, 29, 12);

/** A scale that says once that it is 2028. */
const stampOf2028: Chapter = [
  ...weighs(8, daysBut(10)),
  says(berlin('10 07:08'), 8, weight('WS-08', 68.3, { ts: IN_2028 })),
  key(berlin('10 07:09'), 8, { latest: 'weight 68.3 [clock]', due: 'weight due since 10 06:00', sources: 'WS-08 live, gw-08 live' }),
  key(berlin('10 10:31'), 8, { due: 'weight missed since 10 10:30' }),
  key(berlin('11 07:09'), 8, { latest: 'weight 68.2', due: 'weight done 11 07:08' }),
  // Out of its memory with the same clock: nobody knows when that was, so it may have been before this was anybody's gateway.
  says(berlin('12 12:00'), 8, weight('WS-08', 99, { ts: IN_2028, memory: true })),
  refused(berlin('12 12:01'), 8, 'INGEST-BEFORE-BINDING'),
  key(berlin('12 12:01'), 8, {
    latest: 'weight 68.4',
    due: 'weight done 12 07:08',
    trend: {
      of: { vital: 'weight', from: berlin('10 00:00'), to: berlin('12 12:01') },
      is: 'WS-08 n 3, 68.2 to 68.4, last 68.4',
    },
  }),
  // Out of its memory with a good clock: what was measured before does not overtake what is current.
  says(berlin('12 13:00'), 8, weight('WS-08', 68.9, { ts: berlin('11 21:00'), memory: true })),
  key(berlin('12 13:01'), 8, { latest: 'weight 68.4' }),
];

export const clocks: Chapter = [...longNight, ...shortNight, ...lastNight, ...stampOf2028];
