import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Done } from '../../../../hub/patients/hand/by-hand.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import { verifies } from '../../../requirements.ts';
import { idOf, measure, minute, READ, tell } from '../../../support/following.ts';
import { gathered, type TestHub } from '../../../support/hub.ts';
import { type HandSite, handSite } from './site.ts';

const at = (minutes: number): string => formatInstant(minute(minutes));
const operator = { channel: 'operator' } as const;

async function admitted({ json }: HandSite, bed: string, number: string, minutes: number): Promise<{ patient: string; statement: string }> {
  const { patients, statement } = await json<Done>(['admit', '--bed', bed, '--from', '-', '--at', at(minutes)], `HOSP|${number}\n`);
  return { patient: patients[0]?.patient ?? assert.fail(), statement };
}

/** Heart rates in order of measuring, each with under whom it stands. */
async function readings({ store }: TestHub): Promise<[number | null, string][]> {
  const all = await gathered(await store.observations('clinic', {}, (count) => ({ ...READ, count })));
  return all.sort((a, b) => a.sortTime - b.sortTime).map(({ value, patient }) => [value, patient]);
}

test('two numbers are made one and two again by hand, and every read goes by the one that stays', () =>
  handSite(async (site) => {
    verifies('PLACED-BY-HAND', 'MERGED-RESOLVES');
    const { hub, json, patients } = site;
    const { patient: old } = await admitted(site, 'ICU-01', '1', -60);
    await measure(hub, 1, -50, { bed: 'ICU-01', value: 71 });
    const { patient: real } = await admitted(site, 'ICU-02', '2', -10);
    await json<Done>(['discharge', '--patient', old, '--at', at(-12)]);
    const merged = await json<Done>(['merge', '--patient', old, '--into', real]);
    assert.deepEqual(
      merged.patients.map(({ patient, mergedFrom }) => [patient, mergedFrom]),
      [
        [real, undefined],
        [real, old],
      ],
    );
    assert.deepEqual(await readings(hub), [[71, real]]);
    const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
    assert.equal((await hub.door.latest(monitor, old, operator)).mergedFrom, old);
    assert.match((await patients(['show', '--patient', old])).stdout, new RegExp(real));
    const parted = await patients(['unmerge', '--from', '-'], 'HOSP|1\nHOSP|2\n');
    assert.match(parted.stdout, /^Said as of \S+; `vitalmesh-hub patients merge` makes them one again\.\n/);
    assert.deepEqual(await readings(hub), [[71, old]]);
    for (const argv of [
      ['unmerge', '--patient', old, '--with', real],
      ['undo', merged.statement],
    ]) {
      const { code, stderr } = await patients(argv);
      assert.deepEqual([code, /^PATIENT-NOT-MERGED: /.test(stderr)], [1, true], argv[0]);
    }
    const never = await patients(['unmerge', '--from', '-'], 'HOSP|1\nHOSP|77\n');
    assert.match(never.stderr, /^PATIENT-NOT-MERGED: /);
    const { statement } = await json<Done>(['merge', '--patient', old, '--into', real]);
    assert.equal((await json<Done>(['undo', statement])).takesBack, statement);
    assert.deepEqual(await readings(hub), [[71, old]]);
    const last = await json<Done>(['admit', '--patient', old, '--bed', 'ICU-03', '--at', at(-5)]);
    const undone = await patients(['undo', last.statement]);
    assert.match(undone.stdout, new RegExp(`^Taken back: what was said as of \\S+ holds no more\\. .*\\n${old} {2}`));
  }));

test('an id of registry.yaml is merged with none: the file alone says who that is, and what is to be done is said', () =>
  handSite(async (site) => {
    verifies('PLACED-BY-HAND', 'MERGED-RESOLVES');
    const { patient: one } = await admitted(site, 'ICU-01', '1', -60);
    for (const [who, other] of [
      ['pat-home-01', 'pat-or-0001'],
      ['pat-home-01', one],
      [one, 'pat-home-01'],
    ] as const) {
      const { code, stderr } = await site.patients(['merge', '--patient', who, '--into', other]);
      assert.equal(code, 1);
      assert.match(stderr, /^PATIENT-LISTED: .*\n.*registry\.yaml.*`vitalmesh-hub readings reassign --patient OLD --to-patient NEW/);
    }
  }));

test('who is one already is not merged again, and what is taken back by hand parts nobody whom the hospital merged', () =>
  handSite(async ({ hub, json, patients }) => {
    verifies('MERGED-ONCE', 'MERGED-RESOLVES');
    for (const [seq, who] of ['1', '2', '3'].entries()) await tell(hub, seq + 1, -120 + seq, 'A01', { who, bed: `ICU-0${who}` });
    const [one, two, three] = [await idOf(hub, '1'), await idOf(hub, '2'), await idOf(hub, '3')];
    await tell(hub, 4, -60, 'A40', { who: '2', was: '1' });
    const isOne = (was: string, is: string) => hub.registry.patient('clinic', was)?.patient === is;
    const merged = await patients(['merge', '--patient', one, '--into', two]);
    assert.deepEqual([merged.code, /^PATIENT-ONE: /.test(merged.stderr)], [1, true], merged.stderr);
    // The hospital says it behind the operator, of a time before.
    const { stdout } = await patients(['merge', '--patient', three, '--into', two, '--json']);
    const { statement } = JSON.parse(stdout) as Done;
    await tell(hub, 5, -50, 'A40', { who: '2', was: '3' });
    const undone = await patients(['undo', statement]);
    assert.deepEqual([undone.code, /^PATIENT-ONE: .*\n.*unmerge/.test(undone.stderr)], [1, true], undone.stderr);
    assert.deepEqual([isOne(one, two), isOne(three, two)], [true, true]);
    // Whom nobody else merged are two again; and that the other one stays is something new.
    const turned = JSON.parse((await patients(['merge', '--patient', two, '--into', one, '--json'])).stdout) as Done;
    assert.equal(turned.undoable, true);
    assert.equal(isOne(two, one), true);
    await json<Done>(['unmerge', '--patient', three, '--with', two]);
    assert.equal(isOne(three, three), true);
  }));

test('a parting that would be of before the merge is refused, for the two would stay one', () =>
  handSite(async (site) => {
    verifies('PLACED-BY-HAND', 'MERGED-RESOLVES');
    const { hub, json, patients } = site;
    const { patient: one } = await admitted(site, 'ICU-01', '1', -60);
    const { patient: two } = await admitted(site, 'ICU-02', '2', -60);
    await json<Done>(['discharge', '--patient', one, '--at', at(-40)]);
    await json<Done>(['merge', '--patient', one, '--into', two, '--at', at(-30)]);
    const { code, stderr } = await patients(['unmerge', '--patient', one, '--with', two, '--at', at(-31)]);
    assert.deepEqual([code, /^USAGE: .*merged later than --at/.test(stderr)], [2, true], stderr);
    assert.equal(hub.registry.patient('clinic', one)?.patient, two);
    await json<Done>(['unmerge', '--patient', one, '--with', two, '--at', at(-29)]);
    assert.equal(hub.registry.patient('clinic', one)?.patient, one);
  }));
