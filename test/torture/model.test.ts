import { test } from 'node:test';
import { runOutboxModel } from '../agent/outbox/model-steps.ts';

const RUNS = 5000;
const COMMANDS = 80;

test(`an outbox does what a list would do, over ${RUNS} runs of any commands, crashes and full disks`, async (context) => {
  const seed = Date.now() & 0xffff;
  context.diagnostic(`seed ${seed}`);
  context.diagnostic(JSON.stringify(await runOutboxModel(RUNS, COMMANDS, seed)));
});
