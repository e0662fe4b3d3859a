import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { hubProgram } from '../../../hub/cli.ts';
import { inspectionCliCommands } from '../../../hub/inspection/cli.ts';
import { inspectionCommands } from '../../../hub/inspection/operator.ts';
import type { VerifyNews } from '../../../hub/inspection/verifying.ts';
import type { StoreVerdict } from '../../../hub/store/verdict.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';
import { operatorConfig, type Ran, ranOf } from '../../support/operator-command.ts';

const GOOD: StoreVerdict = { storeId: 'abc', counts: { batches: 1 }, findings: [] };
const BAD: StoreVerdict = { ...GOOD, findings: [{ code: 'VERIFY-TOTALS', rows: 2, detail: 'events of tenant clinic' }] };

async function* offline(verdict: StoreVerdict): AsyncGenerator<VerifyNews> {
  yield { progress: { part: 'batches', done: 1, of: 2 } };
  yield { verdict };
}

/** Runs commands over a hub with two heart rates, the second of them corrected; `running` is whether anybody listens. */
async function commands(
  body: (run: (...argv: string[]) => Promise<Ran>, evidence: () => Promise<unknown[]>) => Promise<void>,
  verdict?: StoreVerdict,
) {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-inspection-'));
  const { config, socketPath } = operatorConfig(folder);
  const clock = new TestClock();
  await using h = testHub({ clock });
  const { status: _, ...corrected } = sampleObservation({ seq: 3, value: 70, effective: TEST_NOW - 1000 });
  const rows = [
    sampleObservation({ seq: 1, value: 60, effective: TEST_NOW - 61_000 }),
    sampleObservation({ seq: 2, value: 71, effective: TEST_NOW - 1000 }),
  ];
  await h.ingest.batch('gw-icu', sampleBundle([...rows, { ...corrected, status: 'corrected' }]));
  const tenants = () => h.store.tenants();
  const server = createOperatorServer({
    socketPath,
    commands: inspectionCommands({ door: h.door, store: h.store, tenants, policy: () => DEFAULT_POLICY, clock }),
    log: silentLogger,
  });
  const stop = new AbortController();
  if (verdict === undefined) await server.start(stop.signal);
  const nothing = async (): Promise<undefined> => undefined;
  const programs = { run: nothing, check: nothing, exportOffline: () => assert.fail() };
  const program = hubProgram(programs, inspectionCliCommands({ verify: () => offline(verdict ?? GOOD) }));
  const run = (name = '', ...argv: string[]): Promise<Ran> => ranOf(program, [name, '--config', config, ...argv]);
  const evidence = async (): Promise<unknown[]> =>
    (await evidenceOf(h.store))
      .filter(({ channel }) => channel === 'operator')
      .map(({ action, patient, outcome, count }) => [action, patient, outcome, count]);
  try {
    await body(run, evidence);
  } finally {
    stop.abort();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

const WHOSE = ['--patient', 'pat-icu-01', '--vital', 'hr'];

test('trend shows what the hub has, bucket by bucket, and leaves its evidence', () =>
  commands(async (run, evidence) => {
    verifies('TREND-BUCKETS', 'ONE-DOOR');
    const times = ['--from', '2026-11-21T09:58:00Z', '--to', '2026-11-21T10:00:00Z', '--points', '2'];
    const { code, stdout } = await run('trend', ...WHOSE, ...times);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^Heart rate \(ECG\) \(hr\) in \/min, device monitor-1\n {2}2026-11-21T09:58:00\.000\+00:00 {2}1: 60 to 60, mean 60\.0, last 60;/,
    );
    assert.match(stdout, /09:59:00\.000\+00:00 {2}1: 70 to 70, mean 70\.0, last 70; covered \d+ %; left out: 1 withdrawn/);
    const open = await run('trend', ...WHOSE, '--from', '2026-11-21T09:58:00Z', '--to', '2126-11-21T10:00:00Z', '--points', '1');
    assert.match(open.stdout, / covered \d+ % so far \(NOT ENDED\)/);
    const told = JSON.parse((await run('trend', ...WHOSE, ...times, '--json')).stdout) as { edges: string[] };
    assert.equal(told.edges.length, 3);
    assert.deepEqual(await evidence(), [
      ['vitals.read', 'pat-icu-01', 'allowed', 2],
      ['vitals.read', 'pat-icu-01', 'allowed', 2],
      ['vitals.read', 'pat-icu-01', 'allowed', 2],
    ]);
    const wrong = await run('trend', ...WHOSE, '--from', '2026-11-21T10:00:00Z', '--to', '2026-11-21T10:00:00Z');
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--from must be before --to\n/);
    assert.match(
      (await run('trend', ...WHOSE, ...times, '--points', 'many')).stderr,
      /^USAGE: .*--points is a whole number from 1 to 2000/,
    );
    const nobody = await run('trend', '--patient', 'pat-none', '--vital', 'hr', ...times);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /^ACCESS-NOT-LISTED: .*--patient names nobody of this tenant; registry\.yaml lists/);
    assert.equal((await run('trend', ...WHOSE, ...times, '--tenant', 'elsewhere')).code, 2);
  }));

test('a vital sign that nobody knows is an error that names those of the patient, and of a patient that is not there tells nothing', () =>
  commands(async (run) => {
    verifies('TREND-BUCKETS', 'ONE-DOOR');
    const times = ['--from', '2026-11-21T09:58:00Z', '--to', '2026-11-21T10:00:00Z'];
    const typo = await run('trend', '--patient', 'pat-icu-01', '--vital', 'heart-rate', ...times);
    assert.equal(typo.code, 2);
    assert.match(typo.stderr, /^USAGE: .*--vital is no vital sign that is known; this patient has hr\n/);
    assert.equal((await run('trend', '--patient', 'pat-none', '--vital', 'heart-rate', ...times)).code, 1);
    const which = ['--vital', 'heart-rate', '--device', 'monitor-1', '--effective', '2026-11-21T09:59:59Z'];
    assert.equal((await run('history', '--patient', 'pat-icu-01', ...which)).code, 2);
  }));

test('history shows each version of a measurement, and which one stands', () =>
  commands(async (run) => {
    verifies('VERSIONS-KEPT', 'ONE-DOOR');
    const which = [...WHOSE, '--device', 'monitor-1', '--effective', '2026-11-21T09:59:59Z'];
    const { code, stdout } = await run('history', ...which);
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}\S+ {2}final +71 \/min {2}gw-icu\S+\n\* \S+ {2}corrected +70 \/min {2}gw-icu\S+\n$/);
    const versions = JSON.parse((await run('history', ...which, '--json')).stdout) as { stands: boolean }[];
    assert.deepEqual(
      versions.map(({ stands }) => stands),
      [false, true],
    );
  }));

test('verify asks the running hub, which records it', () =>
  commands(async (run, evidence) => {
    verifies('STORE-VERIFIED', 'OPERATOR-SOCKET');
    const { code, stdout } = await run('verify');
    assert.equal(code, 0);
    assert.match(stdout, /^Store [0-9a-f]{32}\. Looked at: 1 deliveries of gateways, 3 measurements, .*\nEverything agrees\.\n$/);
    assert.match(stdout, /\d current values, .*\d records of who did what\./);
    assert.doesNotMatch(stdout, /\b(latest|seen|evidence)\b/);
    assert.deepEqual(await evidence(), [['store.verify', null, 'allowed', 0]]);
  }));

test('verify looks at the store itself where no hub runs, and fails when anything disagrees', async () => {
  verifies('STORE-VERIFIED');
  await commands(async (run) => {
    assert.deepEqual(await run('verify', '--json'), { code: 1, stdout: `${JSON.stringify(BAD)}\n`, stderr: 'batches: 1 of 2\n' });
    assert.match((await run('verify')).stdout, /VERIFY-TOTALS.*\(2; the first: events of tenant clinic\)\n$/);
  }, BAD);
  await commands(async (run) => assert.equal((await run('verify')).code, 0), GOOD);
});
