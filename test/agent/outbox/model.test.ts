import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { runOutboxModel } from './model-steps.ts';

const RUNS = 100;
const COMMANDS = 30;

test(`an outbox does what a list would do, over ${RUNS} runs of any commands, crashes and full disks`, async (context) => {
  verifies('ACK-AFTER-COMMIT', 'EXACTLY-ONCE');
  const seed = Date.now() & 0xffff;
  context.diagnostic(`seed ${seed}`);
  const met = await runOutboxModel(RUNS, COMMANDS, seed);
  assert.ok(Math.min(...Object.values(met)) > 0, JSON.stringify(met));
  context.diagnostic(JSON.stringify(met));
});
