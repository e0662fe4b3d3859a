import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { record, replay } from '../support/power-cut/replay.ts';
import { judgeStore } from '../support/power-cut/store-judge.ts';
import { seedOf } from '../support/seed.ts';

// The model of the disk: test/support/power-cut/disk.ts.
test("a power cut at every system call leaves the hub's store with everything it answered for, and its evidence whole", async (context) => {
  verifies('ANSWER-AFTER-COMMIT', 'EXACTLY-ONCE', 'AUDIT-CHAINED');
  const seed = seedOf();
  const steps = await record('store-child.ts', '3', '20');
  const counts = await replay(steps, { judge: judgeStore, seed });
  assert.ok(counts.cuts > 200 && counts.images > 800 && counts.said > 20);
  context.diagnostic(`seed ${seed}: ${counts.cuts} cuts, ${counts.images} images, ${counts.said} promises, none broken`);
});

test('the same finds a store that does not sync its commits', async () => {
  const steps = await record('store-child.ts', '3', '20', 'careless');
  await assert.rejects(replay(steps, { judge: judgeStore, seed: 1, every: 8 }), /was answered for and is missing|the evidence/);
});
