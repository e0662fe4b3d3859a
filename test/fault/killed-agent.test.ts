import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { seedOf } from '../support/seed.ts';
import { KilledSite } from './killed-site.ts';

const KILLS = 20;

test(`an agent killed ${KILLS} times under load: what was acknowledged is in the hub, once`, async (context) => {
  verifies('ACK-AFTER-COMMIT', 'EXACTLY-ONCE', 'STORED-ONCE');
  const seed = seedOf(context);
  await using site = await KilledSite.open(seed);
  await site.killAgent(KILLS);
  const { kills, acknowledged, repeated, held } = await site.settled();
  assert.ok(repeated > 0, 'messages were on their way');
  context.diagnostic(
    `${kills} kills, ${acknowledged} acknowledged, ${repeated} messages sent again, ${held} held: none missing, none twice`,
  );
});
