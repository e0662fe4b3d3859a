import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resourcesOf } from '../../../agent/resources.ts';
import type { AlertsView } from '../../../hub/access/alert-views.ts';
import { hubProgram } from '../../../hub/cli.ts';
import { formatAlerts } from '../../../hub/clinical/alerts/format.ts';
import { clinicalCliCommands } from '../../../hub/clinical/cli.ts';
import { type ClinicalCommandSurroundings, clinicalOperatorCommands } from '../../../hub/clinical/operator.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { verifies } from '../../requirements.ts';
import { sampleBundle, TEST_EPOCH, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';
import { operatorConfig, ranOf } from '../../support/operator-command.ts';
import { ALERTS } from '../access/masking/samples.ts';

test('an operator asks for the alerts of a patient, for people and for programs; nobody else and nothing else is taken', async () => {
  verifies('ALERTS-FOLDED', 'ALERTS-SOURCES');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-clinical-'));
  const { config, socketPath } = operatorConfig(folder);
  await using hub = testHub({ clock: new TestClock() });
  const alert = { phase: 'start', state: 'active', priority: 'high', type: 'physiological', instance: 'A1', text: 'SpO2 LOW' } as const;
  const record = {
    ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: 'monitor-1', idType: 'serial' as const }, receivedAt: TEST_NOW - 1000 },
    ...{ subject: { bed: 'ICU-01' }, test: false, class: 'alert' as const, readings: [], alerts: [alert] },
  };
  await hub.ingest.batch('gw-icu', sampleBundle(resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq: 1 })));
  const { door } = hub;
  const commands = clinicalOperatorCommands({ door, tenants: () => ['clinic'] } as unknown as ClinicalCommandSurroundings);
  const server = createOperatorServer({ socketPath, commands: { 'clinical-alerts': commands['clinical-alerts'] }, log: silentLogger });
  const ended = new AbortController();
  try {
    await server.start(ended.signal);
    const run = (...argv: string[]) =>
      ranOf(hubProgram({} as never, clinicalCliCommands()), ['clinical', 'alerts', '--config', config, ...argv]);
    const told = await run('--patient', 'pat-icu-01');
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout, /^Patient pat-icu-01, as of /);
    assert.match(told.stdout, /\nACTIVE since \S+; priority high; physiological; device monitor-1; "SpO2 LOW"\n/);
    assert.match(told.stdout, /\nSource device monitor-1: .*; can tell of alarms\n/);
    assert.match(told.stdout, /never raised here/);
    const { stdout } = await run('--patient', 'pat-icu-01', '--json');
    assert.equal((JSON.parse(stdout) as AlertsView).alerts[0]?.untrusted.text, 'SpO2 LOW');
    assert.match((await run('--patient', 'pat-nobody-1')).stderr, /ACCESS-NOT-LISTED/);
    assert.match((await run()).stderr, /--patient/);
    const ask = commands['clinical-alerts']({ patient: 'pat-icu-01', all: true }, 'local:1000', ended.signal);
    await assert.rejects(
      async () => {
        for await (const _ of ask) assert.fail();
      },
      { code: 'USAGE' },
    );
  } finally {
    ended.abort();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what is unknown, late, a range of the site and a limit of the device is said in words', () => {
  verifies('ALERTS-UNKNOWN');
  const text = formatAlerts(ALERTS);
  for (const part of [
    'Discharged at 2026-11-21T10:59:59.000+01:00: ',
    'Lies in no bed for sure: ',
    'STATE UNKNOWN since ',
    'DELAYED by 130 s',
    'Source gateway gw-icu: lost since ',
    'Limits of the device monitor-1 for hr: "call 555-0100"',
    'Range of the site for hr (by ward, version Mustermann-1): 50 to 120 /min; shown, not applied',
  ])
    assert.ok(text.includes(part), `${part}\n${text}`);
  assert.match(formatAlerts({ ...ALERTS, alerts: [], truncated: true }), /No alert was told of since .*\nThere are more alerts than shown/);
});
