import { after, before, describe, test } from 'node:test';
import { pause } from '../../shared/lifecycle.ts';
import { verifies } from '../requirements.ts';
import { asleep, SleepingSite } from '../support/sleeping-site.ts';

/** Longer than a waking is noticed by and a PING is waited for. Nothing but time can be waited for here: who sleeps tells nobody. */
const NAP_MS = 7000;

describe('a machine that sleeps under load', () => {
  let site: SleepingSite;

  before(async () => {
    site = await SleepingSite.start(2);
  });

  after(() => site[Symbol.asyncDispose]());

  const isWaiting = (): Promise<unknown> =>
    Promise.all(site.agents.map((agent) => agent.until(({ uplink }) => uplink.state === 'waiting')));

  test('one gateway naps, then the hub and the network sleep until they are missed: all are back, nothing is lost, nothing stored twice', async (t) => {
    verifies('EXACTLY-ONCE', 'OVERLAY-SLEEP');
    const { hub, agents } = site;
    for (const [who, processes, until] of [
      ['a gateway', agents.slice(0, 1), () => pause(NAP_MS)],
      ['the hub', [hub], isWaiting],
      ['the network', [site.site.fabric], isWaiting],
    ] as const) {
      await asleep(processes, until);
      const wokeMs = performance.now();
      await site.flows();
      t.diagnostic(`${who} slept: all back ${Math.round(performance.now() - wokeMs)} ms after it woke`);
    }
    t.diagnostic(`${await site.settle()} readings, each stored once`);
  });
});
