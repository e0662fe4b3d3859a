import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Observation } from '../../shared/fhir.ts';
import { checkObservation, readObservation, vitalOfObservation } from '../../shared/observation.ts';
import { verifies } from '../requirements.ts';
import { observationGoldens } from '../support/goldens.ts';

const GOLDENS = observationGoldens();

function golden(name: string, index = 0): Observation {
  const found = GOLDENS.find((g) => g.name === `${name}.json`)?.observations[index] ?? assert.fail(name);
  return structuredClone(found);
}

// biome-ignore lint/suspicious/noExplicitAny: a test breaks what the types forbid
type Broken = any;

function ruleAfter(name: string, breakIt: (observation: Broken) => void): string {
  const observation = golden(name);
  breakIt(observation);
  const checked = checkObservation(observation);
  return checked.ok ? 'accepted' : checked.rule;
}

const MDC = 'urn:iso:std:iso:11073:10101';

describe('checkObservation', () => {
  it('takes every golden', () => {
    for (const { name, observations } of GOLDENS) for (const o of observations) assert.equal(checkObservation(o).ok, true, name);
  });

  it('names the rule that an Observation breaks', () => {
    verifies('OBSERVATION-VALID', 'NOTHING-INVENTED');
    const cases: [string, string, (o: Broken) => void][] = [
      ['spo2', 'resourceType: not Observation', (o) => (o.resourceType = 'Patient')],
      ['spo2', 'id: not a FHIR id', (o) => (o.id = 'a/b')],
      ['spo2', 'id: not a FHIR id', (o) => (o.id = 'x'.repeat(65))],
      ['spo2', 'status: not one that is taken', (o) => (o.status = 'done')],
      ['spo2', 'status: not one that is taken', (o) => delete o.status],
      ['spo2', 'Observation: a field that is not taken', (o) => (o.performer = [{ display: 'N' }])],
      ['spo2', 'Observation: a field that is not taken', (o) => (o.valueString = '97')],
      ['spo2', 'code: missing', (o) => delete o.code],
      ['spo2', 'code.coding: missing', (o) => (o.code.coding = [])],
      ['spo2', 'code: not a value of the parameter table', (o) => (o.code.coding[0].code = '2339-0')],
      ['spo2', 'code: the LOINC code that its profile demands is missing', (o) => o.code.coding.splice(0, 1)],
      ['spo2', 'code: LOINC and MDC do not agree', (o) => (o.code.coding[2].code = '149530')],
      ['spo2', 'code: not a value of the parameter table', (o) => (o.code.coding[2].code = '1e9')],
      ['spo2', 'code: MDC not of this vital sign', (o) => (o.code.coding[2].code = '150456.0')],
      ['spo2', 'code: MDC not of this vital sign', (o) => o.code.coding.push({ system: MDC, code: '150456' })],
      ['spo2', 'code: neither LOINC nor MDC', (o) => o.code.coding.push({ system: 'http://snomed.info/sct', code: '1' })],
      ['spo2', 'code.coding: a field that is not taken', (o) => (o.code.coding[0].version = '2')],
      ['spo2', 'subject: missing', (o) => delete o.subject],
      ['spo2', 'subject: a field that is not taken', (o) => (o.subject.display = 'N')],
      ['spo2', 'subject: a field that is not taken', (o) => (o.subject.reference = 'Patient/1')],
      ['spo2', 'subject.identifier: a field that is not taken', (o) => (o.subject.identifier.birthDate = '1970-01-01')],
      ['spo2', 'subject.identifier: missing', (o) => (o.subject = {})],
      ['spo2', 'subject.identifier.value: missing', (o) => (o.subject.identifier.value = '')],
      ['spo2', 'subject.identifier.value: too long', (o) => (o.subject.identifier.value = 'x'.repeat(129))],
      ['spo2', 'subject.identifier.value: control characters', (o) => (o.subject.identifier.value = 'a\nb')],
      ['spo2', 'subject.identifier.value: control characters', (o) => (o.subject.identifier.value = '\ud800')],
      ['spo2', 'effectiveDateTime: not a time with seconds and offset', (o) => (o.effectiveDateTime = '2026-11-21T10:00:00')],
      ['spo2', 'effectiveDateTime: not a time with seconds and offset', (o) => (o.effectiveDateTime = '2026-02-30T10:00:00Z')],
      ['spo2', 'issued: not a time with seconds and offset', (o) => delete o.issued],
      ['spo2', 'device: a field that is not taken', (o) => (o.device.reference = 'Device/1')],
      ['spo2', 'device.display: too long', (o) => (o.device.display = 'x'.repeat(129))],
      ['spo2', 'extension: unknown URL', (o) => (o.extension[0].url = 'https://example.org/x')],
      ['spo2', 'extension: unknown flag', (o) => o.extension.push({ ...o.extension[1], valueCode: 'well' })],
      ['spo2', 'extension: a value of the wrong type', (o) => (o.extension[0].valueString = 'x')],
      ['spo2', 'extension.valueCode: missing', (o) => delete o.extension[0].valueCode],
      ['spo2', 'extension: not a list', (o) => (o.extension = Array(33).fill(o.extension[0]))],
      ['weight-lb', 'extension.valueQuantity.value: not a finite number', (o) => (o.extension[1].valueQuantity.value = '150')],
      ['spo2', 'category: not exactly one', (o) => delete o.category],
      ['spo2', 'category: not that of this vital sign', (o) => (o.category[0].coding[0].code = 'exam')],
      ['setting', 'category: not that of this vital sign', (o) => (o.category[0].coding[0].code = 'vital-signs')],
      ['spo2', 'meta: a field that is not taken', (o) => (o.meta.source = 'x')],
      ['spo2', 'meta.profile: not that of this vital sign', (o) => (o.meta.profile = ['http://hl7.org/fhir/StructureDefinition/bmi'])],
      [
        'setting',
        'meta.profile: not that of this vital sign',
        (o) => (o.meta = { profile: ['http://hl7.org/fhir/StructureDefinition/vitalsigns'] }),
      ],
      ['test-tagged', 'meta.security: not HTEST', (o) => (o.meta.security[0].code = 'R')],
      ['test-tagged', 'meta.security: not exactly one label', (o) => (o.meta.security = [])],
      ['spo2', 'valueQuantity: missing, and no dataAbsentReason', (o) => delete o.valueQuantity],
      ['spo2', 'valueQuantity: beside dataAbsentReason', (o) => (o.dataAbsentReason = golden('spo2-absent').dataAbsentReason)],
      ['spo2', 'valueQuantity.value: not a finite number', (o) => (o.valueQuantity.value = null)],
      ['spo2', 'valueQuantity.value: not a finite number', (o) => (o.valueQuantity.value = Number.NaN)],
      ['spo2', 'valueQuantity.system: not UCUM', (o) => (o.valueQuantity.system = 'https://unitsofmeasure.org')],
      ['spo2', 'valueQuantity.code: not the unit of this vital sign', (o) => (o.valueQuantity.code = 'percent')],
      ['spo2', 'valueQuantity: a field that is not taken', (o) => (o.valueQuantity.comparator = '<')],
      ['spo2-absent', 'dataAbsentReason: not one that is taken', (o) => (o.dataAbsentReason.coding[0].code = 'tired')],
      ['nibp', 'component: systolic and diastolic must both be there', (o) => o.component.splice(0, 1)],
      ['nibp', 'component: the same part twice', (o) => o.component.push(o.component[0])],
      ['nibp', 'component: not a list', (o) => (o.component = [])],
      ['nibp', 'component: beside a value', (o) => (o.valueQuantity = o.component[0].valueQuantity)],
      ['nibp', 'component: a field that is not taken', (o) => (o.component[0].interpretation = [])],
      ['nibp', 'component.valueQuantity: missing, and no dataAbsentReason', (o) => delete o.component[1].valueQuantity],
      ['nibp', 'component: not a part of this panel', (o) => (o.component[0].valueQuantity.code = 'kPa')],
      ['nibp', 'component: not a part of this panel', (o) => (o.component[0] = structuredClone(golden('abp').component?.[0]))],
      ['nibp', 'code: not a panel of the parameter table', (o) => (o.code.coding[1].code = '150456')],
      ['nibp', 'code: the LOINC code that its profile demands is missing', (o) => o.code.coding.splice(0, 1)],
      ['nibp', 'valueQuantity: missing, and no dataAbsentReason', (o) => delete o.component],
      ['nibp', 'component.referenceRange: not exactly one', (o) => (o.component[0].referenceRange = [])],
    ];
    for (const [name, rule, breakIt] of cases) assert.equal(ruleAfter(name, breakIt), rule);
  });

  it('refuses what says of one thing two', () => {
    verifies('SUBJECT-BY-HUB');
    const url = (name: string): string => `https://vitalmesh.org/fhir/StructureDefinition/${name}`;
    for (const name of ['bed', 'visit']) {
      const said = (subject: string, ...values: string[]): string =>
        ruleAfter('spo2', (o) => {
          o.subject = { identifier: { system: subject === 'P-0001' ? 'urn:x' : `urn:vitalmesh:${name}`, value: subject } };
          for (const valueString of values) o.extension.push({ url: url(name), valueString });
        });
      assert.equal(said('P-0001', 'X-1'), 'accepted');
      assert.equal(said('X-1', 'X-1'), 'accepted');
      assert.equal(said('X-2', 'X-1'), `extension: another ${name} than the subject`);
      assert.equal(said('P-0001', 'X-1', 'X-2'), 'extension: the same twice');
    }
    assert.equal(
      ruleAfter('spo2', (o) => o.extension.push({ url: url('decoding-profile'), valueCode: 'x' })),
      'extension: the same twice',
    );
    assert.equal(
      ruleAfter('weight-lb', (o) => o.extension.push(o.extension[1])),
      'extension: the same twice',
    );
  });

  it('says why without repeating anything that was sent', () => {
    verifies('LOG-CLEAN');
    const secret = 'Jane Synthetic';
    const hide: ((o: Broken) => void)[] = [
      (o) => (o[secret] = 1),
      (o) => (o.subject[secret] = 1),
      (o) => (o.status = secret),
      (o) => (o.code.coding[0].code = secret),
      (o) => (o.valueQuantity.code = secret),
      (o) => (o.effectiveDateTime = secret),
    ];
    for (const breakIt of hide) {
      const rule = ruleAfter('spo2', breakIt);
      assert.notEqual(rule, 'accepted');
      assert.ok(!rule.includes('Jane'), rule);
    }
  });

  it('answers for anything at all, and never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(checkObservation(value).ok, false);
      }),
    );
    const paths = fc.constantFrom(
      'meta',
      'category',
      'code',
      'subject',
      'device',
      'valueQuantity',
      'extension',
      'component',
      'referenceRange',
      'dataAbsentReason',
    );
    fc.assert(
      fc.property(fc.constantFrom('spo2', 'nibp', 'spo2-absent'), paths, fc.jsonValue(), (name, path, value) => {
        const observation = { ...golden(name), [path]: value };
        const checked = checkObservation(observation);
        if (checked.ok) readObservation(checked.observation);
      }),
    );
    for (const value of [undefined, null, 0, '', [], JSON.parse('{"__proto__":{"resourceType":"Observation"}}')]) {
      assert.equal(checkObservation(value).ok, false);
    }
  });
});

describe('Reading back', () => {
  it('gives what a store derives', () => {
    const facts = readObservation(golden('nibp'));
    assert.deepEqual(facts, {
      vital: 'nibp',
      value: null,
      unit: 'mm[Hg]',
      absent: null,
      components: [
        { vital: 'nibp_s', value: 120, unit: 'mm[Hg]', absent: null },
        { vital: 'nibp_d', value: 80, unit: 'mm[Hg]', absent: null },
        { vital: 'nibp_m', value: 93, unit: 'mm[Hg]', absent: null },
      ],
      status: 'final',
      flags: [],
      effective: Date.parse('2026-11-21T09:00:00Z'),
      offsetMin: 60,
      receivedAt: Date.parse('2026-11-21T09:00:01.250Z'),
      device: '0011223344556677',
      hints: { patient: { value: 'P-0001', authority: 'HOSP' }, visit: 'V-0001', bed: 'ICU-1' },
      test: false,
    });
    const absent = readObservation(golden('spo2-absent'));
    assert.deepEqual([absent.value, absent.absent, absent.unit, absent.flags], [null, 'temp-unknown', '%', ['clockless', 'sensor-off']]);
    assert.equal(readObservation(golden('test-tagged')).test, true);
    assert.deepEqual(readObservation(golden('glucose')).hints, {});
  });

  it('knows a vital sign by MDC, else by LOINC, and tells rows of one code apart by the unit', () => {
    const keyOf = (codes: [string, string][], unit?: string): string | undefined => {
      const observation = golden('spo2');
      observation.code = { coding: codes.map(([system, code]) => ({ system, code })) };
      if (unit === undefined) delete observation.valueQuantity;
      else Object.assign(observation.valueQuantity ?? {}, { code: unit });
      return vitalOfObservation(observation)?.key;
    };
    const loinc = 'http://loinc.org';
    assert.equal(keyOf([[MDC, '160184']], 'mg/dL'), 'glu');
    assert.equal(keyOf([[MDC, '160184']], 'mmol/L'), 'glu_si');
    assert.equal(
      keyOf([
        [loinc, '15074-8'],
        [MDC, '160184'],
      ]),
      'glu_si',
    );
    assert.equal(keyOf([[loinc, '8867-4']], '/min'), 'hr');
    assert.equal(
      keyOf(
        [
          [loinc, '8867-4'],
          [loinc, '8889-8'],
        ],
        '/min',
      ),
      'pr_oxi',
    );
    assert.equal(keyOf([[loinc, '2708-6']], '%'), 'spo2');
    assert.equal(keyOf([[loinc, '61006-3']], '%'), 'pi');
    assert.equal(keyOf([[loinc, '61006-3']], '1'), 'pi_ph');
    assert.equal(
      keyOf(
        [
          [loinc, '8310-5'],
          [loinc, '8329-5'],
        ],
        'Cel',
      ),
      't_core',
    );
    assert.equal(keyOf([[MDC, '150036']], 'mm[Hg]'), undefined, 'a wave is no value');
    assert.equal(keyOf([[MDC, '150020']], 'mm[Hg]'), undefined, 'a panel is no value');
    assert.equal(keyOf([], '%'), undefined);
    assert.deepEqual(vitalOfObservation(golden('abp')), { key: 'abp' });
    const home = golden('nibp');
    home.code = { coding: [{ system: loinc, code: '85354-9' }] };
    assert.deepEqual(vitalOfObservation(home), { key: 'nibp' });
  });

  it('refuses what checkObservation would refuse, with a code', () => {
    assert.throws(() => readObservation({ ...golden('spo2'), issued: '' }), { code: 'INGEST-INVALID' });
    assert.throws(() => readObservation({ ...golden('spo2'), code: { text: 'x' } }), { code: 'INGEST-INVALID' });
    assert.throws(() => readObservation({ ...golden('nibp'), code: { text: 'x' } }), { code: 'INGEST-INVALID' });
    assert.throws(() => readObservation({ ...golden('nibp'), component: [{ code: { text: 'x' } }] }), { code: 'INGEST-INVALID' });
  });
});
