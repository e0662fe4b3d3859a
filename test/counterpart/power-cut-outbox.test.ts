import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { judgeOutbox } from '../support/power-cut/outbox-judge.ts';
import { record, replay } from '../support/power-cut/replay.ts';
import { seedOf } from '../support/seed.ts';

// The model of the disk: test/support/power-cut/disk.ts.
test('a power cut at every system call leaves the outbox with everything it promised', async (context) => {
  verifies('ACK-AFTER-COMMIT', 'EXACTLY-ONCE');
  const seed = seedOf();
  const steps = await record('outbox-child.ts', '4', '20');
  const counts = await replay(steps, { judge: judgeOutbox, seed });
  assert.ok(counts.cuts > 300 && counts.images > 1000 && counts.said > 80);
  context.diagnostic(`seed ${seed}: ${counts.cuts} cuts, ${counts.images} images, ${counts.said} promises, none broken`);
});

test('the same finds an outbox that does not sync its commits', async () => {
  const steps = await record('outbox-child.ts', '4', '20', 'careless');
  await assert.rejects(replay(steps, { judge: judgeOutbox, seed: 1, every: 8 }), /is not known|is missing|told of lost rows/);
});
