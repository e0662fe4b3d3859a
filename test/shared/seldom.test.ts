import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seldom } from '../../shared/seldom.ts';

test('each key is due once in its time, and then again', () => {
  let nowMs = 0;
  const seldom = new Seldom({ monotonicMs: () => nowMs }, 1000);
  assert.deepEqual([seldom.due('a'), seldom.due('a'), seldom.due('b')], [true, false, true]);
  nowMs = 999;
  assert.equal(seldom.due('a'), false);
  nowMs = 1000;
  assert.deepEqual([seldom.due('a'), seldom.due('a')], [true, false]);
});

test('more keys than it keeps wait until old ones are forgotten', () => {
  let nowMs = 0;
  const seldom = new Seldom({ monotonicMs: () => nowMs }, 1000);
  const due = Array.from({ length: 5000 }, (_, i) => seldom.due(`caller-${i}`)).filter(Boolean).length;
  assert.ok(due >= 1000 && due < 5000, `${due}`);
  nowMs = 1000;
  assert.equal(seldom.due('caller-4999'), true);
});
