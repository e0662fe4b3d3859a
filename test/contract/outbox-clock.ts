import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import type { ClockRun, KnownTime } from '../../shared/time/clock-run.ts';
import { verifies } from '../requirements.ts';
import { markedRecord, markOf, type OutboxUnderTest } from './outbox.ts';

/** `markedRecord` receives at this time and the mark; as the times of a clock that nobody confirmed. */
const SHOWN = 1_700_000_000_000;
const TRUE = 1_800_000_000_000;
const MINUTE_MS = 60_000;

/** The machine started `since` before its clock began to be asked. */
const counted: ClockRun = { boot: 'one', origin: SHOWN - 5000, from: SHOWN, held: true };
const own: ClockRun = { ...counted, held: false };
const known: KnownTime = { boot: 'one', origin: TRUE - 5000, sinceBootMs: MINUTE_MS, sure: true, settled: true, wasPlausible: false };

const times = async (outbox: Outbox): Promise<[mark: number, receivedAt: number, flags: string][]> =>
  (await outbox.pending(0, 1000)).map(({ record, receivedAt }) => [markOf(record), receivedAt, (record.readings[0]?.flags ?? []).join()]);

/** What every outbox does with rows that were stamped by clocks that nobody had confirmed. */
export function outboxClockContract(name: string, create: () => OutboxUnderTest): void {
  const outboxTest = (title: string, body: (under: OutboxUnderTest) => Promise<void>): void => {
    test(title, async () => {
      const under = create();
      try {
        await body(under);
      } finally {
        await under.remove();
      }
    });
  };

  describe(`outbox contract, times: ${name}`, () => {
    outboxTest(
      'rows of a counted clock wait, and what comes behind them too; then all are handed out in order, at their true time',
      async (under) => {
        verifies('NO-CLOCK-RETIMED');
        const outbox = await under.open();
        await outbox.append([markedRecord(1)]);
        await outbox.append([markedRecord(2), markedRecord(3)], { run: counted });
        await outbox.append([markedRecord(4)]);
        assert.deepEqual(await times(outbox), [[1, SHOWN + 1, '']]);
        assert.equal((await outbox.pending(1, 10)).length, 0);
        assert.equal((await outbox.waiting(0, 10)).length, 4, 'to be looked at they are there');
        assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).untimed], [4, 2]);
        let returned = 0;
        outbox.onReturn(() => {
          returned += 1;
        });
        await outbox.timeKnown(known);
        assert.deepEqual(await times(outbox), [
          [1, SHOWN + 1, ''],
          [2, TRUE + 2, ''],
          [3, TRUE + 3, ''],
          [4, SHOWN + 4, ''],
        ]);
        assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).untimed, returned], [4, 0, 1]);
      },
    );

    outboxTest('over a restart of the same boot, each process’s rows get their own true time', async (under) => {
      verifies('NO-CLOCK-RETIMED');
      await (await under.open()).append([markedRecord(1)], { run: counted });
      const outbox = await under.open();
      // It counts from the same floor as the one before, twenty seconds later.
      await outbox.append([markedRecord(2)], { run: { ...counted, origin: counted.origin - 20_000 } });
      assert.deepEqual(await times(outbox), []);
      await outbox.timeKnown(known);
      const put = [
        [1, TRUE + 1, ''],
        [2, TRUE + 20_002, ''],
      ];
      assert.deepEqual(await times(outbox), put);
      assert.deepEqual(await times(await under.open()), put);
    });

    outboxTest('rows of a boot that ended come before those of this one, as of nobody knows when', async (under) => {
      verifies('NO-CLOCK-BOUNDED-TIME');
      const outbox = await under.open();
      await outbox.append([markedRecord(1)], { run: counted });
      await outbox.append([markedRecord(2)], { run: { ...counted, boot: 'two' } });
      await outbox.timeKnown({ ...known, boot: 'two' });
      assert.deepEqual(await times(outbox), [
        [1, SHOWN + 1, 'clock,memory,not-earlier'],
        [2, TRUE + 2, ''],
      ]);
    });

    outboxTest('what the machine’s own clock stamped is handed out, and put right only where it was not', async (under) => {
      verifies('NO-CLOCK-RETIMED');
      const outbox = await under.open();
      const [sent] = await outbox.append([markedRecord(1)], { run: own });
      assert.deepEqual(await times(outbox), [[1, SHOWN + 1, '']]);
      await outbox.append([markedRecord(2)], { run: own });
      await outbox.timeKnown(known);
      assert.deepEqual(await times(outbox), [
        [1, SHOWN + 1, ''],
        [2, TRUE + 2, ''],
      ]);
      assert.ok(sent);
    });

    outboxTest('what is to be put right is not handed out any more until it is', async (under) => {
      verifies('NO-CLOCK-RETIMED');
      const outbox = await under.open();
      await outbox.append(
        Array.from({ length: 3000 }, (_, i) => markedRecord(i)),
        { run: own },
      );
      let isDone = false;
      const learning = outbox.timeKnown(known).then(() => {
        isDone = true;
      });
      // Once that is on disk: each look is between two commits of rows that are put right.
      while (!isDone && (await outbox.status()).untimed === 0) await turn();
      let looks = 0;
      for (; (await outbox.status()).untimed > 0; looks += 1) {
        for (const [mark, at] of await times(outbox)) assert.equal(at, TRUE + mark);
        await turn();
      }
      await learning;
      assert.ok(looks > 0);
      assert.equal((await times(outbox)).length, 1000);
    });

    outboxTest('the machine’s own clock that was right changes nothing', async (under) => {
      const outbox = await under.open();
      await outbox.append([markedRecord(1)], { run: own });
      await outbox.timeKnown({ ...known, origin: own.origin + MINUTE_MS });
      assert.deepEqual(await times(outbox), [[1, SHOWN + 1, '']]);
    });

    outboxTest('a row of a run that comes when the time is known already gets it as well', async (under) => {
      verifies('NO-CLOCK-RETIMED');
      const outbox = await under.open();
      await outbox.append([markedRecord(1)], { run: counted });
      await outbox.timeKnown(known);
      await outbox.append([markedRecord(2)], { run: counted });
      assert.deepEqual(await times(outbox), [
        [1, TRUE + 1, ''],
        [2, TRUE + 2, ''],
      ]);
    });

    outboxTest('more rows than one commit takes', async (under) => {
      const outbox = await under.open();
      await outbox.append(
        Array.from({ length: 300 }, (_, i) => markedRecord(i)),
        { run: counted },
      );
      await outbox.timeKnown(known);
      assert.deepEqual(
        (await times(outbox)).map(([mark, at]) => at - mark),
        Array.from({ length: 300 }, () => TRUE),
      );
    });
  });
}
