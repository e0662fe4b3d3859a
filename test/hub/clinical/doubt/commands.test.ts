import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { DoubtfulListView } from '../../../../hub/access/doubtful-views.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import { readingsCliCommands } from '../../../../hub/clinical/amend/cli.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { readingsOperatorCommands } from '../../../../hub/clinical/amend/operator.ts';
import type { Change } from '../../../../hub/feed.ts';
import { runProgram } from '../../../../shared/command-line.ts';
import { verifies } from '../../../requirements.ts';
import { gathered, sampleBundle, sampleObservation, TEST_NOW, TestClock, type TestHub, testHub } from '../../../support/hub.ts';

const HOUR = 3_600_000;
const HER = 'pat-home-01';
const operator = operatorPrincipal(1000, 'clinic');
const context = { channel: 'operator' } as const;

interface Site {
  hub: TestHub;
  told: Change[];
  /** `change`: of the sample. Gives the id. */
  weigh(kg: number, hoursAgo: number, change?: { effective?: number; status?: 'corrected' }): Promise<string>;
  /** `vitalmesh-hub readings …`, without a hub. */
  readings(...argv: string[]): Promise<{ code: number; said: string }>;
}

/** A home with a scale, the first weight three days ago, and its hub's commands. */
async function site(run: (at: Site) => Promise<void>, policy: Policy = DEFAULT_POLICY): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-doubtful-'));
  const clock = new TestClock();
  await using hub = testHub({ clock, policy: () => policy });
  try {
    const config = join(folder, 'hub.yaml');
    const place = `store: { path: store.db, keyFile: store.key }\noverlay: { type: ziti }\noperator: { socket: ${join(folder, 'hub.sock')} }\n`;
    writeFileSync(config, `identity: hub.json\nregistry: registry.yaml\nzone: Europe/Berlin\n${place}`);
    const told: Change[] = [];
    hub.feed.subscribe((change) => told.push(change));
    const commands = readingsOperatorCommands({
      amending: openAmending({ ...hub, policy: () => policy, clock }),
      tenants: () => ['clinic'],
    });
    const offline = async function* (_: unknown, name: keyof typeof commands, args: Record<string, unknown>): AsyncGenerator<unknown> {
      yield* commands[name](args, 'local:1000');
    };
    const program = { name: 'vitalmesh-hub', summary: '', commands: readingsCliCommands({ readings: offline }) };
    const readings: Site['readings'] = async (...argv) => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const code = await runProgram(program, ['readings', ...argv, '--config', config], { stdin: Readable.from(['']), stdout, stderr });
      return { code, said: `${await text(stdout.end())}${await text(stderr.end())}` };
    };
    let seq = 0;
    const weigh: Site['weigh'] = async (kg, hoursAgo, change = {}) => {
      seq += 1;
      const at = TEST_NOW - hoursAgo * HOUR;
      const sample = { agent: 'gw-home', device: 'WS-0001', vital: 'weight', value: kg, seq, effective: at, receivedAt: at };
      const sent = sampleObservation({ ...sample, ...change });
      await hub.ingest.batch('gw-home', sampleBundle([sent]));
      return sent.id;
    };
    await weigh(82, 72);
    await run({ hub, told, weigh, readings });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const latest = (hub: TestHub) => hub.door.latest(operator, HER, context);

test('an operator confirms a doubtful weight by its id: it is current, and its readers are told; once more says by whom it was, and changes nothing', () =>
  site(async ({ hub, told, weigh, readings }) => {
    verifies('IDENTITY-CONFIRMED', 'AMEND-ONCE');
    const id = await weigh(64, 25);
    assert.match((await readings('confirm')).said, /^USAGE: .*--observation/);
    assert.equal((await latest(hub)).vitals[0]?.doubtful?.observation, id);
    told.length = 0;
    const { code, said } = await readings('confirm', '--observation', id);
    assert.equal(code, 0, said);
    assert.match(said, /Now confirmed/);
    const [row] = (await latest(hub)).vitals;
    assert.deepEqual([row?.lastKnown?.value ?? row?.value, row?.doubtful], [64, undefined]);
    assert.deepEqual(
      told.map(({ kind, patient, vitals }) => [kind, patient, vitals]),
      [['corrected', HER, ['weight']]],
    );
    const amendment = /amendment (\S+)/.exec(said)?.[1] ?? assert.fail(said);
    const again = await readings('confirm', '--observation', id);
    assert.deepEqual([again.code, told.length], [0, 1], again.said);
    assert.match(again.said, new RegExp(`^Confirmed already, .* by local:1000, amendment ${amendment}: nothing of it was changed\\.`));
    const listed = JSON.parse((await readings('list', '--json')).said) as { id: string }[];
    assert.deepEqual(
      listed.map((one) => one.id),
      [amendment],
    );
    assert.equal((await readings('undo', amendment)).code, 0);
    assert.equal((await latest(hub)).vitals[0]?.doubtful?.observation, id, 'undone once, it is doubtful again');
    for (const act of ['void', 'void']) assert.equal((await readings(act, '--observation', id, '--reason', 'other')).code, 0);
    assert.match((await readings('void', '--observation', id, '--reason', 'other', '--json')).said, /"already":\{"by":"local:1000"\}/);
  }));

test('what cannot be confirmed is refused with a code that says why and what to do', () =>
  site(async ({ weigh, readings }) => {
    verifies('AMEND-CONFIRM-REFUSED');
    const effective = TEST_NOW - 25 * HOUR;
    const [own, replaced] = [await weigh(82.3, 48), await weigh(64, 25, { effective })];
    const jump = await weigh(51, 24, { effective, status: 'corrected' });
    const refused = async (id: string, ...more: string[]): Promise<string | undefined> => {
      const { code, said } = await readings('confirm', '--observation', id, ...more);
      assert.notEqual(code, 0, said);
      return /^(\S+): .*vitalmesh-hub readings (?:list --doubtful|show)/s.exec(said)?.[1];
    };
    assert.equal(await refused(own), 'AMEND-NOT-DOUBTFUL');
    assert.equal(await refused(own, '--dry-run'), 'AMEND-NOT-DOUBTFUL');
    assert.equal(await refused(replaced), 'AMEND-REPLACED');
    await readings('void', '--observation', jump, '--reason', 'artefact');
    assert.equal(await refused(jump), 'AMEND-VOID');
  }));

test('what is doubtful is listed, newest first, a page at a time, with how to decide about it; each page is decided and recorded', () =>
  site(async ({ hub, weigh, readings }) => {
    verifies('DOUBTFUL-LISTED');
    assert.equal((await readings('list', '--doubtful')).said, 'No reading is doubtful.\n');
    const ids = [await weigh(64, 25), await weigh(8200, 20), await weigh(50, 10)];
    const list = async (...more: string[]): Promise<DoubtfulListView> => {
      const { code, said } = await readings('list', '--doubtful', '--json', ...more);
      assert.equal(code, 0, said);
      return JSON.parse(said) as DoubtfulListView;
    };
    const first = await list('--limit', '2');
    const { at, since, ...newest } = first.readings[0] ?? assert.fail();
    assert.deepEqual(newest, {
      ...{ patient: HER, observation: ids[2], vital: 'weight', name: 'Body weight', value: 50, unit: 'kg', components: [] },
      ...{ flags: ['identity-doubtful'], device: 'WS-0001', test: false },
    });
    assert.deepEqual([Date.parse(at), Date.parse(since)], [TEST_NOW - 10 * HOUR, TEST_NOW]);
    assert.equal(first.readings[1]?.observation, ids[1]);
    const second = await list('--limit', '2', '--before', first.before ?? assert.fail(), '--patient', HER);
    assert.deepEqual([second.readings.map(({ observation }) => observation), second.before], [[ids[0]], null]);
    const { said } = await readings('list', '--doubtful', '--limit', '1');
    assert.match(said, /^pat-home-01 {2}\S+ {2}Body weight 50 kg {2}device WS-0001 {2}here since \S+ {2}\S+\n/);
    for (const command of ['confirm', 'reassign', 'void'])
      assert.ok(said.includes(`vitalmesh-hub readings ${command} --observation`), command);
    assert.match(said, /--before \S+\n$/);
    const entries = (await gathered(hub.store.evidence('clinic', {}))).filter(({ event }) => event.detail?.args?.what === 'doubtful');
    assert.deepEqual(
      entries.map(({ event }) => [event.action, event.patient, event.count, event.principal]),
      [
        ['vitals.read', null, 0, 'local:1000'],
        ['vitals.read', HER, 2, 'local:1000'],
        ['vitals.read', HER, 1, 'local:1000'],
        ['vitals.read', HER, 1, 'local:1000'],
      ],
    );
    assert.deepEqual(
      entries[1]?.event.detail?.shown?.map(([id]) => id),
      [ids[2], ids[1]],
    );
    for (const wrong of [
      ['--limit', '0'],
      ['--limit', '1001'],
      ['--before', 'yesterday'],
    ])
      assert.match((await readings('list', '--doubtful', ...wrong)).said, /^USAGE/);
    assert.match((await readings('list', '--limit', '5')).said, /^USAGE: .*--doubtful/);
    assert.match((await readings('list', '--doubtful', '--patient', 'pat-nobody')).said, /^NOT-FOUND/);
  }));

test('whoever is masked is shown what is doubtful of one patient at a time, under the names and days that they were given', () => {
  verifies('DOUBTFUL-LISTED', 'MASK-TIMES', 'MASK-PSEUDONYMS');
  const rules = DEFAULT_POLICY.rules.map((rule) => ({ ...rule, mask: 'deidentified' as const }));
  return site(
    async ({ hub, weigh, readings }) => {
      await weigh(8200, 40);
      const id = await weigh(64, 25);
      assert.match((await readings('list', '--doubtful')).said, /^USAGE: .*masked/);
      const [summary] = (await hub.door.listPatients(operator, context)).filter(({ vitals }) => vitals.includes('weight'));
      const patient = summary?.patient ?? assert.fail();
      const { said } = await readings('list', '--doubtful', '--patient', patient, '--limit', '1', '--json');
      const page = JSON.parse(said) as DoubtfulListView;
      const [row] = page.readings;
      assert.deepEqual([row?.patient, row?.value, row?.masked], [patient, 64, 'deidentified']);
      assert.ok(![HER, 'WS-0001', id].some((real) => said.includes(real)), said);
      assert.notEqual(Date.parse(row?.at ?? ''), TEST_NOW - 25 * HOUR);
      const next = await readings('list', '--doubtful', '--patient', patient, '--before', page.before ?? assert.fail(), '--json');
      assert.deepEqual(
        (JSON.parse(next.said) as DoubtfulListView).readings.map(({ value }) => value),
        [null],
        'a number that is no weight may be anything',
      );
    },
    { ...DEFAULT_POLICY, version: 'masked', rules },
  );
});
