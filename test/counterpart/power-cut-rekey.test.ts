import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { judgeRekeyed } from '../support/power-cut/rekey-judge.ts';
import { record, replay } from '../support/power-cut/replay.ts';
import { seedOf } from '../support/seed.ts';

// The model of the disk: test/support/power-cut/disk.ts.
test('a power cut at every system call of a change of the key leaves a file that opens with what is there, and everything in it', async (context) => {
  verifies('REKEY-NEVER-LOCKS-OUT');
  const seed = seedOf();
  const steps = await record('rekey-child.ts', '2', '20');
  const counts = await replay(steps, { judge: judgeRekeyed, seed });
  assert.ok(counts.cuts > 60 && counts.images > 200 && counts.said >= 21);
  context.diagnostic(`seed ${seed}: ${counts.cuts} cuts, ${counts.images} images, ${counts.said} promises, none broken`);
});
