import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { seedOf } from '../../support/seed.ts';
import { runOutboxModel } from './model-steps.ts';
import { runRoomModel } from './room-model.ts';

const RUNS = 100;
const COMMANDS = 30;

test(`an outbox does what a list would do, over ${RUNS} runs of any commands, crashes and full disks`, async (context) => {
  verifies('ACK-AFTER-COMMIT', 'EXACTLY-ONCE');
  const seed = seedOf(context);
  const { given: _, ...met } = await runOutboxModel(RUNS, COMMANDS, seed);
  assert.ok(Math.min(...Object.values(met)) > 0, JSON.stringify(met));
  context.diagnostic(JSON.stringify(met));
});

test(`an outbox that is short of room holds each value or a gap that counts it, over ${RUNS} runs of any commands and crashes`, async (context) => {
  verifies('ACK-AFTER-COMMIT', 'NO-SILENT-DROP');
  const seed = seedOf(context);
  const { returned: _, ...met } = await runRoomModel(RUNS, COMMANDS, seed);
  assert.ok(Math.min(...Object.values(met)) > 0, JSON.stringify(met));
  context.diagnostic(JSON.stringify(met));
});
