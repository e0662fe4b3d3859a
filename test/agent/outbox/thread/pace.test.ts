import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Pace } from '../../../../agent/outbox/thread/pace.ts';
import { verifies } from '../../../requirements.ts';

/** Senders of which each sends again so long after it was answered, and commits that take so long; how many share a commit in the end. */
function simulate({ senders, backMs, commitMs, forMs = 2000 }: { senders: number; backMs: number; commitMs: number; forMs?: number }) {
  const pace = new Pace();
  let [gathered, sent, sentMs, doneMs, stored] = [0, 0, 0, Number.POSITIVE_INFINITY, 0];
  const back: number[] = Array.from({ length: senders }, (_, i) => (i * backMs) / senders);
  const groups: number[] = [];
  for (let nowMs = 0; nowMs < forMs; nowMs += 0.05) {
    while ((back[0] ?? Number.POSITIVE_INFINITY) <= nowMs) {
      back.shift();
      gathered += 1;
      pace.came(nowMs);
    }
    if (nowMs >= doneMs) {
      // One after the other comes again.
      for (let i = 1; i <= sent; i += 1) back.push(nowMs + (i * backMs) / senders);
      back.sort((a, b) => a - b);
      stored += sent;
      pace.answered(nowMs, sent, commitMs);
      [sent, doneMs] = [0, Number.POSITIVE_INFINITY];
    }
    if (gathered === 0 || sent > 0 || pace.waitMs(nowMs) > 0) continue;
    [sent, sentMs, gathered, doneMs] = [gathered, nowMs, 0, nowMs + commitMs];
    groups.push(sent);
  }
  return { groups: groups.slice(-20), stored, isHeld: pace.holdMs(sentMs, sentMs) > 0 };
}

describe('which appends share a commit', () => {
  test('on a disk that is slow all senders share one, and nothing is sent while it is under way', () => {
    verifies('OUTBOX-OWN-THREAD');
    for (const commitMs of [5, 20, 60]) {
      const { groups, isHeld } = simulate({ senders: 32, backMs: 1.6, commitMs });
      assert.deepEqual([groups, isHeld], [Array(20).fill(32), true], `${commitMs} ms`);
    }
  });

  test('on one that is quick two groups take turns, and nobody waits', () => {
    const { stored, isHeld } = simulate({ senders: 32, backMs: 1.6, commitMs: 0.8 });
    assert.ok(stored > 32 * 0.9 * (2000 / (1.6 + 0.8)), `${stored}`);
    assert.equal(isHeld, false);
  });

  test('those that do not come again are waited for once, and not for long', () => {
    const pace = new Pace();
    for (let i = 0; i < 4; i += 1) pace.came(0);
    pace.answered(10, 4, 10);
    for (let i = 0; i < 4; i += 1) pace.came(11);
    pace.answered(21, 4, 10);
    assert.equal(pace.isSlow, true);
    pace.came(22);
    assert.ok(pace.waitMs(22) > 0 && pace.waitMs(22) <= 1);
    assert.equal(pace.waitMs(22.5), 0, 'so long as they took before, and half as long again');
    pace.answered(40, 1, 10);
    assert.equal(pace.isSlow, false);
  });

  test('one alone never waits for others', () => {
    const { groups } = simulate({ senders: 1, backMs: 1, commitMs: 20 });
    assert.deepEqual(groups, Array(20).fill(1));
    const pace = new Pace();
    pace.came(0);
    pace.answered(20, 1, 20);
    pace.came(21);
    assert.equal(pace.waitMs(21), 0);
  });

  test('appends that wait for room hold up nobody for longer than some commits', () => {
    const pace = new Pace();
    pace.came(0);
    pace.answered(10, 1, 10);
    pace.came(11);
    pace.answered(21, 1, 10);
    assert.ok(pace.holdMs(30, 21) > 0);
    assert.equal(pace.holdMs(41, 21), 0);
  });
});
