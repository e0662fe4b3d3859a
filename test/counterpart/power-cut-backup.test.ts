import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { judgeBackup } from '../support/power-cut/backup-judge.ts';
import { record, replay } from '../support/power-cut/replay.ts';
import { seedOf } from '../support/seed.ts';

// The model of the disk: test/support/power-cut/disk.ts.
test('a power cut at every system call of a backup under load, and of its restore, leaves no file with its name that is not whole', async (context) => {
  verifies('BACKUP-ONLINE', 'BACKUP-NEVER-OVER', 'BACKUP-RESTORES');
  const seed = seedOf();
  const steps = await record('backup-child.ts', '4', '20');
  const counts = await replay(steps, { judge: judgeBackup, seed, every: 2 });
  assert.ok(counts.cuts > 100 && counts.images > 400 && counts.said === 3);
  context.diagnostic(`seed ${seed}: ${counts.cuts} cuts, ${counts.images} images, ${counts.said} promises, none broken`);
});
