import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { judgeEvidenceRetention } from '../support/power-cut/evidence-judge.ts';
import { record, replay } from '../support/power-cut/replay.ts';
import { seedOf } from '../support/seed.ts';

// The model of the disk: test/support/power-cut/disk.ts.
test('a power cut at each fourth system call, and behind each promise, while evidence is removed: what remains verifies, and what is gone is told of', async (context) => {
  verifies('AUDIT-RETAINED');
  const seed = seedOf();
  const steps = await record('evidence-child.ts', '48', '20');
  const counts = await replay(steps, { judge: judgeEvidenceRetention, seed, every: 4 });
  assert.ok(counts.cuts > 100 && counts.images > 300 && counts.said > 40);
  context.diagnostic(`seed ${seed}: ${counts.cuts} cuts, ${counts.images} images, ${counts.said} promises, none broken`);
});

test('the same finds a store that does not sync its commits', async () => {
  const steps = await record('evidence-child.ts', '48', '20', 'careless');
  await assert.rejects(replay(steps, { judge: judgeEvidenceRetention, seed: 1, every: 8 }), /nowhere|has its anchor|told of/);
});
