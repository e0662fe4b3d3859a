import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import { demo, summaryOf } from '../support/demo.ts';

const root = join(import.meta.dirname, '..', '..');

test('the demo carries every decoded observation from three protocols to a subscribed client, and the hub listens nowhere', async () => {
  verifies('DEMO-WORKS', 'NO-LISTENING-SOCKET');
  const run = await demo('--seconds', '12', '--json');
  const summary = summaryOf(run);
  assert.equal(run.code, 0, run.stderr);
  assert.ok(summary.patients >= 6, JSON.stringify(summary));
  assert.ok(summary.sources.hl7 > 0 && summary.sources.serial > 0 && summary.sources.mqtt > 0, JSON.stringify(summary));
  assert.ok(summary.observations.decoded > 0);
  assert.equal(summary.observations.stored, summary.observations.decoded);
  assert.equal(summary.observations.stored, summary.sources.hl7 + summary.sources.serial + summary.sources.mqtt);
  assert.equal(summary.observations.quarantined, 0);
  assert.ok(summary.notifications > 0);
  assert.ok((summary.latencyMs.p50 ?? -1) >= 0);
  assert.equal(summary.hubListeningSockets, 0);
});

test('Ctrl-C ends it in order, and killing it leaves no process behind', async () => {
  const start = () =>
    spawn(process.execPath, [join(root, 'provisioning', 'main.ts'), 'demo', '--json'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const polite = start();
  const output = collect(polite.stdout);
  await firstAgents(polite.stderr);
  const [home = ''] = homesOf(polite.pid ?? 0);
  polite.kill('SIGINT');
  const [code] = await once(polite, 'close');
  assert.notEqual(code, null);
  assert.doesNotThrow(() => JSON.parse(output()));
  assert.deepEqual(childrenIn(home), []);

  const rude = start();
  await firstAgents(rude.stderr);
  const [left = ''] = homesOf(rude.pid ?? 0);
  rude.kill('SIGKILL');
  await once(rude, 'close');
  // Each child sees its standard input end and stops; the last one to go is the end of this test.
  const late = AbortSignal.timeout(20_000);
  while (childrenIn(left).length > 0 && !late.aborted) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(childrenIn(left), []);
});

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** Resolves when the demo says that its agents start. */
function firstAgents(stderr: NodeJS.ReadableStream): Promise<void> {
  const text = collect(stderr);
  return new Promise((resolve, reject) => {
    stderr.on('data', () => /agents:/.test(text()) && resolve());
    stderr.on('end', () => reject(new Error(text())));
  });
}

/** Temporary folders that the children of a demo work in. */
function homesOf(pid: number): string[] {
  return globSync('vitalmesh-demo-*', { cwd: tmpdir() }).filter((name) =>
    commandLines().some(({ args, parent }) => parent === pid && args.includes(name)),
  );
}

function childrenIn(home: string): string[] {
  return commandLines()
    .filter(({ args }) => home !== '' && args.includes(home))
    .map(({ args }) => args);
}

function commandLines(): { args: string; parent: number }[] {
  return globSync('/proc/[0-9]*').flatMap((folder) => {
    try {
      const stat = readFileSync(join(folder, 'stat'), 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return state === 'Z' ? [] : [{ args: readFileSync(join(folder, 'cmdline'), 'utf8').replaceAll('\0', ' '), parent: Number(parent) }];
    } catch {
      return [];
    }
  });
}
