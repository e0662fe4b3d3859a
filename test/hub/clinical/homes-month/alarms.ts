import { alarm, breaths } from './devices.ts';
import { back, type Chapter, cut, key, says } from './script.ts';
import { berlin } from './times.ts';

// A ventilator at home whose alarms are relayed, and whose line is lost while one is open.

export const alarms: Chapter = [
  key(berlin('12 03:00'), 9, { alerts: '-', latest: '-', reports: 'gw-09 live' }),
  says(berlin('12 03:10'), 9, alarm('A-1', 'start')),
  key(berlin('12 03:10'), 9, {
    alerts: 'Low minute volume high active since 12 03:10',
    reports: '00A037FFFE000009 alarms unknown, gw-09 live',
  }),
  // Its line is gone at 03:11; it ends ten minutes later, and nobody hears of that before five.
  says(berlin('12 03:11'), 9, breaths(14)),
  cut(berlin('12 03:11'), 9),
  key(berlin('12 03:11:30'), 9, { alerts: 'Low minute volume high active since 12 03:10' }),
  key(berlin('12 03:12'), 9, { alerts: 'Low minute volume high unknown since 12 03:11' }),
  says(berlin('12 03:20'), 9, alarm('A-1', 'end')),
  key(berlin('12 04:59'), 9, { alerts: 'Low minute volume high unknown since 12 03:11' }),
  back(berlin('12 05:00'), 9),
  key(berlin('12 05:00'), 9, { alerts: 'Low minute volume high ended since 12 03:20, delayed 6000 s' }),
  // Another one, of which nothing more is heard when the line is back, until it is told again; and then that it is over.
  says(berlin('13 22:00'), 9, alarm('A-2', 'start')),
  says(berlin('13 22:00:30'), 9, breaths(15)),
  cut(berlin('13 22:00:30'), 9),
  back(berlin('13 22:10'), 9),
  says(berlin('13 22:10'), 9, breaths(13)),
  key(berlin('13 22:10'), 9, { latest: 'rr 13', alerts: 'Low minute volume high unknown since 13 22:00' }),
  says(berlin('13 22:11'), 9, alarm('A-2', 'continue')),
  key(berlin('13 22:11'), 9, { alerts: 'Low minute volume high active since 13 22:00' }),
  says(berlin('13 22:12'), 9, alarm('A-2', 'end')),
  key(berlin('13 22:13'), 9, { alerts: 'Low minute volume high ended since 13 22:12' }),
  key(berlin('14 22:13'), 9, { alerts: '-' }),
];
