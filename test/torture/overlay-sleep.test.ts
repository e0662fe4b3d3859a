import { test } from 'node:test';
import { pause } from '../../shared/lifecycle.ts';
import { verifies } from '../requirements.ts';
import { asleep, SleepingSite } from '../support/sleeping-site.ts';

/** Longer than probes, PINGs, and heartbeats of either side are waited for: what can be cut is cut by then. */
const NIGHT_MS = 150_000;

test('who sleeps so long that everybody has given them up is back within seconds, with all that was kept, each reading stored once', async (t) => {
  verifies('EXACTLY-ONCE', 'OVERLAY-SLEEP');
  await using site = await SleepingSite.start(2);
  const { hub, agents, site: network } = site;
  for (const [who, processes] of [
    ['a gateway', agents.slice(0, 1)],
    ['the hub', [hub]],
    ['the network', [network.fabric]],
    ['the whole machine', [network.fabric, hub, ...agents]],
  ] as const) {
    await asleep(processes, () => pause(NIGHT_MS));
    const wokeMs = performance.now();
    await site.flows();
    t.diagnostic(`${who} slept: all back ${Math.round(performance.now() - wokeMs)} ms after it woke`);
  }
  t.diagnostic(`${await site.settle()} readings, each stored once`);
});
