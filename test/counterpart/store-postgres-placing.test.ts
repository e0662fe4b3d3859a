import { after, test } from 'node:test';
import fc from 'fast-check';
import { storePlacingContract } from '../contract/store-placing.ts';
import { judgePlacing, placingSteps } from '../contract/store-placing-model.ts';
import { verifies } from '../requirements.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';
import { seedOf } from '../support/seed.ts';

const RUNS = 6;

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storePlacingContract('postgres', storePlaces(server));

test('whatever comes, moves and is opened anew: every row is whose the orders say, and all is as if it had come for them', async (context) => {
  verifies('PLACED-ROWS-FOLLOW', 'NOBODY-UNSEEN', 'REASSIGN-RESUMED');
  const seed = seedOf(context);
  await fc.assert(
    fc.asyncProperty(placingSteps, (steps) => judgePlacing(storePlaces(server), steps)),
    { numRuns: RUNS, seed },
  );
});
