import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resourcesOf } from '../../../agent/resources.ts';
import { checkRecord } from '../../../shared/reading-check.ts';
import { MAX_SAMPLES, type Wave } from '../../../shared/wave.ts';
import { samplesOf, WAVE_CHECK } from '../../../shared/wave-observation.ts';
import { verifies } from '../../requirements.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { decoded } from '../decode/decoding.ts';
import { obx, oru, PERCENT, read, rejections, SPO2 } from './oru.ts';

const PLETH = '150452^MDC_PULS_OXIM_PLETH^MDC';
const ECG = '131330^MDC_ECG_LEAD_II^MDC';
const DIMENSIONLESS = '262656^MDC_DIM_DIMLESS^MDC';
const MILLIVOLT = '266418^MDC_DIM_MILLI_VOLT^MDC';
const PER_SECOND = '264608^MDC_DIM_PER_SEC^MDC';
const ON = { waves: true };

/** A wave at 1.1.1.7. */
const na = (code: string, samples: string, unit: string, fields: Readonly<Record<number, string>> = {}): string =>
  obx(code, samples, unit, { 2: 'NA', 4: '1.1.1.7', ...fields });
/** What is said about it. */
const attribute = (name: string, value: string, unit = '', fields: Readonly<Record<number, string>> = {}): string =>
  obx(`0^${name}^MDC`, value, unit, { 4: '1.1.1.7.1', ...fields });
const rate = (value: string, unit = PER_SECOND): string => attribute('MDC_ATTR_SAMP_RATE', value, unit);

function waves(...rows: string[]): Wave[] {
  const { records } = read(oru(...rows), ON);
  for (const record of records) assert.equal(checkRecord(record), undefined);
  return records.flatMap((record) => record.waves ?? []);
}

test('a wave is its samples, in their order, at the rate that the row beneath it says', () => {
  verifies('WAVES-WHOLE', 'NOTHING-INVENTED');
  const bytes = oru(
    na(PLETH, '12^123^^""^-0.5', DIMENSIONLESS, { 14: '20261121095957.5+0100' }),
    rate('50'),
    obx(SPO2, '97', PERCENT),
    na(ECG, '0.029039286658642516^1', MILLIVOLT, { 4: '1.1.2.8' }),
    obx('0^MDC_ATTR_SAMP_RATE^MDC', '300.0', PER_SECOND, { 4: '1.1.2.8.1' }),
  );
  const { records, rejected } = decoded(hl7Pcd01, bytes, ON);
  assert.deepEqual(
    records.filter(({ class: name }) => name === 'waveform').map((record) => record.waves),
    [
      [
        {
          vital: 'w_pleth',
          samples: [12, 123, null, null, -0.5],
          periodMs: 20,
          effective: Date.UTC(2026, 10, 21, 8, 59, 57, 500),
          offsetMin: 60,
        },
      ],
      [
        {
          vital: 'w_ecg2',
          samples: [0.029039286658642516, 1],
          periodMs: 1000 / 300,
          effective: Date.UTC(2026, 10, 21, 8, 59, 58),
          offsetMin: 60,
        },
      ],
    ],
  );
  assert.deepEqual(
    records.filter(({ class: name }) => name === 'continuous').flatMap(({ readings }) => readings.map(({ vital }) => vital)),
    ['spo2'],
  );
  // The rows beneath are part of the wave, and no readings.
  assert.deepEqual(
    rejected.map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['HL7-ASIDE OBX[2]', 'HL7-ASIDE OBX[5]'],
  );
});

test('where waves are not read, they and what is said about them are counted and left aside', () => {
  verifies('NO-SILENT-DROP', 'WAVES-ASKED');
  const bytes = oru(na(PLETH, '1^2', DIMENSIONLESS), rate('50'), obx(SPO2, '97', PERCENT));
  const { records, rejected } = decoded(hl7Pcd01, bytes);
  assert.deepEqual(
    records.map(({ class: name }) => name),
    ['continuous'],
  );
  assert.deepEqual(
    rejected.map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['HL7-ASIDE OBX[1]', 'HL7-ASIDE OBX[2]'],
  );
  // A number under the code of a vital sign may be one, whatever its type.
  assert.deepEqual(
    decoded(hl7Pcd01, oru(obx(SPO2, '97', PERCENT, { 2: 'NA' }))).rejected.map((line) => line.replace(/ \d+/, '')),
    ['HL7-VALUE-TYPE OBX[1]+'],
  );
});

test('without a known rate, or with something that could change its samples, there is no wave', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP', 'WAVES-ASKED');
  const wave = na(PLETH, '1^2', DIMENSIONLESS);
  const good = rate('50');
  const refused: readonly (readonly string[])[] = [
    [wave],
    [wave, rate('0')],
    [wave, rate('-50')],
    [wave, rate('')],
    [wave, rate('fast')],
    [wave, rate('50', '262829^MDC_DIM_SEC^MDC')],
    [wave, rate('50', '')],
    [wave, good, rate('100')],
    [wave, good, attribute('MDC_ATTR_NU_MSMT_RES', '0.0625')],
    [wave, good, attribute('MDC_ATTR_SCALE_RANGE', '1')],
    [wave, good, obx('262196^MDC_EVT_INOP^MDC', '32767', '', { 4: '1.1.1.7.3' })],
    // Not beneath this wave.
    [wave, obx(SPO2, '97', PERCENT), good],
    [wave, attribute('MDC_ATTR_SAMP_RATE', '50', PER_SECOND, { 4: '1.1.1.70.1' })],
    [na(PLETH, '1^2', DIMENSIONLESS, { 4: '' }), attribute('MDC_ATTR_SAMP_RATE', '50', PER_SECOND, { 4: '' })],
  ];
  for (const rows of refused) {
    assert.deepEqual(waves(...rows), [], rows.join('\n'));
    assert.equal(rejections(oru(...rows), ON)[0], 'HL7-WAVE OBX[1]', rows.join('\n'));
  }
  for (const rows of [
    [wave, good, attribute('MDC_ATTR_NU_MSMT_RES', '1.000')],
    [wave, good, attribute('MDC_ATTR_DATA_RANGE', '0^4095', '', { 2: 'NR' })],
    [wave, good, good],
  ])
    assert.equal(waves(...rows).length, 1, rows.join('\n'));
});

test('samples that are no numbers, two rows of them, none, or too many: the wave is refused and kept', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  for (const samples of ['', '""', '1^x^3', '1^2~3^4', '1^1e5', '1^NaN', '1 2', '^'.repeat(MAX_SAMPLES)]) {
    assert.deepEqual(waves(na(PLETH, samples, DIMENSIONLESS), rate('50')), []);
    assert.equal(rejections(oru(na(PLETH, samples, DIMENSIONLESS), rate('50')), ON)[0], 'DECODE-FIELD OBX[1]', samples.slice(0, 20));
  }
  assert.equal(waves(na(PLETH, '^'.repeat(MAX_SAMPLES - 1), DIMENSIONLESS), rate('50'))[0]?.samples.length, MAX_SAMPLES);
  // 30,000 samples of 16 characters are more than the hub takes.
  const long = Array.from({ length: MAX_SAMPLES }, () => '0.1234567890123').join('^');
  assert.deepEqual(rejections(oru(na(PLETH, long, DIMENSIONLESS), rate('500')), ON), ['DECODE-FIELD OBX[1]', 'HL7-ASIDE OBX[2]']);
});

test('code, unit and status decide whether it is one', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  const first = (row: string): string | undefined => rejections(oru(row, rate('50')), ON)[0];
  assert.equal(first(na('150000^MDC_X^MDC', '1^2', DIMENSIONLESS)), 'DECODE-UNKNOWN-CODE OBX[1]');
  assert.equal(first(na(SPO2, '1^2', PERCENT)), 'HL7-VALUE-TYPE OBX[1]');
  assert.equal(first(na(ECG, '1^2', PERCENT)), 'DECODE-UNIT OBX[1]');
  for (const status of ['C', 'D', 'W', 'P', 'S', '?'])
    assert.equal(first(na(PLETH, '1^2', DIMENSIONLESS, { 11: status })), 'DECODE-FIELD OBX[1]', status);
  for (const status of ['X', 'N']) assert.equal(first(na(PLETH, '1^2', DIMENSIONLESS, { 11: status })), 'HL7-ASIDE OBX[1]', status);
  assert.equal(first(na(PLETH, '1^2', DIMENSIONLESS, { 8: 'INV' })), 'HL7-ASIDE OBX[1]');
  const [art] = waves(na('150036^MDC_PRESS_BLD_ART_ABP^MDC', '10^^20', 'kPa', { 8: 'QUES' }), rate('100'));
  assert.deepEqual(
    [art?.vital, art?.samples.map((sample) => sample && Math.round(sample)), art?.flags],
    ['w_art', [75, null, 150], ['questionable']],
  );
  assert.deepEqual(waves(na(PLETH, '1^2', ''), rate('50'))[0]?.flags, ['unit-assumed']);
});

test('a test wave is test data, and stays apart', () => {
  const { records } = read(oru(na(PLETH, '1^2', DIMENSIONLESS, { 8: 'TEST' }), rate('50'), obx(SPO2, '97', PERCENT)), ON);
  assert.deepEqual(records.map(({ class: name, test: isTest }) => `${name} ${isTest}`).sort(), ['continuous false', 'waveform true']);
});

test('whatever numbers a device sends, the hub reads the same samples', () => {
  verifies('WAVES-WHOLE');
  const number = fc.oneof(
    fc.constant(null),
    fc.integer({ min: -32_768, max: 32_767 }),
    fc.double({ min: -9.99e8, max: 9.99e8, noNaN: true }).filter((n) => !`${n}`.includes('e')),
  );
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 50 }), (samples) => {
      const texts = samples.map((sample) => (sample === null ? '' : `${sample}`));
      fc.pre(texts.join('') !== '' && texts.every((text) => text.length <= 32));
      const { records } = read(oru(na(PLETH, texts.join('^'), DIMENSIONLESS), rate('125')), ON);
      const resources = records.flatMap((record) => resourcesOf(record, { agent: 'a', epoch: '0000000000000', seq: 1 }));
      assert.equal(resources.length, 1);
      assert.ok(WAVE_CHECK.check({ ...resources[0] }).ok);
      const [one] = resources;
      const data = one?.resourceType === 'Observation' ? (one.valueSampledData?.data ?? '') : '';
      assert.deepEqual(
        samplesOf(data),
        samples.map((sample) => (Object.is(sample, -0) ? 0 : sample)),
      );
    }),
    { numRuns: 1000 },
  );
});
