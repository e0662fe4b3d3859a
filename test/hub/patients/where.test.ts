import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { patientsCliCommands } from '../../../hub/patients/cli.ts';
import { patientsOperatorCommands } from '../../../hub/patients/operator.ts';
import { isMistyped } from '../../../hub/patients/public-id.ts';
import { formatInstant } from '../../../shared/clock.ts';
import { runProgram } from '../../../shared/command-line.ts';
import { silentLogger } from '../../../shared/log.ts';
import type { MovementEvent, MovementParty } from '../../../shared/movement.ts';
import { movementResource } from '../../../shared/movement-resource.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { batchEntry, bundleText } from '../../../shared/uplink/kinds.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { TEST_EPOCH, TEST_NOW, TEST_REGISTRY, TestClock, type TestHub, testHub } from '../../support/hub.ts';
import { operatorConfig, type Ran, ranOf } from '../../support/operator-command.ts';

const MIN = 60_000;
const REGISTRY = TEST_REGISTRY.replace('clients:', '  - { identity: gw-adt, tenant: clinic, movements: true }\nclients:');

async function tell(
  h: TestHub,
  seq: number,
  minutes: number,
  event: MovementEvent,
  party: Partial<MovementParty>,
  test = false,
): Promise<void> {
  const patient = { authority: 'HOSP', value: 'P-1' };
  const id = `gw-adt.${TEST_EPOCH}.${seq.toString(36)}.0`;
  const effective = TEST_NOW + minutes * MIN;
  const movement = { event, effective, offsetMin: 0, parties: [{ patient, ...party }] };
  const entry = batchEntry(movementResource(movement, { id, source: 'adt', profile: 'adt', receivedAt: TEST_NOW, offsetMin: 0, test }));
  const { outcomes } = await h.ingest.batch('gw-adt', JSON.parse(bundleText([JSON.stringify(entry)], TEST_NOW)));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [201],
  );
}

/** `isSandbox`: whether the tenant is one when it is asked; when the movements were told it was. */
async function hub(
  body: (run: (...argv: string[]) => Promise<Ran>, h: TestHub) => Promise<void>,
  isRunning = true,
  isSandbox = false,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-where-'));
  const { config, socketPath } = operatorConfig(folder);
  const clock = new TestClock();
  await using h = testHub({ clock, registry: REGISTRY });
  const commands = patientsOperatorCommands({ door: h.door, registry: { isSandbox: () => isSandbox }, tenants: () => ['clinic'], clock });
  const server = createOperatorServer({ socketPath, commands, log: silentLogger });
  const stop = new AbortController();
  if (isRunning) await server.start(stop.signal);
  const where = async function* (_: unknown, args: Record<string, unknown>): AsyncGenerator<unknown> {
    yield* commands['patients-where'](args, 'local:1000');
  };
  const program = {
    name: 'vitalmesh-hub',
    summary: '',
    commands: patientsCliCommands({ where, patient: () => assert.fail(), place: () => assert.fail() }),
  };
  const run = (...argv: string[]): Promise<Ran> => ranOf(program, ['patients', 'where', '--config', config, ...argv]);
  try {
    await body(run, h);
  } finally {
    stop.abort();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

test('in a sandbox tests count among the movements', () =>
  hub(
    async (run, h) => {
      verifies('TEST-MOVES-IN-SANDBOX');
      await tell(h, 1, -60, 'A01', { bed: 'ICU^1^A' }, true);
      assert.match((await run()).stdout, /^By 1 movements?, .*\nICU\^1\^A {2}occupied {5}HOSP\|P-1 /s);
    },
    true,
    true,
  ));

for (const isRunning of [true, false])
  test(`an operator sees who lay where at a time, of a hub that ${isRunning ? 'runs' : 'does not run'}, and leaves evidence`, () =>
    hub(async (run, h) => {
      verifies('STAYS-FROM-MOVEMENTS', 'ONE-DOOR', 'WHERE-RECORDED-ONCE');
      const none = await run();
      assert.deepEqual([none.code, none.stdout.split('\n')[1]], [0, 'nothing was said of any bed']);
      await tell(h, 1, -60, 'A01', { bed: 'ICU^1^A' });
      await tell(h, 2, -10, 'A02', { bed: 'ICU^2^A', priorBed: 'ICU^1^A' });
      await tell(h, 3, -5, 'A01', { bed: 'ICU^2^A', patient: { authority: '', value: 'P-2' } });
      await tell(h, 4, -4, 'A03', {}, true);
      const { code, stdout } = await run();
      assert.equal(code, 0);
      assert.equal(
        stdout,
        `By 3 movements (1 marked as test left out), as of 2026-11-21T10:00:00.000+00:00:
ICU^1^A  empty        since 2026-11-21T09:50:00.000+00:00
ICU^2^A  conflict     P-2 or HOSP|P-1  since 2026-11-21T09:55:00.000+00:00
`,
      );
      const before = await run('--bed', 'ICU^1^A', '--at', '2026-11-21T09:30:00Z', '--json');
      assert.deepEqual(JSON.parse(before.stdout), {
        at: formatInstant(TEST_NOW - 30 * MIN),
        beds: [
          {
            bed: 'ICU^1^A',
            state: 'occupied',
            patients: [{ authority: 'HOSP', value: 'P-1' }],
            since: formatInstant(TEST_NOW - 60 * MIN),
            until: formatInstant(TEST_NOW - 10 * MIN),
          },
        ],
        movements: 3,
        tests: 1,
      });
      const evidence = (await evidenceOf(h.store)).filter(({ channel, reason }) => channel === 'operator' && reason !== 'whereabouts');
      const told = new Set(evidence.map(({ action, outcome, principal }) => [action, outcome, principal].join(' ')));
      assert.deepEqual([...told], [`observations.export allowed local:${isRunning ? process.getuid?.() : 1000}`]);
      // One entry for each answer, with what was asked; a bed that is not listed is free text.
      await run('--bed', 'ICU-01', '--at', '2026-11-21T09:30:00Z');
      const asked = (await evidenceOf(h.store)).filter(({ channel, detail }) => channel === 'operator' && detail?.args?.at !== undefined);
      const half = TEST_NOW - 30 * MIN;
      assert.deepEqual(
        asked.map(({ count, detail }) => [count, detail?.args]),
        [
          [0, { since: null, kind: 'movement', bed: null, at: TEST_NOW }],
          [4, { since: null, kind: 'movement', bed: null, at: TEST_NOW }],
          [4, { since: null, kind: 'movement', bed: 'unlisted', at: half }],
          [4, { since: null, kind: 'movement', bed: 'ICU-01', at: half }],
        ],
      );
    }, isRunning));

test('what cannot be asked is said, without what was given', () =>
  hub(async (run) => {
    const late = await run('--at', 'yesterday');
    assert.deepEqual([late.code, late.stdout], [2, '']);
    assert.match(late.stderr, /--at is a time with offset/);
    assert.match((await run('--tenant', 'elsewhere')).stderr, /--tenant is one of: clinic/);
    assert.match((await run('--bed', 'ICU^9^Z')).stdout, /^ICU\^9\^Z {2}unknown$/m);
    assert.match((await run('--bed', 'x'.repeat(300))).stderr, /patients-where takes tenant and bed \(text\)/);
  }));

test('ids for new patients are made as many as asked for, without a hub', async () => {
  verifies('PATIENT-ID-CHECKED');
  const where = (): AsyncIterable<unknown> => assert.fail();
  const program = {
    name: 'vitalmesh-hub',
    summary: '',
    commands: patientsCliCommands({ where, patient: () => assert.fail(), place: () => assert.fail() }),
  };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { stdin: Readable.from([]), stdout, stderr };
  assert.equal(await runProgram(program, ['patients', 'id', '--count', '3'], io), 0);
  for (const count of ['0', '5001', 'many']) assert.equal(await runProgram(program, ['patients', 'id', '--count', count], io), 2);
  const ids = (await text(stdout.end())).trimEnd().split('\n');
  assert.deepEqual([ids.length, new Set(ids).size, ids.some(isMistyped)], [3, 3, false]);
});
