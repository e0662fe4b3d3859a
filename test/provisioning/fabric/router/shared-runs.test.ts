import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SharedRuns } from '../../../../provisioning/fabric/router/shared-runs.ts';
import { verifies } from '../../../requirements.ts';

test('askings of one turn share a run; work that takes long is left four times as long alone, half a second at most, and none is forgotten', async (t) => {
  verifies('FABRIC-ROUTER-REVOKED', 'FABRIC-ROUTER-BOUNDED');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  let tookMs = 0;
  let runs = 0;
  using shared = new SharedRuns(() => {
    runs += 1;
    nowMs += tookMs;
  });
  const pass = (ms: number): void => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
  for (let i = 0; i < 3; i += 1) shared.ask();
  assert.equal(runs, 0);
  await turn();
  assert.equal(runs, 1);

  for (const [took, rest] of [
    [10, 40],
    [1000, 500],
  ] as const) {
    tookMs = took;
    shared.ask();
    await turn();
    const before: number = runs;
    for (let i = 0; i < 3; i += 1) {
      shared.ask();
      await turn();
    }
    pass(rest - 1);
    assert.equal(runs, before);
    tookMs = 0;
    pass(1);
    assert.equal(runs, before + 1);
  }

  shared.ask();
  shared[Symbol.dispose]();
  const atTheEnd = runs;
  await turn();
  pass(1000);
  assert.equal(runs, atTheEnd);
});
