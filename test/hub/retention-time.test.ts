import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { RetentionTime } from '../../hub/retention-time.ts';
import { silentLogger } from '../../shared/log.ts';
import { BUILT_AT } from '../../shared/time/built-at.ts';
import { verifies } from '../requirements.ts';
import { TestClock } from '../support/hub.ts';

const [HOUR, DAY] = [3_600_000, 86_400_000];
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-ages-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'hub.db.time-readings');
beforeEach(() => rmSync(path, { force: true }));

/** What a run of the hub goes by, in days since the software was made: at its start, and after each of so many hours. */
function life(days: number, hours = 0, file = path): number[] {
  const clock = new TestClock();
  const time = new RetentionTime({ path: file, clock, log: silentLogger });
  return Array.from({ length: hours + 1 }, (_, i) => {
    if (i > 0) clock.advance(HOUR);
    return (time.moment(BUILT_AT + days * DAY) - BUILT_AT) / DAY;
  });
}

test('a start goes on from where the retention had come, and not from a time that leapt', () => {
  verifies('RETENTION-SMALL-STEPS');
  assert.deepEqual(life(300, 2), [0, 1, 2], 'the first begins when the software was made');
  assert.deepEqual(life(300, 1), [2, 3]);
  for (let i = 0; i < 50; i += 1) assert.deepEqual(life(300), [3], 'a hub that is started again and again gains nothing');
  assert.deepEqual(life(1), [1], 'once the clock is right, so are ages');
  assert.deepEqual(life(-40), [-40]);
  assert.deepEqual(life(300), [0], 'nobody ran it before it was made');
});

test('a file that is damaged counts as none, and one that cannot be written keeps nothing from being removed', () => {
  verifies('RETENTION-SMALL-STEPS');
  life(300, 5);
  writeFileSync(path, 'in a while\n');
  assert.deepEqual(life(300, 1), [0, 1]);
  assert.deepEqual(life(300, 1, join(folder, 'nowhere', 'x')), [0, 1]);
});
