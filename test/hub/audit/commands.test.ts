import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { Policy } from '../../../hub/access/policy.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { createAuditor } from '../../../hub/audit/auditor.ts';
import { Checkpoints } from '../../../hub/audit/checkpoints.ts';
import { auditCliCommands } from '../../../hub/audit/cli.ts';
import type { EvidenceRecord } from '../../../hub/audit/evidence.ts';
import type { FhirAuditEvent } from '../../../hub/audit/fhir.ts';
import type { EvidenceVerdict } from '../../../hub/audit/notes.ts';
import { auditOperatorCommands } from '../../../hub/audit/operator.ts';
import type { ReplayStep } from '../../../hub/audit/replay.ts';
import type { AccessReport } from '../../../hub/audit/report.ts';
import type { ListedRecord } from '../../../hub/audit/saw.ts';
import { openSigningKey, type SigningKey } from '../../../hub/audit/signing-key.ts';
import { hubProgram } from '../../../hub/cli.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { runProgram } from '../../../shared/command-line.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { originOf } from '../../../shared/signed-note.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_EPOCH, TEST_NOW, TestClock, type TestHub, testHub } from '../../support/hub.ts';

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

interface Site {
  folder: string;
  hub: TestHub;
  signing: SigningKey;
  /** Signs what there is. */
  sign(): Promise<void>;
  audit(...argv: string[]): Promise<Ran>;
  /** Changes the store's file while no hub has it. */
  tamper(work: (database: Database) => void): Promise<void>;
}

/** A hub with two reads of one patient by two callers, one refused; `running`: whether it has an operator's socket. */
async function site(
  body: (site: Site) => Promise<void>,
  { running = true, policy = DEFAULT_POLICY }: { running?: boolean; policy?: Policy } = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-audit-'));
  const socketPath = join(folder, 'hub.sock');
  const config = join(folder, 'hub.yaml');
  const key = randomBytes(32);
  const clock = new TestClock();
  const open = (): TestHub => testHub({ dir: folder, key, clock, policy: () => policy });
  const base = 'identity: hub.json\nregistry: registry.yaml\nstore: { path: store.db, keyFile: store.key }\noverlay: { type: ziti }\n';
  writeFileSync(config, `${base}operator: { socket: ${socketPath} }\n`);
  const at: { hub: TestHub } = { hub: open() };
  const signing = openSigningKey(join(folder, 'key'), at.hub.store.storeId, join(folder, 'keys'));
  const surroundings = {
    get auditor() {
      return createAuditor({ ...at.hub, replay: { ...at.hub, zone: 'UTC' }, policy: () => policy, keys: () => [signing.verifier], clock });
    },
    tenants: () => at.hub.store.tenants(),
  };
  const commands = Object.fromEntries(
    (['audit-list', 'audit-export', 'audit-replay', 'audit-report', 'audit-verify', 'audit-acknowledge'] as const).map((name) => [
      name,
      (...call: Parameters<ReturnType<typeof auditOperatorCommands>[typeof name]>) => auditOperatorCommands(surroundings)[name](...call),
    ]),
  );
  const server = createOperatorServer({ socketPath, commands, log: silentLogger });
  const stop = new AbortController();
  try {
    if (running) await server.start(stop.signal);
    const { hub } = at;
    await hub.ingest.batch(
      'gw-icu',
      sampleBundle([sampleObservation({ seq: 1 }), sampleObservation({ seq: 2, vital: 'spo2', value: 97 })]),
    );
    for (const id of ['ai-nurse', 'ai-monitor'])
      await hub.door.latest(hub.registry.principal(id) ?? assert.fail(), 'pat-icu-01', { channel: 'mcp-2026' });
    await hub.door.listPatients(hub.registry.principal('ai-nurse') ?? assert.fail(), { channel: 'mcp-2026' });
    await assert.rejects(hub.door.latest(hub.registry.principal('ai-nurse') ?? assert.fail(), 'pat-icu-02', { channel: 'mcp-2026' }));
    const nothing = async (): Promise<undefined> => undefined;
    const program = hubProgram(
      { run: nothing, check: nothing, exportOffline: () => assert.fail() },
      auditCliCommands({ audit: (_, name, args) => auditOperatorCommands(surroundings)[name](args, 'local:7') as AsyncIterable<unknown> }),
    );
    await body({
      folder,
      get hub() {
        return at.hub;
      },
      signing,
      async sign() {
        const checkpoints = new Checkpoints({ ...at.hub, key: signing, everyEntries: 1, everyMs: 1 });
        await checkpoints.start(AbortSignal.abort());
        await checkpoints[Symbol.asyncDispose]();
      },
      async audit(name = '', ...argv) {
        const [stdout, stderr] = [new PassThrough(), new PassThrough()];
        const io = { stdin: Readable.from([]), stdout, stderr };
        const code = await runProgram(program, ['audit', name, '--config', config, ...argv], io);
        return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
      },
      async tamper(work) {
        await at.hub.close();
        using database = openDatabase({ path: join(folder, 'hub.db'), key, migrations: STORE_MIGRATIONS });
        database.write(() => work(database));
        database[Symbol.dispose]();
        at.hub = open();
      },
    });
  } finally {
    stop.abort();
    await server[Symbol.asyncDispose]();
    await at.hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const rows = <T>({ stdout }: Ran): T[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);

for (const running of [true, false]) {
  const where = running ? 'of a running hub' : 'of a store without its hub';
  test(`the evidence ${where} is listed by patient, by who, and by what was shown, and reading it is recorded`, async () => {
    verifies('AUDIT-READ');
    await site(
      async ({ audit, hub }) => {
        const about = rows<EvidenceRecord>(await audit('list', '--patient', 'pat-icu-01', '--tenant', 'clinic', '--json'));
        assert.deepEqual(
          about.map(({ event: { principal, action, patient, patients } }) => [principal, action, patient, patients]),
          [
            ['gw-icu', 'observations.write', 'pat-icu-01', undefined],
            ['ai-nurse', 'vitals.read', 'pat-icu-01', undefined],
            ['ai-monitor', 'vitals.read', 'pat-icu-01', undefined],
            // Of the others on the list it says nothing.
            ['ai-nurse', 'patients.list', null, ['pat-icu-01']],
          ],
        );
        const observation = `gw-icu.${TEST_EPOCH}.1.0`;
        const both = ['ai-nurse', 'ai-monitor'];
        const saw = rows<EvidenceRecord>(await audit('list', '--saw', observation, '--patient', 'pat-icu-01', '--json'));
        assert.deepEqual(
          saw.map(({ event }) => event.principal),
          both,
        );
        const nurse = await audit('list', '--as', 'ai-nurse');
        assert.match(nurse.stdout, /ai-nurse \(clinician\) {2}vitals.read {2}pat-icu-02 {2}denied: patient/);
        assert.equal(rows(await audit('list', '--from', '2030-01-01T00:00:00Z', '--json')).length, 0);
        const own = (await evidenceOf(hub.store)).filter(({ action }) => action === 'audit.read');
        const uid = running ? process.getuid?.() : 7;
        assert.deepEqual(
          own.map(({ principal, patient, reason, count }) => [principal, patient, reason, count]),
          [
            [`local:${uid}`, 'pat-icu-01', 'granted', 0],
            [`local:${uid}`, 'pat-icu-01', 'closed', 4],
            [`local:${uid}`, 'pat-icu-01', 'granted', 0],
            [`local:${uid}`, 'pat-icu-01', 'closed', 2],
            [`local:${uid}`, null, 'granted', 0],
            [`local:${uid}`, null, 'closed', 3],
            [`local:${uid}`, null, 'granted', 0],
            [`local:${uid}`, null, 'closed', 0],
          ],
        );
        assert.equal(own[4]?.detail?.args?.principal, 'ai-nurse');
      },
      { running },
    );
  });
}

for (const running of [true, false]) {
  const where = running ? 'of a running hub' : 'of a store without its hub';
  test(`the evidence ${where} is exported as FHIR or as it is, and what was given out is recorded with its hash`, async () => {
    verifies('AUDIT-EXPORT');
    await site(
      async ({ audit, hub }) => {
        const ran = await audit('export', '--patient', 'pat-icu-01');
        const events = rows<FhirAuditEvent>(ran);
        assert.deepEqual(
          events.map(({ resourceType, subtype, outcome }) => [resourceType, subtype?.[0]?.code, outcome]),
          [
            ['AuditEvent', 'create', '0'],
            ['AuditEvent', 'read', '0'],
            ['AuditEvent', 'read', '0'],
            ['AuditEvent', 'search', '0'],
          ],
        );
        assert.ok(events.every(({ id }) => id.startsWith(hub.store.storeId)));
        const own = (await evidenceOf(hub.store)).filter(({ action }) => action === 'audit.export');
        assert.deepEqual(
          own.map(({ patient, reason, count, detail }) => [patient, reason, count, detail?.args?.format, detail?.response]),
          [
            ['pat-icu-01', 'granted', 0, 'fhir', undefined],
            ['pat-icu-01', 'closed', 4, undefined, hash('sha256', ran.stdout)],
          ],
        );
        assert.equal(own[1]?.detail?.bytes, Buffer.byteLength(ran.stdout));
        const plain = rows<EvidenceRecord>(await audit('export', '--as', 'ai-nurse', '--format', 'json'));
        assert.deepEqual(
          plain.map(({ event }) => [event.principal, event.action, event.outcome]),
          [
            ['ai-nurse', 'vitals.read', 'allowed'],
            ['ai-nurse', 'patients.list', 'allowed'],
            ['ai-nurse', 'vitals.read', 'denied'],
          ],
        );
        const later = await audit('export', '--from', '2030-01-01T00:00:00Z');
        assert.deepEqual([later.code, later.stdout], [0, '']);
        assert.match((await audit('export', '--format', 'xml')).stderr, /^USAGE/);
      },
      { running },
    );
  });
}

for (const running of [true, false]) {
  const where = running ? 'of a running hub' : 'of a store without its hub';
  test(`what a principal asked and was shown is replayed in order ${where}, with values and proof, and that is recorded`, async () => {
    verifies('AUDIT-REPLAY');
    await site(
      async ({ audit, hub }) => {
        const ran = await audit('replay', '--as', 'ai-nurse', '--json');
        const steps = rows<ReplayStep>(ran);
        assert.deepEqual(
          steps.map(({ action, outcome, rebuilt, shown }) => [action, outcome, rebuilt, shown.length]),
          [
            ['vitals.read', 'allowed', 'same', 2],
            ['patients.list', 'allowed', 'kind', 0],
            ['vitals.read', 'denied', 'none', 0],
          ],
        );
        const values = steps[0]?.shown.map(({ observation, kept }) => [observation, kept?.vital, kept?.value]) ?? [];
        assert.deepEqual(
          values.toSorted(([a = ''], [b = '']) => (String(a) < String(b) ? -1 : 1)),
          [
            [`gw-icu.${TEST_EPOCH}.1.0`, 'hr', 72],
            [`gw-icu.${TEST_EPOCH}.2.0`, 'spo2', 97],
          ],
        );
        const local = (await evidenceOf(hub.store)).filter(({ principal }) => principal.startsWith('local:'));
        assert.deepEqual(
          local.map(({ action, patient, count }) => [action, patient, count]),
          [
            ['audit.read', null, 0],
            ['observations.export', 'pat-icu-01', 2],
            ['observations.export', 'pat-icu-01', 2],
            ['audit.read', null, 3],
          ],
        );
        assert.deepEqual([local[0]?.detail?.args?.principal, local[0]?.detail?.args?.replay], ['ai-nurse', true]);
        assert.equal(local[3]?.detail?.response, hash('sha256', ran.stdout));
        const people = await audit('replay', '--as', 'ai-nurse');
        assert.match(people.stdout, /exactly this was shown/);
        assert.match(people.stdout, / hr 72 /);
        assert.equal((await audit('replay', '--as', 'ai-nurse', '--from', '2030-01-01T00:00:00Z')).stdout, '');
        assert.match((await audit('replay')).stderr, /^USAGE/);
      },
      { running },
    );
  });
}

test('a replay by whom the policy gives no values shows which observations it was, and says so', async () => {
  verifies('AUDIT-REPLAY');
  const rules = DEFAULT_POLICY.rules.map((rule) => ({ ...rule, actions: rule.actions.filter((name) => name !== 'observations.export') }));
  await site(
    async ({ audit }) => {
      const [step] = rows<ReplayStep>(await audit('replay', '--as', 'ai-nurse', '--json'));
      assert.deepEqual([step?.rebuilt, step?.shown.length, step?.shown.some(({ kept }) => kept)], ['withheld', 2, false]);
    },
    { policy: { ...DEFAULT_POLICY, rules } },
  );
});

test('who may not export evidence gets none of it, and that is recorded before anything is shown', async () => {
  verifies('AUDIT-EXPORT');
  const rules = DEFAULT_POLICY.rules.map((rule) => ({ ...rule, actions: rule.actions.filter((action) => action !== 'audit.export') }));
  await site(
    async ({ audit, hub }) => {
      const ran = await audit('export');
      assert.deepEqual([ran.stdout, /^ACCESS-DENIED/.test(ran.stderr)], ['', true]);
      const last = (await evidenceOf(hub.store)).at(-1);
      assert.deepEqual([last?.action, last?.outcome, last?.reason], ['audit.export', 'denied', 'role']);
    },
    { policy: { ...DEFAULT_POLICY, rules } },
  );
});

test('an export that is given up is closed with what went before', async () => {
  verifies('AUDIT-EXPORT');
  await site(async ({ hub, signing }) => {
    const replay = { ...hub, zone: 'UTC' };
    const auditor = createAuditor({
      ...{ store: hub.store, replay, policy: () => DEFAULT_POLICY, keys: () => [signing.verifier], clock: new TestClock() },
    });
    const walk = auditor.export(operatorPrincipal(1, 'clinic'), {}, 'fhir', { channel: 'operator' });
    await walk.next();
    assert.deepEqual((await evidenceOf(hub.store)).at(-1)?.reason, 'granted', 'recorded before the first line');
    await walk.return(undefined);
    const last = (await evidenceOf(hub.store)).at(-1);
    assert.deepEqual([last?.action, last?.reason, last?.count], ['audit.export', 'cut', 1]);
  });
});

test('one entry is shown whole, and one that is not there is told', async () => {
  verifies('AUDIT-READ');
  await site(async ({ audit }) => {
    const { stdout, code } = await audit('show', '2');
    assert.equal(code, 0);
    assert.match(stdout, /^2 {2}2026-11-21T10:00:00.000/);
    assert.match(stdout, /"response": "[0-9a-f]{64}"/);
    assert.match((await audit('show', '999')).stderr, /^AUDIT-NO-ENTRY/);
    assert.match((await audit('show', 'x')).stderr, /^USAGE/);
  });
});

test('who saw a person is summed up, with the lists and exports that showed it and none that did not', async () => {
  verifies('AUDIT-READ', 'AUDIT-SHOWN');
  await site(async ({ audit, hub }) => {
    const nurse = hub.registry.principal('ai-nurse') ?? assert.fail();
    for await (const _ of await hub.door.export(operatorPrincipal(1, 'clinic'), {}, { channel: 'operator' }));
    await hub.door.export(operatorPrincipal(2, 'clinic'), {}, { channel: 'operator' });
    const summed = async (patient: string): Promise<[Set<string>, string[]]> => {
      const [report] = rows<AccessReport>(await audit('report', '--patient', patient, '--json'));
      const said = report?.accesses.map(({ principal, action, times, rows: shown }) => `${principal} ${action} ${times} ${shown}`);
      return [new Set(said), report?.general.map(({ principal, action }) => `${principal} ${action}`) ?? []];
    };
    const reads = ['gw-icu observations.write 1 2', 'ai-nurse vitals.read 1 2', 'ai-monitor vitals.read 1 2'];
    const [seen, general] = await summed('pat-icu-01');
    assert.deepEqual(seen, new Set([...reads, 'ai-nurse patients.list 1 1', 'local:1 observations.export 1 1']));
    assert.deepEqual(general, ['local:2 observations.export'], 'an export without an end may have shown anybody');
    assert.deepEqual(nurse.patients, ['pat-icu-01', 'pat-home-01']);
    assert.deepEqual(await summed('pat-home-01'), [new Set(['ai-nurse patients.list 1 1']), general]);
    assert.deepEqual(await summed('pat-home-02'), [new Set(), general]);
  });
});

test('an export that is read patient by patient is told once for each, and takes no other one for ended', async () => {
  verifies('AUDIT-SHOWN');
  const rules = DEFAULT_POLICY.rules.map((rule) => (rule.roles.includes('operator') ? { ...rule, mask: 'deidentified' as const } : rule));
  const policy = { ...DEFAULT_POLICY, rules };
  await site(
    async ({ audit, hub }) => {
      const by = operatorPrincipal(1, 'clinic');
      let given = 0;
      for await (const _ of await hub.door.export(by, {}, { channel: 'operator' })) given += 1;
      assert.equal(given, 2);
      const ofExports = (await evidenceOf(hub.store)).filter(({ action }) => action === 'observations.export');
      assert.deepEqual(
        ofExports.map(({ patient, patients, count }) => [patient, patients, count]),
        [
          [null, undefined, 0],
          ['pat-icu-01', undefined, 2],
          [null, [], 2],
        ],
      );
      const [report] = rows<AccessReport>(await audit('report', '--patient', 'pat-icu-01', '--json'));
      const exports = report?.accesses
        .filter(({ action }) => action === 'observations.export')
        .map(({ times, rows: shown }) => [times, shown]);
      assert.deepEqual([exports, report?.general], [[[1, 2]], []]);
    },
    { policy },
  );
});

test('a report on a patient of whom nothing was shown says so, and one on nobody is not found', async () => {
  verifies('AUDIT-READ');
  await site(async ({ audit }) => {
    const unseen = await audit('report', '--patient', 'pat-home-02');
    assert.deepEqual([unseen.code, unseen.stderr], [0, '']);
    assert.match(unseen.stdout, /Nobody, as far as the evidence goes/);
    const unknown = await audit('report', '--patient', 'nobody');
    assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
    assert.match(unknown.stderr, /^PATIENT-UNKNOWN.*registry\.yaml/);
    assert.doesNotMatch(unknown.stderr, /Nobody, as far/);
  });
});

test('who saw an observation is looked for among the entries of its patient or of a time, never among all, nor among those of the looking', async () => {
  verifies('AUDIT-READ');
  await site(async ({ audit }) => {
    const observation = `gw-icu.${TEST_EPOCH}.1.0`;
    const all = await audit('list', '--saw', observation);
    assert.deepEqual([all.code === 0, all.stdout], [false, '']);
    assert.match(all.stderr, /^USAGE.*--saw needs --patient/);
    for (let again = 0; again < 3; again += 1) {
      const found = rows<EvidenceRecord>(await audit('list', '--saw', observation, '--from', '2026-11-21T00:00:00Z', '--json'));
      assert.deepEqual(
        found.map(({ event }) => event.action),
        ['vitals.read', 'vitals.read'],
      );
    }
    // A replay reads the values again, and is told as the reading of an auditor, not as a showing.
    await audit('replay', '--as', 'ai-nurse');
    const listed = rows<ListedRecord>(await audit('list', '--saw', observation, '--patient', 'pat-icu-01', '--json'));
    assert.deepEqual(
      listed.map(({ event, mayHaveShown = false }) => [event.action, mayHaveShown]),
      [
        ['vitals.read', false],
        ['vitals.read', false],
        // As the export that it is, which does not say what it showed.
        ['observations.export', true],
        ['observations.export', true],
      ],
    );
    assert.match(
      (await audit('list', '--saw', observation, '--patient', 'pat-icu-01')).stdout,
      /observations\.export.* {2}may have shown it$/m,
    );
    const later = await audit('list', '--saw', observation, '--from', '2030-01-01T00:00:00Z', '--json');
    assert.equal(later.stdout, '');
  });
});

test('an alarm of the evidence is acknowledged by a hub that runs, and by no other; the keys and restores that one knows of are taken as such', async () => {
  verifies('AUDIT-ACKNOWLEDGED', 'AUDIT-SIGNED');
  await site(async ({ audit, sign, folder, signing }) => {
    assert.match((await audit('acknowledge', '--alarm', 'AUDIT-NOTE-LOST')).stderr, /^AUDIT-NO-HUB/);
    assert.match((await audit('acknowledge', '--alarm', 'AUDIT-KEY')).stderr, /^USAGE.*AUDIT-NOTE-LOST or AUDIT-NOT-EXTENDED/);
    await sign();
    const copy = join(folder, 'copy-of-keys');
    writeFileSync(copy, `${signing.verifier}\n`);
    assert.equal((await audit('verify', '--keys', copy)).code, 0);
    const known = await audit('verify', '--known-restore', '3');
    assert.deepEqual([known.code, known.stdout], [1, '']);
    assert.match(known.stderr, /^AUDIT-NO-RESTORE: .*entry 3 is none; there is no restore in this evidence/);
    const other = openSigningKey(join(folder, 'other'), originOf('x').slice(10), join(folder, 'other-keys'));
    writeFileSync(copy, `${other.verifier}\n`);
    assert.equal(verdictOf(await audit('verify', '--keys', copy, '--json')).fault, 'unsigned');
    writeFileSync(copy, '');
    assert.match((await audit('verify', '--keys', copy)).stderr, /^AUDIT-KEY/);
    assert.match((await audit('verify', '--known-restore', 'x')).stderr, /^USAGE/);
  });
});

test('a name that nothing answers to is not kept in the evidence', async () => {
  verifies('AUDIT-READ', 'AUDIT-DETAIL');
  await site(async ({ audit, hub }) => {
    await audit('list', '--patient', 'Jane Doe');
    await audit('list', '--as', 'Jane Doe', '--saw', 'Jane Doe', '--from', '2020-01-01T00:00:00Z');
    await audit('report', '--patient', 'Jane Doe');
    assert.doesNotMatch(JSON.stringify(await evidenceOf(hub.store)), /Jane/);
  });
});

const verdictOf = (ran: Ran): EvidenceVerdict => rows<EvidenceVerdict>(ran)[0] ?? assert.fail(ran.stderr);

test('a chain that nobody touched is intact and signed, and verifying it is recorded', async () => {
  verifies('AUDIT-SIGNED');
  await site(async ({ audit, hub, sign }) => {
    const unsigned = await audit('verify', '--json');
    assert.deepEqual([unsigned.code, verdictOf(unsigned).fault], [1, 'unsigned']);
    await sign();
    const ran = await audit('verify', '--json');
    const { intact, entries, signedUpTo } = verdictOf(ran);
    assert.deepEqual([ran.code, intact], [0, true]);
    assert.ok(entries > signedUpTo && signedUpTo > 5);
    assert.match((await audit('verify')).stdout, /entries are intact/);
    const last = (await evidenceOf(hub.store)).at(-1);
    assert.deepEqual([last?.action, last?.outcome], ['audit.verify', 'allowed']);
  });
});

test('whoever changes the file is found: an entry altered, dropped, exchanged, the end cut, a note forged or taken away', async () => {
  verifies('AUDIT-CHAINED', 'AUDIT-SIGNED');
  const drop = ['audit_no_update', 'audit_no_delete', 'audit_only_next', 'auditCheckpoint_no_update', 'auditCheckpoint_no_delete'];
  const cases: [string, string[], string, number | undefined][] = [
    ['an outcome', [`UPDATE audit SET entry = replace(entry, '"denied"', '"allowed"') WHERE entry LIKE '%"denied"%'`], 'altered', 5],
    ['a hash', ['UPDATE audit SET hash = zeroblob(32) WHERE seq = 3'], 'altered', 3],
    ['an entry gone', ['DELETE FROM audit WHERE seq = 3'], 'missing', 3],
    [
      'two exchanged',
      ['UPDATE audit SET seq = -1 WHERE seq = 2', 'UPDATE audit SET seq = 2 WHERE seq = 3', 'UPDATE audit SET seq = 3 WHERE seq = -1'],
      'altered',
      2,
    ],
    ['the end cut, behind which the hub went on', ['DELETE FROM audit WHERE seq > 4'], 'rewritten', undefined],
    ['a note forged', ["UPDATE auditCheckpoint SET note = replace(note, substr(note, 45, 8), 'AAAAAAAA')"], 'forged', undefined],
    ['all notes gone', ['DELETE FROM auditCheckpoint'], 'unsigned', 1],
  ];
  for (const [what, statements, fault, seq] of cases) {
    await site(async ({ audit, sign, tamper }) => {
      await sign();
      await tamper((database) => {
        for (const trigger of drop) database.prepare(`DROP TRIGGER ${trigger}`).run();
        for (const statement of statements) database.prepare(statement).run();
      });
      const ran = await audit('verify', '--json');
      const verdict = verdictOf(ran);
      assert.deepEqual([ran.code, verdict.intact, verdict.fault], [1, false, fault], what);
      if (seq !== undefined) assert.equal(verdict.seq, seq, what);
      assert.match((await audit('verify')).stdout, /does not hold/);
    });
  }
});

test('a hub that rewrites and signs its own evidence is found by what a gateway kept of it', async () => {
  verifies('AUDIT-WITNESSED', 'AUDIT-SIGNED');
  await site(async ({ audit, hub, sign, folder, signing, tamper }) => {
    await sign();
    const notes = await (async () => {
      const kept: { at: number; note: string }[] = [];
      for await (const { note } of hub.store.checkpoints()) kept.push({ at: TEST_NOW, note });
      return kept;
    })();
    const witness = join(folder, 'witness.json');
    const stores = [{ origin: originOf(hub.store.storeId), key: signing.verifier, notes }];
    writeFileSync(witness, JSON.stringify({ witness: 1, gateway: 'gw-icu', stores }));
    const good = await audit('verify', '--witness', witness, '--json');
    assert.deepEqual([good.code, verdictOf(good).witnesses], [0, 1]);
    await tamper((database) => {
      for (const name of ['auditSubject', 'audit', 'auditCheckpoint']) {
        const drop = database
          .prepare<[string], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?")
          .all(name);
        for (const trigger of drop) database.prepare(`DROP TRIGGER ${trigger.name}`).run();
        database.prepare(`DELETE FROM ${name}`).run();
      }
    });
    for (let i = 0; i < 8; i += 1) await audit('list');
    await sign();
    assert.equal((await audit('verify', '--json')).code, 0, 'the hub alone says that all is well');
    const found = await audit('verify', '--witness', witness, '--json');
    assert.deepEqual([found.code, verdictOf(found).fault], [1, 'rewritten']);
    writeFileSync(witness, '{}');
    assert.match((await audit('verify', '--witness', witness)).stderr, /^AUDIT-WITNESS/);
  });
});
