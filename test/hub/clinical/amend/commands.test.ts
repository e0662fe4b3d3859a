import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import type { Amended, ShownAmendment, ShownReading } from '../../../../hub/clinical/amend/amending.ts';
import { readingsCliCommands } from '../../../../hub/clinical/amend/cli.ts';
import { openAmending } from '../../../../hub/clinical/amend/open-amending.ts';
import { readingsOperatorCommands } from '../../../../hub/clinical/amend/operator.ts';
import type { Change } from '../../../../hub/feed.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import { runProgram } from '../../../../shared/command-line.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { createOperatorServer } from '../../../../shared/operator/server.ts';
import { batchOf, event } from '../../../contract/store.ts';
import { reading } from '../../../contract/store-amend.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { gathered, TEST_NOW, TestClock, type TestHub, testHub } from '../../../support/hub.ts';

const HER = 'pat-home-01';
const HIM = 'pat-home-02';
const SECRET = 'Frau Muster stood on it';
const at = (minutesAgo: number): string => new Date(TEST_NOW - minutesAgo * 60_000).toISOString();

interface Site {
  hub: TestHub;
  told: Change[];
  note: string;
  readings(argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  json<T>(argv: readonly string[]): Promise<T>;
}

/** A hub with weights of two at home, and the commands by which an operator corrects them. */
async function site(
  run: (site: Site) => Promise<void>,
  { isRunning = true, policy = DEFAULT_POLICY }: { isRunning?: boolean; policy?: Policy } = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-amend-'));
  const [socketPath, config, note] = ['hub.sock', 'hub.yaml', 'note.txt'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(note, `${SECRET}\n`);
  writeFileSync(
    config,
    `identity: hub.json\nregistry: registry.yaml\nzone: Europe/Berlin\nstore: { path: store.db, keyFile: store.key }\noverlay: { type: ziti }\noperator: { socket: ${socketPath} }\n`,
  );
  const clock = new TestClock();
  await using hub = testHub({ clock, policy: () => policy });
  const commands = readingsOperatorCommands({ amending: openAmending({ ...hub, policy: () => policy, clock }), tenants: () => ['clinic'] });
  const server = createOperatorServer({ socketPath, commands, log: silentLogger });
  const stop = new AbortController();
  if (isRunning) await server.start(stop.signal);
  const offline = async function* (_: unknown, name: keyof typeof commands, args: Record<string, unknown>): AsyncGenerator<unknown> {
    assert.ok(!isRunning, 'asked beside the hub that runs');
    yield* commands[name](args, 'local:1000');
  };
  const program = { name: 'vitalmesh-hub', summary: '', commands: readingsCliCommands({ readings: offline }) };
  const readings = async (argv: readonly string[]) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const code = await runProgram(program, ['readings', ...argv, '--config', config], { stdin: Readable.from(['']), stdout, stderr });
    return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
  };
  const json = async <T>(argv: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await readings([...argv, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };
  const told: Change[] = [];
  hub.feed.subscribe((change) => told.push(change));
  try {
    await hub.store.storeBatch(
      batchOf([1, 2, 3].map((seq) => reading(seq, 10 - seq, { patientId: HER, vital: 'weight', device: 'scale-1', value: 60 + seq }))),
    );
    await run({ hub, told, note, readings, json });
  } finally {
    stop.abort();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function weights({ store }: TestHub, patient: string): Promise<[number | null, string][]> {
  const rows = await gathered(await store.observations('clinic', { patient }, (count) => event(count)));
  return rows.map(({ value, resource }) => [value, resource.status]);
}

async function idOf({ store }: TestHub, value: number): Promise<string> {
  const rows = await gathered(await store.observations('clinic', {}, (count) => event(count)));
  return rows.find((row) => row.value === value)?.id ?? assert.fail();
}

const operator = { channel: 'operator' } as const;

for (const isRunning of [true, false])
  test(`readings are voided, given away, shown and given back, of a hub that ${isRunning ? 'runs' : 'does not run'}`, () =>
    site(
      async ({ hub, told, note, readings, json }) => {
        verifies('AMEND-COMMANDS', 'AMEND-VOID', 'AMEND-REASSIGN', 'AMEND-UNDO');
        const who = {
          id: `local:${isRunning ? process.getuid?.() : 1000}`,
          tenant: 'clinic',
          kind: 'operator',
          role: 'operator',
          patients: 'all',
        } as const;
        await hub.door.latest(who, HER, operator);
        const wrong = await idOf(hub, 63);
        const trial = await json<Amended>(['void', '--observation', wrong, '--reason', 'artefact', '--dry-run']);
        assert.deepEqual([trial.patients, trial.amendments], [[{ patient: HER, rows: 1, vitals: ['weight'] }], []]);
        assert.deepEqual(
          (await weights(hub, HER)).map(([, status]) => status),
          ['final', 'final', 'final'],
        );
        const given = [
          '--patient',
          HER,
          '--from',
          at(8.5),
          '--to',
          at(7.5),
          '--device',
          'scale-1',
          '--reason',
          'wrong-patient',
          '--note-file',
          note,
        ];
        const moved = await json<Amended>(['reassign', ...given, '--to-patient', HIM]);
        await json<Amended>(['void', '--observation', wrong, '--reason', 'artefact']);
        assert.deepEqual(await weights(hub, HER), [
          [61, 'final'],
          [63, 'entered-in-error'],
        ]);
        assert.deepEqual(await weights(hub, HIM), [[62, 'final']]);
        assert.deepEqual(told.map(({ patient, kind }) => `${patient} ${kind}`).sort(), [
          `${HER} corrected`,
          `${HER} corrected`,
          `${HIM} corrected`,
        ]);
        const shown = await json<ShownReading>(['show', '--observation', wrong]);
        assert.deepEqual(
          shown.versions.map(({ value, status, stands }) => [value, status, stands]),
          [[63, 'entered-in-error', false]],
        );
        assert.deepEqual(
          shown.amendments.map(({ kind, reason, by }) => [kind, reason, by]),
          [['void', 'artefact', who.id]],
        );
        assert.ok(shown.amendments[0]?.readBy.some(({ action, principal }) => action === 'vitals.read' && principal === who.id));
        const [listed, ...more] = await json<ShownAmendment[]>(['list', '--patient', HIM]);
        assert.deepEqual([listed?.note, listed?.to, more], [SECRET, HIM, []]);
        const plain = await readings(['list']);
        assert.match(plain.stdout, new RegExp(`reassign \\(wrong-patient\\)  ${HER} to ${HIM} .* scale-1 .*\\n {2}note: ${SECRET}\\n`));
        const [amendment] = moved.amendments;
        assert.equal((await readings(['undo', amendment?.id ?? ''])).code, 0);
        assert.deepEqual(
          (await weights(hub, HER)).map(([value]) => value),
          [61, 62, 63],
        );
        const [undone] = await json<ShownAmendment[]>(['list', '--patient', HIM]);
        assert.deepEqual([undone?.undoneBy, undone?.undoneAt], [who.id, formatInstant(TEST_NOW)]);
        assert.match((await readings(['undo', amendment?.id ?? ''])).stderr, /^AMEND-UNDONE: /);
        const chain = await gathered(hub.store.audit());
        assert.ok(!chain.some(({ entry }) => entry.includes(SECRET)), 'the note is sealed');
        const acts = (await evidenceOf(hub.store)).filter(({ action }) => action === 'readings.amend');
        assert.deepEqual(
          acts.filter(({ reason }) => reason !== 'granted').map(({ reason, patient, count }) => [reason, patient, count]),
          [
            ['given-away', HER, 1],
            ['given-here', HIM, 1],
            ['voided', HER, 1],
            ['undone', HER, 1],
            ['undone', HIM, 1],
          ],
        );
        for (const { patient, detail } of acts)
          assert.ok(!JSON.stringify(detail?.args ?? {}).includes(patient === HER ? HIM : HER), 'each entry is of one patient alone');
      },
      { isRunning },
    ));

test('what cannot be amended is refused with its code, and nothing is changed', () =>
  site(async ({ hub, readings }) => {
    verifies('AMEND-REFUSED', 'AMEND-COMMANDS');
    const one = ['--observation', await idOf(hub, 61), '--reason', 'other'];
    const stretch = ['--patient', HER, '--reason', 'other'];
    const refusals: [readonly string[], RegExp][] = [
      [['void', '--observation', 'no-such', '--reason', 'other'], /^AMEND-UNKNOWN: /],
      [['void', '--observation', await idOf(hub, 61)], /^USAGE: .*--reason is one of: wrong-patient/],
      [['void', ...one, '--patient', HER], /^USAGE: .*either --observation/],
      [['void', ...stretch, '--from', at(5), '--to', at(6)], /^USAGE: .*--from must be before --to/],
      [['void', ...stretch, '--from', at(5), '--to', at(-1)], /^USAGE: .*in the future/],
      [['reassign', ...one, '--to-patient', HER], /^AMEND-PATIENT: /],
      [['reassign', ...one, '--to-patient', 'pat-nobody'], /^AMEND-PATIENT: /],
      [['undo', 'nothing'], /^AMEND-NOT-FOUND: /],
      [['list', '--patient', 'pat-nobody'], /^PATIENT-UNKNOWN: /],
      [['void', '--patient', 'pat-nobody', '--reason', 'other', '--from', at(5), '--to', at(4)], /^PATIENT-UNKNOWN: /],
    ];
    for (const [argv, code] of refusals) assert.match((await readings(argv)).stderr, code, argv.join(' '));
    assert.deepEqual(await weights(hub, HER), [
      [61, 'final'],
      [62, 'final'],
      [63, 'final'],
    ]);
  }));

test('a decision of nothing is refused, and nothing of it is kept, unless it is said that it is still to come', () =>
  site(async ({ hub, readings, json }) => {
    verifies('AMEND-OF-SOMETHING', 'AMEND-REFUSED');
    const of = ['--patient', HER, '--from', at(60), '--to', at(1), '--reason', 'artefact'];
    for (const act of [['void'], ['void', '--dry-run'], ['reassign', '--to-patient', HIM]]) {
      for (const [given, code, told] of [
        [['--vital', 'weigth'], 2, /^USAGE: .*did you mean 'weight'/],
        [['--vital', 'Body weight'], 2, /^USAGE: .*did you mean 'weight'/],
        [['--vital', '29463-7'], 2, /^USAGE: .*did you mean 'weight'/],
        [['--vital', 'Muster'], 2, /^USAGE: (?!.*Muster)/],
        [['--vital', 'hr'], 1, /^AMEND-NONE: .*\n.*--to-come/],
        [['--device', 'scale1'], 1, /^AMEND-NONE: /],
      ] as const) {
        const ran = await readings([...act, ...of, ...given]);
        assert.deepEqual([ran.code, ran.stdout, told.test(ran.stderr)], [code, '', true], `${act} ${given}: ${ran.stderr}`);
      }
    }
    assert.deepEqual(await json(['list']), []);
    assert.match((await readings(['void', '--observation', await idOf(hub, 61), '--to-come', '--reason', 'test'])).stderr, /^USAGE: /);
    const waits = await readings(['void', ...of, '--device', 'scale-2', '--to-come']);
    assert.deepEqual(
      [waits.code, waits.stdout.split('\n').slice(0, 2)],
      [0, ['Nothing of it has come yet.', 'Now entered in error; what comes late of it too.']],
    );
    await hub.store.storeBatch(batchOf([reading(9, 5, { patientId: HER, vital: 'weight', device: 'scale-2', value: 70 })]));
    const statuses = (await weights(hub, HER)).map(([value, status]) => (status === 'entered-in-error' ? value : null));
    assert.deepEqual(
      statuses.filter((value) => value !== null),
      [70],
    );
    assert.equal((await readings(['void', ...of, '--vital', 'weight', '--device', 'scale-1'])).code, 0);
  }));

test('a stretch that is void already is answered with what it is void by, and an undoing says what still holds', () =>
  site(async ({ hub, readings, json }) => {
    verifies('AMEND-ONCE', 'AMEND-UNDO');
    const of = ['--patient', HER, '--from', at(60), '--to', at(0), '--reason', 'artefact'];
    const single = (await json<Amended>(['void', '--observation', await idOf(hub, 62), '--reason', 'test'])).amendments[0]?.id ?? '';
    const id = (await json<Amended>(['void', ...of])).amendments[0]?.id ?? '';
    const again = await readings(['void', ...of]);
    assert.match(
      again.stdout,
      new RegExp(`^Entered in error already, \\S+ by local:\\d+, amendment ${id}: nothing of it was changed\\.\\n`),
    );
    assert.doesNotMatch(again.stdout, /Now/);
    assert.equal((await json<ShownAmendment[]>(['list'])).length, 2);
    const undone = await readings(['undo', id]);
    assert.match(undone.stdout, new RegExp(`^Undone; but .* still holds:\\n {2}${single} .*void \\(test\\) .*readings undo ${single}\\n$`));
    assert.deepEqual(await weights(hub, HER), [
      [61, 'final'],
      [62, 'entered-in-error'],
      [63, 'final'],
    ]);
    assert.equal((await readings(['undo', single])).stdout, 'Undone; what movements say of those readings holds again.\n');
  }));

test('what is under legal hold is not given away; void it stays, and says so', () =>
  site(async ({ hub, readings, json }) => {
    verifies('AMEND-HELD');
    await hub.store.erasing.hold({ tenant: 'clinic', patient: HER, reason: 'CASE-1', principal: 'local:0', at: TEST_NOW }, event(1));
    const one = ['--observation', await idOf(hub, 61), '--reason', 'wrong-patient'];
    assert.match((await readings(['reassign', ...one, '--to-patient', HIM])).stderr, /^PATIENT-HELD: /);
    assert.deepEqual((await json<Amended>(['void', ...one])).held, [HER]);
    assert.deepEqual(await weights(hub, HER), [
      [61, 'entered-in-error'],
      [62, 'final'],
      [63, 'final'],
    ]);
    assert.match((await readings(['show', ...one.slice(0, 2)])).stdout, /61/);
  }));

test('by a policy that does not permit it nobody amends anything, and that somebody tried is recorded', () =>
  site(
    async ({ hub, readings }) => {
      verifies('AMEND-COMMANDS', 'ONE-DOOR');
      const { code, stderr } = await readings(['void', '--observation', await idOf(hub, 61), '--reason', 'other']);
      assert.deepEqual([code, /^ACCESS-DENIED: /.test(stderr)], [1, true]);
      assert.ok((await evidenceOf(hub.store)).some(({ action, outcome }) => action === 'readings.amend' && outcome === 'denied'));
      assert.deepEqual((await weights(hub, HER))[0], [61, 'final']);
    },
    {
      policy: {
        ...DEFAULT_POLICY,
        rules: DEFAULT_POLICY.rules.map((rule) => ({ ...rule, actions: rule.actions.filter((action) => action !== 'readings.amend') })),
      },
    },
  ));
