import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { record, replay } from '../support/power-cut/replay.ts';
import { judgeRetention } from '../support/power-cut/retention-judge.ts';
import { seedOf } from '../support/seed.ts';

// The model of the disk: test/support/power-cut/disk.ts.
test('a power cut at each fourth system call, and behind each promise, while the retention runs: each value counts once, in its row or its rollup, and its key is known', async (context) => {
  verifies('RETENTION-ROLLUP', 'RETENTION-KEYS', 'EXACTLY-ONCE');
  const seed = seedOf();
  const steps = await record('retention-child.ts', '20', '20');
  const counts = await replay(steps, { judge: judgeRetention, seed, every: 4 });
  assert.ok(counts.cuts > 150 && counts.images > 500 && counts.said > 20);
  context.diagnostic(`seed ${seed}: ${counts.cuts} cuts, ${counts.images} images, ${counts.said} promises, none broken`);
});

test('the same finds a store that does not sync its commits', async () => {
  const steps = await record('retention-child.ts', '20', '20', 'careless');
  await assert.rejects(replay(steps, { judge: judgeRetention, seed: 1, every: 8 }), /answered for count nowhere/);
});
