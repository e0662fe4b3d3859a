import { daysBut } from './calm.ts';
import { cuff, finger, weight } from './devices.ts';
import { type Chapter, key, says } from './script.ts';
import { berlin } from './times.ts';

// What the site has reckoned of one person: the gain of weight, what is usual, and a score that is never whole.

/** 77.2 on odd days up to the 17th and 77 on even ones; from then on as it stands here. */
const GAINING: Readonly<Record<string, number>> = { 18: 77.2, 19: 78.1, 20: 79.4 };

export const reckoned: Chapter = [
  ...daysBut().map((day) => says(berlin(`${day} 07:17`), 17, weight('WS-17', GAINING[day] ?? (Number(day) % 2 === 1 ? 77.2 : 77)))),
  key(berlin('01 06:00'), 17, {
    support:
      'NEWS2 partial, at least 0, without respiratory-rate oxygen-saturation oxygen systolic-pressure heart-rate consciousness temperature; gain unknown, n 0',
  }),
  key(berlin('17 12:00'), 17, {
    support:
      'NEWS2 partial, at least 0, without respiratory-rate oxygen-saturation oxygen systolic-pressure heart-rate consciousness temperature; gain not-met 0.2 kg, n 4; usual weight 77.1 (77 to 77.2), n 14, left out 0',
  }),
  // On the 20th 2.4 kg more than on the 17th, 18th: beyond two within three days. Saturation 93 counts 2, pulse 95 counts 1, pressure 98 counts 2.
  says(berlin('20 09:00'), 17, finger('OX-17', 93, 95), cuff('BP-17', 98, 60)),
  key(berlin('20 09:00:30'), 17, {
    latest: 'nibp 98/60, pr_oxi 95, spo2 93, weight 79.4',
    support:
      'NEWS2 partial, at least 5, without respiratory-rate oxygen consciousness temperature; gain met 2.2 kg, n 4; usual weight 77.2 (77 to 79.4), n 14, left out 0',
  }),
  // A minute later saturation and pulse are not current any more, and count for nothing.
  key(berlin('20 09:01'), 17, {
    support:
      'NEWS2 partial, at least 2, without respiratory-rate oxygen-saturation oxygen heart-rate consciousness temperature; gain met 2.2 kg, n 4; usual weight 77.2 (77 to 79.4), n 14, left out 0',
  }),
  // Nobody else is reckoned with.
  key(berlin('20 09:01'), 18, { support: '-' }),
];
