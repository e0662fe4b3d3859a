import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FrameSource } from '../../../../../shared/overlay/ziti/channel/contract.ts';
import { StallWatch } from '../../../../../shared/overlay/ziti/channel/stall.ts';
import { verifies } from '../../../../requirements.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const STALL_MS = 4000;

interface Watched {
  watch: StallWatch;
  /** Answers of the probes that were sent, in order. */
  answers: (() => void)[];
  stalls: (FrameSource | undefined)[];
  isReading: boolean;
}

function watched(t: TestContext): Watched {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const state: Omit<Watched, 'watch'> = { answers: [], stalls: [], isReading: true };
  const watch = new StallWatch({
    stallMs: STALL_MS,
    probe: (onAnswer) => void state.answers.push(onAnswer),
    isReading: () => state.isReading,
    onStall: (cause) => void state.stalls.push(cause),
  });
  t.after(() => watch.end());
  return Object.assign(state, { watch });
}

function source(waitingBytes = 0): FrameSource {
  return { waitingBytes, nextFrame: () => undefined };
}

function send(watch: StallWatch, from: FrameSource, bytes: number): void {
  for (let left = bytes; left > 0; left -= 64 * KIB) watch.sent(from, 64 * KIB);
}

async function pass(t: TestContext, ms: number): Promise<void> {
  t.mock.timers.tick(ms);
  await new Promise(setImmediate);
}

test('every 128 KiB of bulk are probed; as long as answers come, however slowly, nobody is blamed', async (t) => {
  verifies('OVERLAY-STALL');
  const { watch, answers, stalls } = watched(t);
  send(watch, source(), MIB);
  assert.equal(answers.length, 8);
  for (const answer of answers) {
    await pass(t, STALL_MS - 1);
    answer();
  }
  await pass(t, 10 * STALL_MS);
  assert.deepEqual(stalls, []);
});

test('the source in front of the first probe without an answer is the cause, not who sent more behind it', async (t) => {
  verifies('OVERLAY-STALL');
  const { watch, answers, stalls } = watched(t);
  const [before, deaf, small, after] = [source(), source(704 * KIB), source(), source()];
  send(watch, before, 2 * MIB);
  for (const answer of answers) answer();
  send(watch, deaf, 64 * KIB);
  send(watch, small, 64 * KIB);
  send(watch, after, 4 * MIB);
  await pass(t, STALL_MS - 1);
  assert.deepEqual(stalls, []);
  await pass(t, 1);
  assert.equal(stalls.length, 1);
  assert.ok(stalls[0] === deaf);
});

test('who has a megabyte under way is the cause', async (t) => {
  verifies('OVERLAY-STALL');
  const { watch, stalls } = watched(t);
  const [deaf, small] = [source(), source()];
  send(watch, small, 64 * KIB);
  send(watch, deaf, MIB);
  await pass(t, STALL_MS);
  assert.ok(stalls[0] === deaf);
});

test('what waits for the router counts as under way', async (t) => {
  const { watch, stalls } = watched(t);
  const deaf = source(MIB);
  send(watch, deaf, 128 * KIB);
  await pass(t, STALL_MS);
  assert.ok(stalls[0] === deaf);
});

test('a router that does not answer and was sent little has no known cause', async (t) => {
  const { watch, stalls } = watched(t);
  for (let i = 0; i < 10; i += 1) send(watch, source(), 64 * KIB);
  await pass(t, STALL_MS);
  assert.deepEqual(stalls, [undefined]);
});

test('a router that delivers bulk ahead of its answer gets three times the limit', async (t) => {
  verifies('OVERLAY-STALL');
  const { watch, stalls } = watched(t);
  send(watch, source(), MIB);
  for (let round = 0; round < 3; round += 1) {
    assert.equal(stalls.length, 0);
    watch.received(64 * KIB);
    await pass(t, STALL_MS);
  }
  assert.equal(stalls.length, 1);
});

test('small frames, as of dials that still come in, get it nothing', async (t) => {
  verifies('OVERLAY-STALL');
  const { watch, stalls } = watched(t);
  send(watch, source(), MIB);
  for (let i = 0; i < 100; i += 1) watch.received(100);
  await pass(t, STALL_MS);
  assert.equal(stalls.length, 1);
});

test('while this side does not read, nothing is judged; when it reads again, the limit begins anew', async (t) => {
  verifies('OVERLAY-STALL');
  const state = watched(t);
  send(state.watch, source(), MIB);
  state.isReading = false;
  for (let round = 0; round < 5; round += 1) await pass(t, STALL_MS);
  state.isReading = true;
  state.watch.readingAgain();
  await pass(t, STALL_MS);
  assert.equal(state.stalls.length, 0);
  await pass(t, STALL_MS);
  assert.equal(state.stalls.length, 1);
});

test('nothing is probed or judged behind the end', async (t) => {
  const { watch, answers, stalls } = watched(t);
  send(watch, source(), MIB);
  watch.end();
  send(watch, source(), MIB);
  for (const answer of answers) answer();
  await pass(t, 10 * STALL_MS);
  assert.deepEqual([answers.length, stalls], [8, []]);
});
