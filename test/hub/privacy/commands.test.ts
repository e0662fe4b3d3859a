import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { assertValidFhir } from '../../support/fhir-valid.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TEST_REGISTRY, TestClock, type TestHub, testHub } from '../../support/hub.ts';

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
        patient: (_, name, args) => commands[name](args, 'local:7') as AsyncIterable<unknown>,
      }),
    );
    await body({
      ...{ hub, folder, changes, gone },
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
        assert.match((await patient('hold', 'pat-icu-o1', '--reason', 'CASE-1')).stderr, /^NOT-FOUND: /);
        assert.equal((await patient('release', WHO, '--reason', 'CASE-1')).code, 0);
        assert.match((await erase('--confirm', 'pat-icu-02')).stderr, /^USAGE: .*not given the same twice/);
        assert.match((await erase()).stderr, /^USAGE: .*--confirm is missing/);
        assert.match((await patient('erase', WHO, '--confirm', WHO, '--reason', 'asked by Mrs Doe')).stderr, /^USAGE: /);
        assert.match((await patient('erase', 'pat-nobody', '--confirm', 'pat-nobody', '--reason', 'x')).stderr, /^NOT-FOUND: /);
        assert.equal((await hub.store.counts('clinic', () => event(0))).observations, 3);

        const spoilt = await erase('--confirm', WHO, '--also', 'MRN-88');
        assert.match(spoilt.stderr, /^USAGE: .*--also is AUTHORITY\|VALUE/);
        assert.doesNotMatch(spoilt.stderr, /MRN-88/);
        const ran = await erase('--confirm', WHO, '--also', 'HIS|MRN-88,|MRN-89', '--json');
        assert.equal(ran.code, 0, ran.stderr);
        const report = JSON.parse(ran.stdout) as { mark: string; removed: Record<string, number> };
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
          entries.map(({ reason, detail }) => [reason, detail?.erasure?.mark]),
          [
            ['granted', report.mark],
            ['closed', report.mark],
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
      ])
        assert.match(ran.stderr, /^ACCESS-DENIED: /);
      assert.ok(!readdirSync(folder).some((name) => name.includes('a.json')));
      const denied = (await evidenceOf(hub.store)).filter(({ action, outcome }) => action.startsWith('patient.') && outcome === 'denied');
      assert.equal(denied.length, 3);
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
    },
    { policy: masked },
  );
});
