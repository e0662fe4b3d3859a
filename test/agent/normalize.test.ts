import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { normalize } from '../../agent/normalize.ts';
import { observationCount } from '../../agent/observation-count.ts';
import type { Observation } from '../../shared/fhir.ts';
import { checkObservation, EXTENSIONS, readObservation } from '../../shared/observation.ts';
import type { Reading, ReadingRecord } from '../../shared/reading.ts';
import { checkRecord } from '../../shared/reading-check.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import { panelOfPart, vital } from '../../shared/vitals.ts';
import { verifies } from '../requirements.ts';
import { assertValidFhir } from '../support/fhir-valid.ts';
import { observationGoldens } from '../support/goldens.ts';
import { anyRecord, READABLE } from '../support/records.ts';

const KEY = { agent: 'gw.Test-1', epoch: '0123456789abc', seq: 7 };
const RECEIVED = Date.parse('2026-11-21T09:00:01.250Z');

function recordOf(readings: Reading[], rest: Partial<ReadingRecord> = {}): ReadingRecord {
  const device = { id: 'SN-1', idType: 'serial' as const };
  return { source: 's', profile: 'p', device, receivedAt: RECEIVED, subject: {}, test: false, class: 'continuous', readings, ...rest };
}

function normalizeOne(reading: Reading, rest: Partial<ReadingRecord> = {}): Observation {
  const [observation, ...more] = normalize(recordOf([reading], rest), KEY);
  assert.equal(more.length, 0);
  return observation ?? assert.fail('no observation');
}

/** As it arrives: nothing shared, nothing undefined. */
function overTheWire<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

describe('Golden Observations', () => {
  for (const { name, record, key, zone, observations } of observationGoldens()) {
    it(name, () => {
      verifies('OBSERVATION-VALID', 'NOTHING-INVENTED');
      assert.equal(checkRecord(record), undefined);
      const made = normalize(record, key, zone === undefined ? {} : { zone });
      assert.deepEqual(overTheWire(made), observations);
      assertValidFhir(observations);
      for (const observation of observations) assert.deepEqual(checkObservation(observation), { ok: true, observation });
    });
  }
});

describe('normalize', () => {
  it('makes valid FHIR R4 of every vital sign, with a value and without', () => {
    verifies('OBSERVATION-VALID');
    for (const row of READABLE) {
      assertValidFhir(normalize(recordOf([{ vital: row.key, value: 30 }]), KEY));
      assertValidFhir(normalize(recordOf([{ vital: row.key, absent: 'not-performed' }]), KEY));
    }
  });

  it('makes valid FHIR R4, which the hub takes, of whatever a decoder may hand on', () => {
    verifies('OBSERVATION-VALID', 'NOTHING-INVENTED');
    fc.assert(
      fc.property(anyRecord, (record) => {
        assert.equal(checkRecord(record), undefined);
        const observations = overTheWire(normalize(record, KEY));
        assertValidFhir(observations);
        for (const observation of observations) assert.deepEqual(checkObservation(observation), { ok: true, observation });
      }),
      { numRuns: 60 },
    );
  });

  it('loses nothing, adds nothing: what is read back is what the device sent', () => {
    verifies('NOTHING-INVENTED');
    fc.assert(
      fc.property(anyRecord, (record) => {
        const facts = overTheWire(normalize(record, KEY)).map(readObservation);
        const values = facts.flatMap((f) => (f.components.length > 0 ? f.components : [f]));
        const sent = record.readings.map((r) => `${r.vital} ${r.value === undefined ? r.absent : r.value + 0} ${vital(r.vital)?.ucum}`);
        const read = values.map((v) => `${v.vital} ${v.value ?? v.absent} ${v.unit}`);
        // A part that only the bp profile asks for is there as unknown.
        const extra = read.length - sent.length;
        for (const one of sent) assert.ok(read.splice(read.indexOf(one), 1)[0] === one, one);
        assert.equal(read.length, extra);
        for (const one of read) assert.match(one, /^(?:nibp|cuff|art|abp)_[sd] unknown mm\[Hg\]$/);
        for (const f of facts) {
          assert.equal(f.test, record.test);
          assert.equal(f.receivedAt, record.receivedAt);
          assert.equal(f.device, record.device.id);
          assert.deepEqual(f.hints, overTheWire(record.subject));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('gives the same Observations for the same row, each with an id of its own that names the reading', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const observations = normalize(record, KEY);
        assert.deepEqual(normalize(record, KEY), observations);
        assert.equal(new Set(observations.map((o) => o.id)).size, observations.length);
        for (const observation of observations) {
          const { index, ...key } = parseObservationId(observation.id) ?? assert.fail(observation.id);
          assert.deepEqual(key, KEY);
          const reading = record.readings[index] ?? assert.fail('no such reading');
          const { vital: key2 } = readObservation(overTheWire(observation));
          assert.ok(key2 === reading.vital || key2 === panelOfPart(reading.vital)?.key);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('marks a value outside the plausible range, and neither changes nor hides it', () => {
    verifies('NOTHING-INVENTED');
    const facts = readObservation(normalizeOne({ vital: 'spo2', value: 101, flags: ['motion'] }));
    assert.deepEqual(facts.flags, ['motion', 'out-of-range']);
    assert.equal(facts.value, 101);
    assert.deepEqual(readObservation(normalizeOne({ vital: 'spo2', value: 100 })).flags, []);
    assert.deepEqual(readObservation(normalizeOne({ vital: 'spo2', value: 300, flags: ['out-of-range'] })).flags, ['out-of-range']);
    assert.deepEqual(readObservation(normalizeOne({ vital: 'spo2', absent: 'unknown' })).flags, []);
  });

  it('keeps blood pressures of different times, states or panels apart', () => {
    const at = RECEIVED - 60_000;
    const observations = normalize(
      recordOf([
        { vital: 'nibp_s', value: 120, effective: at },
        { vital: 'art_s', value: 118, effective: at },
        { vital: 'nibp_d', value: 80, effective: at },
        { vital: 'nibp_s', value: 124, effective: RECEIVED },
        { vital: 'nibp_d', value: 82, effective: RECEIVED, status: 'preliminary' },
      ]),
      KEY,
    );
    const made = observations.map((o) => {
      const { vital: key, components } = readObservation(o);
      return `${key} ${components.map((c) => c.value ?? c.absent).join('/')}`;
    });
    assert.deepEqual(made, ['nibp 120/80', 'art 118/unknown', 'nibp 124/unknown', 'nibp unknown/82']);
  });

  it('never overwrites a part that comes twice', () => {
    const observations = normalize(
      recordOf([
        { vital: 'abp_s', value: 120 },
        { vital: 'abp_s', value: 130 },
        { vital: 'abp_d', value: 70 },
      ]),
      KEY,
    );
    const systolic = observations.map((o) => readObservation(o).components[0]?.value);
    assert.deepEqual(systolic, [120, 130]);
  });

  it('keeps measurements of one panel apart, and lets no part join an older one', () => {
    verifies('NOTHING-INVENTED');
    const readings: Reading[] = [
      { vital: 'abp_s', value: 120 },
      { vital: 'abp_s', value: 80, measurement: 1 },
      { vital: 'abp_d', value: 40, measurement: 1 },
      { vital: 'abp_s', value: 90 },
      { vital: 'abp_d', value: 60 },
    ];
    const made = normalize(recordOf(readings), KEY).map((o) => readObservation(o).components.map((c) => c.value ?? c.absent));
    assert.deepEqual(made, [
      [120, 'unknown'],
      [80, 40],
      [90, 60],
    ]);
    assert.equal(observationCount(recordOf(readings)), made.length);
  });

  it('counts the Observations that it makes', () => {
    fc.assert(
      fc.property(anyRecord, (record) => assert.equal(observationCount(record), normalize(record, KEY).length)),
      { numRuns: 100 },
    );
  });

  it('names the subject by the best hint, by identifier alone, and keeps the others as hints', () => {
    const patient = { value: 'P-0001', authority: 'HOSP' };
    const subjectOf = (subject: ReadingRecord['subject']) => normalizeOne({ vital: 'hr', value: 70 }, { subject }).subject.identifier;
    assert.deepEqual(subjectOf({ patient, visit: 'V', bed: 'B' }), { system: 'urn:vitalmesh:authority:HOSP', value: 'P-0001' });
    assert.deepEqual(subjectOf({ visit: 'V', bed: 'B' }), { system: 'urn:vitalmesh:visit', value: 'V' });
    assert.deepEqual(subjectOf({ bed: 'B' }), { system: 'urn:vitalmesh:bed', value: 'B' });
    assert.deepEqual(subjectOf({}), { system: 'urn:vitalmesh:gateway-device', value: 'gw.Test-1/SN-1' });
    assert.deepEqual(subjectOf({ patient: { value: '', authority: '' }, visit: '', bed: 'B' }), {
      system: 'urn:vitalmesh:bed',
      value: 'B',
    });
    const systems = ['', '1.2.840', 'https://example.org/mrn', 'Müller & Söhne', '\ud800', 'urn:vitalmesh:bed'].map(
      (authority) => subjectOf({ patient: { value: 'P', authority } }).system,
    );
    assert.deepEqual(systems, [
      undefined,
      'urn:oid:1.2.840',
      'https://example.org/mrn',
      'urn:vitalmesh:authority:M%C3%BCller%20%26%20S%C3%B6hne',
      'urn:vitalmesh:authority:%EF%BF%BD',
      'urn:vitalmesh:authority:urn%3Avitalmesh%3Abed',
    ]);
  });

  it('shows a time at its own offset, else in the zone, else in UTC, and a reading without one at its receipt', () => {
    const at = Date.parse('2026-07-01T12:00:00.004Z');
    const shown = (reading: Partial<Reading>, zone?: string) =>
      normalize(recordOf([{ vital: 'hr', value: 70, ...reading }]), KEY, zone === undefined ? {} : { zone })[0]?.effectiveDateTime;
    assert.equal(shown({ effective: at, offsetMin: 345 }, 'Europe/Berlin'), '2026-07-01T17:45:00.004+05:45');
    assert.equal(shown({ effective: at }, 'Europe/Berlin'), '2026-07-01T14:00:00.004+02:00');
    assert.equal(shown({ effective: at }), '2026-07-01T12:00:00.004+00:00');
    assert.equal(shown({}, 'Europe/Berlin'), '2026-11-21T10:00:01.250+01:00');
  });

  it('finds the offset on both sides of a change of clocks', () => {
    const change = Date.parse('2026-10-25T01:00:00Z');
    const readings = [change - 1, change, change - 1].map((effective): Reading => ({ vital: 'hr', value: 70, effective }));
    const shown = normalize(recordOf(readings), KEY, { zone: 'Europe/Berlin' }).map((o) => o.effectiveDateTime.slice(-6));
    assert.deepEqual(shown, ['+02:00', '+01:00', '+02:00']);
  });

  it('tags test data so that no reader can miss it, and only test data', () => {
    assert.equal(normalizeOne({ vital: 'pi', value: 1 }, { test: true }).meta?.security?.[0]?.code, 'HTEST');
    assert.equal(normalizeOne({ vital: 'hr', value: 60 }).meta?.security, undefined);
    assert.equal(normalizeOne({ vital: 'pi', value: 1 }).meta, undefined);
  });

  it('labels the limits of the device as such, and keeps the original quantity', () => {
    const observation = normalizeOne({ vital: 'weight', value: 45.359237, original: { value: 100, unit: '[lb_av]' }, limits: '40-90' });
    assert.deepEqual(observation.referenceRange, [{ text: 'Device alarm limits: 40-90' }]);
    assert.deepEqual(observation.extension?.find((e) => e.url === EXTENSIONS.original)?.valueQuantity, {
      value: 100,
      unit: 'lb',
      system: 'http://unitsofmeasure.org',
      code: '[lb_av]',
    });
  });

  it('refuses a vital sign that is not in the table with its code', () => {
    assert.throws(() => normalize(recordOf([{ vital: 'mood', value: 1 }]), KEY), { code: 'DECODE-UNKNOWN-CODE' });
  });
});
