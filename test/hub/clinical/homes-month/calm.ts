import type { Instant } from '../../../../shared/clock.ts';
import { weight } from './devices.ts';
import { type Chapter, key, type Step, says } from './script.ts';
import { HOUSES, two } from './site.ts';
import { berlin } from './times.ts';

// Where all goes well: the flats of three houses, each scale used every morning, and the homes with a story on their other days.

export const DAYS = Array.from({ length: 31 }, (_, i) => two(i + 1));

/** What a calm scale shows: 60 kg and as many as the number of the home, and 0, 0.2, 0.4, 0.6, 0.8 kg more on days 5, 1, 2, 3, 4, and again. */
function kg(home: number, day: string): number {
  return ((60 + home) * 10 + (Number(day) % 5) * 2) / 10;
}

/** The scale of a home, as on every day on which nothing happens: at seven and as many minutes past as the number of the home. */
export function weighs(home: number, days: readonly string[], { at = berlin, scale = `WS-${two(home)}` }: WeighsHow = {}): Step[] {
  return days.map((day) => says(at(`${day} 07:${two(home)}`), home, weight(scale, kg(home, day))));
}

interface WeighsHow {
  at?: (text: string) => Instant;
  scale?: string;
}

/** Days without these. */
export function daysBut(...but: readonly number[]): string[] {
  return DAYS.filter((day) => !but.includes(Number(day)));
}

/** The gateway of a house sends at seven what it has collected since six. */
const houses = Object.values(HOUSES).flatMap((house) =>
  DAYS.map((day) => {
    const weighed = house.map((flat) => weight(`WS-${two(flat)}`, kg(flat, day), { ts: berlin(`${day} 06:${two(flat)}`) }));
    return says(berlin(`${day} 07:00`), house[0] ?? 0, ...weighed);
  }),
);

export const calm: Chapter = [
  ...houses,
  key(berlin('01 06:30'), 19, { latest: '-', due: 'weight due since 01 06:00' }),
  key(berlin('01 07:00'), 19, { latest: 'weight 79.2', due: 'weight done 01 06:19', sources: 'WS-19 live, gw-house-a live' }),
  key(berlin('31 12:00'), 50, {
    latest: 'weight 110.2',
    due: 'weight done 31 06:50',
    trend: { of: { vital: 'weight', from: berlin('01 00:00'), to: berlin('31 12:00') }, is: 'WS-50 n 31, 110 to 110.8, last 110.2' },
  }),
];
