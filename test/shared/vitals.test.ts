import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  PANELS,
  panel,
  panelByMdc,
  panelOfPart,
  VITALS,
  vital,
  vitalByBareTerm,
  vitalByMdc,
  vitalsByLoinc,
  vitalsByMdc,
} from '../../shared/vitals.ts';
import { LOINC_NAMES } from '../../shared/vitals-table.ts';
import { verifies } from '../requirements.ts';
import { hasLoincCheckDigit, isUcum } from '../support/fhir-valid.ts';

/** The vital-signs table of FHIR R4 (observation-vitalsigns), without panels and head circumference, which no device here sends. */
const R4_VITAL_SIGNS = ['8867-4', '9279-1', '2708-6', '8310-5', '29463-7', '8302-2', '39156-5', '85354-9', '8480-6', '8462-4', '8478-0'];

const SETTING = 16_777_216;

describe('The parameter table', () => {
  it('names each row once, in plain English and in a key that can stand in a URL', () => {
    verifies('VOCABULARY-TRUE');
    assert.equal(new Set(VITALS.map((v) => v.key)).size, VITALS.length);
    assert.equal(new Set(VITALS.map((v) => v.name)).size, VITALS.length);
    for (const { key, name } of VITALS) {
      assert.match(key, /^[a-z][a-z0-9_]{0,11}$/);
      assert.ok(name.length >= 3 && name.length <= 60, name);
    }
  });

  it('holds every section of devices.md §5.4', () => {
    assert.equal(VITALS.length, 111);
    assert.deepEqual(
      Object.groupBy(VITALS, (v) => v.class).setting?.map((v) => v.key),
      ['fio2_set', 'vt_set', 'rr_set', 'peep_set', 'ps_set', 'ti_set', 'flow_set'],
    );
    assert.equal(VITALS.filter((v) => v.class === 'waveform').length, 6);
  });

  it('has LOINC codes that pass their check digit, and a name only for codes that it uses', () => {
    verifies('VOCABULARY-TRUE');
    const used = new Set(VITALS.flatMap((v) => [...v.loinc, ...(v.inputLoinc ?? [])]));
    for (const code of [...used, ...PANELS.flatMap((p) => p.loinc)]) assert.ok(hasLoincCheckDigit(code), code);
    for (const code of Object.keys(LOINC_NAMES)) assert.ok(used.has(code), code);
    assert.equal(hasLoincCheckDigit('3150-6'), false);
  });

  it('has units that UCUM knows', () => {
    verifies('VOCABULARY-TRUE');
    for (const { ucum, key } of VITALS) assert.ok(isUcum(ucum), `${key}: ${ucum}`);
    assert.equal(isUcum('mmHg'), false);
  });

  it('has MDC codes that are each of one row, but for glucose, told apart by its unit, and names shared by a panel and its row or wave', () => {
    verifies('VOCABULARY-TRUE');
    const owners = new Map<number, string[]>();
    for (const { key, mdc, inputMdc = [] } of VITALS) {
      for (const code of [...(mdc ? [mdc.code] : []), ...inputMdc]) owners.set(code, [...(owners.get(code) ?? []), key]);
    }
    for (const { key, mdc } of PANELS) owners.set(mdc.code, [...(owners.get(mdc.code) ?? []), `panel ${key}`]);
    const shared = [...owners].filter(([, keys]) => keys.length > 1);
    assert.deepEqual(shared, [
      [150020, ['nibp', 'panel nibp']],
      [160184, ['glu', 'glu_si']],
      [150036, ['w_art', 'panel abp']],
    ]);
    assert.notEqual(vital('glu')?.ucum, vital('glu_si')?.ucum);
    assert.equal(vital('nibp')?.panel, true);
    assert.equal(vital('w_art')?.class, 'waveform');
  });

  it('has MDC codes of a known partition, settings 16777216 above what they set, and reference ids of one form', () => {
    verifies('VOCABULARY-TRUE');
    for (const { key, mdc } of VITALS) {
      if (!mdc) continue;
      assert.ok(mdc.code >= 131_072 && mdc.code < SETTING + 262_144, key);
      assert.match(mdc.refid, /^MDC_[A-Z0-9_]+$/);
      assert.equal(mdc.code >= SETTING, mdc.refid.endsWith('_SETTING'), key);
    }
    assert.equal(vital('vt_set')?.mdc?.code, (vital('vt')?.mdc?.code ?? 0) + SETTING);
  });

  it('calls vital signs exactly what R4 does, and no setting ever', () => {
    verifies('VOCABULARY-TRUE');
    for (const row of VITALS) {
      assert.equal(
        row.category === 'vital-signs',
        row.loinc.some((code) => R4_VITAL_SIGNS.includes(code)),
        row.key,
      );
      if (row.class === 'setting') assert.equal(row.category, 'procedure');
      if (row.category === 'vital-signs')
        assert.ok(R4_VITAL_SIGNS.includes(row.loinc[0] ?? ''), `${row.key}: the code of its profile comes first`);
      assert.ok(row.loinc.length > 0 || row.mdc, `${row.key} has a code at all`);
    }
    assert.deepEqual(vital('spo2')?.loinc, ['2708-6', '59408-5']);
    assert.deepEqual(vital('spo2_post')?.loinc, ['2708-6', '59408-5']);
    assert.deepEqual(vital('t_core')?.loinc, ['8310-5', '8329-5']);
    assert.deepEqual(vital('t_airw')?.loinc, ['60955-2'], 'the gas in a tube is no body temperature');
  });

  it('has plausible ranges that are the right way round', () => {
    for (const { key, range } of VITALS) if (range) assert.ok(range.min < range.max, key);
    assert.deepEqual(vital('spo2')?.range, { min: 0, max: 100 });
    assert.deepEqual(vital('cvp')?.range, { min: -20, max: 60 });
    assert.deepEqual(vital('ie')?.range, { min: 0.05, max: 10 });
  });
});

describe('Looking up', () => {
  it('finds by key, MDC, bare term and LOINC', () => {
    assert.equal(vital('spo2')?.mdc?.code, 150456);
    assert.equal(vital('constructor'), undefined);
    assert.equal(vitalByMdc(150456)?.key, 'spo2');
    assert.equal(vitalByMdc(151692)?.key, 'cdyn');
    assert.equal(vitalByMdc(57676), undefined);
    assert.deepEqual(
      vitalsByMdc(160184).map((v) => v.key),
      ['glu', 'glu_si'],
    );
    assert.equal(vitalByBareTerm(57676)?.key, 'fat');
    assert.equal(vitalByBareTerm(188748), undefined);
    assert.equal(vitalByBareTerm(-1), undefined);
    assert.deepEqual(
      vitalsByLoinc('9279-1').map((v) => v.key),
      ['rr', 'rr_aw', 'rr_pleth', 'rr_imp'],
    );
    assert.deepEqual(
      vitalsByLoinc('8751-0').map((v) => v.key),
      ['ci'],
    );
    assert.deepEqual(vitalsByLoinc('0000-0'), []);
  });

  it('knows the parts of panels', () => {
    for (const found of PANELS) {
      const parts = [found.parts.systolic, found.parts.diastolic, found.parts.mean].map((key) => vital(key) ?? assert.fail(key));
      assert.deepEqual(
        parts.map((p) => p.loinc),
        [['8480-6'], ['8462-4'], ['8478-0']],
      );
      for (const part of parts) assert.equal(panelOfPart(part.key), found);
      assert.equal(panel(found.key), found);
      assert.equal(panelByMdc(found.mdc.code), found);
    }
    assert.equal(panelOfPart('spo2'), undefined);
  });
});

it('a temperature that a probe keeps measuring is continuous, one that somebody takes is a spot value', () => {
  const classes = Object.groupBy(
    ['temp', 'temp_u', 't_core', 't_esoph', 't_tymp', 't_rect', 't_oral', 't_ax', 't_blood', 't_skin', 't_airw'],
    (key) => String(vital(key)?.class),
  );
  assert.deepEqual(classes.spot, ['temp', 't_tymp', 't_oral', 't_ax']);
  assert.equal(classes.continuous?.length, 7);
});
