import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { ACTIONS } from '../../../hub/access/access.ts';
import type { Entrance } from '../../../hub/access/barred.ts';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { createExplainer } from '../../../hub/access/explain/audited.ts';
import { explainCliCommands } from '../../../hub/access/explain/cli.ts';
import { type ExplainAsked, type ExplainedReason, type Explanation, explain, rightsOf } from '../../../hub/access/explain/explain.ts';
import { explainedTo, explainOperatorCommands, listedTo } from '../../../hub/access/explain/operator.ts';
import { parsePolicy } from '../../../hub/access/load-policy.ts';
import { hubProgram } from '../../../hub/cli.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { runProgram } from '../../../shared/command-line.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createOperatorServer } from '../../../shared/operator/server.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { boundSinceEver, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';
import { SaidPresence } from '../../support/presence.ts';

const REGISTRY = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02, ICU-03: null }, devices: { pump-1: pat-icu-02 } }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01 }
clients:
  - { identity: ai-ward, token: { issuer: idp, subject: u-0 }, tenant: clinic, kind: person, role: clinician, wards: [icu], patients: [pat-home-01] }
  - { identity: ai-late, tenant: clinic, kind: software, role: clinician, panels: [heart], notAfter: 2026-01-01T00:00:00Z }
  - { identity: ai-study, tenant: clinic, kind: software, role: researcher, patients: all, purpose: HRESCH }
  - { identity: ai-study-2, tenant: clinic, kind: software, role: researcher, patients: all }
  - { identity: ai-student, token: { issuer: idp, subject: u-1 }, tenant: clinic, kind: person, role: student, wards: [icu] }
  - { identity: ai-bare, tenant: clinic, kind: person, role: clinician, wards: [icu] }
  - { identity: ai-else, token: { issuer: other, subject: u-2 }, tenant: clinic, kind: person, role: clinician, wards: [icu] }
wards:
  icu: { tenant: clinic, beds: [ICU-01] }
panels:
  heart: { tenant: clinic, patients: [pat-icu-02] }
`;
const POLICY = parsePolicy(`
roles: [gateway, operator, clinician, researcher, student]
rules:
  - { id: gateways, effect: permit, roles: [gateway], actions: [observations.write] }
  - { id: care, effect: permit, roles: [clinician, student], actions: [patients.list, vitals.read], audit: brief }
  - { id: study, effect: permit, roles: [researcher], actions: [patients.list, vitals.read], purposes: [HRESCH], mask: deidentified }
  - { id: with-a-senior, effect: permit, roles: [student], actions: [vitals.subscribe], approve: true }
  - { id: not-yet, effect: forbid, roles: [student], actions: [vitals.read] }
  - { id: machine, effect: permit, roles: [operator], actions: [access.explain, vitals.read] }
`);
const registry = parseRegistry(REGISTRY, 'registry.yaml', POLICY.roles);
const entrance: Entrance = { modes: { person: 'both' }, issuers: ['idp'] };
const grounds = { registry, policy: POLICY, at: TEST_NOW, entrance };

test('every reason is told in words that name the rule, the reach or the time, and nobody else’s patient', () => {
  verifies('ACCESS-EXPLAINED', 'ROWS-BARRED-TOLD');
  const cases: [ExplainAsked, ExplainedReason, RegExp][] = [
    [
      { as: 'ai-ward', action: 'vitals.read', patient: 'pat-icu-01' },
      'granted',
      /^Allowed by the rule care\. Everything is shown; the evidence is brief\.$/,
    ],
    [
      { as: 'ai-study', action: 'vitals.read', patient: 'pat-icu-01' },
      'granted',
      /^Allowed by the rule study\. What is shown is de-identified; the evidence is full\.$/,
    ],
    [
      { as: 'ai-ward', action: 'vitals.read', patient: 'pat-icu-02' },
      'patient',
      /^The patient is out of its reach: it has 1 patient by name, the wards icu; the patient is in no ward and on the panels heart\.$/,
    ],
    [{ as: 'ai-ward', action: 'vitals.read' }, 'patient', /none is named/],
    [
      { as: 'ai-ward', action: 'observations.export' },
      'role',
      /^No rule permits observations\.export to the role clinician\. No rule permits it to anybody\.$/,
    ],
    [{ as: 'gw-icu', action: 'vitals.read', patient: 'pat-icu-01' }, 'role', /permitted to: clinician, student, researcher, operator\.$/],
    [{ as: 'ai-late', action: 'vitals.read', patient: 'pat-icu-02' }, 'expired', /^The right ended at 2026-01-01T00:00:00/],
    [
      { as: 'ai-study-2', action: 'vitals.read', patient: 'pat-icu-01' },
      'purpose',
      /^the rule study would permit it, but not for the purpose TREAT\.$/,
    ],
    [{ as: 'oauth:idp:u-1', action: 'vitals.read', patient: 'pat-icu-01' }, 'forbidden', /^Forbidden by the rule not-yet/],
    [
      { as: 'oauth:idp:u-1', action: 'vitals.subscribe', patient: 'pat-icu-01' },
      'approval',
      /^By the rule with-a-senior somebody else must approve/,
    ],
    [
      { as: 'ai-ward', action: 'vitals.read', patient: 'pat-icu-01', scopes: ['user/Encounter.rs'] },
      'scope',
      /^Its token is for user\/Encounter\.rs alone\.$/,
    ],
    [{ as: 'ai-ward', action: 'vitals.read', patient: 'pat-icu-01', scopes: ['nonsense'] }, 'scope', /nothing that the hub knows/],
    [{ as: 'gw-icu', action: 'observations.write', patient: 'pat-icu-01', bed: 'ICU-01' }, 'granted', /gateways/],
    [
      { as: 'gw-icu', action: 'observations.write', patient: 'pat-icu-01', bed: 'ICU-09' },
      'binding',
      /the bed is not one of the gateway\.$/,
    ],
    [{ as: 'gw-icu', action: 'observations.write', patient: 'pat-icu-02', bed: 'ICU-01' }, 'binding', /it is another patient\.$/],
    [
      { as: 'gw-icu', action: 'observations.write' },
      'granted',
      /^By the rule gateways a gateway may write for what it is bound to, and for nothing else\. This one: the beds ICU-01, .*; the devices .*pump-1.*--bed, --device or --patient tells\.$/,
    ],
    [{ as: 'gw-home', action: 'observations.write' }, 'granted', /This one: the patient pat-home-01\. /],
    [{ as: 'gw-icu', action: 'observations.write', bed: 'ICU-03' }, 'binding', /nobody lies in the bed\.$/],
    [{ as: 'gw-icu', action: 'observations.write', bed: 'ICU-02' }, 'granted', /gateways/],
    [{ as: 'gw-icu', action: 'observations.write', patient: 'pat-icu-02', device: 'pump-1' }, 'granted', /gateways/],
    [{ as: 'gw-icu', action: 'observations.write', bed: 'ICU-01', device: 'pump-1' }, 'binding', /of different patients\.$/],
    [
      { as: 'gw-home', action: 'observations.write', patient: 'pat-icu-01' },
      'patient',
      /1 patient by name; the patient is in the ward icu and on no panel/,
    ],
    [{ as: 'ai-study', action: 'vitals.read', patient: 'Erika Mustermann' }, 'unknown', /^Nobody of this tenant/],
    [{ as: 'local:0', action: 'store.rekey' }, 'role', /role operator/],
    [
      { as: 'ai-bare', action: 'vitals.read', patient: 'pat-icu-01' },
      'credential',
      /^The credential step refuses it before anything is decided: its row lists no token, which must be shown\. The policy would permit it\.$/,
    ],
    [{ as: 'ai-bare', action: 'store.backup' }, 'credential', /The policy would not permit it either\.$/],
    [{ as: 'oauth:other:u-2', action: 'vitals.read', patient: 'pat-icu-01' }, 'credential', /issuer of its token is none of hub\.yaml/],
  ];
  for (const [asked, reason, words] of cases) {
    const { allow, reason: told, says, patient } = explain(asked, 'clinic', grounds);
    assert.equal(told, reason, JSON.stringify(asked));
    assert.match(says, words);
    assert.equal(allow, reason === 'granted');
    assert.equal(patient, reason === 'unknown' ? null : (asked.patient ?? null));
  }
  for (const as of ['ai-nobody', 'oauth:idp:u-2', 'oauth:other:u-1', 'local:x', 'constructor'])
    assert.throws(() => explain({ as, action: 'vitals.read' }, 'clinic', grounds), { code: 'ACCESS-NOT-LISTED' });
  assert.throws(() => explain({ as: 'ai-ward', action: 'vitals.read' }, 'other', grounds), { code: 'ACCESS-NOT-LISTED' });
});

test('what a narrowed token hides is told of whatever shows rows, and of nothing else', () => {
  verifies('ACCESS-EXPLAINED', 'TOKEN-WITHHELD');
  const withheld = (action: ExplainAsked['action'], ...scopes: string[]) =>
    explain({ as: 'ai-ward', action, patient: 'pat-icu-01', ...(scopes.length > 0 && { scopes }) }, 'clinic', grounds).withheld;
  const all = ['vital-signs', 'laboratory', 'activity', 'exam', 'procedure', 'other'];
  assert.deepEqual(
    withheld('vitals.read', 'user/Observation.rs?category=laboratory'),
    all.filter((name) => name !== 'laboratory'),
  );
  assert.deepEqual(
    withheld('patients.list', 'user/Observation.s?category=vital-signs', 'user/Observation.r'),
    all.filter((name) => name !== 'vital-signs'),
  );
  assert.deepEqual(withheld('vitals.read', 'user/Observation.rs'), []);
  assert.deepEqual(withheld('vitals.read'), []);
  assert.deepEqual(withheld('vitals.read', 'user/Encounter.rs'), [], 'what is denied shows nothing that could be hidden');
});

test('everybody of the registry is listed with what they may do', () => {
  verifies('ACCESS-EXPLAINED');
  const rows = rightsOf('clinic', grounds).map(({ as, patients, wards, panels, may }) => [
    as,
    patients,
    wards,
    panels,
    may.map(({ action }) => action),
  ]);
  assert.deepEqual(rows, [
    ['gw-icu', 2, [], [], ['observations.write']],
    ['gw-home', 1, [], [], ['observations.write']],
    ['ai-ward', 1, ['icu'], [], ['patients.list', 'vitals.read']],
    ['ai-late', 0, [], ['heart'], []],
    ['ai-study', 'all', [], [], ['patients.list', 'vitals.read']],
    ['ai-study-2', 'all', [], [], []],
    ['ai-student', 0, ['icu'], [], ['patients.list']],
    ['ai-bare', 0, ['icu'], [], ['patients.list', 'vitals.read']],
    ['ai-else', 0, ['icu'], [], ['patients.list', 'vitals.read']],
  ]);
  assert.deepEqual(
    rightsOf('clinic', grounds).map(({ needs, barred }) => [needs, barred]),
    [
      [null, null],
      [null, null],
      ['both', null],
      ['overlay', 'expired'],
      ['overlay', null],
      ['overlay', null],
      ['both', null],
      ['both', 'token'],
      ['both', 'issuer'],
    ],
  );
  assert.deepEqual(rightsOf('other', grounds), []);
});

for (const running of [true, false]) {
  test(`vitalmesh-hub access explain and list, ${running ? 'by the running hub' : 'where none runs'}: decided and recorded themselves`, async (t) => {
    verifies('ACCESS-EXPLAINED', 'ONE-DOOR');
    const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-explain-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [socketPath, config] = [join(folder, 'hub.sock'), join(folder, 'hub.yaml')];
    writeFileSync(
      config,
      `identity: hub.json\nregistry: registry.yaml\nstore: { path: store.db, keyFile: store.key }\noverlay: { type: ziti }\noperator: { socket: ${socketPath} }\n`,
    );
    let policy = POLICY;
    const clock = new TestClock();
    await using h = testHub({ registry: REGISTRY, policy: () => policy, clock });
    const explainer = createExplainer({ store: h.store, registry: h.registry, policy: () => policy, entrance, clock });
    const surroundings = { explainer, tenants: () => h.registry.tenants() };
    const server = createOperatorServer({ socketPath, commands: explainOperatorCommands(surroundings), log: silentLogger });
    await using _server = server;
    if (running) await server.start(new AbortController().signal);
    const program = hubProgram(
      { run: () => assert.fail(), check: () => assert.fail(), exportOffline: () => assert.fail() },
      explainCliCommands({
        explain: (_, args) => explainedTo(surroundings, 0, args),
        list: (_, args) => listedTo(surroundings, 0, args),
      }),
    );
    const run = async (...argv: string[]) => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const code = await runProgram(program, ['access', ...argv], { stdin: Readable.from([]), stdout, stderr });
      return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
    };
    const ask = (...argv: string[]) => run('explain', '--config', config, ...argv);
    const yes = await ask('--as', 'ai-ward', '--action', 'vitals.read', '--patient', 'pat-icu-01');
    assert.equal(yes.code, 0, yes.stderr);
    assert.match(
      yes.stdout,
      /^Allowed: vitals\.read for pat-icu-01 by ai-ward \(person, role clinician, purpose TREAT\)\.\nAllowed by the rule care\..*\nPolicy [0-9a-f]{12}, registry [0-9a-f]{12}\.\n$/,
    );
    const no = await ask('--as', 'ai-ward', '--action', 'vitals.read', '--patient', 'pat-icu-02', '--json');
    const { allow, reason } = JSON.parse(no.stdout) as Explanation;
    assert.deepEqual([no.code, allow, reason], [1, false, 'patient']);
    const scoped = await ask(
      '--as',
      'ai-ward',
      '--action',
      'vitals.read',
      '--patient',
      'pat-icu-01',
      '--scopes',
      'user/Observation.rs?category=laboratory',
    );
    assert.match(
      scoped.stdout,
      /^Allowed: .*\nAllowed by .*Everything is shown that its token covers.* Its token hides, by category: vital-signs, activity, exam, procedure, other\.$/m,
    );
    const wrong = await ask('--as', 'ai-ward', '--action', 'vitals.reed');
    assert.match(wrong.stderr, /^USAGE: .*--action is one of patients\.list/);
    assert.match((await ask('--as', 'Erika', '--action', 'vitals.read')).stderr, /^ACCESS-NOT-LISTED: .*no row of the id after --as/);
    const list = await run('list', '--config', config);
    assert.match(
      list.stdout,
      /^gw-icu {2}gateway, role gateway, purpose TREAT\n {2}of: 2 patients by name\n {2}may: observations\.write\n/,
    );
    assert.match(
      list.stdout,
      /ai-late {2}.*, until 2026-01-01.*\n {2}CANNOT GET IN: its notAfter has passed\n {2}must show: its overlay identity\n {2}of: 0 patients by name; panels heart\n {2}may: nothing\n/,
    );
    assert.match(list.stdout, /may: patients\.list \(deidentified\), vitals\.read \(deidentified\)\n/);
    policy = { ...POLICY, rules: POLICY.rules.filter(({ id }) => id !== 'machine') };
    assert.match((await ask('--as', 'ai-ward', '--action', 'vitals.read')).stderr, /^ACCESS-DENIED/);
    const uid = running ? (process.getuid?.() ?? 0) : 0;
    assert.deepEqual(
      (await evidenceOf(h.store)).map(({ principal, action, patient, outcome, detail }) => [
        principal,
        action,
        patient,
        outcome,
        detail?.args?.reason,
      ]),
      [
        [`local:${uid}`, 'access.explain', 'pat-icu-01', 'allowed', 'granted'],
        [`local:${uid}`, 'access.explain', 'pat-icu-02', 'allowed', 'patient'],
        [`local:${uid}`, 'access.explain', 'pat-icu-01', 'allowed', 'granted'],
        [`local:${uid}`, 'access.explain', null, 'allowed', undefined],
        [`local:${uid}`, 'access.explain', null, 'denied', undefined],
      ],
    );
  });
}

test('the policy that is built in is printed as a policy.yaml, which is the same', async () => {
  verifies('POLICY-AS-DATA');
  const nobody = async function* (): AsyncGenerator<never> {
    yield* [];
  };
  const program = hubProgram(
    { run: () => assert.fail(), check: () => assert.fail(), exportOffline: () => assert.fail() },
    explainCliCommands({ explain: nobody, list: nobody }),
  );
  const stdout = new PassThrough();
  assert.equal(await runProgram(program, ['access', 'policy'], { stdin: Readable.from([]), stdout, stderr: new PassThrough() }), 0);
  const { version: _, ...printed } = parsePolicy(await text(stdout.end()));
  const { version: __, ...builtIn } = DEFAULT_POLICY;
  assert.deepEqual(printed, builtIn);
  // What goes by the retention of hub.yaml is the hub's own doing, which nobody asks for.
  const asked = ACTIONS.filter((action) => action !== 'audit.retain');
  assert.deepEqual([...new Set(builtIn.rules.flatMap(({ actions }) => actions))].sort(), asked.toSorted());
});

test('of a bed that movements follow a gateway may write, and for somebody while they lie there for sure', () => {
  verifies('ACCESS-EXPLAINED');
  const said = new SaidPresence().put({ 'p-somebody': 'ICU-09' });
  const live = boundSinceEver(parseRegistry(REGISTRY.replace('ICU-03: null', 'ICU-09: followed'), 'registry.yaml', POLICY.roles), said);
  const asked = { as: 'gw-icu', action: 'observations.write' } as const;
  const reasons = [
    { bed: 'ICU-09' },
    { bed: 'ICU-09', patient: 'p-somebody' },
    { patient: 'p-somebody' },
    { bed: 'ICU-09', patient: 'pat-icu-01' },
  ].map((of) => explain({ ...asked, ...of }, 'clinic', { ...grounds, registry: live }).reason);
  assert.deepEqual(reasons, ['granted', 'granted', 'granted', 'binding']);
});
