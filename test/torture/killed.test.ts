import { test } from 'node:test';
import { KilledSite, type Toll } from '../fault/killed-site.ts';
import { seedOf } from '../support/seed.ts';

const KILLS = 200;

const told = ({ kills, acknowledged, repeated, held }: Toll): string =>
  `${kills} kills, ${acknowledged} acknowledged, ${repeated} messages sent again, ${held} held: none missing, none twice`;

test(`an agent killed ${KILLS} times under load, then a hub ${KILLS} times, then both at once`, async (context) => {
  const seed = seedOf(context);
  const rounds = {
    agent: (site: KilledSite) => site.killAgent(KILLS),
    hub: (site: KilledSite) => site.killHub(KILLS),
    both: (site: KilledSite) => Promise.all([site.killAgent(KILLS / 4), site.killHub(KILLS / 4)]),
  };
  for (const [name, kill] of Object.entries(rounds)) {
    await using site = await KilledSite.open(seed);
    await kill(site);
    context.diagnostic(`${name}: ${told(await site.settled())}`);
  }
});
