import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { seedOf } from '../support/seed.ts';
import { KilledSite } from './killed-site.ts';

const KILLS = 20;

test(`a hub killed ${KILLS} times under load: what was acknowledged is there, once, and its evidence is whole`, async (context) => {
  verifies('ANSWER-AFTER-COMMIT', 'EXACTLY-ONCE', 'AUDIT-CHAINED');
  const seed = seedOf(context);
  await using site = await KilledSite.open(seed);
  await site.killHub(KILLS);
  const { kills, acknowledged, repeated, held } = await site.settled();
  context.diagnostic(
    `${kills} kills, ${acknowledged} acknowledged, ${repeated} messages sent again, ${held} held: none missing, none twice`,
  );
});
