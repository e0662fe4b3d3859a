import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isPseudonym } from '../../hub/access/masking/pseudonyms.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { verifies } from '../requirements.ts';
import { demo, RunningDemo, summaryOf } from '../support/demo.ts';

test('two demos side by side: everything decoded from three protocols reaches a subscribed client, everybody is a process of its own', async () => {
  verifies('DEMO-WORKS', 'DEMO-CALLERS', 'DEMO-CLINICAL', 'NO-LISTENING-SOCKET');
  const limited = demo('--seconds', '12', '--json');
  const running = new RunningDemo();
  await running.says(/first reading/);
  const { home } = running;
  const processes = running.children().map(({ args }) => args);
  for (const program of ['provisioning/main fabric run', 'hub/main run', 'agent/main run', 'demo/client watch', 'home-hub'])
    assert.ok(
      processes.some((args) => args.includes(program)),
      `${program} in ${processes.join('\n')}`,
    );
  assert.equal(new Set(['hub', 'home', 'icu', 'client'].map((name) => loadIdentity(join(home, `${name}.json`)).id)).size, 4);
  for (const name of readdirSync(home).filter((file) => /\.(jwt|json|key|yaml|log)$/.test(file)))
    assert.equal(statSync(join(home, name)).mode & 0o777, 0o600, name);
  for (const log of readdirSync(home).filter((file) => file.endsWith('.log')))
    assert.doesNotMatch(readFileSync(join(home, log), 'utf8'), /PRIVATE KEY|eyJ/, log);

  for (const seen of [
    /went from BED-3 to BED-4 .* late\. Corrected: [1-9]/,
    /p-home-002 Oxygen saturation \(SpO2\) — stale, last \d+ % at \d\d:\d\d/,
    /p-home-001 doubtful: 64 kg, 18 kg less than yesterday: somebody else on the scale\?/,
  ])
    await running.says(seen);
  running.signal('SIGINT');
  assert.notEqual(await running.ended(), null);
  assert.deepEqual(running.children(), []);
  assert.doesNotMatch(running.stderr, /killed|[A-Z]+-[A-Z]+:/);
  const { observations, seen } = summaryOf(running);
  assert.ok(observations.ofNobody > 0, 'what the bed measured after it was left is nobody’s');
  assert.deepEqual(Object.keys(seen).sort(), ['doubtful', 'stale', 'transfer']);
  assert.equal(observations.stored, observations.decoded);
  rmSync(home, { recursive: true, force: true });

  const run = await limited;
  const summary = summaryOf(run);
  assert.equal(run.code, 0, run.stderr);
  assert.ok(summary.patients >= 6, JSON.stringify(summary));
  assert.ok(summary.sources.hl7 > 0 && summary.sources.serial > 0 && summary.sources.mqtt > 0, JSON.stringify(summary));
  assert.ok(summary.observations.decoded > 0);
  assert.equal(summary.observations.stored, summary.observations.decoded);
  assert.equal(
    summary.observations.stored,
    summary.observations.ofNobody + summary.sources.hl7 + summary.sources.serial + summary.sources.mqtt,
  );
  assert.equal(summary.observations.quarantined, 0);
  assert.ok(summary.notifications > 0);
  assert.ok((summary.latencyMs.p50 ?? -1) >= 0);
  assert.equal(summary.hubListeningSockets, 0);

  const { nurse, research, stranger } = summary.callers;
  assert.ok(nurse && research, JSON.stringify(summary));
  assert.match(nurse.patient, /^p-icu-000\d$/);
  assert.match(nurse.bed ?? '', /^BED-\d$/);
  assert.ok(Math.abs(Date.parse(nurse.at) - Date.now()) < 10 * 60_000, nurse.at);
  assert.ok(isPseudonym(research.patient), research.patient);
  assert.equal(research.bed, null);
  assert.match(research.at, /^21\d\d-/);
  assert.deepEqual([research.vital, research.value, research.patients], [nurse.vital, nurse.value, nurse.patients]);
  assert.equal(stranger, 'ACCESS-UNKNOWN-CALLER');
  assert.equal(summary.evidence.intact, true);
  assert.ok(summary.evidence.entries > summary.patients, JSON.stringify(summary.evidence));
});

for (const [phase, said] of Object.entries({ 'the network starts': /files of this run/, 'identities enrol': /policies/ })) {
  test(`Ctrl-C while ${phase} leaves no process and no file behind`, async () => {
    const running = new RunningDemo();
    await running.says(said);
    running.signal('SIGINT');
    const code = await running.ended();
    assert.deepEqual(running.children(), []);
    assert.equal(code, 1);
    assert.match(running.stderr, /nothing to sum up/);
    assert.doesNotMatch(running.stderr, /killed|[A-Z]+-[A-Z]+:/);
    assert.ok(!existsSync(running.home));
  });
}

for (const [name, program] of Object.entries({ network: 'fabric run', hub: 'hub/main' })) {
  test(`when the process '${name}' dies the demo ends, names it, and keeps its log`, async () => {
    const running = new RunningDemo();
    await running.says(/first reading/);
    const { pid } = running.children().find(({ args }) => args.includes(program)) ?? assert.fail(program);
    process.kill(pid, 'SIGKILL');
    assert.equal(await running.ended(), 1);
    assert.match(running.stderr, new RegExp(`DEMO-PROCESS.*${name}; see \\S+${name}\\.log`));
    assert.equal(running.stdout, '');
    assert.deepEqual(running.children(), []);
    assert.ok(existsSync(join(running.home, `${name}.log`)));
    rmSync(running.home, { recursive: true, force: true });
  });
}

test('killing the demo itself leaves no process behind', async () => {
  const running = new RunningDemo();
  await running.says(/agents:/);
  running.signal('SIGKILL');
  await running.ended();
  // Each child sees its standard input end and stops.
  assert.ok(await running.alone(), JSON.stringify(running.children()));
  rmSync(running.home, { recursive: true, force: true });
});
