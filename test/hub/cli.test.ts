import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { type ExportFilter, hubProgram } from '../../hub/cli.ts';
import { runProgram } from '../../shared/command-line.ts';
import { verifies } from '../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-hub-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const config = join(folder, 'hub.yaml');
writeFileSync(
  config,
  `identity: hub.json
registry: registry.yaml
store: { path: store.db, keyFile: store.key }
overlay: { type: ziti }
operator: { socket: ${join(folder, 'nobody.sock')} }
`,
);

/** `vitalmesh-hub export` beside a hub that does not run, over a store that holds these. */
async function exporting(stored: readonly object[], ...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const programs = {
    run: async () => undefined,
    check: async () => undefined,
    exportOffline: async function* (_config: unknown, { patient }: ExportFilter) {
      for (const one of stored) if (patient === undefined || (one as { patient: string }).patient === patient) yield one;
    },
  };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const argv = ['export', '--config', config, ...options];
  const code = await runProgram(hubProgram(programs), argv, { stdin: Readable.from([]), stdout, stderr });
  return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
}

test('an export that finds nothing says so beside its output, and does not fail', async () => {
  const stored = [{ patient: 'p-7k2m9x4q' }];
  assert.deepEqual(await exporting(stored), { code: 0, stdout: '{"patient":"p-7k2m9x4q"}\n', stderr: '' });
  assert.deepEqual(await exporting(stored, '--patient', 'nobody'), { code: 0, stdout: '', stderr: 'Nothing that is stored matches.\n' });
  assert.deepEqual(await exporting([]), { code: 0, stdout: '', stderr: 'Nothing is stored yet.\n' });
});

test('the help of export says that it prints JSON, line by line', async () => {
  assert.match((await exporting([], '--help')).stdout, /one JSON object a line/);
});

test('the conformance mode is asked for by the client as whom it answers, and nothing half of it', async () => {
  verifies('MCP-CONFORMANCE-APART');
  const asked: (object | undefined)[] = [];
  const programs = {
    run: async (_config: unknown, conformance?: object) => void asked.push(conformance),
    check: async () => undefined,
    exportOffline,
  };
  const running = (...options: string[]): Promise<number> => {
    const io = { stdin: Readable.from([]), stdout: new PassThrough(), stderr: new PassThrough() };
    return runProgram(hubProgram(programs), ['run', '--config', config, ...options], io);
  };
  assert.deepEqual(
    [await running(), await running('--conformance', 'suite'), await running('--conformance', 'suite', '--conformance-port', '3001')],
    [0, 0, 0],
  );
  assert.deepEqual(asked, [undefined, { caller: 'suite', port: 0 }, { caller: 'suite', port: 3001 }]);
  for (const wrong of [
    ['--conformance-port', '3001'],
    ['--conformance', 'suite', '--conformance-port', '70000'],
    ['--conformance', 'suite', '--conformance-port', 'x'],
  ])
    assert.notEqual(await running(...wrong), 0, wrong.join(' '));
  assert.equal(asked.length, 3);
});

async function* exportOffline(): AsyncGenerator<unknown> {
  yield* [];
}
