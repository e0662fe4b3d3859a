import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { Policy } from '../../../hub/access/policy.ts';
import { verifyAudit } from '../../../hub/audit/chain.ts';
import { hubProgram } from '../../../hub/cli.ts';
import type { Change } from '../../../hub/feed.ts';
import { patientsCliCommands } from '../../../hub/patients/cli.ts';
import { rightsOperatorCommands } from '../../../hub/privacy/operator.ts';
import { PatientRights } from '../../../hub/privacy/rights.ts';
import { readTombstones } from '../../../hub/privacy/tombstone-file.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { CurrencyChange } from '../../../hub/store/store.ts';
import { runProgram } from '../../../shared/command-line.ts';
import { silentLogger } from '../../../shared/log.ts';
import { readMovement } from '../../../shared/movement-resource.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { batchOf, event } from '../../contract/store.ts';
import { movementOf } from '../../contract/store-erasing.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { assertValidFhir } from '../../support/fhir-valid.ts';
import { gathered, sampleBundle, sampleObservation, TEST_NOW, TEST_REGISTRY, TestClock, type TestHub, testHub } from '../../support/hub.ts';

const WHO = 'pat-icu-01';
const NAME = { value: 'MRN-77', authority: 'HIS' };
/** The registry once the patient is out of it. */
const WITHOUT = TEST_REGISTRY.replace('ICU-01: pat-icu-01', 'ICU-01: null').replace(
  'patients: [pat-icu-01, pat-home-01]',
  'patients: [pat-home-01]',
);

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

interface Site {
  hub: TestHub;
  folder: string;
  changes: Change[];
  gone: CurrencyChange[];
  rights: PatientRights;
  /** Takes the patient out of the registry. */
  discharge(): Promise<void>;
  patient(command: string, ...argv: string[]): Promise<Ran>;
}

async function site(
  body: (site: Site) => Promise<void>,
  { running = true, policy = DEFAULT_POLICY }: { running?: boolean; policy?: Policy } = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-privacy-'));
  const socketPath = join(folder, 'hub.sock');
  const config = join(folder, 'hub.yaml');
  const base = 'identity: hub.json\nregistry: registry.yaml\nstore: { path: store.db, keyFile: store.key }\noverlay: { type: ziti }\n';
  writeFileSync(config, `${base}operator: { socket: ${socketPath} }\n`);
  const clock = new TestClock();
  const hub = testHub({ dir: folder, key: randomBytes(32), clock, policy: () => policy });
  const [changes, gone]: [Change[], CurrencyChange[]] = [[], []];
  const staleness = { changed: (rows: readonly CurrencyChange[]) => void gone.push(...rows) };
  const rights = new PatientRights({ ...hub, policy: () => policy, tombstones: join(folder, 'hub.db.erased'), staleness, clock });
  const commands = rightsOperatorCommands({ rights, tenants: () => ['clinic', 'other'] });
  const server = createOperatorServer({ socketPath, commands, log: silentLogger });
  using _subscribed = hub.feed.subscribe((change) => changes.push(change));
  const stop = new AbortController();
  try {
    if (running) await server.start(stop.signal);
    await hub.ingest.batch(
      'gw-icu',
      sampleBundle([
        sampleObservation({ seq: 1, patient: NAME, effective: TEST_NOW - 1000 }),
        sampleObservation({ seq: 2, vital: 'spo2', value: 97 }),
        sampleObservation({ seq: 3, bed: 'ICU-02' }),
        sampleObservation({ seq: 4, bed: 'ICU-99' }),
      ]),
    );
    const reader = hub.registry.principal('ai-nurse') ?? assert.fail();
    await hub.door.latest(reader, WHO, { channel: 'mcp-2026' });
    await hub.door.listPatients(hub.registry.principal('ai-monitor') ?? assert.fail(), { channel: 'mcp-2026' });
    const nothing = async (): Promise<undefined> => undefined;
    const program = hubProgram(
      { run: nothing, check: nothing, exportOffline: () => assert.fail() },
      patientsCliCommands({
        where: () => assert.fail(),
        place: () => assert.fail(),
        patient: (_, name, args) => commands[name](args, 'local:7') as AsyncIterable<unknown>,
      }),
    );
    await body({
      ...{ hub, folder, changes, gone, rights },
      async discharge() {
        const next = parseRegistry(WITHOUT, 'registry.yaml', policy.roles);
        hub.registry.replace(next, await hub.store.rebind(next.bindings(), clock.now()));
      },
      async patient(name, ...argv) {
        const [stdout, stderr] = [new PassThrough(), new PassThrough()];
        const io = { stdin: Readable.from([]), stdout, stderr };
        const code = await runProgram(program, ['patients', name, ...argv, '--config', config, '--tenant', 'clinic'], io);
        return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
      },
    });
  } finally {
    stop.abort();
    await server[Symbol.asyncDispose]();
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Bundle {
  resourceType: string;
  type: string;
  entry: { fullUrl: string; resource: { resourceType: string; id: string; code?: { coding: { code: string }[] } } }[];
}

for (const running of [true, false]) {
  const where = running ? 'of a running hub' : 'of a store without its hub';
  test(`a person has a copy of everything ${where}, and of who saw it, in a file of their own`, async () => {
    verifies('EXPORT-PATIENT');
    await site(
      async ({ patient, folder, hub }) => {
        const out = join(folder, 'copy.json');
        const ran = await patient('export', WHO, '--out', out, '--json');
        assert.equal(ran.code, 0, ran.stderr);
        assert.deepEqual(JSON.parse(ran.stdout).resources, { Patient: 1, Basic: 1, Observation: 2, AuditEvent: 2 });
        assert.equal(statSync(out).mode & 0o777, 0o600);
        const whole = readFileSync(out, 'utf8');
        const bundle = JSON.parse(whole) as Bundle;
        assert.deepEqual([bundle.resourceType, bundle.type], ['Bundle', 'collection']);
        assert.equal(new Set(bundle.entry.map(({ fullUrl }) => fullUrl)).size, bundle.entry.length);
        assertValidFhir(bundle.entry.flatMap(({ resource }) => (resource.resourceType === 'Observation' ? [resource] : [])));
        assert.match(whole, /"ai-nurse"/);
        // Nobody else is in it: not who lay beside them, nor who was on the same list.
        assert.doesNotMatch(whole, /pat-icu-02|pat-home|pat-other/);
        const again = await patient('export', WHO, '--out', out);
        assert.equal(again.code, 1);
        assert.match(again.stderr, /^PATIENT-FILE: /);
        assert.equal(readFileSync(out, 'utf8'), whole);
        const lines = join(folder, 'copy.ndjson');
        assert.equal((await patient('export', WHO, '--out', lines, '--ndjson')).code, 0);
        const resources = readFileSync(lines, 'utf8').trim().split('\n');
        assert.ok(resources.every((line) => typeof (JSON.parse(line) as { resourceType: string }).resourceType === 'string'));
        const own = (await evidenceOf(hub.store)).filter(({ action }) => action === 'patient.export');
        assert.ok(own.length >= 4 && own.every(({ principal }) => principal === `local:${running ? process.getuid?.() : 7}`));
        assert.deepEqual([own.at(-1)?.patient, own.at(-1)?.reason], [WHO, 'closed']);
      },
      { running },
    );
  });

  test(`a person is erased ${where} once the registry lets go of them, and a tombstone is kept beside the store`, async () => {
    verifies('ERASE-ROWS', 'ERASE-HOLD', 'ERASE-TOLD', 'ERASE-EVIDENCE');
    await site(
      async ({ patient, folder, hub, discharge, changes, gone }) => {
        const erase = (...argv: string[]): Promise<Ran> => patient('erase', WHO, '--reason', 'DSR-2026-7', ...argv);
        const bound = await erase('--confirm', WHO);
        assert.match(bound.stderr, /^PATIENT-BOUND: .*beds of gateway gw-icu; patients of 1 client/);
        await discharge();
        assert.equal((await patient('hold', WHO, '--reason', 'CASE-1')).code, 0);
        assert.match((await erase('--confirm', WHO)).stderr, /^PATIENT-HELD: /);
        assert.match(
          (await patient('hold', 'pat-icu-o1', '--reason', 'CASE-1')).stderr,
          /^PATIENT-UNKNOWN: The hub knows nobody of this id/,
        );
        assert.match((await patient('release', WHO, '--reason', 'CASE-9')).stderr, /^PATIENT-NOT-HELD: .*no legal hold with this code/);
        assert.equal((await patient('release', WHO, '--reason', 'CASE-1')).code, 0);
        assert.match((await erase('--confirm', 'pat-icu-02')).stderr, /^USAGE: .*not given the same twice/);
        assert.match((await erase()).stderr, /^USAGE: .*--confirm is missing/);
        assert.match((await patient('erase', WHO, '--confirm', WHO, '--reason', 'asked by Mrs Doe')).stderr, /^USAGE: /);
        assert.match((await patient('erase', 'pat-nobody', '--confirm', 'pat-nobody', '--reason', 'x')).stderr, /^PATIENT-UNKNOWN: /);
        assert.equal((await hub.store.counts('clinic', () => event(0))).observations, 3);

        const numbers = join(folder, 'numbers');
        const spoilt = async (content: string, mode: number): Promise<string> => {
          writeFileSync(numbers, content, { mode });
          chmodSync(numbers, mode);
          return (await erase('--confirm', WHO, '--also-from', numbers)).stderr;
        };
        for (const [content, mode, why] of [
          ['HIS|MRN-88\n', 0o644, /others can read it/],
          ['HIS|MRN-88\nMRN-89\n', 0o600, /line 2 is not AUTHORITY/],
          ['\n', 0o600, /it names 0/],
        ] as const) {
          const said = await spoilt(content, mode);
          assert.match(said, /^PATIENT-NUMBERS: /);
          assert.match(said, why);
          assert.doesNotMatch(said, /MRN-8/);
        }
        assert.match((await erase('--confirm', WHO, '--also', 'HIS|MRN-88')).stderr, /^USAGE: /);
        writeFileSync(numbers, 'HIS|MRN-88\n |MRN-89\n\n', { mode: 0o600 });
        const ran = await erase('--confirm', WHO, '--also-from', numbers, '--json');
        assert.equal(ran.code, 0, ran.stderr);
        const report = JSON.parse(ran.stdout) as { mark: string; removed: Record<string, number>; included: number; ambiguous: unknown[] };
        assert.deepEqual([report.included, report.ambiguous], [2, []]);
        assert.deepEqual(report.removed, { observations: 2, rollups: 0, events: 0, movements: 0, quarantine: 1 });
        assert.doesNotMatch(ran.stdout, new RegExp(WHO));
        assert.deepEqual(gone.map(({ vital }) => vital).sort(), ['hr', 'spo2']);
        assert.deepEqual(
          changes.filter(({ kind }) => kind === 'erased').map((change) => change.patient),
          [WHO],
        );
        const file = join(folder, 'hub.db.erased');
        assert.equal(statSync(file).mode & 0o777, 0o600);
        assert.deepEqual(
          readTombstones(file).map(({ reason }) => reason),
          ['DSR-2026-7'],
        );
        assert.doesNotMatch(readFileSync(file, 'utf8'), /pat-icu|MRN|gw-icu/);

        const entries = (await evidenceOf(hub.store)).filter(({ action, outcome }) => action === 'patient.erase' && outcome === 'allowed');
        assert.deepEqual(
          entries.map(({ reason, detail }) => [reason, detail?.erasure?.mark, detail?.erasure?.included]),
          [
            ['granted', report.mark, 2],
            ['closed', report.mark, undefined],
          ],
        );
        assert.ok(entries.every((entry) => entry.principal === `local:${running ? process.getuid?.() : 7}` && entry.patient === null));
        assert.ok((await verifyAudit(hub.store.audit(), hub.store.storeId)).intact);
        assert.match((await erase('--confirm', WHO)).stderr, /^PATIENT-ERASED: /);
        assert.match((await patient('export', WHO, '--out', join(folder, 'none.json'))).stderr, /^PATIENT-ERASED: /);
        assert.ok(!readdirSync(folder).some((name) => name.includes('none.json')));
      },
      { running },
    );
  });
}

test('what may be another’s is left out of copy and erasure and told to the operator alone, until a file says that it is theirs', async () => {
  verifies('ERASE-NUMBERS', 'EXPORT-PATIENT');
  await site(async ({ patient, hub, folder, discharge }) => {
    const stale = { value: 'MRN-STALE', authority: 'HIS' };
    await hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 60, patient: stale, effective: TEST_NOW - 900 })]));
    const moves = [NAME, stale, { value: 'MRN-ELSE', authority: 'HIS' }].map((number, i) => movementOf(70 + i, number));
    await hub.store.storeBatch(batchOf(moves));
    const out = join(folder, 'copy.json');
    const told = await patient('export', WHO, '--out', out);
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout, /2 numbers in their readings may be somebody else’s/);
    assert.match(told.stdout, /HIS\|MRN-STALE {2}in 1 row, beside another number of the same authority/);
    assert.match(told.stdout, /HIS\|MRN-77 {2}in 1 row/);
    assert.doesNotMatch(readFileSync(out, 'utf8'), /movement|MRN-STALE|ambiguous|included/);
    const numbers = join(folder, 'numbers');
    writeFileSync(numbers, 'HIS|MRN-77\n', { mode: 0o600 });
    const some = await patient('export', WHO, '--out', '-', '--ndjson', '--also-from', numbers);
    assert.equal(some.code, 0, some.stderr);
    const lines = some.stdout.trim().split('\n');
    assert.ok(lines.every((line) => 'resourceType' in (JSON.parse(line) as object)));
    assert.equal(lines.filter((line) => line.includes('MRN-77')).length, 1);
    assert.doesNotMatch(some.stdout, /MRN-STALE|MRN-ELSE/);
    assert.match(some.stderr, /^Written to the standard output: 1 Patient.*\nOne number in their readings may be somebody else’s/);
    await discharge();
    const ran = await patient('erase', WHO, '--confirm', WHO, '--reason', 'r', '--also-from', numbers);
    assert.match(ran.stdout, /1 movements; and.*\nOne number in their readings/);
    const left = async () =>
      (await gathered(hub.store.erasing.movements('clinic'))).map(({ resource }) => readMovement(resource)?.parties[0]?.patient.value);
    assert.deepEqual(await left(), ['MRN-STALE', 'MRN-ELSE']);
    // What was left out can be said afterwards.
    writeFileSync(numbers, 'HIS|MRN-STALE\n', { mode: 0o600 });
    const more = await patient('erase', WHO, '--confirm', WHO, '--reason', 'r', '--also-from', numbers, '--json');
    const { removed } = JSON.parse(more.stdout) as { removed: unknown };
    assert.deepEqual(removed, { observations: 0, rollups: 0, events: 0, movements: 1, quarantine: 0 }, 'what this one removed');
    assert.deepEqual(await left(), ['MRN-ELSE']);
    const said = JSON.stringify((await evidenceOf(hub.store)).filter(({ action }) => action.startsWith('patient.')));
    assert.doesNotMatch(said, /MRN/);
    assert.match(said, /"included":1,"ambiguous":1/);
  });
});

test('a copy goes to the standard output where that is asked for, as one Bundle, with what is said about it beside', async () => {
  verifies('EXPORT-PATIENT');
  await site(async ({ patient, folder }) => {
    const ran = await patient('export', WHO, '--out', '-', '--json');
    assert.equal(ran.code, 0, ran.stderr);
    const bundle = JSON.parse(ran.stdout) as Bundle;
    assert.equal(bundle.entry.length, 6);
    assert.deepEqual(JSON.parse(ran.stderr), {
      resources: { Patient: 1, Basic: 1, Observation: 2, AuditEvent: 2 },
      included: 0,
      ambiguous: [],
    });
    assert.ok(!readdirSync(folder).includes('-'));
    const none = await patient('export', 'pat-nobody', '--out', '-');
    assert.deepEqual([none.code, none.stdout], [1, '']);
    assert.match(none.stderr, /^PATIENT-UNKNOWN: /);
  });
});

test('a copy tells each of both what was decided about their readings, and nothing of the other one', async () => {
  verifies('EXPORT-PATIENT', 'AMEND-REASSIGN');
  await site(async ({ patient, hub }) => {
    const selection = { patient: WHO, from: TEST_NOW - 2000, to: TEST_NOW };
    const amendment = { tenant: 'clinic', kind: 'reassign', to: 'pat-icu-02', selection, reason: 'wrong-patient', at: TEST_NOW } as const;
    await hub.store.amend.amend(amendment, (kept) => kept.map((one) => event(1, { patient: one.patient })));
    hub.corrections.wake();
    await hub.corrections.settled();
    for (const [who, side, other] of [
      [WHO, 'given-away', 'pat-icu-02'],
      ['pat-icu-02', 'given-here', WHO],
    ] as const) {
      const { stdout, code, stderr } = await patient('export', who, '--out', '-');
      assert.equal(code, 0, stderr);
      const own = (JSON.parse(stdout) as Bundle).entry.map(({ resource }) => resource).filter(({ id }) => id === 'amendment-1');
      assert.equal(own.length, 1);
      assert.match(JSON.stringify(own), new RegExp(`"${side}".*"wrong-patient"`));
      assert.ok(!stdout.includes(other), who);
    }
  });
});

test('with a list that is not as it was written nobody is erased, the status says so, and an operator goes on with what the store knows', async () => {
  verifies('ERASE-LIST-KEPT', 'ERASE-LISTED-AGAIN');
  await site(async ({ patient, folder, hub, discharge, rights }) => {
    await discharge();
    assert.equal((await patient('erase', WHO, '--confirm', WHO, '--reason', 'r')).code, 0);
    assert.match((await patient('accept-list', '--reason', 'T-1')).stderr, /^USAGE: .*nothing to accept/);
    const file = join(folder, 'hub.db.erased');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"reason":"r"', '"reason":"s"'));
    await rights.look();
    assert.deepEqual(rights.counts, { erased: 1, underWay: 0, held: 0, list: 'PATIENT-TOMBSTONES-ALTERED' });
    const erase = () => patient('erase', 'pat-icu-02', '--confirm', 'pat-icu-02', '--reason', 'r');
    hub.registry.replace(parseRegistry(WITHOUT.replace('ICU-02: pat-icu-02', 'ICU-02: null'), 'registry.yaml'), []);
    assert.match((await erase()).stderr, /^PATIENT-TOMBSTONES-ALTERED: /);
    assert.equal((await hub.store.counts('clinic', () => event(0))).observations, 1);
    const accepted = await patient('accept-list', '--reason', 'T-1');
    assert.match(
      accepted.stdout,
      /^A new list was begun from what the store knows\. The one that was there is .*hub\.db\.erased\.aside-\d+\.$/m,
    );
    assert.equal(readTombstones(file).length, 1);
    const told = (await evidenceOf(hub.store)).find(({ detail }) => detail?.args?.accept === true);
    assert.deepEqual(told?.detail?.args, { accept: true, reason: 'T-1', list: 'PATIENT-TOMBSTONES-ALTERED' });
    assert.equal((await erase()).code, 0);
    // A registry of before names them again: the status says where, and not who.
    const old = parseRegistry(TEST_REGISTRY, 'registry.yaml');
    hub.registry.replace(
      old,
      old.bindings().map((binding) => ({ ...binding, since: 0 })),
    );
    assert.deepEqual(rights.counts.listed, ['beds of gateway gw-icu', 'beds of gateway gw-icu; patients of 1 client']);
  });
});

test('who is under legal hold is listed, by a running hub and without it, and the evidence says whom it showed', async () => {
  verifies('HOLD-LISTED');
  for (const running of [true, false])
    await site(
      async ({ patient, hub }) => {
        assert.match((await patient('holds')).stdout, /^Nobody is under legal hold\.$/m);
        for (const [who, why] of [
          [WHO, 'CASE-1'],
          ['pat-icu-02', 'CASE-22'],
        ] as const)
          assert.equal((await patient('hold', who, '--reason', why)).code, 0);
        const by = `local:${running ? process.getuid?.() : 7}`;
        assert.equal(
          (await patient('holds')).stdout,
          `${WHO}  CASE-1   since 2026-11-21T10:00:00.000+00:00  by ${by}\npat-icu-02  CASE-22  since 2026-11-21T10:00:00.000+00:00  by ${by}\n`,
        );
        assert.deepEqual(JSON.parse((await patient('holds', '--json')).stdout)[1], {
          ...{ tenant: 'clinic', patient: 'pat-icu-02', reason: 'CASE-22', principal: by, at: TEST_NOW },
        });
        const last = (await evidenceOf(hub.store)).at(-1);
        assert.deepEqual([last?.action, last?.patients, last?.count, last?.principal], ['patient.hold', [WHO, 'pat-icu-02'], 2, by]);
      },
      { running },
    );
});

test('a gateway that sends late for somebody who was erased is told so, and nothing of it is kept', async () => {
  verifies('ERASE-LATE');
  await site(async ({ patient, hub, discharge }) => {
    await discharge();
    assert.equal((await patient('erase', WHO, '--confirm', WHO, '--reason', 'r')).code, 0);
    const late = sampleBundle([sampleObservation({ seq: 50, patient: NAME, value: 61, effective: TEST_NOW - 5000 })]);
    const [nobody] = (await hub.ingest.batch('gw-icu', late)).outcomes;
    assert.deepEqual([nobody?.status, nobody?.code], [422, 'INGEST-NOT-BOUND']);
    // A registry of before is put back: the same id is nobody's any more.
    const old = parseRegistry(TEST_REGISTRY, 'registry.yaml');
    hub.registry.replace(
      old,
      old.bindings().map((binding) => ({ ...binding, since: 0 })),
    );
    const [erased, known] = (
      await hub.ingest.batch(
        'gw-icu',
        sampleBundle([
          sampleObservation({ seq: 51, patient: NAME }),
          sampleObservation({ seq: 1, patient: NAME, effective: TEST_NOW - 1000 }),
        ]),
      )
    ).outcomes;
    assert.deepEqual([erased?.status, erased?.code, known?.status], [422, 'INGEST-ERASED', 200]);
    assert.equal((await hub.store.counts('clinic', () => event(0))).observations, 1);
    const last = (await evidenceOf(hub.store)).filter(({ reason }) => reason === 'INGEST-ERASED');
    assert.deepEqual(
      last.map(({ outcome, count, patient: whose }) => [outcome, count, whose]),
      [['denied', 1, null]],
    );
  });
});

test('whom the policy does not let, or masks, neither copies nor erases anybody, and that stands in the evidence', async () => {
  verifies('EXPORT-PATIENT', 'ERASE-HOLD');
  const rules = DEFAULT_POLICY.rules.map((rule) =>
    rule.id === 'operators-at-the-machine' ? { ...rule, actions: rule.actions.filter((action) => !action.startsWith('patient.')) } : rule,
  );
  const policy: Policy = { ...DEFAULT_POLICY, version: 'none', rules };
  await site(
    async ({ patient, folder, discharge, hub }) => {
      await discharge();
      for (const ran of [
        await patient('export', WHO, '--out', join(folder, 'a.json')),
        await patient('erase', WHO, '--confirm', WHO, '--reason', 'r'),
        await patient('hold', WHO, '--reason', 'r'),
        await patient('holds'),
      ])
        assert.match(ran.stderr, /^ACCESS-DENIED: /);
      assert.ok(!readdirSync(folder).some((name) => name.includes('a.json')));
      const denied = (await evidenceOf(hub.store)).filter(({ action, outcome }) => action.startsWith('patient.') && outcome === 'denied');
      assert.equal(denied.length, 4);
    },
    { policy },
  );
  const masked = {
    ...DEFAULT_POLICY,
    version: 'masked',
    rules: DEFAULT_POLICY.rules.map((rule) => (rule.id === 'operators-at-the-machine' ? { ...rule, mask: 'deidentified' as const } : rule)),
  };
  await site(
    async ({ patient, folder }) => {
      assert.match((await patient('export', WHO, '--out', join(folder, 'a.json'))).stderr, /^ACCESS-DENIED: /);
      assert.match((await patient('holds')).stderr, /^ACCESS-DENIED: /);
    },
    { policy: masked },
  );
});
