import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, rmSync } from 'node:fs';
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
  // As at a terminal: launcher and demo are one process group, all of it gets the signal, and the launcher passes it on as well.
  const polite = spawn(process.execPath, [join(root, 'scripts', 'run.mjs'), 'demo', '--json'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collect(polite.stdout);
  const messages = collect(polite.stderr);
  await firstAgents(polite.stderr);
  const [, home = ''] = /files of this run: (\S+),/.exec(messages()) ?? [];
  process.kill(-(polite.pid ?? 0), 'SIGINT');
  const [code] = await once(polite, 'close');
  assert.notEqual(code, null);
  assert.doesNotThrow(() => JSON.parse(output()), messages());
  assert.deepEqual(childrenIn(home), []);
  rmSync(home, { recursive: true, force: true });

  const rude = spawn(process.execPath, [join(root, 'provisioning', 'main.ts'), 'demo', '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = collect(rude.stderr);
  await firstAgents(rude.stderr);
  const [, left = ''] = /files of this run: (\S+),/.exec(said()) ?? [];
  rude.kill('SIGKILL');
  await once(rude, 'close');
  // Each child sees its standard input end and stops; the last one to go is the end of this test.
  const late = AbortSignal.timeout(20_000);
  while (childrenIn(left).length > 0 && !late.aborted) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(childrenIn(left), []);
  rmSync(left, { recursive: true, force: true });
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

function childrenIn(home: string): string[] {
  assert.notEqual(home, '');
  return globSync('/proc/[0-9]*').flatMap((folder) => {
    try {
      const stat = readFileSync(join(folder, 'stat'), 'utf8');
      const [state] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const args = readFileSync(join(folder, 'cmdline'), 'utf8').replaceAll('\0', ' ');
      return state !== 'Z' && args.includes(home) ? [args] : [];
    } catch {
      return [];
    }
  });
}
