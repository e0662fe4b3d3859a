import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { seedOf } from '../../support/seed.ts';
import { runStoreModel } from './model-steps.ts';

const RUNS = 80;
const COMMANDS = 15;

test(`a store does what lists would do, over ${RUNS} runs of any batches, retentions, crashes and full disks`, async (context) => {
  verifies(
    'ANSWER-AFTER-COMMIT',
    'EXACTLY-ONCE',
    'KEY-REUSED',
    'AUDIT-CHAINED',
    'RETENTION-ROLLUP',
    'RETENTION-KEYS',
    'RETENTION-CURRENT',
    'PRELIMINARY-ONCE',
  );
  const seed = seedOf(context);
  const met = await runStoreModel(RUNS, COMMANDS, seed);
  assert.ok(Math.min(...Object.values(met)) > 0, JSON.stringify(met));
  context.diagnostic(JSON.stringify(met));
});
