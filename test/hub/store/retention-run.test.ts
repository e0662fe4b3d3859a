import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RetentionOrder, RetentionStep } from '../../../hub/store/retention.ts';
import { retentionConfig, retentionPolicy } from '../../../hub/store/retention-config.ts';
import { RetentionRun } from '../../../hub/store/retention-run.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW, TestClock } from '../../support/hub.ts';

const HOUR = 3_600_000;

test('all that is due goes once an hour, step by step with rests, and is counted', async () => {
  verifies('RETENTION-SMALL-STEPS');
  const clock = new TestClock();
  const metrics = new Metrics();
  const orders: RetentionOrder[] = [];
  const waits: number[] = [];
  const script: (RetentionStep | Error)[] = [
    { removed: { continuous: 5 }, more: true },
    { removed: { continuous: 2 }, more: false },
    new VitalmeshError('STORAGE-FULL'),
    { removed: {}, more: false },
  ];
  const enough = Promise.withResolvers<void>();
  const retain = async (order: RetentionOrder): Promise<RetentionStep> => {
    orders.push(order);
    clock.advance(10);
    const next = script.shift();
    if (next instanceof Error) throw next;
    return next ?? { removed: {}, more: false };
  };
  const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
    waits.push(ms);
    if (waits.length >= 4) enough.resolve();
    if (waits.length >= 4) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    clock.advance(ms);
  };
  const policy = retentionPolicy(undefined);
  {
    await using run = new RetentionRun({ store: { retain }, policy, time: { moment: (known) => known - HOUR }, metrics, clock, wait });
    await run.start(new AbortController().signal);
    await enough.promise;
  }
  assert.deepEqual(waits, [40, HOUR, 60_000, HOUR], 'a rest, an hour, after a failure, an hour');
  assert.deepEqual(
    orders.map(({ now }) => now - (TEST_NOW - HOUR)),
    [0, 0, HOUR + 60, HOUR + 60_070],
    'a round goes by the time of the retention when it began',
  );
  assert.equal(metrics.snapshot()['store_removed{continuous}'], 7);
});

test('the configuration says days, and keeps long where it says nothing', () => {
  verifies('RETENTION-CLASSES');
  assert.deepEqual(retentionPolicy(retentionConfig.parse({ continuous: 30, wave: 'forever' })), {
    ...retentionPolicy(undefined),
    continuous: 30 * 24 * HOUR,
    wave: null,
  });
  const { spot, alert, movement, gap, continuous, minute } = retentionPolicy(undefined);
  assert.deepEqual([spot, alert, movement, gap], [null, null, null, null]);
  assert.ok(continuous !== null && minute !== null && continuous >= 400 * 24 * HOUR && minute > continuous);
  for (const wrong of [{ continuous: 0 }, { continuous: '30d' }, { audit: 30 }]) assert.throws(() => retentionConfig.parse(wrong));
});
