import { describe, test } from 'node:test';
import { pause } from '../../shared/lifecycle.ts';
import { verifies } from '../requirements.ts';
import type { SiteProcess } from '../support/fabric-site.ts';
import { asleep, SleepingSite } from '../support/sleeping-site.ts';

/** Longer than a waking is noticed by and a PING is waited for. Nothing but time can be waited for here: who sleeps tells nobody. */
const NAP_MS = 7000;

interface Sleep {
  who: string;
  processes: (site: SleepingSite) => readonly SiteProcess[];
  until: (site: SleepingSite) => Promise<unknown>;
}

const areWaiting = ({ agents }: SleepingSite): Promise<unknown> =>
  Promise.all(agents.map((agent) => agent.until(({ uplink }) => uplink.state === 'waiting')));

const GATEWAY: Sleep = { who: 'a gateway', processes: ({ agents }) => agents.slice(0, 1), until: () => pause(NAP_MS) };
const HUB: Sleep = { who: 'the hub', processes: ({ hub }) => [hub], until: areWaiting };
const NETWORK: Sleep = { who: 'the network', processes: ({ site }) => [site.fabric], until: areWaiting };

describe('a machine that sleeps under load', { concurrency: true, timeout: 400_000 }, () => {
  for (const [what, gateways, sleeps] of [
    ['one gateway naps, then the hub sleeps until it is missed', 2, [GATEWAY, HUB]],
    ['the network sleeps until it is missed', 1, [NETWORK]],
  ] as const) {
    test(`${what}: all are back, nothing is lost, nothing stored twice`, async (t) => {
      verifies('EXACTLY-ONCE', 'OVERLAY-SLEEP');
      await using site = await SleepingSite.start(gateways, 'short pauses');
      for (const { who, processes, until } of sleeps) {
        await asleep(processes(site), () => until(site));
        const wokeMs = performance.now();
        await site.flows();
        t.diagnostic(`${who} slept: all back ${Math.round(performance.now() - wokeMs)} ms after it woke`);
      }
      t.diagnostic(`${await site.settle()} readings, each stored once`);
    });
  }
});
