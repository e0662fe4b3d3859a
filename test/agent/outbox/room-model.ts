import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ReadingRecord, RowClass } from '../../../shared/reading.ts';
import { markedRecord } from '../../contract/outbox.ts';
import { CrashingOutbox, type Met, nothingMet } from './crashing-outbox.ts';

/** So small that a few frames fill it. */
const MAX_BYTES = 256 * 1024;
/** Never given up. */
const KEPT: readonly RowClass[] = ['alert', 'movement'];
const CLASSES: readonly RowClass[] = ['spot', 'continuous', 'continuous', 'alert'];

/** What went in and did not go out to the hub, in values by class. */
class Model {
  readonly #values = new Map<RowClass, number>();
  readonly #delivered = new Map<RowClass, number>();
  marks = 0;

  add(rowClass: RowClass, values: number): void {
    this.#values.set(rowClass, (this.#values.get(rowClass) ?? 0) + values);
  }

  deliver(rowClass: RowClass, values: number): void {
    this.add(rowClass, -values);
    this.#delivered.set(rowClass, this.delivered(rowClass) + values);
  }

  delivered(rowClass: RowClass): number {
    return KEPT.includes(rowClass) ? 0 : (this.#delivered.get(rowClass) ?? 0);
  }

  shown(): Record<string, number> {
    return Object.fromEntries([...this.#values].filter(([, values]) => values !== 0).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** What waits, and what gaps say is gone, by class; `met.given` notes the most that was gone. */
async function valuesOf({ outbox, met }: CrashingOutbox): Promise<Record<string, number>> {
  const found = new Model();
  let given = 0;
  for (const { record } of await outbox.waiting(0, 1_000_000)) {
    assert.ok(!record.gap || !KEPT.includes(record.gap.lost), 'what is never given up is gone');
    found.add(...amountOf(record));
    given += record.gap?.values ?? 0;
  }
  met.given = Math.max(met.given, given);
  return found.shown();
}

/** A gap stands for what is gone. */
function amountOf({ class: rowClass, readings, gap }: ReadingRecord): [RowClass, number] {
  return gap ? [gap.lost, gap.values] : [rowClass, readings.length];
}

type Step = fc.AsyncCommand<Model, CrashingOutbox>;

/**
 * A command behind which nothing is gone that no gap tells of, and nothing is there twice. A gap may tell of a value that the hub holds: what
 * was handed out may be given up before it is known to be delivered.
 */
function step(name: string, run: (model: Model, real: CrashingOutbox) => Promise<void>): Step {
  const checked = async (model: Model, real: CrashingOutbox): Promise<void> => {
    await run(model, real);
    const [found, expected] = [await valuesOf(real), model.shown()];
    for (const rowClass of CLASSES) {
      const [there, least] = [found[rowClass] ?? 0, expected[rowClass] ?? 0];
      assert.ok(there >= least && there <= least + model.delivered(rowClass), `${rowClass}: ${there} of ${least}`);
    }
  };
  return { check: () => true, run: checked, toString: () => name };
}

const anyFrame = fc.record({
  rowClass: fc.constantFrom(...CLASSES),
  count: fc.integer({ min: 1, max: 60 }),
  more: fc.constantFrom(0, 500, 2000),
});
type Frame = typeof anyFrame extends fc.Arbitrary<infer T> ? T : never;

function recordsOf(model: Model, { rowClass, count, more }: Frame): ReadingRecord[] {
  return Array.from({ length: count }, () => {
    model.marks += 1;
    const record = markedRecord(model.marks, rowClass);
    return { ...record, readings: record.readings.map((reading) => ({ ...reading, limits: 'x'.repeat(more) })) };
  });
}

const commands: fc.Arbitrary<Step>[] = [
  anyFrame.map((frame) =>
    step(`append ${JSON.stringify(frame)}`, async (model, real) => {
      if (await real.done(real.outbox.append(recordsOf(model, frame)))) model.add(frame.rowClass, frame.count);
    }),
  ),
  fc.integer({ min: 1, max: 80 }).map((count) =>
    step(`deliver ${count}`, async (model, real) => {
      const rows = await real.outbox.pending(0, count);
      await real.outbox.complete(rows);
      for (const { record } of rows) {
        const [rowClass, values] = amountOf(record);
        model.deliver(rowClass, values);
      }
    }),
  ),
  fc.constant(step('reopen', (_, real) => real.reopen())),
  fc.record({ frame: anyFrame, turns: fc.nat({ max: 6 }) }).map(({ frame, turns }) =>
    step(`crash after ${turns} turns of ${JSON.stringify(frame)}`, async (model, real) => {
      real.met.crashes += 1;
      const before = (await valuesOf(real))[frame.rowClass] ?? 0;
      const appending = Promise.allSettled([real.outbox.append(recordsOf(model, frame))]);
      await real.crash(turns);
      await appending;
      const isDone = ((await valuesOf(real))[frame.rowClass] ?? 0) !== before;
      if (isDone) model.add(frame.rowClass, frame.count);
      real.met[isDone ? 'done' : 'undone'] += 1;
    }),
  ),
];

/** Any commands against an outbox that is always short of room, so many runs. */
export async function runRoomModel(numRuns: number, maxCommands: number, seed: number): Promise<Met> {
  const met = nothingMet();
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands, size: 'max' }), async (steps) => {
      await using real = await CrashingOutbox.create(met, MAX_BYTES);
      await fc.asyncModelRun(() => ({ model: new Model(), real }), steps);
    }),
    { numRuns, seed },
  );
  return met;
}
