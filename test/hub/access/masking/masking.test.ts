import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LatestView } from '../../../../hub/access/door.ts';
import type { Masked, Masking } from '../../../../hub/access/masking/contract.ts';
import { shownOf } from '../../../../hub/access/masking/frame.ts';
import { createMaskings } from '../../../../hub/access/masking/masking.ts';
import { isPseudonym } from '../../../../hub/access/masking/pseudonyms.ts';
import { PATIENT_ID } from '../../../../hub/registry/schema.ts';
import { parseInstant } from '../../../../shared/clock.ts';
import type { Observation } from '../../../../shared/fhir.ts';
import { readGap, readGapPart } from '../../../../shared/gap-observation.ts';
import { checkObservation, TEST_LABEL } from '../../../../shared/observation.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW } from '../../../support/hub.ts';
import { ALERTS, DOUBTFUL_READING, EVENTS, LATEST, OBSERVATION, REAL, SUMMARY, TREND_VIEW, VERSION } from './samples.ts';

const PROFILES: readonly Masked[] = ['limited', 'deidentified'];
const SECRET = Buffer.alloc(32, 7);
const research = { id: 'ai-research', tenant: 'clinic' };

function masking(profile: Masked, who = research): Masking {
  return createMaskings(SECRET).of(who, profile);
}

/** Everything that can be masked, each with what masks it. */
const FORMS: readonly { name: string; form: object; masked: (m: Masking, form: never) => unknown }[] = [
  { name: 'summary', form: SUMMARY, masked: (m, form) => m.summary(form, TEST_NOW) },
  { name: 'latest', form: LATEST, masked: (m, form) => m.latest(form) },
  { name: 'alerts', form: ALERTS, masked: (m, form) => m.alerts(form) },
  { name: 'trend', form: TREND_VIEW, masked: (m, form) => m.trend(form) },
  { name: 'version', form: VERSION, masked: (m, form) => m.versions([form], 'pat-icu-01') },
  { name: 'doubtful', form: DOUBTFUL_READING, masked: (m, form) => m.doubtful(form) },
  { name: 'observation', form: OBSERVATION, masked: (m, form) => m.observation(form) },
  ...EVENTS.map((form) => ({ name: form.kind, form, masked: (m: Masking, given: never) => m.event(given) })),
];

/** The paths of all strings, and of all objects, in something. */
function pathsOf(
  value: unknown,
  at: readonly (string | number)[] = [],
): { strings: (string | number)[][]; objects: (string | number)[][] } {
  if (typeof value === 'string') return { strings: [[...at]], objects: [] };
  if (typeof value !== 'object' || value === null) return { strings: [], objects: [] };
  const found = { strings: [] as (string | number)[][], objects: Array.isArray(value) ? [] : [[...at]] };
  for (const [key, inner] of Object.entries(value)) {
    const { strings, objects } = pathsOf(inner, [...at, key]);
    found.strings.push(...strings);
    found.objects.push(...objects);
  }
  return found;
}

/** A copy with another value at a path. */
function planted<T>(value: T, [key, ...path]: readonly (string | number)[], marker: unknown): T {
  if (key === undefined) return marker as T;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  copy[key] = planted(copy[key], path, marker);
  return copy as T;
}

test('no text of what is stored is in what is shown, wherever it stands, nor a field that nobody decided on', () => {
  verifies('MASK-ALLOW-LIST');
  const markers = fc.stringMatching(/^[A-Z]{12}$/);
  let tried = 0;
  for (const profile of PROFILES) {
    const m = masking(profile);
    for (const { name, form, masked } of FORMS) {
      const { strings, objects } = pathsOf(form);
      // The ward is what a limited data set may have; the tenant is the reader's own, and in no answer.
      const mayStay = profile === 'limited' ? ['ward', 'tenant'] : ['tenant'];
      const places = [...strings.filter((path) => !mayStay.includes(path.join())), ...objects.map((path) => [...path, 'addedLater'])];
      fc.assert(
        fc.property(fc.constantFrom(...places), markers, (path, marker) => {
          tried += 1;
          const shown = JSON.stringify(masked(m, planted(form, path, marker) as never) ?? null);
          assert.ok(!shown.includes(marker), `${profile} ${name}: ${path.join('.')} is shown`);
          assert.ok(!shown.includes('addedLater'));
        }),
        { numRuns: 4 * places.length },
      );
    }
  }
  assert.ok(tried > 1000);
});

test('what identifies somebody in real data is in no masked form of it', () => {
  verifies('MASK-ALLOW-LIST');
  for (const profile of PROFILES) {
    const m = masking(profile);
    for (const { name, form, masked } of FORMS) {
      assert.ok(REAL.some((real) => JSON.stringify(form).includes(real)));
      const shown = JSON.stringify(masked(m, form as never) ?? null);
      for (const real of REAL) assert.ok(!shown.includes(real), `${profile} ${name} shows ${real}`);
      assert.equal(shown.includes('north'), profile === 'limited' && 'ward' in form);
    }
  }
});

test('what a profile shows is as it was: numbers, flags, ages, coverage and counts', () => {
  for (const profile of PROFILES) {
    const { masked, bed, vitals } = masking(profile).latest(LATEST);
    assert.deepEqual([masked, bed, vitals.length], [profile, null, 2]);
    const [nibp, hr] = vitals;
    assert.deepEqual(
      nibp?.components.map(({ vital, value, absent }) => [vital, value, absent]),
      [
        ['nibp_s', 121, null],
        ['nibp_d', null, 'unknown'],
      ],
    );
    assert.deepEqual([nibp?.unit, nibp?.flags, nibp?.ageSeconds, hr?.lastKnown?.value], ['mm[Hg]', ['motion'], 5, 72]);
    const trend = masking(profile).trend(TREND_VIEW);
    assert.deepEqual(trend.series[0]?.buckets[0]?.excluded, TREND_VIEW.series[0]?.buckets[0]?.excluded);
    assert.deepEqual(
      trend.series.map(({ device }) => device),
      trend.series.map(({ device }) => device).toSorted(),
    );
    const [gap] = trend.gaps;
    assert.deepEqual([gap?.reason, gap?.lost, gap?.rows, gap?.values], ['space', 'continuous', 3, 9]);
  }
});

test('a number that cannot be of its vital sign is not shown: it may be anything', () => {
  verifies('MASK-ALLOW-LIST');
  for (const profile of PROFILES) {
    const shown = masking(profile).latest(planted(LATEST, ['vitals', 1, 'value'], 5_550_100));
    assert.deepEqual([shown.vitals[1]?.value, shown.vitals[1]?.absent], [null, 'masked']);
    const observation = masking(profile).observation(planted(OBSERVATION, ['components', 0, 'value'], 5_550_100));
    assert.ok(!JSON.stringify(observation).includes('5550100'));
    assert.match(JSON.stringify(observation?.resource.component?.[0]), /"code":"masked"/);
  }
});

test('a masked observation is a good one that says that it is pseudonymized, so that no hub takes it for data', () => {
  for (const profile of PROFILES) {
    const shown = masking(profile).observation(OBSERVATION);
    assert.ok(shown);
    const resource = JSON.parse(JSON.stringify(shown.resource)) as Observation;
    assert.deepEqual(
      resource.meta?.security?.map(({ code }) => code),
      ['HTEST', 'PSEUDED'],
    );
    assert.ok(!checkObservation(resource).ok);
    resource.meta?.security?.pop();
    assert.deepEqual(checkObservation(resource), { ok: true, observation: resource });
    assert.equal(resource.subject.identifier.value, masking(profile).patient('pat-icu-01'));
  }
});

test('waves, movements and what is not in the table are shown to nobody who is masked', () => {
  verifies('MASK-ALLOW-LIST');
  for (const profile of PROFILES) {
    const kinds = EVENTS.filter((event) => masking(profile).event(event) !== undefined).map(({ kind }) => kind);
    assert.deepEqual(kinds, ['alert', 'gap', 'gap']);
    assert.equal(masking(profile).observation({ ...OBSERVATION, vital: 'shoe-size' }), undefined);
  }
});

test('a gap is told of as a whole, and the part of one without how much, which is known of the whole alone', () => {
  for (const profile of PROFILES) {
    const m = masking(profile);
    const gaps = EVENTS.flatMap((event) => (event.kind === 'gap' ? (m.event(event) ?? []) : []));
    const at = (instant: number): number => m.at(instant, 'pat-icu-01');
    assert.deepEqual(
      gaps.map(({ resource }) => readGap({ ...resource, meta: { security: [TEST_LABEL] } })),
      [
        { reason: 'space', lost: 'continuous', from: at(TEST_NOW - 2000), to: at(TEST_NOW - 1500), rows: 3, values: 9, vitals: ['hr'] },
        undefined,
      ],
    );
    assert.deepEqual(readGapPart({ ...gaps[1]?.resource, meta: { security: [TEST_LABEL] } }), {
      ...{ reason: 'age', lost: 'spot', from: at(TEST_NOW - 2000), to: at(TEST_NOW - 1500) },
    });
  }
});

test('pseudonyms are stable, differ by principal, tenant and profile, and lead back for their own principal alone', () => {
  verifies('MASK-PSEUDONYMS');
  const ids = fc.stringMatching(/^[a-z][a-z0-9-]{7,39}$/);
  const who = fc.record({ id: fc.string({ maxLength: 20 }), tenant: fc.string({ maxLength: 20 }) });
  fc.assert(
    fc.property(ids, ids, who, who, fc.constantFrom(...PROFILES), (patient, other, one, two, profile) => {
      const mine = masking(profile, one);
      const name = mine.patient(patient);
      assert.ok(PATIENT_ID.test(name) && isPseudonym(name) && !name.includes(patient));
      assert.equal(masking(profile, one).patient(patient), name, 'made anew, by another process');
      assert.equal(mine.patientOf(name, [other, patient]), patient);
      assert.equal(mine.patientOf(patient, [patient]), undefined, 'nobody is known by their own id');
      if (other !== patient) {
        assert.notEqual(mine.patient(other), name);
        assert.equal(mine.patientOf(name, [other]), undefined, 'who is not among them is nobody');
      }
      const isSame = one.id === two.id && one.tenant === two.tenant;
      assert.equal(masking(profile, two).patientOf(name, [patient]), isSame ? patient : undefined);
      const otherProfile = PROFILES.find((name) => name !== profile) ?? profile;
      assert.equal(masking(otherProfile, one).patientOf(name, [patient]), undefined);
      assert.equal(createMaskings(Buffer.alloc(32, 8)).of(one, profile).patientOf(name, [patient]), undefined, 'another secret');
    }),
    { numRuns: 300 },
  );
});

test('principals and tenants that run together in a text are told apart', () => {
  verifies('MASK-PSEUDONYMS');
  const one = masking('limited', { tenant: 'a', id: 'b","c' });
  const two = masking('limited', { tenant: 'a","b', id: 'c' });
  assert.notEqual(one.patient('pat-icu-01'), two.patient('pat-icu-01'));
});

test('a device has another name at each patient, and so has each observation', () => {
  verifies('MASK-PSEUDONYMS');
  const m = masking('limited');
  assert.notEqual(m.device('pat-icu-01', 'monitor-1'), m.device('pat-icu-02', 'monitor-1'));
  assert.notEqual(m.device('pat-icu-01', 'monitor-1'), m.device('pat-icu-01', 'monitor-2'));
  assert.equal(m.latest(LATEST).vitals[0]?.device, m.device('pat-icu-01', 'monitor-1'));
});

test('the names of many principals and patients take bounded room, and are the same when they are made again', () => {
  verifies('MASK-PSEUDONYMS');
  const maskings = createMaskings(SECRET);
  const first = maskings.of(research, 'limited');
  const name = first.patient('pat-icu-01');
  for (let i = 0; i < 300; i += 1) maskings.of({ id: `other-${i}`, tenant: 'clinic' }, 'limited');
  assert.notEqual(maskings.of(research, 'limited'), first, 'it was forgotten');
  assert.equal(maskings.of(research, 'limited').patient('pat-icu-01'), name);
});

test('deidentified times are no real ones: shifted by whole days, the same for all of one patient, another number for each', () => {
  verifies('MASK-TIMES');
  const at = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2035, 0, 1) });
  fc.assert(
    fc.property(at, at, fc.string({ maxLength: 20 }), (one, two, patient) => {
      const m = masking('deidentified');
      assert.equal(m.at(one, patient) - m.at(two, patient), one - two);
      assert.equal((m.at(one, patient) - one) % 86_400_000, 0);
      const year = new Date(m.at(one, patient)).getUTCFullYear();
      assert.ok(year >= 2100 && year < 2200);
      assert.equal(m.instantOf(m.at(one, patient), patient), one);
      assert.equal(masking('limited').at(one, patient), one);
    }),
    { numRuns: 300 },
  );
  const shifts = new Set(Array.from({ length: 200 }, (_, i) => masking('deidentified').at(TEST_NOW, `pat-${i}`)));
  assert.ok(shifts.size > 190);
  const principals = new Set(
    Array.from({ length: 200 }, (_, i) => masking('deidentified', { ...research, id: `ai-${i}` }).at(TEST_NOW, 'pat-icu-01')),
  );
  assert.ok(principals.size > 190);
});

test('every time of an answer is shifted alike, without the offset of where it was', () => {
  verifies('MASK-TIMES');
  const m = masking('deidentified');
  const shown = m.latest(LATEST);
  const instant = (text: string | undefined) => parseInstant(text ?? '') ?? assert.fail(text);
  const [was, is] = [instant(LATEST.asOf), instant(shown.asOf)];
  const by = is.at - was.at;
  assert.equal(is.offsetMin, 0);
  assert.equal(instant(shown.vitals[0]?.at).at - instant(LATEST.vitals[0]?.at).at, by);
  assert.equal(instant(shown.vitals[1]?.lastKnown?.at).at - instant(LATEST.vitals[1]?.lastKnown?.at).at, by);
  assert.equal((shown.vitals[0]?.storedAt ?? 0) - (LATEST.vitals[0]?.storedAt ?? 0), by);
  for (const { name, form, masked } of FORMS) {
    const text = JSON.stringify(masked(m, form as never) ?? null);
    assert.doesNotMatch(text, /\b20[0-2]\d-\d\d/, `${name} shows a date of this time`);
    for (const [number] of text.matchAll(/\b1[67]\d{11}\b/g)) assert.fail(`${name} shows ${number}`);
  }
});

test('a field that was not decided on does not compile', () => {
  verifies('MASK-ALLOW-LIST');
  const { masked: _, ...rest } = masking('limited').latest(LATEST);
  // @ts-expect-error `masked` and `ward` were not decided on
  const shown = shownOf<LatestView>(rest);
  assert.equal(shown.masked, undefined);
});
