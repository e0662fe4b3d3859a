import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Standing } from '../../../../../shared/overlay/ziti/controller/standing.ts';
import { verifies } from '../../../../requirements.ts';

function bench(random = 0): { standing: Standing; at(ms: number): void; now(): number } {
  let nowMs = 0;
  return {
    standing: new Standing({ monotonicMs: () => nowMs }, () => random),
    at: (ms) => {
      nowMs = ms;
    },
    now: () => nowMs,
  };
}

test('one that failed is avoided for a while, after each further failure for longer, and trusted again by its first answer', () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  const { standing, at, now } = bench(0);
  const avoidedMs: number[] = [];
  for (let failures = 0; failures < 8; failures += 1) {
    const beganMs = now();
    standing.failed(beganMs);
    while (standing.isAvoided) at(now() + 100);
    avoidedMs.push(now() - beganMs);
    at(now() + 100);
  }
  // Half of 10 s, 20 s, 40 s … 5 minutes: the least that chance may draw.
  assert.deepEqual(avoidedMs, [5_000, 10_000, 20_000, 40_000, 80_000, 150_000, 150_000, 150_000]);
  assert.equal(standing.failures, 8);
  standing.answered(now());
  assert.deepEqual([standing.failures, standing.isAvoided], [0, false]);
  standing.failed(now());
  at(now() + 5_000);
  assert.equal(standing.isAvoided, false, 'from the beginning again');
});

test('many who waited for one answer find out one thing', () => {
  const { standing, at } = bench();
  at(3000);
  for (let i = 0; i < 50; i += 1) standing.failed(i);
  assert.equal(standing.failures, 1);
  standing.failed(3000);
  assert.equal(standing.failures, 2);
});

test('an answer to what was asked before the last failure does not speak for the time since', () => {
  const { standing, at } = bench();
  at(1000);
  standing.failed(900);
  standing.answered(999);
  assert.equal(standing.failures, 1);
  standing.answered(1000);
  assert.equal(standing.failures, 0);
});

for (const [random, closedMs] of [
  [0, 60_000],
  [0.5, 66_000],
  [1, 72_000],
] as const)
  test(`one that asked for a minute of peace has it, and at most a fifth of that more: ${closedMs} ms for ${random}`, () => {
    verifies('OVERLAY-CONTROLLER-RETRY-AFTER');
    const { standing, at } = bench(random);
    standing.failed(0, 60_000);
    assert.equal(standing.closedForMs, closedMs);
    at(closedMs - 1);
    assert.equal(standing.closedForMs, 1);
    standing.answered(closedMs - 1);
    assert.equal(standing.closedForMs, 1, 'an answer to somebody else does not shorten it');
    at(closedMs);
    assert.equal(standing.closedForMs, 0);
  });

test('a fleet that was asked to come back in a second comes over a second', () => {
  const { standing } = bench(1);
  standing.failed(0, 1000);
  assert.equal(standing.closedForMs, 2000);
});
