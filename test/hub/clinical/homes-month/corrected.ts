import { daysBut } from './calm.ts';
import { weightByHl7 } from './devices.ts';
import { type Chapter, key, says } from './script.ts';
import { berlin } from './times.ts';

// A hub that speaks HL7, by the clock on the wall without a zone: what it corrects and takes back, and the hour that comes twice.

const SCALE = '00091FFFFE00000A';

export const corrected: Chapter = [
  ...daysBut(13, 14, 25).map((day) => says(berlin(`${day} 07:07`), 7, weightByHl7(67.2, `202610${day}070700`))),
  says(berlin('13 07:07'), 7, weightByHl7(76.4, '20261013070700')),
  // Two digits changed places: so far from the day before it may be somebody else's, and counts for nothing.
  key(berlin('13 08:00'), 7, { latest: 'weight 67.2, doubtful 76.4', due: 'weight due since 13 06:00' }),
  says(berlin('13 08:10'), 7, weightByHl7(67.4, '20261013070700', 'C')),
  key(berlin('13 08:10'), 7, {
    latest: 'weight 67.4',
    due: 'weight done 13 07:07',
    trend: {
      of: { vital: 'weight', from: berlin('12 00:00'), to: berlin('13 12:00') },
      is: `${SCALE} n 2, 67.2 to 67.4, last 67.4, 1 withdrawn`,
    },
  }),
  // Taken back: what was measured the day before is what is known, and the morning is open again.
  says(berlin('14 07:07'), 7, weightByHl7(55, '20261014070700')),
  key(berlin('14 07:30'), 7, { latest: 'weight 67.4, doubtful 55', due: 'weight due since 14 06:00' }),
  says(berlin('14 07:40'), 7, weightByHl7('', '20261014070700', 'D')),
  key(berlin('14 07:40'), 7, { latest: 'weight 67.4', due: 'weight due since 14 06:00' }),
  key(berlin('14 10:31'), 7, {
    due: 'weight missed since 14 10:30',
    trend: {
      of: { vital: 'weight', from: berlin('13 00:00'), to: berlin('14 12:00') },
      is: `${SCALE} n 1, 67.4 to 67.4, last 67.4, 2 withdrawn`,
    },
  }),
  // 02:30 comes twice: the earlier one is taken, and it says so.
  says(berlin('25 02:30+02:00'), 7, weightByHl7(67.6, '20261025023000')),
  key(berlin('25 02:31+02:00'), 7, { latest: 'weight 67.6 [dst-overlap]' }),
  says(berlin('25 03:10'), 7, weightByHl7(67.8, '20261025031000')),
  key(berlin('25 03:10'), 7, {
    latest: 'weight 67.8',
    trend: {
      of: { vital: 'weight', from: berlin('25 02:00+02:00'), to: berlin('25 03:00') },
      is: `${SCALE} n 1, 67.6 to 67.6, last 67.6`,
    },
  }),
];
