import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normalize } from '../../../agent/normalize.ts';
import { Collisions } from '../../../agent/uplink/collisions.ts';
import type { BatchAnswer, BatchLink } from '../../../agent/uplink/contract.ts';
import { Pump } from '../../../agent/uplink/pump.ts';
import { RefusalLog } from '../../../agent/uplink/refusal-log.ts';
import type { LaneName } from '../../../agent/uplink/share.ts';
import { systemClock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { parseObservationId } from '../../../shared/uplink/key.ts';
import { entryText } from '../../../shared/uplink/kinds.ts';
import { verifies } from '../../requirements.ts';
import { MemoryOutbox, recordOf, until } from '../../support/uplink.ts';

interface Posted {
  lane: LaneName;
  seqs: number[];
  answer(): void;
}

/** A connection on which nothing is answered until the test says so. */
class HeldLink implements BatchLink {
  readonly entryText = entryText;
  readonly closed: Promise<VitalmeshError>;
  /** All that was sent, in order. */
  readonly posted: Posted[] = [];
  readonly #inFlight = new Set<Posted>();
  #cut: (reason: VitalmeshError) => void = () => undefined;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#cut = resolve;
    });
  }

  post(_bundle: string, ids: readonly string[], lane: LaneName): Promise<BatchAnswer> {
    return new Promise((resolve, reject) => {
      const posted: Posted = {
        lane,
        seqs: ids.map((id) => parseObservationId(id)?.seq ?? 0),
        answer: () => {
          this.#inFlight.delete(posted);
          resolve({ outcomes: ids.map((id) => ({ id, status: 201 })) });
        },
      };
      void this.closed.then(reject);
      this.posted.push(posted);
      this.#inFlight.add(posted);
    });
  }

  inFlight(lane?: LaneName): Posted[] {
    return [...this.#inFlight].filter((posted) => lane === undefined || posted.lane === lane);
  }

  /** The rows of a lane in the order of sending. */
  seqs(lane: LaneName): number[] {
    return this.posted.filter((posted) => posted.lane === lane).flatMap(({ seqs }) => seqs);
  }

  cut(): void {
    this.#cut(new VitalmeshError('OVERLAY-CLOSED'));
  }
}

interface Running {
  link: HeldLink;
  pump: Pump;
  /** Resolves when nothing more happens by itself. */
  quiet(): Promise<void>;
  stop(): Promise<VitalmeshError | undefined>;
  leave(): Promise<VitalmeshError | undefined>;
  ended: Promise<VitalmeshError | undefined>;
}

/** One entry a batch. */
function pumpOf(outbox: MemoryOutbox, windowBatches: number, drainMs = 10_000): Running {
  const link = new HeldLink();
  const pump = new Pump(
    {
      outbox,
      normalize: ({ record, epoch, seq }) => normalize(record, { agent: 'gw-1', epoch, seq }),
      clock: systemClock,
      log: silentLogger,
      metrics: new Metrics(),
      refusals: new RefusalLog(silentLogger, systemClock),
      windowBatches,
      lingerMs: 0,
      retry: { minMs: 1, maxMs: 2 },
      drainMs,
      onAnswer: () => undefined,
    },
    link,
    { entries: 1, bytes: 1024 * 1024 },
    new Collisions(),
  );
  const [stop, leave] = [new AbortController(), new AbortController()];
  const ended = pump.run(stop.signal, leave.signal);
  const quiet = async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
  };
  const by = (controller: AbortController) => (): Promise<VitalmeshError | undefined> => {
    controller.abort();
    return ended;
  };
  return { link, pump, quiet, stop: by(stop), leave: by(leave), ended };
}

function records(count: number): ReturnType<typeof recordOf>[] {
  return Array.from({ length: count }, (_, i) => recordOf(40 + (i % 100)));
}

test('what comes live goes at once, in front of everything that had been waiting', async () => {
  verifies('LIVE-FIRST');
  const outbox = new MemoryOutbox();
  await outbox.append(records(100));
  const { link, quiet, stop } = pumpOf(outbox, 4, 0);
  await until(() => link.inFlight().length === 3);
  await outbox.append(records(1));
  await until(() => link.inFlight('live').length === 1);
  assert.deepEqual(link.seqs('live'), [101]);
  assert.deepEqual(link.seqs('backlog'), [1, 2, 3], 'and nothing of these was answered');
  await outbox.append(records(10));
  await quiet();
  assert.equal(link.inFlight().length, 4);
  // Each place that the backlog gives up is taken by what is live, but for the last.
  for (const [live, backlog] of [
    [2, 2],
    [3, 1],
    [3, 1],
  ]) {
    link.inFlight('backlog')[0]?.answer();
    await quiet();
    assert.deepEqual([link.inFlight('live').length, link.inFlight('backlog').length], [live, backlog]);
  }
  await stop();
});

test('whatever comes and whenever it is answered, both lanes advance in order and every row is sent once', async () => {
  verifies('LIVE-FIRST', 'EXACTLY-ONCE');
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 30 }),
      fc.array(fc.record({ appended: fc.integer({ min: 0, max: 4 }), answered: fc.nat() }), { maxLength: 25 }),
      async (window, waiting, steps) => {
        const outbox = new MemoryOutbox();
        await outbox.append(records(waiting));
        const { link, quiet, stop } = pumpOf(outbox, window);
        let live = 0;
        for (const { appended, answered } of steps) {
          await outbox.append(records(appended));
          live += appended;
          await quiet();
          const inFlight = link.inFlight();
          assert.ok(inFlight.length <= window);
          const left = { live: live - link.seqs('live').length, backlog: waiting - link.seqs('backlog').length };
          if (left.live > 0 && left.backlog > 0) {
            assert.equal(inFlight.length, window, 'no place is left empty');
            if (window > 1) assert.ok(link.inFlight('live').length > 0 && link.inFlight('backlog').length > 0, 'each has its share');
          }
          inFlight[answered % Math.max(1, inFlight.length)]?.answer();
        }
        await quiet();
        while (link.inFlight().length > 0) {
          for (const posted of link.inFlight()) posted.answer();
          await quiet();
        }
        assert.deepEqual(link.seqs('backlog'), ascending(1, waiting));
        assert.deepEqual(link.seqs('live'), ascending(waiting + 1, waiting + live));
        assert.equal((await outbox.status()).pending, 0);
        await stop();
      },
    ),
    { numRuns: 60 },
  );
});

test('the rows of each device keep their order, and go together as far as they were read together', async () => {
  verifies('LANE-BY-DEVICE', 'EXACTLY-ONCE');
  const rows = 1500;
  const readTogether = 512;
  const devices = 9;
  const outbox = new MemoryOutbox();
  const deviceOf = (seq: number): string => `MON-${(seq * 7) % devices}`;
  await outbox.append(records(rows).map((record, i) => ({ ...record, device: { id: deviceOf(i + 1), idType: 'serial' as const } })));
  const { link, quiet, stop } = pumpOf(outbox, 4);
  for (await quiet(); link.inFlight().length > 0; await quiet()) for (const posted of link.inFlight()) posted.answer();
  const sent = link.seqs('backlog');
  assert.deepEqual(
    [...sent].sort((a, b) => a - b),
    ascending(1, rows),
  );
  for (const [device, seqs] of Map.groupBy(sent, deviceOf))
    assert.deepEqual(
      [...seqs].sort((a, b) => a - b),
      seqs,
      device,
    );
  for (let from = 0; from < rows; from += readTogether) {
    const chunk = sent.slice(from, from + readTogether);
    assert.deepEqual(Math.max(...chunk), Math.min(rows, from + readTogether), 'no device is far ahead of the others');
    const changes = chunk.filter((seq, i) => i > 0 && deviceOf(seq) !== deviceOf(chunk[i - 1] ?? 0));
    assert.equal(changes.length, new Set(chunk.map(deviceOf)).size - 1);
  }
  await stop();
});

test('with a window of one, live and backlog go by turns', async () => {
  verifies('LIVE-FIRST');
  const outbox = new MemoryOutbox();
  await outbox.append(records(3));
  const { link, quiet, stop } = pumpOf(outbox, 1);
  await quiet();
  await outbox.append(records(4));
  for (let sent = 1; sent <= 7; sent += 1) {
    await quiet();
    assert.equal(link.inFlight().length, 1);
    link.inFlight()[0]?.answer();
  }
  assert.deepEqual(
    link.posted.flatMap(({ seqs }) => seqs),
    [1, 4, 2, 5, 3, 6, 7],
  );
  await quiet();
  await stop();
});

test('on the next connection, what was live before is backlog', async () => {
  verifies('LIVE-FIRST');
  const outbox = new MemoryOutbox();
  await outbox.append(records(2));
  const before = pumpOf(outbox, 4);
  await until(() => before.link.inFlight().length === 2);
  await outbox.append(records(2));
  await until(() => before.link.inFlight('live').length === 2);
  before.link.cut();
  await before.ended;
  const after = pumpOf(outbox, 4, 0);
  await until(() => after.link.inFlight('backlog').length === 3);
  await outbox.append(records(1));
  await until(() => after.link.inFlight('live').length === 1);
  assert.deepEqual(after.link.seqs('backlog'), [1, 2, 3]);
  assert.deepEqual(after.link.seqs('live'), [5]);
  await after.stop();
});

test('at a stop, what was stored just before still goes out, and nothing more of the backlog', async () => {
  verifies('DRAIN-LIMITED');
  const outbox = new MemoryOutbox();
  await outbox.append(records(20));
  const { link, quiet, stop } = pumpOf(outbox, 2);
  await until(() => link.inFlight('backlog').length === 1);
  await outbox.append(records(3));
  const stopped = stop();
  for (let answered = 0; answered < 4; answered += 1) {
    await quiet();
    link.inFlight()[0]?.answer();
  }
  assert.equal(await stopped, undefined);
  assert.deepEqual(link.seqs('live'), [21, 22, 23]);
  assert.deepEqual(link.seqs('backlog'), [1]);
  assert.equal((await outbox.status()).pending, 19);
});

test('what comes for ever does not keep a stop from its limit', async () => {
  verifies('DRAIN-LIMITED');
  const outbox = new MemoryOutbox();
  const { link, stop } = pumpOf(outbox, 2, 50);
  await outbox.append(records(1));
  await until(() => link.inFlight().length === 1);
  let over = false;
  const stopped = stop().then((reason) => {
    over = true;
    return reason;
  });
  while (!over) {
    await outbox.append(records(1));
    link.inFlight()[0]?.answer();
    await new Promise(setImmediate);
  }
  assert.equal(await stopped, undefined);
});

test('a connection that is left finishes what is in flight, and sends nothing more', async () => {
  const outbox = new MemoryOutbox();
  await outbox.append(records(5));
  const { link, quiet, leave } = pumpOf(outbox, 2);
  await until(() => link.inFlight().length === 1);
  await outbox.append(records(2));
  await until(() => link.inFlight().length === 2);
  const left = leave();
  link.inFlight()[0]?.answer();
  await quiet();
  assert.equal(link.posted.length, 2);
  link.inFlight()[0]?.answer();
  assert.equal(await left, undefined);
  assert.equal((await outbox.status()).pending, 5);
});

function ascending(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
