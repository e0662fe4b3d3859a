import assert from 'node:assert/strict';
import fc from 'fast-check';
import { verifyAudit } from '../../../hub/audit/chain.ts';
import type { BatchOutcome } from '../../../hub/store/store.ts';
import { batchOf } from '../../contract/store.ts';
import { TEST_NOW } from '../../support/hub.ts';
import { CrashingStore, type Met, nothingMet } from './crashing-store.ts';
import { Model, type Sent } from './model.ts';
import { assertChain, assertTrend, type Run, type Step, step } from './model-agree.ts';
import { retentionCommands } from './model-retention.ts';
import { anyBatch, arrivalFor, type Batch, oneIn, sentOf, VITALS } from './model-sent.ts';

function send(run: Run, { store }: CrashingStore, batch: Batch): { sent: Sent[]; at: number; storing: Promise<BatchOutcome> } {
  run.batches += 1;
  const at = TEST_NOW + run.batches;
  const sent = sentOf(run.plan, batch);
  return { sent, at, storing: store.storeBatch(batchOf(sent.map(arrivalFor), { at })) };
}

/** A gateway tells by the position what a store holds, so none is given twice, whatever happens. */
function assertNext(run: Run, { committed }: BatchOutcome): void {
  assert.ok(committed.position > run.position, `${committed.position} after ${run.position}`);
  run.position = committed.position;
}

const batches = fc.array(anyBatch, { minLength: 1, maxLength: 3 });

const storing = fc.record({ several: batches, full: oneIn(4) }).map(({ several, full }) =>
  step(`store ${JSON.stringify(several)}${full ? ', the disk being full' : ''}`, async (run, real) => {
    if (full) real.setFull(true);
    // In one turn of the event loop, and so in one commit.
    const sending = several.map((batch) => send(run, real, batch));
    for (const [i, outcome] of (await Promise.all(sending.map(({ storing }) => real.done(storing)))).entries()) {
      const { sent, at } = sending[i] ?? assert.fail();
      if (!outcome) continue;
      assert.deepEqual(outcome.value.results, run.model.take(sent, at));
      assertNext(run, outcome.value);
    }
  }),
);

const crashing = fc.record({ batch: anyBatch, turns: fc.nat({ max: 2 }) }).map(({ batch, turns }) =>
  step(`crash after ${turns} turns of ${JSON.stringify(batch)}`, async (run, real) => {
    const { sent, at, storing } = send(run, real, batch);
    const settled = Promise.allSettled([storing]);
    await real.crash(turns);
    await settled;
    await found(run.model, real, sent, at);
  }),
);

/** What is stored first is what all others are about, so most of them do that. */
const commands: fc.Arbitrary<Step>[] = [
  ...[storing, storing, storing, storing, crashing, crashing],
  ...retentionCommands,
  fc.boolean().map((full) => step(full ? 'fill the disk' : 'make room', async (_, real) => real.setFull(full))),
  fc.constant(
    step('reopen', async ({ model }, real) => {
      await real.reopen();
      await assertChain(model, real);
      assert.deepEqual((await real.store.verify()).findings, []);
    }),
  ),
  fc
    .constantFrom(...VITALS)
    .map((vital) => step(`trend of ${vital}`, ({ model }, real) => real.withRoom(() => assertTrend(model, real, vital)))),
];

/** Brings a batch that was not answered into the model, as it is found: as a whole, with its evidence, or not at all. */
async function found(model: Model, { store, met }: CrashingStore, sent: readonly Sent[], at: number): Promise<void> {
  const verdict = await verifyAudit(store.audit(), store.storeId);
  assert.ok(verdict.intact);
  const isDone = verdict.entries === model.entries + 1;
  assert.ok(isDone || verdict.entries === model.entries, `${verdict.entries} entries of evidence, not ${model.entries}`);
  if (isDone) model.take(sent, at);
  met[isDone ? 'done' : 'undone'] += 1;
}

/** Any commands against the store and the model, so many runs. Fails with the shortest commands that tell them apart, and the seed. */
export async function runStoreModel(numRuns: number, maxCommands: number, seed: number): Promise<Met> {
  const met = nothingMet();
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 0xffff }), fc.commands(commands, { maxCommands, size: 'max' }), async (plan, steps) => {
      await using real = new CrashingStore(met);
      await fc.asyncModelRun(() => ({ model: { model: new Model(), plan, batches: 0, position: 0 }, real }), steps);
    }),
    { numRuns, seed },
  );
  return met;
}
