import assert from 'node:assert/strict';
import fc from 'fast-check';
import { random } from '../../../agent/simulate/physiology.ts';
import { verifyAudit } from '../../../hub/audit/chain.ts';
import type { Arrival, BatchOutcome, EventArrival } from '../../../hub/store/store.ts';
import { arrivalOf, batchOf, event } from '../../contract/store.ts';
import { gathered, TEST_NOW } from '../../support/hub.ts';
import { CrashingStore, type Met, nothingMet } from './crashing-store.ts';
import { latestOf, Model, type Sent, seqOf } from './model.ts';

const PATIENTS = ['pat-icu-01', 'pat-icu-02'];
const KEYS = 60;

/** What is sent under a number: few of each, so that much falls together. */
function plannedOf(plan: number, seq: number): Omit<Sent, 'value'> {
  const uniform = random(plan * KEYS + seq);
  const oneIn = (n: number): boolean => uniform() < 1 / n;
  return {
    seq,
    patient: oneIn(2) ? 'pat-icu-01' : 'pat-icu-02',
    vital: oneIn(2) ? 'hr' : 'spo2',
    device: oneIn(2) ? 'a' : 'b',
    effective: TEST_NOW - Math.ceil(uniform() * 4) * 1000,
    test: oneIn(5),
    doubtful: oneIn(6),
    withdrawn: oneIn(4),
    event: oneIn(8),
  };
}

function oneIn(n: number): fc.Arbitrary<boolean> {
  return fc.nat({ max: n - 1 }).map((drawn) => drawn === n - 1);
}

interface Run {
  model: Model;
  /** Says what is sent under each number. */
  plan: number;
  batches: number;
  /** The greatest that was answered. */
  position: number;
}

type Step = fc.AsyncCommand<Run, CrashingStore>;

function step(name: string, run: (run: Run, real: CrashingStore) => Promise<void>): Step {
  const checked = async (state: Run, real: CrashingStore): Promise<void> => {
    await run(state, real);
    await real.withRoom(() => assertAgree(state.model, real));
  };
  return { check: () => true, run: checked, toString: () => name };
}

/** Everything that can be read of the real one is as the model says. */
async function assertAgree(model: Model, { store }: CrashingStore): Promise<void> {
  const seen = (rows: number) => event(rows);
  for (const patient of PATIENTS) assert.deepEqual(latestOf(await store.latest('clinic', patient, seen)), model.latest(patient));
  const rows = await gathered(await store.observations('clinic', {}, seen));
  assert.deepEqual(
    rows.map(({ id, value, patient, storedAt }) => [seqOf(id), value, patient, storedAt]),
    model.rows.map(({ seq, value, patient, at }) => [seq, value, patient, at]),
  );
  const events = await gathered(await store.events('clinic', {}, seen));
  assert.deepEqual(
    events.map(({ id }) => seqOf(id)),
    model.events.map(({ seq }) => seq),
  );
  const { observations, duplicates, quarantined, events: eventCount } = await store.counts('clinic', seen);
  assert.deepEqual(
    [observations, duplicates, quarantined, eventCount],
    [model.rows.length, model.held, model.refused.size, model.events.length],
  );
  model.entries += PATIENTS.length + 3;
}

const EDGES = [TEST_NOW - 5000, TEST_NOW - 3500, TEST_NOW - 2000, TEST_NOW - 500];

async function assertTrend(model: Model, { store }: CrashingStore, vital: string): Promise<void> {
  for (const patient of PATIENTS) {
    const query = { patient, vital, edges: EDGES, place: 'bed' as const, now: TEST_NOW };
    const { series } = await store.trend('clinic', query, (rows) => event(rows));
    model.entries += 1;
    const found = EDGES.slice(1).map((_, bucket) => {
      const shown = series.flatMap(({ device, buckets }) =>
        buckets.filter(({ index, n }) => index === bucket && n > 0).map(({ n, min, max, last }) => [device, [n, min, max, last]] as const),
      );
      return Object.fromEntries(shown);
    });
    const span = [EDGES[0] ?? 0, EDGES.at(-1) ?? 0] as const;
    const expected = EDGES.slice(1).map((to, i) => model.summary(patient, vital, [EDGES[i] ?? 0, to], span));
    assert.deepEqual(found, expected);
  }
}

async function assertChain(model: Model, { store }: CrashingStore): Promise<void> {
  const verdict = await verifyAudit(store.audit(), store.storeId);
  assert.ok(verdict.intact && verdict.entries === model.entries, `${JSON.stringify(verdict)}, not ${model.entries}`);
}

function arrivalFor({
  seq,
  patient,
  vital,
  device,
  effective,
  value,
  test,
  doubtful,
  withdrawn,
  event: isEvent,
}: Sent): Arrival | EventArrival {
  const flags = doubtful ? (['memory', 'clock'] as const) : [];
  const arrival = arrivalOf({ seq, vital, device, effective, receivedAt: effective, value, test, flags, patientId: patient });
  if (!isEvent) return { ...arrival, status: withdrawn ? 'entered-in-error' : 'final' };
  const { id, offsetMin, receivedAt, sortTime, received } = arrival;
  return { kind: 'alert', id, patient, device, effective, offsetMin, receivedAt, sortTime, test, received };
}

/** Numbers, and whether something else comes under them than is planned. */
const anyBatch = fc.array(fc.record({ seq: fc.integer({ min: 1, max: KEYS }), other: oneIn(8) }), { maxLength: 6 });
type Batch = typeof anyBatch extends fc.Arbitrary<infer T> ? T : never;

function sentOf({ plan }: Run, batch: Batch): Sent[] {
  return batch.map(({ seq, other }) => ({ ...plannedOf(plan, seq), value: 40 + seq / 2 + (other ? 20 : 0) }));
}

function send(run: Run, { store }: CrashingStore, batch: Batch): { sent: Sent[]; at: number; storing: Promise<BatchOutcome> } {
  run.batches += 1;
  const at = TEST_NOW + run.batches;
  const sent = sentOf(run, batch);
  return { sent, at, storing: store.storeBatch(batchOf(sent.map(arrivalFor), { at })) };
}

/** A gateway tells by the position what a store holds, so none is given twice, whatever happens. */
function assertNext(run: Run, { committed }: BatchOutcome): void {
  assert.ok(committed.position > run.position, `${committed.position} after ${run.position}`);
  run.position = committed.position;
}

const batches = fc.array(anyBatch, { minLength: 1, maxLength: 3 });

const commands: fc.Arbitrary<Step>[] = [
  fc.record({ several: batches, full: oneIn(4) }).map(({ several, full }) =>
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
  ),
  fc.boolean().map((full) => step(full ? 'fill the disk' : 'make room', async (_, real) => real.setFull(full))),
  fc.constant(
    step('reopen', async ({ model }, real) => {
      await real.reopen();
      await assertChain(model, real);
      assert.deepEqual((await real.store.verify()).findings, []);
    }),
  ),
  fc
    .constantFrom('hr', 'spo2')
    .map((vital) => step(`trend of ${vital}`, ({ model }, real) => real.withRoom(() => assertTrend(model, real, vital)))),
  fc.record({ batch: anyBatch, turns: fc.nat({ max: 2 }) }).map(({ batch, turns }) =>
    step(`crash after ${turns} turns of ${JSON.stringify(batch)}`, async (run, real) => {
      const { sent, at, storing } = send(run, real, batch);
      const settled = Promise.allSettled([storing]);
      await real.crash(turns);
      await settled;
      await found(run.model, real, sent, at);
    }),
  ),
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
