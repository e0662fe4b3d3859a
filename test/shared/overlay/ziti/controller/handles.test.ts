import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeIdentity } from '../../../../../provisioning/fabric/ca.ts';
import { type ScriptedController, scriptedController } from '../../../../support/ziti/controller-script.ts';

const CHILD = join(import.meta.dirname, 'controller-child.ts');

/** Runs the child against the controller until it ends by itself; `act` says when it may dispose. */
async function run(script: ScriptedController, mode: string, act: (mayDispose: () => void) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-controller-'));
  try {
    const path = join(folder, 'gw1.json');
    writeIdentity(path, await script.network.ca.issueIdentity({ id: 'gw1', name: 'gw1', controller: `https://127.0.0.1:${script.port}` }));
    const child = spawn(process.execPath, [CHILD, path, mode], { stdio: ['pipe', 'pipe', 'inherit'], timeout: 30_000 });
    let output = '';
    child.stdout.on('data', (piece) => {
      output += piece;
    });
    act(() => child.stdin.write('now'));
    const [code, signal] = await once(child, 'close');
    assert.deepEqual([code, signal], [0, null]);
    return output;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a session that is kept alive does not keep its process', async () => {
  await using script = await scriptedController();
  await run(script, 'idle', () => undefined);
  assert.deepEqual(script.lines, ['POST /authenticate?method=cert']);
});

test('a process whose controller is disposed while a call is under way ends by itself', async () => {
  await using script = await scriptedController();
  script.on(({ path }) => (path.startsWith('/services') ? () => undefined : undefined));
  const output = await run(
    script,
    'busy',
    (mayDispose) => void script.nextAsked(({ path }) => path.startsWith('/services')).then(mayDispose),
  );
  assert.equal(output, 'OVERLAY-CLOSED');
});
