import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { convert, convertGlucose, ucumOfMdcUnit, ucumOfText } from '../../shared/units.ts';
import { VITALS } from '../../shared/vitals.ts';
import { verifies } from '../requirements.ts';
import { isUcum, ucumConvert } from '../support/fhir-valid.ts';

describe('Units as senders write them', () => {
  it('reads the MDC unit codes of devices.md §2.1, and no others', () => {
    verifies('VOCABULARY-TRUE');
    const table: [number, string][] = [
      [262688, '%'],
      [264864, '/min'],
      [264928, '/min'],
      [266016, 'mm[Hg]'],
      [266048, 'cm[H2O]'],
      [268192, 'Cel'],
      [266560, '[degF]'],
      [263441, 'cm'],
      [263875, 'kg'],
      [263762, 'mL'],
      [265216, 'L/min'],
      [264096, 'kg/m2'],
      [262656, '1'],
      [266418, 'mV'],
    ];
    for (const [code, ucum] of table) {
      assert.equal(ucumOfMdcUnit(code), ucum);
      assert.ok(isUcum(ucum), ucum);
    }
    assert.equal(ucumOfMdcUnit(0), undefined);
  });

  it('reads common spellings', () => {
    const spellings: [string, string][] = [
      ['%', '%'],
      ['bpm', '/min'],
      ['BPM', '/min'],
      ['rpm', '/min'],
      ['/min', '/min'],
      ['mmHg', 'mm[Hg]'],
      ['mm[Hg]', 'mm[Hg]'],
      ['cmH2O', 'cm[H2O]'],
      ['°C', 'Cel'],
      ['° C', 'Cel'],
      ['degF', '[degF]'],
      ['lb', '[lb_av]'],
      ['LB', '[lb_av]'],
      ['mg/dL', 'mg/dL'],
      ['mmol/l', 'mmol/L'],
    ];
    for (const [text, ucum] of spellings) assert.equal(ucumOfText(text), ucum, text);
  });

  it('reads every unit of the parameter table as itself, and gives valid UCUM or nothing', () => {
    verifies('VOCABULARY-TRUE');
    for (const { ucum } of VITALS) assert.equal(ucumOfText(ucum), ucum);
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        const ucum = ucumOfText(text);
        assert.ok(ucum === undefined || isUcum(ucum));
      }),
    );
    for (const text of ['', 'constructor', '__proto__', 'furlong', 'mm']) assert.equal(ucumOfText(text), undefined, text);
  });
});

describe('Converting', () => {
  it('gives what the definitions of the units say', () => {
    const pairs: [number, string, string, number][] = [
      [98.6, '[degF]', 'Cel', 37],
      [37, 'Cel', '[degF]', 98.6],
      [-40, '[degF]', 'Cel', -40],
      [150, '[lb_av]', 'kg', 68.0388555],
      [3450, 'g', 'kg', 3.45],
      [70, '[in_i]', 'cm', 177.8],
      [1.78, 'm', 'cm', 178],
      [16, 'kPa', 'mm[Hg]', 120.010200867],
      [10, 'mbar', 'cm[H2O]', 10.1971621298],
      [10, 'hPa', 'mbar', 10],
      [0.5, 'L', 'mL', 500],
      [0.97, '1', '%', 97],
      [0.29, '1', '%', 29],
    ];
    for (const [value, from, to, expected] of pairs) {
      assert.equal(convert(value, from, to), expected, `${value} ${from}`);
      assert.ok(
        Math.abs(expected - ucumConvert(value, from, to)) < 1e-9 * Math.abs(expected),
        `${value} ${from} by the NLM's implementation`,
      );
    }
  });

  it('never guesses', () => {
    verifies('NOTHING-INVENTED');
    assert.equal(convert(5.5, 'mmol/L', 'mg/dL'), undefined, 'true of glucose alone');
    assert.equal(convert(1, 'kg', 'mm[Hg]'), undefined);
    assert.equal(convert(1, '', 'kg'), undefined);
    assert.equal(convert(Number.NaN, 'kg', 'kg'), undefined);
    assert.equal(convert(Number.POSITIVE_INFINITY, 'g', 'kg'), undefined);
    assert.equal(convert(1e308, 'L', 'mL'), undefined);
    assert.equal(convertGlucose(5.5, 'mmol/L', 'mg/dL'), 99.0858);
    assert.equal(convertGlucose(99.0858, 'mg/dL', 'mmol/L'), 5.5);
    assert.equal(convertGlucose(1, 'g', 'kg'), undefined);
  });

  it('gives the same value back from there and back, and the same unit untouched', () => {
    const pairs: [string, string][] = [
      ['[degF]', 'Cel'],
      ['[lb_av]', 'kg'],
      ['g', 'kg'],
      ['[in_i]', 'cm'],
      ['kPa', 'mm[Hg]'],
      ['mbar', 'cm[H2O]'],
      ['mm[Hg]', 'cm[H2O]'],
      ['L', 'mL'],
      ['1', '%'],
    ];
    const tenths = fc.integer({ min: -5000, max: 50_000 }).map((n) => n / 10);
    fc.assert(
      fc.property(tenths, fc.constantFrom(...pairs), (value, [a, b]) => {
        const there = convert(value, a, b) ?? assert.fail(`${a} to ${b}`);
        const back = convert(there, b, a) ?? assert.fail(`${b} to ${a}`);
        assert.ok(Math.abs(back - value) < 1e-7, `${value} ${a} is ${there} ${b} is ${back}`);
        assert.equal(convert(value, a, a), value);
        assert.ok(`${there}`.replace(/\D/g, '').length <= 16, 'no tail of binary arithmetic');
      }),
    );
  });
});
