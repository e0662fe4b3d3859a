import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AuditEvent } from '../../../../hub/access/access.ts';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { AssignedDevice } from '../../../../hub/patients/hand/assigned-device.ts';
import type { Done, Imported } from '../../../../hub/patients/hand/by-hand.ts';
import { CENSUS_FAULTS, type CensusFault } from '../../../../hub/patients/hand/census.ts';
import type { Correction } from '../../../../hub/patients/hand/corrected.ts';
import { LINES_A_CALL } from '../../../../hub/patients/hand/operator.ts';
import type { ShownStay } from '../../../../hub/patients/hand/shown.ts';
import { newPatientId } from '../../../../hub/patients/public-id.ts';
import { Whereabouts } from '../../../../hub/patients/whereabouts.ts';
import { nobodyIn } from '../../../../hub/store/placing/placing.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { measure, minute, tell } from '../../../support/following.ts';
import { gathered, type TestHub } from '../../../support/hub.ts';
import { type HandSite, handSite } from './site.ts';

const at = (minutes: number): string => formatInstant(minute(minutes));

async function admitted({ json }: HandSite, bed: string, number: string, minutes: number): Promise<{ patient: string; statement: string }> {
  const { patients, statement } = await json<Done>(['admit', '--bed', bed, '--from', '-', '--at', at(minutes)], `HOSP|${number}\n`);
  assert.equal(patients[0]?.bed, bed);
  return { patient: patients[0]?.patient ?? assert.fail(), statement };
}

/** Heart rates in order of measuring, each with under whom it stands; or those of nobody in a bed. */
async function readings({ store }: TestHub, bed?: string): Promise<[number | null, string][]> {
  const filter = bed === undefined ? {} : { patient: nobodyIn(bed) };
  const all = await gathered(await store.observations('clinic', filter, () => ENTRY));
  return all.sort((a, b) => a.sortTime - b.sortTime).map(({ value, patient }) => [value, patient]);
}

/** Everybody of whom it is known where they lie. */
async function lying(json: HandSite['json']): Promise<ShownStay[]> {
  return (await json<ShownStay[]>(['show'])).filter(({ state }) => state !== 'nobody');
}

for (const isRunning of [true, false])
  test(`admitted, moved, swapped and discharged by hand, of a hub that ${isRunning ? 'runs' : 'does not run'}: values follow`, () =>
    handSite(
      async (site) => {
        verifies('PLACED-BY-HAND', 'ONE-DOOR');
        const { hub, json, patients } = site;
        await measure(hub, 1, -50, { bed: 'ICU-01', value: 71 });
        const { patient: one } = await admitted(site, 'ICU-01', '1', -60);
        const { patient: two } = await admitted(site, 'ICU-02', '2', -60);
        assert.deepEqual(await readings(hub), [[71, one]], 'what was nobody’s is theirs since the admission');
        const moved = await json<Done>(['move', '--patient', one, '--bed', 'ICU-03', '--at', at(-40)]);
        assert.deepEqual(moved.patients, [{ patient: one, bed: 'ICU-03' }]);
        const swapped = await json<Done>(['swap', '--patient', one, '--with', two, '--at', at(-30)]);
        assert.deepEqual(
          swapped.patients.map(({ patient, bed }) => [patient, bed]),
          [
            [one, 'ICU-02'],
            [two, 'ICU-03'],
          ],
        );
        const gone = await json<Done>(['discharge', '--patient', two, '--at', at(-20)]);
        assert.deepEqual(gone.patients, [{ patient: two, bed: null, discharged: at(-20) }]);
        const stays = await json<ShownStay[]>(['show', '--patient', one]);
        assert.deepEqual(
          stays.map(({ bed, state, from, to, patients: who }) => [bed, state, from, to, who]),
          [
            ['ICU-01', 'occupied', at(-60), at(-40), [{ patient: one }]],
            ['ICU-02', 'occupied', at(-30), null, [{ patient: one }]],
            ['ICU-03', 'occupied', at(-40), at(-30), [{ patient: one }]],
          ],
        );
        const then = await patients(['show', '--bed', 'ICU-03', '--at', at(-25), '--numbers']);
        assert.match(then.stdout, new RegExp(`^ICU-03 {2}occupied {5}${two} \\(HOSP\\|2\\) {2}since .* until `));
        const evidence = (await evidenceOf(hub.store)).filter(({ action }) => action === 'patients.place');
        const by = `local:${isRunning ? process.getuid?.() : 1000}`;
        const acts = evidence
          .filter(({ principal, reason }) => principal === by && reason === 'granted')
          .map(({ detail }) => detail?.args?.act);
        assert.deepEqual(acts, ['admit', 'admit', 'move', 'swap', 'discharge']);
        assert.ok(!JSON.stringify(evidence).includes('HOSP'), 'the hospital’s numbers are in no entry');
      },
      { isRunning },
    ));

test('what was said by hand is taken back by its id, once, and only that', () =>
  handSite(async (site) => {
    verifies('PLACED-BY-HAND');
    const { hub, json, patients } = site;
    const { patient: one, statement } = await admitted(site, 'ICU-01', '1', -60);
    const moved = await json<Done>(['move', '--patient', one, '--bed', 'ICU-02', '--at', at(-40)]);
    await json<Done>(['move', '--patient', one, '--bed', 'ICU-03', '--at', at(-20)]);
    await measure(hub, 1, -30, { bed: 'ICU-02', value: 72 });
    const undone = await json<Done>(['undo', moved.statement]);
    assert.equal(undone.at, at(-40));
    const stays = await json<ShownStay[]>(['show', '--patient', one]);
    assert.deepEqual(
      stays.map(({ bed, from, to }) => [bed, from, to]),
      [
        ['ICU-01', at(-60), at(-20)],
        ['ICU-03', at(-20), null],
      ],
    );
    assert.deepEqual(await readings(hub, 'ICU-02'), [[72, nobodyIn('ICU-02')]]);
    assert.deepEqual(await readings(hub), []);
    for (const id of [moved.statement, undone.statement, `gw-adt.${'0'.repeat(13)}.1.0`, 'nothing']) {
      const { code, stderr } = await patients(['undo', id]);
      assert.deepEqual([code, /^PATIENT-STATEMENT: /.test(stderr)], [1, true], id);
    }
    await json(['undo', statement]);
    assert.deepEqual(hub.registry.patient('clinic', one)?.bed, 'ICU-03', 'a transfer says where somebody is without the admission');
  }));

test('a device that was put into another bed by hand measures there, and nowhere for nobody', () =>
  handSite(async (site) => {
    verifies('PLACED-BY-HAND');
    const { hub, json, patients } = site;
    const { patient: one } = await admitted(site, 'ICU-01', '1', -60);
    const { patient: two } = await admitted(site, 'ICU-02', '2', -60);
    await measure(hub, 1, -30, { bed: 'ICU-01', device: 'vent-1', value: 71 });
    await measure(hub, 2, -10, { bed: 'ICU-01', device: 'vent-1', value: 72 });
    await json(['assign-device', 'vent-1', '--bed', 'ICU-02', '--at', at(-20)]);
    assert.deepEqual(await readings(hub), [
      [71, one],
      [72, two],
    ]);
    await json(['assign-device', 'vent-1', '--none', '--at', at(-15)]);
    assert.deepEqual(await readings(hub), [[71, one]]);
    assert.match((await patients(['assign-device', 'vent-1'])).stderr, /^USAGE: .*either --bed or --none/);
    assert.match((await patients(['assign-device', 'vent-1', '--bed', 'ICU-99'])).stderr, /^PATIENT-BED: /);
  }));

test('of two gateways that have a device of one id the one is moved that is named, and a device that was never heard must be said to be so', () =>
  handSite(async (site) => {
    verifies('PLACED-BY-HAND', 'DEVICE-OF-ITS-GATEWAY');
    const { hub, json, patients } = site;
    const { patient: one } = await admitted(site, 'ICU-01', '1', -60);
    const { patient: two } = await admitted(site, 'ICU-02', '2', -60);
    const { patient: three } = await admitted(site, 'ICU-03', '3', -60);
    await measure(hub, 1, -30, { bed: 'ICU-01', device: 'monitor-1', value: 71 });
    await measure(hub, 1, -29, { agent: 'gw-mixed', bed: 'ICU-03', device: 'monitor-1', value: 73 });
    const unclear = await patients(['assign-device', 'monitor-1', '--bed', 'ICU-02', '--at', at(-40)]);
    assert.deepEqual([unclear.code, unclear.stdout], [1, '']);
    assert.match(unclear.stderr, /^PATIENT-DEVICE: .*gw-icu, gw-mixed.*--gateway/s);
    const done = await json<AssignedDevice>(['assign-device', 'monitor-1', '--gateway', 'gw-icu', '--bed', 'ICU-02', '--at', at(-40)]);
    assert.deepEqual(done, { gateway: 'gw-icu', device: 'monitor-1', bed: 'ICU-02', at: at(-40) });
    await measure(hub, 2, -10, { bed: 'ICU-01', device: 'monitor-1', value: 72 });
    await measure(hub, 2, -9, { agent: 'gw-mixed', bed: 'ICU-03', device: 'monitor-1', value: 74 });
    const placed = [
      [71, two],
      [73, three],
      [72, two],
      [74, three],
    ] as const;
    assert.deepEqual(await readings(hub), placed);
    for (const [argv, said] of [
      [['monitor-1', '--gateway', 'gw-mixed', '--bed', 'ICU-01'], /^PATIENT-BED: .*gw-mixed does not speak for it/],
      [['monitor-1', '--gateway', 'gw-home', '--none'], /^PATIENT-DEVICE-UNHEARD: .*heard of gw-icu, gw-mixed/],
      [['monitor-9', '--bed', 'ICU-01'], /^PATIENT-DEVICE-UNHEARD: /],
      [['monitor-9', '--bed', 'ICU-01', '--unheard'], /^PATIENT-DEVICE-UNHEARD: /],
      [['monitor-9', '--bed', 'ICU-01', '--gateway', 'gw-99', '--unheard'], /^PATIENT-DEVICE-UNHEARD: /],
    ] as const)
      assert.match((await patients(['assign-device', ...argv])).stderr, said, argv.join(' '));
    assert.deepEqual(await readings(hub), placed);
    const { stdout } = await patients([
      'assign-device',
      'monitor-9',
      '--gateway',
      'gw-icu',
      '--bed',
      'ICU-01',
      '--unheard',
      '--at',
      at(-40),
    ]);
    assert.match(stdout, /^monitor-9 of gw-icu stands in ICU-01 since /);
    await measure(hub, 3, -5, { bed: 'ICU-03', device: 'monitor-9', value: 75 });
    assert.deepEqual((await readings(hub)).at(-1), [75, one]);
  }));

test('a move of before devices were told apart by gateway counts where one gateway alone has that device', () =>
  handSite(async ({ hub, clock }) => {
    verifies('DEVICE-OF-ITS-GATEWAY');
    await tell(hub, 1, -60, 'A01', { who: '1', bed: 'ICU-01' });
    await measure(hub, 1, -30, { bed: 'ICU-01', device: 'vent-1' });
    await measure(hub, 2, -30, { bed: 'ICU-01', device: 'monitor-1' });
    await measure(hub, 1, -30, { agent: 'gw-mixed', bed: 'ICU-03', device: 'monitor-1' });
    for (const device of ['vent-1', 'monitor-1', 'new-1']) {
      const version = await hub.store.placing.placingVersion('clinic');
      const move = { tenant: 'clinic', gateway: null, device, bed: 'ICU-02', at: minute(-20) };
      await hub.store.placing.moveDevice(move, { version, changes: () => [] }, []);
    }
    const told: unknown[] = [];
    const again = new Whereabouts({ store: hub.store, gateways: () => hub.registry.gateways(), clock, onAmbiguous: (of) => told.push(of) });
    await again.open();
    const places = await again.placing('clinic');
    const bedOf = (gateway: string, device: string) => places?.bedOf({ gateway, device }, 'ICU-01', minute(-10));
    assert.deepEqual([bedOf('gw-icu', 'vent-1'), bedOf('gw-mixed', 'vent-1')], ['ICU-02', 'ICU-01']);
    assert.deepEqual([bedOf('gw-icu', 'monitor-1'), bedOf('gw-mixed', 'monitor-1')], ['ICU-01', 'ICU-01']);
    assert.equal(bedOf('gw-icu', 'new-1'), 'ICU-02', 'whoever turns out to have it');
    assert.deepEqual(told, [{ tenant: 'clinic', device: 'monitor-1' }]);
  }));

test('a census that names two numbers of one person in two beds puts them into neither, however far apart the lines are', () =>
  handSite(async ({ hub, patients }) => {
    verifies('CENSUS-READ', 'PLACED-BY-HAND');
    await tell(hub, 1, -60, 'A01', { who: '1', bed: 'ICU-01', visit: 'a' });
    await tell(hub, 2, -50, 'A40', { who: '2', was: '1' });
    const others = Array.from({ length: LINES_A_CALL }, () => 'ICU-03,HOSP,3');
    const bad = `ICU-03,"an authority of more than 128 characters, as it cannot be: ${'x'.repeat(100)}",3`;
    const lines = ['bed,authority,number', 'ICU-01,HOSP,1', bad, ...others, 'ICU-02,HOSP,2'];
    const { code, stdout } = await patients(['import', '-', '--json'], lines.join('\n'));
    const { faults } = JSON.parse(stdout) as Imported;
    assert.deepEqual([code, faults.filter(({ fault }) => fault === 'personTwice').map(({ line }) => line)], [1, [2, lines.length]]);
    assert.equal(hub.registry.inBed('clinic', 'ICU-02'), null);
  }));

test('a census admits everybody of its good lines, names each bad one by number and code, and a trial keeps nothing and says the same', () =>
  handSite(async ({ hub, json, patients, folder }) => {
    verifies('CENSUS-READ', 'PLACED-BY-HAND');
    const file = join(folder, 'census.csv');
    const lines = [
      'bed,authority,number,since',
      `ICU-01,HOSP,Mustermann-1,${at(-90)}`,
      'ICU-02,HOSP',
      'WARD-9,HOSP,3,',
      `ICU-02,HOSP,5,${at(60)}`,
      'ICU-03,HOSP,4,',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const faults = [
      { line: 3, fault: 'columns', code: 'PATIENT-CENSUS' },
      { line: 4, fault: 'noBed', code: 'PATIENT-BED' },
      { line: 5, fault: 'time', code: 'PATIENT-CENSUS' },
    ];
    const told = faults.map(({ line, fault, code }) => `line ${line}: ${code}: ${CENSUS_FAULTS[fault as CensusFault]}`).join('\n');
    const trial = await patients(['import', file, '--dry-run']);
    assert.deepEqual([trial.code, (await lying(json)).length], [1, 0]);
    assert.equal(trial.stdout, `2 could be admitted; nothing was kept, 3 would be left out:\n${told}\n`);
    const whole = await patients(['import', file, '--all-or-nothing']);
    assert.deepEqual([whole.code, (await lying(json)).length], [1, 0]);
    assert.equal(whole.stdout, `Nothing was kept, because 3 lines cannot be taken (--all-or-nothing):\n${told}\n`);
    const wholly = JSON.parse((await patients(['import', file, '--all-or-nothing', '--json'])).stdout) as Imported;
    assert.deepEqual([wholly.admitted, wholly.statements, wholly.faults], [0, [], faults]);
    const { code, stdout } = await patients(['import', file, '--at', at(-30), '--json']);
    const report = JSON.parse(stdout) as Imported;
    assert.deepEqual([code, report.admitted, report.statements.length, report.faults], [1, 2, 2, faults]);
    assert.ok(!`${trial.stdout}${stdout}`.includes('Mustermann'));
    const stays = await lying(json);
    assert.deepEqual(
      stays.map(({ bed, from }) => [bed, from]),
      [
        ['ICU-01', at(-90)],
        ['ICU-03', at(-30)],
      ],
    );
    assert.equal(hub.registry.patients('clinic').filter(({ bed }) => bed?.startsWith('ICU')).length, 2);

    const hl7 = [
      'MSH|^~\\&|PAS|HOSP|||20261121100000||ADT^A01|M1|P|2.5',
      'EVN||20261121100000',
      'PID|1||7^^^HOSP^MR',
      'PV1|1|I|^^ICU-02',
    ].join('\r');
    assert.deepEqual((await json<Imported>(['import', '-'], hl7)).admitted, 1);
    assert.match((await patients(['import', '-'], 'name,bed\nMustermann,ICU-01\n')).stderr, /^PATIENT-CENSUS: /);
    assert.match((await patients(['import', '-'], 'bed,authority,number\nICU-01,H,\uFFFD\n')).stderr, /^PATIENT-CENSUS: .*UTF-8/);
    assert.match((await patients(['import', join(folder, 'none.csv')])).stderr, /^USAGE: .*ENOENT/);
  }));

test('a long census takes as many calls as it needs, with one time for all of it', () =>
  handSite(
    async ({ json, patients }) => {
      verifies('CENSUS-READ');
      const census = `bed,authority,number\n${WARD.map((bed, i) => `${bed},HOSP,${i}`).join('\n')}\n`;
      const bad = await patients(['import', '-', '--all-or-nothing'], `${census},,9\n`);
      assert.match(bad.stdout, /^Nothing was kept, because 1 line.*\nline 122: PATIENT-CENSUS: no bed, or one that cannot be\n$/);
      const { admitted: count, statements } = await json<Imported>(['import', '-', '--at', at(-5)], census);
      assert.deepEqual([count, new Set(statements.map(({ statement }) => statement)).size], [120, 120]);
      assert.deepEqual(
        statements.map(({ line }) => line),
        WARD.map((_, i) => i + 2),
      );
      const stays = await lying(json);
      assert.deepEqual([stays.length, ...new Set(stays.map(({ from }) => from))], [120, at(-5)]);
      const again = await patients(['import', '-', '--all-or-nothing', '--at', at(-4)], census);
      assert.deepEqual([again.code, again.stderr], [0, '']);
      const [head, first = '', ...more] = again.stdout.trimEnd().split('\n');
      assert.deepEqual([head, more.length], ['120 admitted.', 119]);
      const [, undo = ''] = /^line 2: `vitalmesh-hub patients undo (\S+)` takes it back$/.exec(first) ?? [];
      assert.equal((await json<Done>(['undo', undo])).takesBack, undo);
    },
    { registry: WARD_REGISTRY },
  ));

const WARD = Array.from({ length: 120 }, (_, i) => `WARD-${i}`);
const WARD_REGISTRY = `
gateways:
  - { identity: gw-ward, tenant: clinic, beds: { ${WARD.map((bed) => `${bed}: followed`).join(', ')} } }
clients: []
`;

test('what a late movement moved from one patient to another is listed, with who had been shown it before', () =>
  handSite(async (site) => {
    verifies('CORRECTIONS-LISTED');
    const { hub, json, patients, clock } = site;
    const { patient: one } = await admitted(site, 'ICU-01', '1', -60);
    await measure(hub, 1, -20, { bed: 'ICU-01', value: 71 });
    const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
    assert.equal((await hub.door.latest(monitor, one, { channel: 'mcp-2026' })).vitals.length, 1);
    assert.deepEqual(
      await json<Correction[]>(['corrections']),
      [],
      'that nobody’s became somebody’s before anybody saw it is no correction',
    );
    clock.advance(1000);
    await tell(hub, 1, -30, 'A03', { who: '1' });
    await tell(hub, 2, -29, 'A01', { who: '2', bed: 'ICU-01' });
    const [, two] = await hub.store.placing.personsOf('clinic', [
      { authority: 'HOSP', value: '1' },
      { authority: 'HOSP', value: '2' },
    ]);
    const found = await json<Correction[]>(['corrections', '--since', at(-1)]);
    const sides = found.map(({ bed, was, is, rows, readBy }) => [
      bed,
      was,
      is,
      rows,
      readBy.map(({ principal, action }) => `${principal} ${action}`),
    ]);
    assert.deepEqual(sides, [
      ['ICU-01', one, null, 1, ['ai-monitor vitals.read']],
      ['ICU-01', null, two, 1, []],
    ]);
    const { stdout } = await patients(['corrections']);
    assert.match(
      stdout,
      /1 row of bed ICU-01, since .*: from (p-\S+) to nobody\n {2}ai-monitor was shown it under \1: entry \d+, \S+, vitals\.read$/m,
    );
    assert.match(stdout, /\nLooked at were the last 30 days; --since goes further back\.\n$/);
    assert.doesNotMatch((await patients(['corrections', '--since', at(-1)])).stdout, /Looked at/);
    const movedAt = clock.now();
    clock.advance(30 * 24 * 3_600_000);
    assert.equal((await json<Correction[]>(['corrections'])).length, 2);
    clock.advance(1);
    assert.deepEqual(await json<Correction[]>(['corrections']), []);
    assert.equal((await json<Correction[]>(['corrections', '--since', new Date(movedAt).toISOString()])).length, 2);
    assert.deepEqual(await json<Correction[]>(['corrections', '--since', at(1)]), []);
    const seq = found[0]?.readBy[0]?.seq ?? 0;
    const [entry] = await gathered(hub.store.evidence('clinic', { fromSeq: seq, toSeq: seq }));
    assert.deepEqual([entry?.event.principal, entry?.event.patient], ['ai-monitor', one]);
  }));

test('what cannot be said is refused by its code, before anything is kept, and repeats nothing', () =>
  handSite(async (site) => {
    verifies('PLACED-BY-HAND');
    const { patients, json, hub } = site;
    const { patient: one } = await admitted(site, 'ICU-01', '1', -60);
    const wrong = one.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const cases: [string[], RegExp, string?][] = [
      [['admit', '--bed', 'ICU-77', '--patient', one], /^PATIENT-BED: /],
      [['admit', '--bed', 'ICU-02', '--patient', newPatientId()], /^PATIENT-UNHEARD: /],
      [['admit', '--bed', 'ICU-02', '--patient', wrong], /^PATIENT-MISTYPED: /],
      [['admit', '--bed', 'ICU-02'], /^USAGE: .*--patient is missing/],
      [['admit', '--patient', one], /^USAGE: .*--bed is missing/],
      [['admit', '--bed', 'ICU-02', '--patient', one, '--from', '-'], /^USAGE: .*not both/, 'HOSP|9'],
      [['admit', '--bed', 'ICU-02', '--from', '-'], /^USAGE: .*one number/, ''],
      [['admit', '--bed', 'ICU-02', '--from', '-'], /^USAGE: .*line 2 is not/, '\nMustermann'],
      [['admit', '--bed', 'ICU-02', '--from', '-'], /^USAGE: .*line 1 is not/, 'a|b|c|d'],
      [['admit', '--bed', 'ICU-02', '--patient', one, '--at', 'yesterday'], /^USAGE: .*time with offset/],
      [['admit', '--bed', 'ICU-02', '--patient', one, '--at', '2014-01-01T00:00:00Z'], /^USAGE: .*before 2015/],
      [['admit', '--bed', 'ICU-02', '--patient', one, '--at', at(10)], /^USAGE: .*future/],
      [['swap', '--patient', one, '--with', one], /^USAGE: .*the same/],
      [['swap', '--from', '-'], /^PATIENT-UNPLACED: /, 'HOSP|1\nHOSP|2\n'],
      [['show', '--patient', one, '--bed', 'ICU-01'], /^USAGE: /],
      [['show', '--patient', newPatientId()], /^PATIENT-UNHEARD: /],
      [['show', '--patient', wrong], /^PATIENT-MISTYPED: /],
    ];
    const before = (await hub.store.counts('clinic', () => ENTRY)).events;
    for (const [argv, said, stdin] of cases) {
      const { code, stderr, stdout } = await patients(argv, stdin);
      assert.match(stderr, said, argv.join(' '));
      assert.ok(code !== 0 && stdout === '' && !stderr.includes('Mustermann'), argv.join(' '));
    }
    assert.equal((await hub.store.counts('clinic', () => ENTRY)).events, before);
    assert.equal((await lying(json)).length, 1);
  }));

const ENTRY: AuditEvent = {
  ...({ at: 0, tenant: 'clinic', principal: 'test', role: 'test', action: 'status.read', patient: null, outcome: 'allowed' } as const),
  ...{ reason: 'test', count: 0, channel: 'operator' },
};

test('whom the policy does not let is refused, and the refusal stands in the evidence', () => {
  const rules = DEFAULT_POLICY.rules.map((rule) => ({
    ...rule,
    actions: rule.actions.filter((action) => !['patients.place', 'observations.export', 'audit.read'].includes(action)),
  }));
  return handSite(
    async ({ patients, hub }) => {
      verifies('PLACED-BY-HAND', 'ONE-DOOR');
      for (const argv of [
        ['admit', '--bed', 'ICU-01', '--from', '-'],
        ['import', '-'],
        ['undo', 'x'],
        ['assign-device', 'd', '--none'],
        ['show', '--numbers'],
        ['corrections'],
      ])
        assert.match(
          (await patients(argv, argv[0] === 'import' ? 'bed,authority,number\nICU-01,H,1\n' : 'H|1')).stderr,
          /^ACCESS-DENIED: /,
          argv[0],
        );
      assert.equal((await patients(['show'])).code, 0);
      const denied = (await evidenceOf(hub.store)).filter(({ outcome }) => outcome === 'denied').map(({ action }) => action);
      assert.deepEqual(denied, [
        'patients.place',
        'patients.place',
        'patients.place',
        'patients.place',
        'observations.export',
        'audit.read',
      ]);
    },
    { policy: { ...DEFAULT_POLICY, rules } },
  );
});
