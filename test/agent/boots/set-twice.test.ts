import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../shared/log.ts';
import { NetworkClock } from '../../../shared/time/network-clock.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';
import { until } from '../../support/until.ts';
import { CrashingOutbox, nothingMet } from '../outbox/crashing-outbox.ts';

const FLOOR = Date.UTC(2026, 10, 1);
const TRUE_TIME = Date.UTC(2026, 10, 21, 10);
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const ALWAYS = { notBefore: 0, notAfter: Date.UTC(2040, 0, 1) };

/** A gateway whose machine shows this time at first, and what it has received, with when that truly was. */
async function gateway(wall: number, isSynchronized: () => boolean | undefined, mayStandStill = false) {
  const machine = { wall, mono: 1000, now: () => machine.wall, monotonicMs: () => machine.mono };
  let truly = TRUE_TIME;
  const clock = new NetworkClock({
    ...{ floors: { certain: FLOOR }, log: silentLogger, machine, isSynchronized },
    boot: { id: 'boot', countsSleep: true, sinceMs: () => machine.mono, mayStandStill },
  });
  const real = await CrashingOutbox.create(nothingMet());
  clock.onKnown((known) => void real.outbox.timeKnown(known));
  const came = new Map<number, number>();
  return {
    machine,
    clock,
    truly: () => truly,
    async receive(): Promise<void> {
      const at = clock.now();
      const run = clock.runOf(at);
      const mark = came.size + 1;
      await real.outbox.append([{ ...markedRecord(mark), receivedAt: at }], run ? { run } : {});
      came.set(mark, truly);
      truly += MINUTE_MS;
      machine.wall += MINUTE_MS;
      machine.mono += MINUTE_MS;
    },
    /** The machine is paused: no count of its own goes on, and its clock shows the time afterwards or not. */
    pause(ms: number, isSetAfterwards: boolean): void {
      truly += ms;
      if (isSetAfterwards) machine.wall += ms;
      clock.now();
    },
    /** Somebody sets the machine's clock. */
    set(at: number): void {
      machine.wall = at;
      clock.now();
    },
    /** How far off each row is that may be sent, with its flags. */
    async handedOut(): Promise<{ off: number; flags: readonly string[] }[]> {
      const rows = await real.outbox.pending(0, 100);
      return rows.map(({ record }) => ({
        off: record.receivedAt - (came.get(markOf(record)) ?? Number.NaN),
        flags: record.readings.flatMap(({ flags = [] }) => flags),
      }));
    },
    status: async () => await real.outbox.status(),
    [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
  };
}

for (const wall of [0, TRUE_TIME])
  for (const wrong of [-3 * DAY_MS, -DAY_MS, DAY_MS, 2 * DAY_MS])
    test(`a clock ${wall === 0 ? 'without the time' : 'that was right'}, set ${wrong / DAY_MS} d off and back before anybody tells the time: no row is off`, async () => {
      verifies('NO-CLOCK-RETIMED');
      await using site = await gateway(wall, () => false);
      await site.receive();
      await site.receive();
      site.set(site.truly() + wrong);
      await site.receive();
      site.set(site.truly());
      await site.receive();
      assert.equal(site.clock.take(site.truly(), ALWAYS), true);
      await site.receive();
      let rows: Awaited<ReturnType<typeof site.handedOut>> = [];
      await until(async () => {
        rows = await site.handedOut();
        return rows.length === 5;
      });
      // To the fraction of a millisecond that times since the start have.
      for (const { off, flags } of rows) assert.ok(Math.abs(off) <= 1, `off by ${off} ms ${flags.join()}`);
    });

test('where the network is not believed and nobody else tells the time, what waited goes out as doubtful', async () => {
  verifies('NO-CLOCK-SIGNS');
  await using site = await gateway(0, () => undefined);
  await site.receive();
  assert.deepEqual(await site.handedOut(), []);
  site.set(site.truly() + 2 * DAY_MS);
  assert.deepEqual(await site.handedOut(), []);
  site.clock.take(site.truly(), ALWAYS);
  let rows: Awaited<ReturnType<typeof site.handedOut>> = [];
  await until(async () => {
    rows = await site.handedOut();
    return rows.length === 1;
  });
  assert.ok(rows[0]?.flags.includes('clock'), JSON.stringify(rows));
});

for (const wall of [0, TRUE_TIME])
  for (const isSetAfterwards of [true, false])
    test(`a virtual machine ${wall === 0 ? 'without the time' : 'whose clock was right'} is paused, ${isSetAfterwards ? 'and its clock set afterwards' : 'its clock too'}: nothing that came before goes out as sure of a time at which it did not come`, async () => {
      verifies('STOOD-STILL-DOUBTFUL');
      await using site = await gateway(wall, () => false, true);
      await site.receive();
      await site.receive();
      site.pause(60 * MINUTE_MS, isSetAfterwards);
      await site.receive();
      assert.equal(site.clock.take(site.truly(), ALWAYS), true);
      await site.receive();
      let rows: Awaited<ReturnType<typeof site.handedOut>> = [];
      await until(async () => {
        rows = await site.handedOut();
        return rows.length === 4;
      });
      for (const { off, flags } of rows)
        assert.ok(Math.abs(off) <= 1 || (flags.includes('clock') && flags.includes('memory')), `off by ${off} ms ${flags.join()}`);
      assert.deepEqual(rows.at(-1)?.flags, []);
    });
