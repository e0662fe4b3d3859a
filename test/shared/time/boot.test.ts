import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { systemClock } from '../../../shared/clock.ts';
import { thisBoot } from '../../../shared/time/boot.ts';
import { watchSynchronized } from '../../../shared/time/synchronized.ts';
import { isVirtualMachine } from '../../../shared/time/virtual-machine.ts';
import { verifies } from '../../requirements.ts';

describe('the present start of a machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-boot-'));
  const bootId = join(folder, 'boot_id');
  const uptime = join(folder, 'uptime');
  after(() => rmSync(folder, { recursive: true }));
  writeFileSync(bootId, '1cb33857-0e6c-494d-a43e-3272dc167589\n');
  const self = join(folder, 'stat');
  writeFileSync(self, '7 (a) b) S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4000 0');
  // Started 40 s after the machine, 10 s ago.
  const machine = { self, awakeMs: () => 0, processMs: () => 10_000 };
  const up = (seconds: number): void => writeFileSync(uptime, `${seconds.toFixed(2)} 1.00\n`);

  test('is told by Linux, and time since then goes by the finer clock', () => {
    verifies('NO-CLOCK-RETIMED');
    let monotonic = 1000;
    up(50);
    const boot = thisBoot({ monotonicMs: () => monotonic }, { bootId, uptime, ...machine });
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
    const boot = thisBoot({ monotonicMs: () => monotonic }, { bootId, uptime, ...machine });
    boot.sinceMs();
    monotonic += 1;
    up(3650);
    assert.equal(boot.sinceMs(true), 3_650_000, 'asked anew, in the moment of waking');
    up(7250);
    monotonic += 20;
    assert.equal(boot.sinceMs(), 7_250_000);
  });

  test('in a container whose count begins with the container, it is that of the machine, over restarts of the container', () => {
    verifies('NO-CLOCK-RETIMED');
    let monotonic = 500;
    up(3);
    const boot = thisBoot({ monotonicMs: () => monotonic }, { bootId, uptime, ...machine });
    assert.equal(boot.sinceMs(), 50_000);
    monotonic += 1000;
    up(4);
    assert.equal(boot.sinceMs(), 51_000);
    up(604);
    assert.equal(boot.sinceMs(true), 651_000, 'sleeps count as well');
    up(1);
    const again = { self, awakeMs: () => 700_000, processMs: () => 100 };
    assert.equal(
      thisBoot({ monotonicMs: () => 0 }, { bootId, uptime, ...again }).sinceMs(),
      700_000,
      'the next container, by the clock that sleeps stop',
    );
    up(800);
    assert.equal(thisBoot({ monotonicMs: () => 0 }, { bootId, uptime, ...again }).sinceMs(), 800_000, 'a machine that slept');
  });

  test('goes on where what shows it was started anew: the file that was open cannot be read, nor closed', () => {
    verifies('NO-CLOCK-RETIMED');
    let monotonic = 1000;
    const own = join(folder, 'uptime-anew');
    writeFileSync(own, '50.00 1.00\n');
    const boot = thisBoot({ monotonicMs: () => monotonic }, { bootId, uptime: own, ...machine });
    const open = readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`) === own);
    assert.equal(open.length, 1, 'it stays open');
    for (const fd of open) closeSync(Number(fd));
    writeFileSync(own, '3650.00 1.00\n');
    monotonic += 1000;
    assert.equal(boot.sinceMs(), 3_650_000);
    rmSync(own);
    writeFileSync(own, '9000.00 1.00\n');
    monotonic += 1000;
    boot.sinceMs();
    const [still] = readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`).startsWith(own));
    closeSync(Number(still));
    rmSync(own);
    monotonic += 1000;
    assert.equal(boot.sinceMs(), 3_652_000, 'while nothing shows it, time goes by the finer clock');
  });

  test('where it shows nothing for a while, from the beginning or later, time is told all the same', () => {
    verifies('NO-CLOCK-RETIMED');
    let monotonic = 1000;
    up(50);
    const boot = thisBoot({ monotonicMs: () => monotonic }, { bootId, uptime, ...machine });
    writeFileSync(uptime, '');
    monotonic += 100;
    assert.equal(boot.sinceMs(), 50_100);
    // Another file in its place: the one that is open stays empty.
    rmSync(uptime);
    up(3650);
    monotonic += 100;
    assert.equal(boot.sinceMs(), 3_650_000);
  });

  test('of a virtual machine it says that it may have stood still', () => {
    verifies('STOOD-STILL-DOUBTFUL');
    const cpuinfo = join(folder, 'cpuinfo');
    const tells = (text: string): boolean => {
      writeFileSync(cpuinfo, text);
      return isVirtualMachine({ cpuinfo, hypervisor: [join(folder, 'none')] });
    };
    assert.equal(tells('processor\t: 0\nflags\t\t: fpu sse hypervisor lahf_lm\n'), true);
    assert.equal(tells('processor\t: 0\nflags\t\t: fpu sse lahf_lm\nmodel name\t: no hypervisor here\n'), false);
    assert.equal(isVirtualMachine({ cpuinfo: join(folder, 'none'), hypervisor: [join(folder, 'none')] }), false);
    assert.equal(isVirtualMachine({ cpuinfo: join(folder, 'none'), hypervisor: [cpuinfo] }), true);
    up(50);
    assert.equal(thisBoot(systemClock, { bootId, uptime, ...machine, mayStandStill: true }).mayStandStill, true);
    assert.equal(thisBoot(systemClock, { bootId: join(folder, 'none'), uptime, mayStandStill: true }).mayStandStill, true);
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

/** Empty where it went meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
