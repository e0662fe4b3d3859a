import assert from 'node:assert/strict';
import type { Instant } from '../../../../shared/clock.ts';
import { daysBut, weighs } from './calm.ts';
import { oximeter, weight } from './devices.ts';
import type { HomeGateway } from './gateway.ts';
import { type Chapter, key, type Step } from './script.ts';
import { berlin } from './times.ts';

// The gateway of home 14 has no battery: after a power cut it begins in 1970, and goes without the time until the network tells it.

/** What its present start is, and how the network tells it the time. */
let started: { gateway: HomeGateway; tellTime: () => void } | undefined;

function step(at: Instant, run: (box: { gateway: HomeGateway; tellTime: () => void }) => Promise<void>): Step {
  return { at, run: async () => run(started ?? assert.fail('it was not started')) };
}

const powerCut = (at: Instant): Step => ({ at, run: (month) => month.switchOff('gw-14') });
/** `kept`: of which time it last knew. */
const starts = (at: Instant, kept: Instant): Step => ({
  at,
  async run(month) {
    started = await month.startsWithoutClock('gw-14', kept);
  },
});

export const clockless: Chapter = [
  ...weighs(14, daysBut(15, 16)),
  powerCut(berlin('15 06:00')),
  starts(berlin('15 06:30'), berlin('15 05:40')),
  // A scale that has a clock of its own, and an oximeter that has none.
  step(berlin('15 07:14'), ({ gateway }) => gateway.hear(weight('WS-14', 74.5))),
  step(berlin('15 07:20'), ({ gateway }) => gateway.hear(oximeter(96, 71))),
  // Its line comes back before the time does: what it heard waits.
  step(berlin('15 08:00'), ({ gateway }) => gateway.connect()),
  key(berlin('15 08:00'), 14, { latest: 'weight 74.8', due: 'weight due since 15 06:00', sources: 'WS-14 live, gw-14 live' }),
  step(berlin('15 09:00'), async ({ gateway, tellTime }) => {
    tellTime();
    await gateway.drained();
    assert.deepEqual(await gateway.refused(), []);
  }),
  key(berlin('15 09:00'), 14, {
    latest: 'weight 74.5, pr_oxi (71) [clockless], spo2 (96) [clockless]',
    due: 'weight done 15 07:14',
    trend: {
      of: { vital: 'spo2', from: berlin('15 07:20'), to: berlin('15 07:21') },
      is: 'NONIN-gw-14 n 1, 96 to 96, last 96',
    },
  }),
  // What it hears from now on is of now.
  step(berlin('15 09:01'), async ({ gateway }) => {
    await gateway.hear(oximeter(97, 70));
    await gateway.drained();
  }),
  key(berlin('15 09:01'), 14, { latest: 'pr_oxi 70 [clockless], spo2 97 [clockless], weight 74.5' }),
  // Twice without power in a morning: nobody knows when between six and seven the oximeter measured. It was in this home, so it is kept, never current, and no point of a trend.
  powerCut(berlin('16 06:00')),
  starts(berlin('16 06:10'), berlin('16 05:40')),
  step(berlin('16 06:30'), ({ gateway }) => gateway.hear(oximeter(88, 99))),
  powerCut(berlin('16 06:40')),
  starts(berlin('16 07:00'), berlin('16 05:40')),
  step(berlin('16 07:14'), async ({ gateway, tellTime }) => {
    tellTime();
    await gateway.connect();
    await gateway.hear(weight('WS-14', 74.2));
    await gateway.drained();
  }),
  key(berlin('16 07:14'), 14, {
    latest: 'weight 74.2, pr_oxi (70) [clockless], spo2 (97) [clockless]',
    due: 'weight done 16 07:14',
    trend: { of: { vital: 'spo2', from: berlin('16 05:00'), to: berlin('16 08:00') }, is: 'NONIN-gw-14 n 0, 1 undated' },
  }),
  // With a clock again, by which the days go on.
  {
    at: berlin('16 12:00'),
    async run(month) {
      await month.switchOff('gw-14');
      const gateway = await month.gateway('gw-14');
      assert.deepEqual(await gateway.refused(), []);
    },
  },
];
