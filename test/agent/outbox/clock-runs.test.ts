import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ReadingRecord } from '../../../shared/reading.ts';
import type { ClockRun, KnownTime } from '../../../shared/time/clock-run.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';
import { seedOf } from '../../support/seed.ts';
import { CrashingOutbox, nothingMet } from './crashing-outbox.ts';

const FLOOR = 1_700_000_000_000;
/** When the machine started, in truth. */
const ORIGIN = 1_800_000_000_000;
const DAY_MS = 24 * 3_600_000;
const RUNS = 60;

/** A gateway that starts again and again within one boot, and counts from the same floor each time. */
class Gateway {
  sinceMs = 1000;
  run: ClockRun = { boot: '', origin: 0, from: 0, held: false };
  mark = 0;
  /** When rows that were acknowledged truly came, by mark. */
  readonly came = new Map<number, number>();
  /** What was handed out, as it was the first time. */
  readonly handed = new Map<number, ReadingRecord>();

  /** A process begins: counting from the floor, or by a machine's clock that is so far off. */
  begin(offMs: number | undefined): void {
    const from = offMs === undefined ? FLOOR : ORIGIN + this.sinceMs + offMs;
    this.run = { boot: 'boot', origin: from - this.sinceMs, from, held: offMs === undefined };
  }

  get known(): KnownTime {
    return { boot: 'boot', origin: ORIGIN, sinceBootMs: this.sinceMs, sure: true, settled: true, wasPlausible: false };
  }

  async receive(real: CrashingOutbox, count: number): Promise<void> {
    const receivedAt = this.run.origin + this.sinceMs;
    const marks = Array.from({ length: count }, () => ++this.mark);
    const truly = ORIGIN + this.sinceMs;
    const stored = await real.done(
      real.outbox.append(
        marks.map((mark) => ({ ...markedRecord(mark), receivedAt })),
        { run: this.run },
      ),
    );
    if (stored) for (const mark of marks) this.came.set(mark, truly);
    this.sinceMs += 1;
  }

  /** What has been handed out once is the same each time. */
  async handOut(real: CrashingOutbox, most: number): Promise<number> {
    const rows = await real.outbox.pending(0, most);
    for (const { record } of rows) {
      const mark = markOf(record);
      assert.deepEqual(record, this.handed.get(mark) ?? record, 'what may have been sent has changed');
      this.handed.set(mark, record);
    }
    return rows.length;
  }
}

type Step = 'receive' | 'hand out' | 'restart' | 'crash' | 'learn' | 'learn and crash' | 'fill the disk' | 'make room';

describe('rows of a gateway without a clock', () => {
  test(`whatever happens until the time is known, and while rows are put right: none is handed out before, each has its true time, and never another one, over ${RUNS} runs`, async (context) => {
    verifies('NO-CLOCK-RETIMED', 'EXACTLY-ONCE');
    const met = nothingMet();
    let crashes = 0;
    const seed = seedOf(context);
    const steps = fc.array(
      fc.record({
        step: fc.constantFrom<Step[]>(
          'receive',
          'receive',
          'hand out',
          'restart',
          'crash',
          'learn',
          'learn and crash',
          'fill the disk',
          'make room',
        ),
        count: fc.integer({ min: 1, max: 100 }),
        turns: fc.integer({ min: 0, max: 8 }),
      }),
      { minLength: 5, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        await using real = await CrashingOutbox.create(met);
        const gateway = new Gateway();
        gateway.begin(undefined);
        let isKnown = false;
        for (const { step, count, turns } of all) {
          if (step === 'receive') await gateway.receive(real, count);
          else if (step === 'hand out') {
            const handed = await gateway.handOut(real, count);
            if (!isKnown) assert.equal(handed, 0, 'handed out before the time was known');
          } else if (step === 'restart' || step === 'crash') {
            if (step === 'restart') await real.reopen();
            else await real.crash(turns);
            crashes += Number(step === 'crash');
            gateway.sinceMs += 10_000;
            gateway.begin(undefined);
          } else if (step === 'learn' || step === 'learn and crash') {
            isKnown = true;
            const learning = real.outbox.timeKnown(gateway.known);
            if (step === 'learn') await learning;
            else {
              crashes += 1;
              await real.crash(turns);
            }
          } else real.setFull(step === 'fill the disk');
        }
        real.setFull(false);
        await real.outbox.timeKnown(gateway.known);
        await gateway.handOut(real, 10_000);
        for (const [mark, at] of gateway.came) assert.equal(gateway.handed.get(mark)?.receivedAt, at, `row ${mark}`);
        assert.equal((await real.outbox.status()).untimed, 0);
      }),
      { numRuns: RUNS, seed },
    );
    assert.ok(crashes > 0 && met.refused > 0);
    context.diagnostic(`${crashes} crashes, ${met.refused} refusals`);
  });

  test('a machine whose own clock was years off: what was not handed out is put right, what was stays, over a crash as well', async () => {
    verifies('NO-CLOCK-RETIMED');
    await using real = await CrashingOutbox.create(nothingMet());
    const gateway = new Gateway();
    gateway.begin(-900 * DAY_MS);
    await gateway.receive(real, 3);
    assert.equal(await gateway.handOut(real, 2), 2);
    void real.outbox.timeKnown(gateway.known);
    await real.crash(1);
    await real.outbox.timeKnown(gateway.known);
    await gateway.handOut(real, 10);
    const times = [1, 2].map((mark) => gateway.handed.get(mark)?.receivedAt);
    assert.deepEqual(times, [gateway.run.from, gateway.run.from]);
  });

  test('what is given up of rows that wait for the time is a gap that waits with them, and lies where they were', async () => {
    verifies('NO-CLOCK-RETIMED', 'NO-SILENT-DROP');
    await using real = await CrashingOutbox.create(nothingMet(), 400 * 1024);
    const gateway = new Gateway();
    gateway.begin(undefined);
    for (let i = 0; i < 60; i += 1) {
      await real.done(
        real.outbox.append(
          Array.from(
            { length: 10 },
            (_, k): ReadingRecord => ({
              ...markedRecord(10 * i + k, 'waveform'),
              receivedAt: FLOOR + 1000 * i,
              readings: [],
              waves: [{ vital: 'ecg', periodMs: 4, samples: Array.from({ length: 200 }, (_s, n) => n) }],
            }),
          ),
          { run: gateway.run },
        ),
      );
    }
    const isGap = ({ record }: { record: ReadingRecord }): boolean => record.class === 'gap';
    const before = (await real.outbox.waiting(0, 10_000)).filter(isGap);
    assert.ok(before.length > 0);
    assert.equal((await real.outbox.pending(0, 10)).length, 0);
    gateway.sinceMs += 60_000;
    await real.outbox.timeKnown(gateway.known);
    const shift = ORIGIN - gateway.run.origin;
    assert.deepEqual(
      (await real.outbox.pending(0, 10_000)).filter(isGap).map(({ record: { gap } }) => [gap?.from, gap?.to]),
      before.map(({ record: { gap } }) => [(gap?.from ?? 0) + shift, (gap?.to ?? 0) + shift]),
    );
  });
});
