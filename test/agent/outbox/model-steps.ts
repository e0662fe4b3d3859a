import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ErrorCode } from '../../../shared/errors.ts';
import type { ReadingRecord, RowClass } from '../../../shared/reading.ts';
import type { RowKey } from '../../../shared/uplink/key.ts';
import { markedRecord } from '../../contract/outbox.ts';
import { CrashingOutbox, type Met, nothingMet } from './crashing-outbox.ts';
import { assertAgree, CONTENTS, found, Model, NAMES } from './model.ts';

type Step = fc.AsyncCommand<Model, CrashingOutbox>;

/** A command that leaves model and outbox in agreement. */
function step(name: string, run: (model: Model, real: CrashingOutbox) => Promise<void>): Step {
  const checked = async (model: Model, real: CrashingOutbox): Promise<void> => {
    await run(model, real);
    await assertAgree(model, real.outbox);
  };
  return { check: () => true, run: checked, toString: () => name };
}

const CODE: ErrorCode = 'INGEST-NOT-BOUND';

const anyMessage = fc.record({ name: fc.constantFrom(...NAMES), content: fc.constantFrom(...CONTENTS) });
const anyClass = fc.constantFrom<RowClass[]>('spot', 'continuous', 'alert', 'waveform');
/** What comes in at once: records of one frame, with the message that they came in or without. */
const anyFrame = fc.record({
  count: fc.integer({ min: 1, max: 4 }),
  rowClass: anyClass,
  /** Bytes that a record is longer by: some need a page of their own. */
  more: fc.constantFrom(0, 0, 3000, 9000),
  message: fc.option(anyMessage, { nil: undefined, freq: 1 }),
});
type Frame = typeof anyFrame extends fc.Arbitrary<infer T> ? T : never;
const picks = fc.array(fc.nat(), { maxLength: 5 });

function recordsOf(marks: readonly number[], { rowClass, more }: Frame): ReadingRecord[] {
  return marks.map((mark) => {
    const record = markedRecord(mark, rowClass);
    return { ...record, readings: record.readings.map((reading) => ({ ...reading, limits: 'x'.repeat(more) })) };
  });
}

function picked<T>(items: readonly T[], numbers: readonly number[]): T[] {
  return [...new Set(numbers.flatMap((number) => items[number % items.length] ?? []))];
}

async function appendFrame({ outbox }: CrashingOutbox, records: readonly ReadingRecord[], { message }: Frame): Promise<RowKey[]> {
  return message ? (await outbox.appendMessage(records, message)).keys : await outbox.append(records);
}

/** Frames of one turn of the event loop; a message that comes a second time is not stored again. */
async function appendAll(model: Model, real: CrashingOutbox, frames: readonly Frame[]): Promise<void> {
  const marks = frames.map(({ count }) => model.newMarks(count));
  const appending = frames.map((frame, i) => appendFrame(real, recordsOf(marks[i] ?? [], frame), frame));
  for (const [i, each] of (await Promise.all(appending.map((work) => real.done(work)))).entries()) {
    const message = frames[i]?.message;
    if (each && message && model.knows(message) === 'message') assert.deepEqual(each.value, [], 'a message is there twice');
    else if (each) {
      assert.equal(each.value.length, marks[i]?.length);
      for (const { epoch } of each.value) assert.equal(epoch, real.outbox.epoch);
      model.append(each.value, marks[i] ?? [], message);
    }
  }
}

const commands: fc.Arbitrary<Step>[] = [
  fc
    .array(anyFrame, { minLength: 1, maxLength: 4 })
    .map((frames) => step(`append ${JSON.stringify(frames)}`, (m, r) => appendAll(m, r, frames))),
  fc.record({ picks, old: fc.boolean(), told: fc.boolean() }).map(({ picks: which, old, told }) =>
    step(`complete ${which}${old ? ' under old keys' : ''}${told ? ', told where' : ''}`, async (model, real) => {
      const rows = picked(model.pending, which);
      const at = told ? model.hub.take(rows) : undefined;
      const keys = rows.map((row) => ({ ...(old ? row.old : row.key), ...(at && { committed: at }) }));
      if (await real.done(real.outbox.complete(keys))) model.complete(rows, old, at);
    }),
  ),
  fc.record({ back: fc.nat({ max: 5 }), isRestore: fc.boolean() }).map(({ back, isRestore }) =>
    step(`the hub goes back by ${back} commits${isRestore ? ', restored' : ''}`, async (model, real) => {
      model.hub.goBack(Math.max(0, model.hub.position - back), isRestore);
      real.setFull(false);
      const { epochs, position } = model.hub;
      const { rows, gaps } = await real.outbox.redeliver({ epochs, position });
      assert.deepEqual([rows, gaps], [model.redeliver(), 0]);
      real.met.returned += rows;
    }),
  ),
  picks.map((which) =>
    step(`quarantine ${which}`, async (model, real) => {
      const rows = picked(model.pending, which);
      if (
        await real.done(
          real.outbox.quarantine(
            rows.map(({ key }) => key),
            CODE,
          ),
        )
      )
        model.setAside(rows);
    }),
  ),
  fc.nat({ max: 9000 }).map((bytes) =>
    step(`quarantine ${bytes} bytes`, async (model, real) => {
      const part = `part ${model.newMarks(1)}`;
      if (await real.done(real.outbox.quarantineBytes('line', 'HL7-SEGMENT', part, Buffer.alloc(bytes, 7)))) model.aside.push(part);
    }),
  ),
  fc.record({ which: fc.nat(), frame: anyFrame, rest: fc.boolean() }).map(({ which, frame, rest }) =>
    step(`release ${which} ${JSON.stringify(frame)}`, async (model, real) => {
      const entry = picked(await real.outbox.quarantined(100), [which])[0];
      if (!entry) return;
      const marks = model.newMarks(frame.count);
      const left = rest ? [{ code: CODE, part: `part ${model.newMarks(1)}`, bytes: 3, raw: Buffer.alloc(3) }] : [];
      const isKnown = frame.message !== undefined && model.knows(frame.message) === 'message';
      const index = (await real.outbox.quarantined(100)).findIndex(({ id }) => id === entry.id);
      const found = { records: recordsOf(marks, frame), message: frame.message, rest: left };
      const done = await real.done(real.outbox.release(entry.id, found));
      if (!done) return;
      model.takeOut(model.aside.length - 1 - index);
      assert.equal(done.value.length, isKnown ? 0 : marks.length);
      if (isKnown) return;
      model.append(done.value, marks, frame.message);
      model.aside.push(...left.map(({ part }) => part));
    }),
  ),
  fc.nat().map((which) =>
    step(`drop ${which}`, async (model, real) => {
      const entries = await real.outbox.quarantined(100);
      const entry = picked(entries, [which])[0];
      if (entry && (await real.done(real.outbox.drop(entry.id)))) model.takeOut(model.aside.length - 1 - entries.indexOf(entry));
    }),
  ),
  fc.constant(
    step('rekey', async (model, real) => {
      const done = await real.done(real.outbox.rekey());
      if (!done) return;
      assert.ok(!model.epochs.has(done.value), 'an epoch is used again');
      model.epochs.add(done.value);
      model.rekey(done.value);
    }),
  ),
  fc.boolean().map((full) => step(full ? 'fill the disk' : 'make room', async (_, real) => real.setFull(full))),
  fc.constant(
    step('reopen', async (model, real) => {
      await real.reopen();
      await found(model, real.outbox, { appends: [], completing: [], rekeying: false });
    }),
  ),
  fc
    .record({ frames: fc.array(anyFrame, { minLength: 1, maxLength: 3 }), picks, rekeying: fc.boolean(), turns: fc.nat({ max: 3 }) })
    .map(({ frames, picks: which, rekeying, turns }) =>
      step(`crash after ${turns} turns of ${JSON.stringify({ frames, which, rekeying })}`, async (model, real) => {
        real.met.crashes += 1;
        // A message that is known, or comes twice, says nothing about what was in the middle.
        const fresh = frames.filter(
          ({ message }, i) => !message || (model.knows(message) !== 'message' && !frames.slice(0, i).some((other) => other.message)),
        );
        const appends = fresh.map(({ count, message }) => ({ marks: model.newMarks(count), message }));
        const completing = picked(model.pending, which);
        const work = [
          ...fresh.map((frame, i) => appendFrame(real, recordsOf(appends[i]?.marks ?? [], frame), frame)),
          real.outbox.complete(completing.map(({ key }) => key)),
          ...(rekeying ? [real.outbox.rekey()] : []),
        ];
        const settled = Promise.allSettled(work);
        await real.crash(turns);
        await settled;
        const done = await found(model, real.outbox, { appends, completing, rekeying });
        real.met.done += done;
        real.met.undone += appends.length - done;
      }),
    ),
];

/** Any commands against the outbox and the model, so many runs. Fails with the shortest commands that tell them apart, and the seed. */
export async function runOutboxModel(numRuns: number, maxCommands: number, seed: number): Promise<Met> {
  const met = nothingMet();
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands, size: 'max' }), async (steps) => {
      const model = new Model();
      await using real = await CrashingOutbox.create(met);
      model.epochs.add(real.outbox.epoch);
      await fc.asyncModelRun(() => ({ model, real }), steps);
    }),
    { numRuns, seed },
  );
  return met;
}
