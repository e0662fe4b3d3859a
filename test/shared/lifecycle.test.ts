import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, pause, type Service, startAll } from '../../shared/lifecycle.ts';

function service(name: string, log: string[], fails = false): Service {
  return {
    name,
    start: async () => {
      log.push(`start ${name}`);
      if (fails) throw new TypeError(name);
    },
    [Symbol.asyncDispose]: async () => {
      log.push(`stop ${name}`);
    },
  };
}

test('services start in order and stop in reverse', async () => {
  const log: string[] = [];
  const stack = await startAll([service('a', log), service('b', log)], new AbortController().signal);
  await stack.disposeAsync();
  assert.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a']);
});

test('when one fails to start, all that began are stopped and its error is thrown', async () => {
  const log: string[] = [];
  await assert.rejects(startAll([service('a', log), service('b', log, true), service('c', log)], new AbortController().signal), {
    message: 'b',
  });
  assert.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a']);
});

test('a pause ends when the signal aborts', async () => {
  const controller = new AbortController();
  const waiting = pause(3_600_000, controller.signal);
  controller.abort();
  await waiting;
  await pause(3_600_000, controller.signal);
});

test('waiting times double up to the limit, with full jitter, and begin anew after a reset', () => {
  const most = new Backoff(100, 1000, () => 1);
  assert.deepEqual(
    Array.from({ length: 6 }, () => most.nextMs()),
    [100, 200, 400, 800, 1000, 1000],
  );
  most.reset();
  assert.equal(most.nextMs(), 100);
  assert.equal(new Backoff(100, 1000, () => 0).nextMs(), 10);
});
