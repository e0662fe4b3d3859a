import assert from 'node:assert/strict';
import type { Instant } from '../../../../shared/clock.ts';
import { daysBut, weighs } from './calm.ts';
import { weight } from './devices.ts';
import type { HomeGateway } from './gateway.ts';
import { type Chapter, cut, key, type Step, says } from './script.ts';
import { berlin } from './times.ts';

// The box of home 15 is taken back with a weight in it that was never sent, enrolled anew under another identity, and put up in home 16.

const box = (at: Instant, run: (gateway: HomeGateway) => Promise<void>): Step => ({
  at,
  run: async (month) => run(await month.gateway('gw-16', 'gw-15')),
});

export const reissued: Chapter = [
  ...weighs(
    15,
    daysBut().filter((day) => Number(day) < 15),
  ),
  key(berlin('14 12:00'), 15, { latest: 'weight 75.8', due: 'weight done 14 07:15', sources: 'WS-15 live, gw-15 live' }),
  // On the panel before it has a box: that nothing of it can come is seen.
  key(berlin('14 12:00'), 16, { latest: '-', due: 'weight gateway-silent (missed) since 14 10:30' }),
  cut(berlin('14 12:00'), 15),
  says(berlin('14 12:30'), 15, weight('WS-15', 75.1)),
  {
    at: berlin('16 09:00'),
    run: async (month) => {
      await month.switchOff('gw-15');
      month.rows.delete('gw-15');
      month.rows.set('gw-16', 'patient: home-0016');
      await month.reload();
      const gateway = await month.gateway('gw-16', 'gw-15');
      assert.deepEqual(await gateway.refused(), ['INGEST-BEFORE-BINDING'], 'what the last home measured is nobody’s here');
    },
  },
  key(berlin('16 09:01'), 16, { latest: '-', due: 'weight due since 16 06:00', sources: 'gw-16 live' }),
  box(berlin('16 09:30'), async (gateway) => {
    await gateway.hear(weight('WS-16', 76.5));
    await gateway.drained();
  }),
  key(berlin('16 09:30'), 16, { latest: 'weight 76.5', due: 'weight done 16 09:30', sources: 'WS-16 live, gw-16 live' }),
  ...weighs(
    16,
    daysBut().filter((day) => Number(day) > 16),
  ),
  key(berlin('31 12:00'), 16, {
    latest: 'weight 76.2',
    trend: { of: { vital: 'weight', from: berlin('01 00:00'), to: berlin('31 12:00') }, is: 'WS-16 n 16, 76 to 76.8, last 76.2' },
  }),
  // Of whom no gateway speaks any more, nothing is current, and that nothing can come is seen.
  key(berlin('31 12:00'), 15, { latest: 'weight (75.8)', due: 'weight gateway-silent (missed) since 31 10:30' }),
];
