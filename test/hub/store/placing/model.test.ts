import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSqliteStore } from '../../../../hub/store/sqlite.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import type { StorePlace } from '../../../contract/store.ts';
import { judgePlacing, placingSteps } from '../../../contract/store-placing-model.ts';
import { verifies } from '../../../requirements.ts';
import { seedOf } from '../../../support/seed.ts';

const RUNS = 30;

async function place(): Promise<StorePlace> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-placing-'));
  const key = randomBytes(32);
  return {
    open: async () => openSqliteStore({ path: join(folder, 'hub.db'), key, metrics: new Metrics() }),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

test('whatever comes, moves and is opened anew: every row is whose the orders say, and all is as if it had come for them', async (context) => {
  verifies('PLACED-ROWS-FOLLOW', 'NOBODY-UNSEEN', 'REASSIGN-RESUMED');
  // A page takes longer than a step may, so each is a commit of its own.
  let nowMs = 0;
  context.mock.method(performance, 'now', () => {
    nowMs += 4;
    return nowMs;
  });
  const seed = seedOf(context);
  await fc.assert(
    fc.asyncProperty(placingSteps, (steps) => judgePlacing(place, steps)),
    { numRuns: RUNS, seed },
  );
});
