import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { answering, Processes } from '../../../provisioning/demo/processes.ts';
import { VitalmeshError } from '../../../shared/errors.ts';

/** Processes of a test; stopped, and their folder removed, at its end. */
async function withProcesses(use: (processes: Processes) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vm-processes-'));
  const processes = new Processes(folder);
  try {
    await use(processes);
  } finally {
    await processes.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Arguments of node for a program that does this, then says `ready` and stays. */
function script(code: string): string[] {
  return ['--eval', `process.stdin.resume(); ${code}; console.log('{"event":"ready"}')`];
}

const ready = ({ event }: Record<string, unknown>): boolean => event === 'ready';

test('one that ends unasked breaks all, by name and with its log; what it said and wrote stands there', async () => {
  await withProcesses(async (processes) => {
    const fails = processes.start('device', 'weak', script(`process.stdin.once('data', () => { console.error('why'); process.exit(3); })`));
    const stays = processes.start('hub', 'strong', script(''));
    await Promise.all([fails.line(ready), stays.line(ready)]);
    assert.equal(processes.broken.aborted, false);
    const broken = once(processes.broken, 'abort');
    fails.go();
    await broken;
    const { reason } = processes.broken;
    assert.ok(reason instanceof VitalmeshError);
    assert.equal(reason.code, 'DEMO-PROCESS');
    assert.equal(reason.detail, `weak; see ${fails.logFile}`);
    assert.equal(readFileSync(fails.logFile, 'utf8'), 'why\n');
    await assert.rejects(
      fails.line(() => false),
      { code: 'DEMO-PROCESS' },
    );
    await assert.rejects(
      answering(fails, async () => undefined),
      { code: 'DEMO-PROCESS' },
    );
    assert.deepEqual([fails.running, stays.running], [false, true]);
  });
});

test('lines that are taken are not kept, and what is no JSON is nobody’s', async () => {
  await withProcesses(async (processes) => {
    const taken: unknown[] = [];
    const talks = processes.start('client', 'talks', script(`console.log('text'); console.log('{"row":1}'); console.log('{"end":true}')`), {
      take: (line) => 'row' in line && taken.push(line) > 0,
    });
    await talks.line(({ end }) => end === true);
    assert.deepEqual(taken, [{ row: 1 }]);
    await talks.stop();
    await assert.rejects(
      talks.line(({ row }) => row === 1),
      { code: 'DEMO-PROCESS' },
    );
    assert.equal(processes.broken.aborted, false);
  });
});

test('they are stopped in the order of the data, the stubborn are killed and named, and none starts after', async () => {
  await withProcesses(async (processes) => {
    const order: string[] = [];
    const noting = (name: string) => ({ take: (line: object) => 'bye' in line && order.push(name) > 0 });
    const polite = `process.on('SIGTERM', () => { console.log('{"bye":1}'); process.stdout.write('', () => process.exit()); })`;
    const started = [
      processes.start('network', 'network', script(polite), noting('network')),
      processes.start('hub', 'hub', script(polite), noting('hub')),
      processes.start('agent', 'agent', script(polite), noting('agent')),
      processes.start('device', 'device', script(polite), noting('device')),
      processes.start('client', 'stubborn', script(`process.on('SIGTERM', () => undefined)`)),
    ];
    await Promise.all(started.map((process) => process.line(ready)));
    assert.equal(await started[4]?.stop(1), true);
    assert.deepEqual(await processes.stop(), []);
    assert.deepEqual(order, ['device', 'agent', 'hub', 'network']);
    assert.equal(processes.broken.aborted, false);
    assert.throws(() => processes.start('device', 'late', script('')), { code: 'DEMO-PROCESS' });
  });
});
