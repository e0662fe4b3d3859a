import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { agentProgram } from '../../agent/cli.ts';
import { programs } from '../../agent/main.ts';
import { openOutbox } from '../../agent/outbox/sqlite.ts';
import { systemClock } from '../../shared/clock.ts';
import { runProgram } from '../../shared/command-line.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { createOperatorServer } from '../../shared/operator/server.ts';
import { refuseRekey } from '../../shared/storage/refuse-rekey.ts';
import { markedRecord, markOf } from '../contract/outbox.ts';
import { verifies } from '../requirements.ts';
import { AgentSite } from '../support/agent-site.ts';

async function rekey(config: string, ...more: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const argv = ['rekey', '--config', config, ...more];
  const code = await runProgram(agentProgram(programs), argv, { stdin: Readable.from([]), stdout, stderr });
  return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
}

const SOURCE = { type: 'serial', name: 'ox', profile: 'nonin-df8', port: '/dev/serial/by-id/none' };

test('rekey gives the outbox of an agent that does not run a new key; what waits, waits; at one that runs it says to stop it', async () => {
  verifies('REKEY-NEVER-LOCKS-OUT');
  using site = await AgentSite.make([SOURCE]);
  const [path, keyFile] = [site.outbox, join(site.folder, 'outbox.key')];
  const open = () => openOutbox({ path, keyFile, clock: systemClock, log: silentLogger, metrics: new Metrics() });
  const marks = Array.from({ length: 40 }, (_, i) => i);
  {
    await using outbox = await open();
    await outbox.append(marks.map((mark) => markedRecord(mark)));
  }
  const before = readFileSync(keyFile, 'utf8');
  {
    const operator = createOperatorServer({ socketPath: site.operator, commands: { rekey: refuseRekey }, log: silentLogger });
    await using _ = operator;
    await operator.start(AbortSignal.abort());
    const refused = await rekey(site.config);
    assert.deepEqual([refused.code, refused.stderr.split(':')[0]], [1, 'STORAGE-RUNNING']);
  }
  {
    // One that runs without its socket is found by its lock.
    await using _ = await open();
    const refused = await rekey(site.config);
    assert.deepEqual([refused.code, refused.stderr.split(':')[0]], [1, 'STORAGE-LOCKED']);
  }
  assert.equal(readFileSync(keyFile, 'utf8'), before);
  const { code, stdout } = await rekey(site.config, '--json');
  assert.deepEqual([code, JSON.parse(stdout)], [0, { file: path, keyFile }]);
  assert.notEqual(readFileSync(keyFile, 'utf8'), before);
  await using outbox = await open();
  assert.deepEqual(
    (await outbox.pending(0, 100)).map(({ record }) => markOf(record)),
    marks,
  );
});

test('rekey where there is no outbox makes none', async () => {
  verifies('STORE-ONLY-RUN-MAKES');
  using site = await AgentSite.make([SOURCE]);
  const before = readdirSync(site.folder).sort();
  const refused = await rekey(site.config);
  assert.deepEqual([refused.code, refused.stderr.split(':')[0]], [1, 'STORAGE-MISSING']);
  assert.deepEqual(readdirSync(site.folder).sort(), before);
});

test('rekey wants a place for the new key exactly when the key is a credential', async () => {
  using file = await AgentSite.make([SOURCE]);
  using credential = await AgentSite.make([SOURCE], { outbox: { path: file.outbox, keyCredential: 'outbox-key' } });
  for (const [config, ...more] of [[file.config, '--new-key', join(file.folder, 'new.key')], [credential.config]] as const) {
    const refused = await rekey(config, ...more);
    assert.deepEqual([refused.code, refused.stderr.split(':')[0]], [2, 'USAGE']);
  }
});
