import { daysBut, weighs } from './calm.ts';
import { oximeter, weight } from './devices.ts';
import { back, type Chapter, cut, key, open, says } from './script.ts';
import { berlin } from './times.ts';

// Readings that did not come, gateways and devices that fell silent, a probe that came off.

const late: Chapter = [
  ...weighs(1, daysBut(5, 6, 7)),
  key(berlin('01 05:00'), 1, { latest: '-', due: 'weight missed since Sep 30 10:30', sources: 'gw-01 live' }),
  key(berlin('01 05:40'), 1, { due: 'weight not-yet-due' }),
  key(berlin('01 06:00'), 1, { due: 'weight due since 01 06:00' }),
  key(berlin('01 08:00'), 1, { latest: 'weight 61.2', due: 'weight done 01 07:01', sources: 'WS-01 live, gw-01 live' }),
  // On the 5th too late, on the 6th at the last minute, on the 7th not at all.
  key(berlin('05 09:59'), 1, { due: 'weight due since 05 06:00' }),
  key(berlin('05 10:00'), 1, { due: 'weight overdue since 05 10:00' }),
  key(berlin('05 10:30'), 1, { due: 'weight missed since 05 10:30' }),
  says(berlin('05 11:05'), 1, weight('WS-01', 61)),
  key(berlin('05 11:06'), 1, { latest: 'weight 61', due: 'weight missed since 05 10:30, late 05 11:05' }),
  says(berlin('06 10:29'), 1, weight('WS-01', 61.2)),
  key(berlin('06 10:31'), 1, { latest: 'weight 61.2', due: 'weight done 06 10:29' }),
  key(berlin('07 10:45'), 1, { latest: 'weight 61.2', due: 'weight missed since 07 10:30', sources: 'WS-01 live, gw-01 live' }),
  // 36 hours after it was used last, a scale is silent.
  key(berlin('07 22:28'), 1, { latest: 'weight 61.2' }),
  key(berlin('07 22:29'), 1, {
    latest: 'weight (61.2)',
    due: 'weight device-silent (missed) since 07 10:30',
    sources: 'WS-01 silent since 06 10:29, gw-01 live',
  }),
  key(berlin('08 07:02'), 1, { latest: 'weight 61.6', due: 'weight done 08 07:01', sources: 'WS-01 live, gw-01 live' }),
];

const gatewaySilent: Chapter = [
  ...weighs(2, daysBut()),
  cut(berlin('07 22:00'), 2),
  key(berlin('07 22:00:59'), 2, { sources: 'WS-02 live, gw-02 live' }),
  key(berlin('07 22:01'), 2, { latest: 'weight 62.4', sources: 'WS-02 live, gw-02 lost since 07 22:00' }),
  key(berlin('08 09:00'), 2, { due: 'weight due since 08 06:00' }),
  key(berlin('08 10:15'), 2, { due: 'weight gateway-silent (overdue) since 08 10:00' }),
  key(berlin('08 10:31'), 2, { latest: 'weight 62.4', due: 'weight gateway-silent (missed) since 08 10:30' }),
  key(berlin('08 19:02'), 2, { latest: 'weight (62.4)', sources: 'WS-02 silent since 07 07:02, gw-02 lost since 07 22:00' }),
  key(berlin('09 10:31'), 2, { due: 'weight gateway-silent (missed) since 09 10:30' }),
  // What was measured meanwhile waited at the gateway, and counts by when it was measured.
  back(berlin('09 11:00'), 2),
  key(berlin('09 11:00'), 2, {
    latest: 'weight 62.8',
    due: 'weight done 09 07:02',
    sources: 'WS-02 live, gw-02 live',
    trend: { of: { vital: 'weight', from: berlin('01 00:00'), to: berlin('09 11:00') }, is: 'WS-02 n 9, 62 to 62.8, last 62.8' },
  }),
];

const deviceSilent: Chapter = [
  ...weighs(3, daysBut(10, 11, 12)),
  key(berlin('10 10:45'), 3, { latest: 'weight 63.8', due: 'weight missed since 10 10:30' }),
  key(berlin('10 19:03'), 3, { latest: 'weight (63.8)', due: 'weight device-silent (missed) since 10 10:30' }),
  key(berlin('11 10:15'), 3, {
    due: 'weight device-silent (overdue) since 11 10:00',
    sources: 'WS-03 silent since 09 07:03, gw-03 live',
  }),
  // A new scale; the old one comes back the day after. They are never taken for one.
  says(berlin('12 08:00'), 3, weight('WS-93', 63.1)),
  key(berlin('12 10:45'), 3, {
    latest: 'weight 63.1 WS-93, weight (63.8) WS-03',
    due: 'weight done 12 08:00',
    sources: 'WS-03 silent since 09 07:03, WS-93 live, gw-03 live',
  }),
  key(berlin('13 09:00'), 3, { latest: 'weight 63.6 WS-03, weight 63.1 WS-93', due: 'weight done 13 07:03' }),
  key(berlin('13 20:00'), 3, {
    latest: 'weight 63.6 WS-03, weight (63.1) WS-93',
    trend: {
      of: { vital: 'weight', from: berlin('09 00:00'), to: berlin('13 20:00') },
      is: 'WS-03 n 2, 63.6 to 63.8, last 63.6; WS-93 n 1, 63.1 to 63.1, last 63.1',
    },
  }),
];

/** An oximeter on a serial line, which has no clock and sends each second; here now and then. */
const probeOff: Chapter = [
  says(berlin('02 10:00'), 10, oximeter(97, 72)),
  key(berlin('02 10:00:59'), 10, {
    latest: 'pr_oxi 72 [clockless], spo2 97 [clockless]',
    due: '-',
    sources: 'NONIN-gw-10 live, gw-10 live',
  }),
  key(berlin('02 10:01'), 10, {
    latest: 'pr_oxi (72) [clockless], spo2 (97) [clockless]',
    sources: 'NONIN-gw-10 silent since 02 10:00, gw-10 live',
  }),
  // It speaks again, and says that the finger is out: there is no value, and none is made up.
  says(berlin('02 10:05'), 10, oximeter(null, null)),
  key(berlin('02 10:05'), 10, { latest: 'pr_oxi - [clockless], spo2 - [clockless]', sources: 'NONIN-gw-10 live, gw-10 live' }),
  says(berlin('02 10:06'), 10, oximeter(95, 80)),
  key(berlin('02 10:06:30'), 10, {
    latest: 'pr_oxi 80 [clockless], spo2 95 [clockless]',
    trend: {
      of: { vital: 'spo2', from: berlin('02 10:00'), to: berlin('02 10:06:30') },
      is: 'NONIN-gw-10 n 2, 95 to 97, last 95, 1 absent',
    },
  }),
  // Its gateway goes, and what it had is of then.
  cut(berlin('02 10:06:40'), 10),
  says(berlin('02 10:07'), 10, oximeter(91, 99)),
  back(berlin('02 10:30'), 10),
  key(berlin('02 10:30'), 10, {
    latest: 'pr_oxi (99) [clockless], spo2 (91) [clockless]',
    sources: 'NONIN-gw-10 silent since 02 10:07, gw-10 live',
  }),
];

/**
 * 48 people of whom a weight is expected, and three of whom a pressure is on Sundays: 51 in all. Home 16 has no gateway until its box comes, and home 15 none from then on: nothing
 * can come of them, which is seen.
 */
const worklists: Chapter = [
  open(
    berlin('05 10:15'),
    'heart-failure',
    '1 overdue, 1 gateway-silent, 49 done; 01 weight overdue since 05 10:00; 16 weight gateway-silent (overdue) since 05 10:00',
  ),
  open(
    berlin('07 10:45'),
    'heart-failure',
    '1 missed, 1 gateway-silent, 49 done; 01 weight missed since 07 10:30; 16 weight gateway-silent (missed) since 07 10:30',
  ),
  open(
    berlin('08 10:45'),
    'heart-failure',
    '2 gateway-silent, 49 done; 02 weight gateway-silent (missed) since 08 10:30; 16 weight gateway-silent (missed) since 08 10:30',
  ),
  open(
    berlin('11 10:15'),
    'heart-failure',
    '1 gateway-silent, 1 device-silent, 49 done; 16 weight gateway-silent (overdue) since 11 10:00; 03 weight device-silent (overdue) since 11 10:00',
  ),
  open(berlin('09 12:00'), 'breathing', '2 nothingExpected'),
  // What was decided to be void is missed; and the night of 25 hours leaves two who were not weighed in the morning; in New York, five hours behind for this week, it
  // is a quarter to six.
  open(
    berlin('23 10:45'),
    'heart-failure',
    '1 missed, 1 gateway-silent, 49 done; 18 weight missed since 23 10:30; 15 weight gateway-silent (missed) since 23 10:30',
  ),
  open(
    berlin('25 10:45'),
    'heart-failure',
    '2 missed, 1 gateway-silent, 1 not-yet-due, 47 done; 04 weight missed since 25 10:30; 07 weight missed since 25 10:30; 15 weight gateway-silent (missed) since 25 10:30',
  ),
];

export const silence: Chapter = [...late, ...gatewaySilent, ...deviceSilent, ...probeOff, ...worklists];
