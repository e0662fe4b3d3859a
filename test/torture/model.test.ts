import { test } from 'node:test';
import { runOutboxModel } from '../agent/outbox/model-steps.ts';
import { runRoomModel } from '../agent/outbox/room-model.ts';
import { runStoreModel } from '../hub/store/model-steps.ts';
import { seedOf } from '../support/seed.ts';

const RUNS = { outbox: 3000, room: 2000, store: 1000 };
const COMMANDS = 80;

for (const [name, runs, run] of [
  ['an outbox', RUNS.outbox, runOutboxModel],
  ['an outbox that is short of room', RUNS.room, runRoomModel],
  ['a store', RUNS.store, runStoreModel],
] as const) {
  test(`${name} does what lists would do, over ${runs} runs of any commands, crashes and full disks`, async (context) => {
    const seed = seedOf(context);
    context.diagnostic(JSON.stringify(await run(runs, COMMANDS, seed)));
  });
}
