import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { record, replay } from '../support/power-cut/replay.ts';
import { judgeUntimed } from '../support/power-cut/untimed-judge.ts';
import { seedOf } from '../support/seed.ts';

test('a power cut at every system call, while rows wait for the time and while they are put right: none is lost, and none goes out with two times', async (context) => {
  verifies('NO-CLOCK-RETIMED', 'NO-CLOCK-BOUNDED-TIME');
  const seed = seedOf();
  const steps = await record('untimed-child.ts', '2', '40');
  const counts = await replay(steps, { judge: judgeUntimed, seed });
  assert.ok(counts.cuts > 100 && counts.images > 300 && counts.said > 5);
  context.diagnostic(`seed ${seed}: ${counts.cuts} cuts, ${counts.images} images, ${counts.said} promises, none broken`);
});
