import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { systemClock } from '../../../shared/clock.ts';
import { thisBoot } from '../../../shared/time/boot.ts';
import { watchSynchronized } from '../../../shared/time/synchronized.ts';
import { verifies } from '../../requirements.ts';

describe('the present start of a machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-boot-'));
  const bootId = join(folder, 'boot_id');
  const uptime = join(folder, 'uptime');
  after(() => rmSync(folder, { recursive: true }));
  writeFileSync(bootId, '1cb33857-0e6c-494d-a43e-3272dc167589\n');
  const up = (seconds: number): void => writeFileSync(uptime, `${seconds.toFixed(2)} 1.00\n`);

  test('is told by Linux, and time since then goes by the finer clock', () => {
    verifies('NO-CLOCK-RETIMED');
    let monotonic = 1000;
    up(50);
    const boot = thisBoot({ monotonicMs: () => monotonic }, { bootId, uptime });
    assert.deepEqual([boot.id, boot.countsSleep, boot.sinceMs()], ['1cb33857-0e6c-494d-a43e-3272dc167589', true, 50_000]);
    monotonic += 12.5;
    assert.equal(boot.sinceMs(), 50_012.5);
    monotonic += 100;
    up(50.15);
    assert.equal(boot.sinceMs(), 50_112.5, 'no jumps by what the coarse one rounds');
    monotonic += 100;
    up(50.2);
    assert.equal(boot.sinceMs(), 50_212.5, 'nor back');
  });

  test('counts the time in which the machine slept, which the finer clock does not', () => {
    verifies('NO-CLOCK-RETIMED');
    let monotonic = 1000;
    up(50);
    const boot = thisBoot({ monotonicMs: () => monotonic }, { bootId, uptime });
    boot.sinceMs();
    monotonic += 1;
    up(3650);
    assert.equal(boot.sinceMs(true), 3_650_000, 'asked anew, in the moment of waking');
    up(7250);
    monotonic += 20;
    assert.equal(boot.sinceMs(), 7_250_000);
  });

  test('where Linux does not tell, it is that of the process, and counts no sleep', () => {
    const clock = { monotonicMs: () => 42 };
    const one = thisBoot(clock, { bootId: join(folder, 'none'), uptime });
    const other = thisBoot(clock, { bootId, uptime: bootId.replace('boot_id', 'none') });
    assert.notEqual(one.id, other.id);
    assert.deepEqual([one.countsSleep, other.countsSleep, one.sinceMs()], [false, false, 42]);
  });

  test('of this machine is another one for no two processes', () => {
    assert.equal(thisBoot(systemClock).id, thisBoot(systemClock).id);
  });
});

describe('whether somebody keeps the clock right', () => {
  const said = async (command: readonly [string, ...string[]], until: boolean): Promise<void> => {
    using asked = watchSynchronized({ command, everyMs: 5 });
    while (asked.state() !== until) await new Promise((done) => setImmediate(done));
  };

  test('is what the machine says', async () => {
    verifies('NO-CLOCK-SIGNS');
    await said(['echo', 'yes'], true);
    await said(['echo', 'no'], false);
  });

  test('is not known of a machine that does not say', () => {
    using asked = watchSynchronized({ command: ['/nonexistent/timedatectl'] });
    assert.equal(asked.state(), undefined);
  });
});
