import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Done, Imported } from '../../../../hub/patients/hand/by-hand.ts';
import type { ShownStay } from '../../../../hub/patients/hand/shown.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import { verifies } from '../../../requirements.ts';
import { minute } from '../../../support/following.ts';
import { type HandSite, handSite } from './site.ts';

const at = (minutes: number): string => new Date(minute(minutes)).toISOString();

async function admitted({ json }: HandSite, bed: string, number: string, minutes: number): Promise<string> {
  const { patients } = await json<Done>(['admit', '--bed', bed, '--from', '-', '--at', at(minutes)], `HOSP|${number}\n`);
  return patients[0]?.patient ?? assert.fail();
}

async function lying({ json }: HandSite, bed: string, minutes: number): Promise<[string, string[]] | undefined> {
  const [stay] = await json<ShownStay[]>(['show', '--bed', bed, '--at', at(minutes)]);
  return stay && stay.state !== 'nobody' ? [stay.state, stay.patients.map(({ patient }) => patient)] : undefined;
}

test('a census that puts somebody where another one lies is kept, and says by line who; those whom it moves itself are in nobody’s way', () =>
  handSite(async (site) => {
    verifies('CENSUS-READ', 'BY-HAND-CONTRADICTS');
    const { json, patients } = site;
    const one = await admitted(site, 'ICU-01', '1', -60);
    const two = await admitted(site, 'ICU-02', '2', -60);
    const swapped = 'bed,authority,number\nICU-01,HOSP,2\nICU-02,HOSP,1\n';
    assert.deepEqual((await json<Imported>(['import', '-', '--at', at(-30)], swapped)).conflicts, []);
    const third = 'bed,authority,number\nICU-01,HOSP,3\n';
    for (const trial of [['--dry-run'], []]) {
      const { code, stdout } = await patients(['import', '-', '--at', at(-10), ...trial], third);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`\nline 2: ${two} {2}is said to lie in ICU-01 too, .*patients discharge --patient ${two}`));
    }
    assert.equal((await lying(site, 'ICU-01', -5))?.[0], 'conflict');
    assert.deepEqual(await lying(site, 'ICU-02', -5), ['occupied', [one]]);
  }));

test('who is admitted where another one lies, or lay elsewhere, is told so with whom; who left is not moved', () =>
  handSite(async (site) => {
    verifies('BY-HAND-CONTRADICTS');
    const { json, patients, clock } = site;
    const one = await admitted(site, 'ICU-01', '1', -60);
    const taken = await patients(['admit', '--bed', 'ICU-01', '--from', '-', '--at', at(-40)], 'HOSP|2');
    assert.equal(taken.code, 1, 'whose the readings are is not clear any more');
    assert.match(taken.stdout, /^CONFLICT: /m);
    assert.match(
      taken.stdout,
      new RegExp(`\n${one} {2}is said to lie in ICU-01 too, so .*nobody's: .*patients discharge --patient ${one}`),
    );
    const anew = await json<Done>(['admit', '--bed', 'ICU-02', '--patient', one, '--at', at(-30)]);
    assert.deepEqual(anew.conflicts, [{ what: 'elsewhere', bed: 'ICU-01', patient: one }]);
    const [, [two = assert.fail()] = []] = (await lying(site, 'ICU-01', -20)) ?? [];
    const unclear = await patients(['move', '--bed', 'ICU-02', '--patient', two, '--at', at(-20), '--json']);
    assert.equal(unclear.code, 1);
    const into = JSON.parse(unclear.stdout) as Done;
    assert.deepEqual(into.conflicts, [{ what: 'occupied', bed: 'ICU-02', patient: one }]);
    clock.advance(1);
    await json(['undo', into.statement]);
    assert.deepEqual((await json<Done>(['discharge', '--patient', one, '--at', at(-10)])).conflicts, []);
    for (const argv of [
      ['move', '--bed', 'ICU-03', '--patient', one],
      ['discharge', '--patient', one],
      ['move', '--bed', 'ICU-03', '--patient', one, '--at', at(-70)],
    ])
      assert.match((await patients(argv)).stderr, /^PATIENT-GONE: .*patients admit/s, argv.join(' '));
    assert.match((await patients(['move', '--bed', 'ICU-03', '--from', '-'], 'HOSP|99')).stderr, /^PATIENT-GONE: /);
    await json<Done>(['move', '--bed', 'ICU-03', '--patient', one, '--at', at(-15)]);
    assert.deepEqual(await lying(site, 'ICU-03', -12), ['occupied', [one]], 'before they left they can be moved');
  }));

test('each hint of what takes a statement back works, and none is given where nothing does', () =>
  handSite(async ({ patients, clock }) => {
    verifies('PLACED-BY-HAND');
    const commands: [string[], string][] = [
      [['admit', '--bed', 'ICU-01', '--from', '-'], 'HOSP|1'],
      [['admit', '--bed', 'ICU-02', '--from', '-'], 'HOSP|2'],
      [['swap', '--from', '-'], 'HOSP|1\nHOSP|2'],
      [['move', '--bed', 'ICU-03', '--from', '-'], 'HOSP|1'],
      [['discharge', '--from', '-'], 'HOSP|1'],
      [['merge', '--from', '-'], 'HOSP|1\nHOSP|2'],
    ];
    const hints: string[] = [];
    for (const [argv, stdin] of commands) {
      clock.advance(1000);
      const { stdout, stderr } = await patients(argv, stdin);
      hints.push(/`vitalmesh-hub patients undo (\S+)` takes it back/.exec(stdout)?.[1] ?? assert.fail(`${argv.join(' ')}: ${stderr}`));
    }
    for (const hint of hints.reverse()) {
      clock.advance(1000);
      const { code, stdout } = await patients(['undo', hint]);
      assert.equal(code, 0, hint);
      assert.doesNotMatch(stdout, /patients undo/);
    }
    const { stdout } = await patients(['show']);
    assert.equal(stdout, [1, 2, 3].map((bed) => `ICU-0${bed}  nobody is known to lie there\n`).join(''), 'all of it was taken back');
    await patients(['merge', '--from', '-'], 'HOSP|1\nHOSP|2');
    assert.doesNotMatch((await patients(['unmerge', '--from', '-'], 'HOSP|1\nHOSP|2')).stdout, /patients undo/);
  }));

test('whoever is discharged by hand leaves, whatever is known of them: by a number that was merged away, and out of each bed of which one is theirs', () =>
  handSite(async (site) => {
    verifies('PLACED-BY-HAND', 'MERGED-STAYS-OWN');
    const { json } = site;
    const one = await admitted(site, 'ICU-01', '1', -60);
    const two = await admitted(site, 'ICU-02', '2', -60);
    const merged = await site.patients(['merge', '--patient', one, '--into', two, '--at', at(-50), '--json']);
    assert.equal(merged.code, 1);
    assert.deepEqual((JSON.parse(merged.stdout) as Done).conflicts, [
      { what: 'apart', bed: 'ICU-01', patient: one },
      { what: 'apart', bed: 'ICU-02', patient: two },
    ]);
    assert.deepEqual(
      [await lying(site, 'ICU-01', -40), await lying(site, 'ICU-02', -40)],
      [
        ['unconfirmed', [two]],
        ['unconfirmed', [two]],
      ],
    );
    await json(['discharge', '--patient', one, '--at', at(-30)]);
    assert.deepEqual([await lying(site, 'ICU-01', -20), await lying(site, 'ICU-02', -20)], [undefined, undefined]);
    await json(['admit', '--bed', 'ICU-03', '--patient', two, '--at', at(-15)]);
    await json(['discharge', '--patient', one, '--at', at(-10)]);
    assert.deepEqual([await lying(site, 'ICU-03', -12), await lying(site, 'ICU-03', -5)], [['occupied', [two]], undefined]);
  }));

test('of a move that is said late it is told until when they lay there, and where they lie now', () =>
  handSite(async (site) => {
    verifies('BY-HAND-CONTRADICTS');
    const { patients } = site;
    const one = await admitted(site, 'ICU-01', '1', -60);
    await patients(['move', '--bed', 'ICU-02', '--patient', one, '--at', at(-20)]);
    const late = await patients(['move', '--bed', 'ICU-03', '--patient', one, '--at', at(-40)]);
    assert.equal(late.code, 0, late.stderr);
    const [, lay, now] = late.stdout.split('\n');
    assert.equal(lay, `${one}  lay in ICU-03 from ${formatInstant(minute(-40))} to ${formatInstant(minute(-20))}; as of now:`);
    assert.equal(now, `${one}  lies in ICU-02`);
    assert.doesNotMatch((await patients(['move', '--bed', 'ICU-01', '--patient', one, '--at', at(-10)])).stdout, / lay in /);
  }));
