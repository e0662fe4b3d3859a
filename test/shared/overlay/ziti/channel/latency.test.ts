import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Liveness, MOST_INTERVALS, MOST_LIMITS } from '../../../../../shared/overlay/ziti/channel/latency.ts';
import { verifies } from '../../../../requirements.ts';
import { hex } from '../../../../support/raw-router.ts';
import { opened } from './opened.ts';

interface Watched {
  liveness: Liveness;
  /** Answers the probe that is under way. */
  answer(): void;
  probes: number;
  given: number;
  silences: number;
  isReading: boolean;
  isSending: boolean;
}

const EVERY_MS = 30_000;
const TIMEOUT_MS = 10_000;

function watched(t: TestContext): Watched {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const watch: Omit<Watched, 'liveness'> = { probes: 0, given: 0, silences: 0, isReading: true, isSending: false, answer: () => undefined };
  const liveness = new Liveness({
    everyMs: EVERY_MS,
    timeoutMs: TIMEOUT_MS,
    probe(onAnswer) {
      watch.probes += 1;
      watch.answer = onAnswer;
      return {
        [Symbol.dispose]: () => {
          watch.given += 1;
        },
      };
    },
    isReading: () => watch.isReading,
    isSending: () => watch.isSending,
    onSilence: () => {
      watch.silences += 1;
    },
  });
  t.after(() => liveness[Symbol.dispose]());
  return Object.assign(watch, { liveness });
}

/** Timers that are due, then the turn of the loop in which the socket is read. */
async function pass(t: TestContext, ms: number): Promise<void> {
  t.mock.timers.tick(ms);
  await new Promise(setImmediate);
}

test('a router that answers is probed again and again', async (t) => {
  const watch = watched(t);
  for (let round = 1; round <= 5; round += 1) {
    await pass(t, EVERY_MS);
    assert.equal(watch.probes, round);
    watch.answer();
  }
  await pass(t, TIMEOUT_MS);
  assert.equal(watch.silences, 0);
});

test('what comes is as good as an answer: a probe goes out when nothing has come for the whole interval, and none before', async (t) => {
  verifies('OVERLAY-LIVENESS', 'LINK-QUIET');
  const watch = watched(t);
  for (let at = 0; at < (MOST_INTERVALS - 1) * EVERY_MS; at += EVERY_MS / 2) {
    await pass(t, EVERY_MS / 2);
    watch.liveness.sign();
  }
  assert.equal(watch.probes, 0);
  await pass(t, EVERY_MS);
  assert.equal(watch.probes, 1);
});

test('a router that delivers without end is probed all the same, and sooner while it does not take what is sent', async (t) => {
  verifies('OVERLAY-LIVENESS');
  const watch = watched(t);
  const deliver = async (intervals: number): Promise<void> => {
    for (let at = 0; at < intervals * 10; at += 1) {
      watch.liveness.sign();
      await pass(t, EVERY_MS / 10);
    }
  };
  await deliver(2 * MOST_INTERVALS);
  assert.equal(watch.probes, 1, 'unanswered, it is the only one');
  watch.answer();
  await deliver(MOST_INTERVALS - 1);
  assert.equal(watch.probes, 1);
  watch.isSending = true;
  await deliver(1);
  assert.equal(watch.probes, 2);
});

test('a router that is silent behind a probe is given up', async (t) => {
  verifies('OVERLAY-LIVENESS');
  const watch = watched(t);
  await pass(t, EVERY_MS);
  await pass(t, TIMEOUT_MS - 1);
  assert.equal(watch.silences, 0);
  await pass(t, 1);
  assert.equal(watch.silences, 1);
});

test('a router that delivers bulk before it answers is alive; its answer is still awaited', async (t) => {
  verifies('OVERLAY-LIVENESS');
  const watch = watched(t);
  await pass(t, EVERY_MS);
  for (let round = 0; round < 2; round += 1) {
    watch.liveness.sign();
    await pass(t, TIMEOUT_MS);
  }
  assert.deepEqual([watch.silences, watch.probes], [0, 1]);
  await pass(t, TIMEOUT_MS);
  assert.equal(watch.silences, 1);
});

test('a router that delivers and never answers is given up after a number of time limits', async (t) => {
  verifies('OVERLAY-LIVENESS');
  const watch = watched(t);
  await pass(t, EVERY_MS);
  for (let round = 0; round < MOST_LIMITS; round += 1) {
    assert.equal(watch.silences, 0);
    watch.liveness.sign();
    await pass(t, TIMEOUT_MS);
  }
  assert.equal(watch.silences, 1);
});

test('a time in which this side did not read is none of them', async (t) => {
  verifies('OVERLAY-LIVENESS');
  const watch = watched(t);
  await pass(t, EVERY_MS);
  for (let round = 0; round < MOST_LIMITS - 1; round += 1) {
    watch.liveness.sign();
    await pass(t, TIMEOUT_MS);
  }
  watch.isReading = false;
  for (let round = 0; round < 3; round += 1) await pass(t, TIMEOUT_MS);
  watch.isReading = true;
  assert.equal(watch.silences, 0);
  watch.liveness.sign();
  await pass(t, TIMEOUT_MS);
  assert.equal(watch.silences, 1);
});

test('an answer begins the time limits anew', async (t) => {
  const watch = watched(t);
  for (let round = 0; round < MOST_LIMITS; round += 1) {
    await pass(t, EVERY_MS);
    watch.liveness.sign();
    await pass(t, TIMEOUT_MS);
    watch.liveness.sign();
    await pass(t, TIMEOUT_MS);
    watch.answer();
    await pass(t, 0);
  }
  assert.equal(watch.silences, 0);
});

test('a router in doubt is probed before its time, and once', async (t) => {
  verifies('OVERLAY-LIVENESS');
  const watch = watched(t);
  watch.liveness.probeNow();
  watch.liveness.probeNow();
  assert.equal(watch.probes, 1);
  await pass(t, TIMEOUT_MS);
  assert.equal(watch.silences, 1);
});

test('a router that this side does not read is not silent', async (t) => {
  verifies('OVERLAY-LIVENESS');
  const watch = watched(t);
  watch.isReading = false;
  await pass(t, EVERY_MS);
  for (let round = 0; round < 3; round += 1) await pass(t, TIMEOUT_MS);
  watch.isReading = true;
  // Reading has begun again.
  watch.liveness.sign();
  await pass(t, TIMEOUT_MS);
  assert.equal(watch.silences, 0);
  await pass(t, TIMEOUT_MS);
  assert.equal(watch.silences, 1);
});

test('what the socket has received while the process stood still counts', async (t) => {
  verifies('OVERLAY-LIVENESS');
  const watch = watched(t);
  await pass(t, EVERY_MS);
  // The deadline is over, and in the same turn of the loop the socket is read: first timers, then what has arrived.
  t.mock.timers.tick(TIMEOUT_MS);
  watch.answer();
  await new Promise(setImmediate);
  assert.equal(watch.silences, 0);
  await pass(t, EVERY_MS);
  assert.equal(watch.probes, 2);
});

test('nothing is probed or judged behind the end', async (t) => {
  const watch = watched(t);
  await pass(t, EVERY_MS);
  watch.liveness[Symbol.dispose]();
  assert.equal(watch.given, 1);
  await pass(t, 10 * EVERY_MS);
  assert.deepEqual([watch.probes, watch.silences], [1, 0]);
});

test('probes are Latency frames with the time; a channel without answers ends', async () => {
  verifies('OVERLAY-LIVENESS');
  await using pair = await opened({ latencyEveryMs: 10, latencyTimeoutMs: 1000 });
  const { channel, peer } = pair;
  for (let sequence = 1; sequence <= 3; sequence += 1) {
    const probe = await peer.frame();
    assert.deepEqual(probe.subarray(0, 28), hex(`0306090c 03000000 0${sequence}000000 10000000 00000000 | 80000000 08000000`));
    const sentAtMs = Number(probe.readBigUInt64LE(28) / 1_000_000n);
    assert.ok(Math.abs(Date.now() - sentAtMs) < 60_000);
    const answer = hex(`0306090c 02000000 01000000 25000000 00000000 | 01000000 04000000 0${sequence}000000 | 02000000 01000000 01
      | 80000000 08000000 0000000000000000`);
    await peer.send(answer);
  }
  await peer.frame();
  if (!channel.closed.aborted) await once(channel.closed, 'abort');
  assert.equal(channel.closed.reason.code, 'OVERLAY-TIMEOUT');
});

test('a machine that woke probes the router at once', async (t) => {
  verifies('OVERLAY-SLEEP');
  await using pair = await opened({ latencyEveryMs: 3_600_000, latencyTimeoutMs: 3_600_000 });
  const machine = Date.now;
  t.mock.method(Date, 'now', () => machine() + 3_600_000);
  const probe = await pair.peer.frame();
  assert.deepEqual(probe.subarray(4, 8), hex('03000000'));
});

test('a probe of a caller comes back with the answer', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const probing = channel.probe(new AbortController().signal);
  assert.equal((await peer.frame()).readInt32LE(4), 3);
  await peer.send(hex('0306090c 02000000 01000000 15000000 00000000 | 01000000 04000000 01000000 | 02000000 01000000 01'));
  await probing;
});
