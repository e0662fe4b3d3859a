import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalize } from '../../../agent/normalize.ts';
import { observationCount } from '../../../agent/observation-count.ts';
import { decodeRecord, encodeRecord, type Reading } from '../../../shared/reading.ts';
import { verifies } from '../../requirements.ts';
import { outcome, RECEIVED_AT } from '../decode/decoding.ts';
import { MMHG, MSH, message, obx, oru, PERCENT, PID, read, readings, rejections, SPO2, spo2 } from './oru.ts';

const at = (hour: number, minute: number, second = 0): number => Date.UTC(2026, 10, 21, hour, minute, second);
const first = (bytes: Uint8Array, context = {}): Reading | undefined => readings(bytes, context)[0];

test('a PCD-01 message becomes one record with everything it says', () => {
  const { records, rejected } = outcome([
    read(
      oru(
        'OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||A1^^00A037FFFE0000AA^EUI-64',
        spo2('97', { 7: '90-100', 14: '20261121100000.250+0100' }),
      ),
    ),
  ]);
  assert.deepEqual(rejected, []);
  assert.deepEqual(records, [
    {
      source: 'line-1',
      profile: 'hl7-pcd01',
      device: { id: '00A037FFFE0000AA', idType: 'eui64' },
      receivedAt: RECEIVED_AT,
      subject: { patient: { value: 'P-0001', authority: 'HOSP' }, bed: 'ICU^101^BED-01' },
      test: false,
      class: 'continuous',
      readings: [{ vital: 'spo2', value: 97, effective: at(9, 0) + 250, offsetMin: 60, limits: '90-100' }],
    },
  ]);
});

test('codes: MDC by number whatever the text, MDIL in hexadecimal, bare terms, the alternate identifier', () => {
  const vitalOf = (code: string): string | undefined => first(oru(obx(code, '20', '')))?.vital;
  assert.equal(vitalOf('150456^ANYTHING^MDC'), 'spo2');
  assert.equal(vitalOf('150456^MDC_PULS_OXIM_SAT_O2'), 'spo2');
  assert.equal(vitalOf('0002-4bb8^SpO2^MDIL'), 'spo2');
  assert.equal(vitalOf('0002-5000^Resp^MDIL'), 'rr', 'Philips sends the rate under the code of the wave');
  assert.equal(vitalOf('57676^MDC_BODY_FAT^MDC'), 'fat');
  assert.equal(vitalOf('X1^own^99X^150456^MDC_PULS_OXIM_SAT_O2^MDC'), 'spo2');
  assert.equal(vitalOf('16929196^MDC_VENT_VOL_TIDAL_SETTING^MDC'), 'vt_set', 'a setting is never the measured value');
  assert.equal(readings(oru(obx('151960^old^MDC', '20', '266048^^MDC')))[0]?.mdc, 151960);
});

test('codes that are not in the table, or of another system, are kept and never guessed', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  for (const code of ['150456^SpO2^99MNDRY', '2047', '150456', '8867-4^Heart rate^LN', '1^x^MDC', '150020^MDC_PRESS_BLD_NONINV^MDC', '']) {
    const { records, rejected } = read(oru(obx(code, '97', PERCENT)));
    assert.deepEqual(records, []);
    assert.deepEqual(
      rejected.map(({ code: why, part, raw }) => [why, part, raw !== undefined]),
      [['DECODE-UNKNOWN-CODE', 'OBX[1]', true]],
      code,
    );
  }
});

test('values: numbers only; SN only where it is a plain number', () => {
  const valueIn = (value: string, type = 'NM'): number | string | undefined => {
    const reading = first(oru(spo2(value, { 2: type })));
    return reading?.value ?? reading?.absent;
  };
  assert.deepEqual(
    [' 97 ', '+97', '97.50', '.5', '97.'].map((v) => valueIn(v)),
    [97, 97, 97.5, 0.5, 97],
  );
  assert.deepEqual([valueIn('^97', 'SN'), valueIn('=^97', 'SN')], [97, 97]);
  verifies('NOTHING-INVENTED');
  assert.deepEqual(
    ['', '""', '  '].map((v) => valueIn(v)),
    ['unknown', 'unknown', 'unknown'],
  );
  for (const bad of ['abc', '97%', '>97', '1e3', '9,7', '97~98', '--', '1'.repeat(40), 'NaN', 'Infinity']) {
    assert.deepEqual(rejections(oru(spo2(bad))), ['DECODE-FIELD OBX[1]'], bad);
  }
  assert.deepEqual(rejections(oru(spo2('>^97', { 2: 'SN' }))), ['DECODE-FIELD OBX[1]']);
  assert.deepEqual(rejections(oru(spo2('90^-^97', { 2: 'SN' }))), ['DECODE-FIELD OBX[1]']);
});

test('units: MDC, MDIL, bare terms, UCUM and spellings; converted ones keep what was sent', () => {
  const temperature = (unit: string): Reading | undefined => first(oru(obx('188424^MDC_TEMP_ORAL^MDC', '98.6', unit)));
  for (const unit of [
    '266560^MDC_DIM_FAHR^MDC',
    '0004-1140^F^MDIL',
    '4416^MDC_DIM_FAHR^MDC',
    '[degF]^^UCUM',
    '\u00b0F',
    'x^y^z^266560^MDC_DIM_FAHR^MDC',
    '^degF',
  ]) {
    assert.deepEqual([temperature(unit)?.value, temperature(unit)?.original], [37, { value: 98.6, unit: '[degF]' }], unit);
  }
  assert.equal(first(oru(spo2('97')))?.original, undefined);
});

test('a missing unit is assumed and marked, but never where it decides; a wrong one is refused', () => {
  verifies('NOTHING-INVENTED');
  assert.deepEqual(first(oru(obx(SPO2, '97', '')))?.flags, ['unit-assumed']);
  const glucose = '160184^MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD^MDC';
  assert.equal(first(oru(obx(glucose, '5.5', 'mmol/L')))?.vital, 'glu_si');
  assert.equal(first(oru(obx(glucose, '99', 'mg/dL')))?.vital, 'glu');
  for (const [code, unit] of [
    [glucose, ''],
    [SPO2, 'furlong'],
    [SPO2, MMHG],
    [SPO2, '999999^x^MDC'],
    // Its two identifiers name different units.
    ['150021^s^MDC', `${MMHG}^kPa^kPa^UCUM`],
    ['150021^s^MDC', `kPa^kPa^UCUM^${MMHG}`],
    [SPO2, `${PERCENT}^262656^MDC_DIM_DIMLESS^MDC`],
  ] as const) {
    assert.deepEqual(rejections(oru(obx(code, '5.5', unit))), ['DECODE-UNIT OBX[1]'], `${code} ${unit}`);
  }
  assert.equal(first(oru(obx('150021^s^MDC', '120', `${MMHG}^mm[Hg]^mm[Hg]^UCUM`)))?.value, 120);
  assert.equal(first(oru(obx(SPO2, '', 'furlong')))?.absent, 'unknown', 'no value, no unit needed');
});

test('OBX-8: what the device says about the value', () => {
  const about = (condition: string, value = '97'): unknown[] => {
    const reading = first(oru(spo2(value, { 8: condition })));
    return [reading?.value ?? `!${reading?.absent}`, ...(reading?.flags ?? [])];
  };
  assert.deepEqual(about('QUES'), [97, 'questionable']);
  assert.deepEqual(about('CAL~ALACT'), [97, 'questionable', 'device-alarm']);
  assert.deepEqual(about('A~PM~SP'), [97, 'device-alarm']);
  assert.deepEqual(about('H'), [97]);
  assert.deepEqual(about('INV', ''), ['!error']);
  assert.deepEqual(about('INV'), ['!error'], 'the device says that the number is none');
  assert.deepEqual(about('NAV', ''), ['!temp-unknown']);
  assert.deepEqual(about('OFF', ''), ['!not-performed', 'sensor-off']);
  verifies('NOTHING-INVENTED');
  for (const invalid of ['INV^Invalid^HL70078', 'inv', ' INV ', 'N^^~INV^^', 'N^^^INV^^', 'INV&x', '~INV'])
    assert.deepEqual(about(invalid), ['!error'], invalid);
  assert.deepEqual(about('OFF^off'), ['!not-performed', 'sensor-off']);
  for (const harmless of ['N^Normal^HL70078', '""', 'hh', '<', 'null', '~', '^normal']) assert.deepEqual(about(harmless), [97], harmless);
  for (const unknown of ['XYZZY', '"INV"', 'N~invalid', '1']) assert.deepEqual(about(unknown), [97, 'questionable'], unknown);
  assert.deepEqual(about('QUES~XYZZY'), [97, 'questionable']);
});

test('OBX-11: result status', () => {
  const status = (text: string): unknown[] => {
    const reading = first(oru(spo2('97', { 11: text })));
    return [reading?.status ?? 'final', reading?.value ?? `!${reading?.absent}`];
  };
  assert.deepEqual([status('R'), status('F'), status('')], Array(3).fill(['final', 97]));
  assert.deepEqual(
    [status('P'), status('C')],
    [
      ['preliminary', 97],
      ['corrected', 97],
    ],
  );
  assert.deepEqual(
    [status('W'), status('D')],
    [
      ['cancelled', '!error'],
      ['cancelled', '!error'],
    ],
  );
  // No result now is news of its own, not the withdrawal of an older one, which would stay the current value.
  assert.deepEqual(
    [status('X'), status('N')],
    [
      ['final', '!unknown'],
      ['final', '!not-performed'],
    ],
  );
  assert.deepEqual(rejections(oru(spo2('97', { 11: '?' }))), ['DECODE-FIELD OBX[1]']);
});

test('a vital sign without type and value is an absent one', () => {
  const { records } = read(oru(spo2('', { 2: '', 11: 'X' })));
  assert.deepEqual(
    records[0]?.readings.map(({ absent, status }) => [absent, status]),
    [['unknown', undefined]],
  );
});

test('time: OBX-14, else the row it is contained in, else OBR-7, else MSH-7, else receipt', () => {
  const effective = (bytes: Buffer): number | undefined => first(bytes)?.effective;
  assert.equal(effective(oru(spo2('97', { 14: '20261121095900+0100' }))), at(8, 59));
  assert.equal(effective(oru(spo2('97'))), at(8, 59, 58));
  const panel = 'OBX|1||150020^MDC_PRESS_BLD_NONINV^MDC|1.0.1|||||||X|||20261121090000+0100';
  assert.equal(effective(oru(panel, obx('150021^s^MDC', '120', MMHG, { 4: '1.0.1.1' }))), at(8, 0));
  assert.equal(effective(oru(panel, spo2('97', { 4: '1.0.2.1' }))), at(8, 59, 58), 'not of another channel');
  assert.equal(effective(message(MSH, PID, 'OBR|1', spo2('97'))), at(9, 0));
  const timeless = MSH.replace('20261121100000+0100', '');
  assert.equal(effective(message(timeless, PID, 'OBR|1', spo2('97'))), undefined);
});

test('time: the zone of the source where none is given, doubts marked; an unreadable time costs no value', () => {
  verifies('GOOD-PARTS-SURVIVE');
  assert.deepEqual(first(oru(spo2('97', { 14: '20261121100000' })), { zone: 'America/New_York' })?.effective, at(15, 0));
  assert.deepEqual(first(oru(spo2('97', { 14: '20261025023000' })))?.flags, ['dst-overlap']);
  assert.equal(first(oru(spo2('97', { 14: '""' })))?.effective, at(8, 59, 58), 'a null is no time');
  const broken = oru(spo2('97', { 14: '21.11.2026' }));
  assert.deepEqual(first(broken)?.flags, ['clock']);
  assert.deepEqual(rejections(broken), ['DECODE-TIME OBX[1]-14']);
});

test('time: one that is given and cannot be read marks its readings and is told of once; none at all is no clock', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  const summary = (bytes: Buffer): unknown[] => [
    ...readings(bytes).map(({ effective, flags }) => [effective, flags]),
    ...rejections(bytes),
  ];
  const nine = at(9, 0);
  for (const time of ['20261120', '20261341100000', '20261120100000Z', '99991231235959', '20261121100000+1430', '20261121100000+1500']) {
    const twice = message(MSH, PID, `OBR|1||||||${time}`, spo2('97'), spo2('96'), spo2('95', { 14: '20261121100000+0100' }));
    assert.deepEqual(summary(twice), [[nine, ['clock']], [nine, ['clock']], [nine, undefined], 'DECODE-TIME OBR[1]-7'], time);
    const row = oru(`OBX|1||69965^MDC_DEV^MDC|1.1.1|||||||X|||${time}`, spo2('97'), spo2('96', { 4: '1.2.1.1' }));
    assert.deepEqual(summary(row), [[at(8, 59, 58), ['clock']], [at(8, 59, 58), undefined], 'DECODE-TIME OBX[1]-14'], time);
    const own = oru(spo2('97', { 14: time }));
    assert.deepEqual(summary(own), [[at(8, 59, 58), ['clock']], 'DECODE-TIME OBX[1]-14'], time);
    const header = message(MSH.replace('20261121100000+0100', time), PID, spo2('97'), spo2('96'));
    assert.deepEqual(summary(header), [[undefined, ['clock']], [undefined, ['clock']], 'DECODE-TIME MSH[1]-7'], time);
  }
  assert.deepEqual(summary(message(MSH.replace('20261121100000+0100', ''), PID, spo2('97'))), [[undefined, ['clockless']]]);
  assert.deepEqual(summary(message(MSH, PID, 'OBR|1||||||20261121095958+0100 ', spo2('97'))), [[at(8, 59, 58), undefined]]);
  assert.deepEqual(summary(message(MSH, PID, 'OBR|1||||||""', spo2('97'))), [[nine, undefined]]);
});

test('pressures of two lines, or of two rounds, are never made one blood pressure', () => {
  verifies('NOTHING-INVENTED');
  const pressures = (...rows: (readonly [part: 's' | 'd' | 'm', value: string, path: string])[]): unknown[] =>
    read(
      oru(...rows.map(([part, value, path]) => obx(`${{ s: 150037, d: 150038, m: 150039 }[part]}^ABP^MDC`, value, MMHG, { 4: path }))),
    ).records.flatMap((record) => {
      const made = normalize(record, { agent: 'a', epoch: '0000000000000', seq: 1 });
      assert.equal(observationCount(record), made.length);
      assert.deepEqual(decodeRecord(encodeRecord(record)), record);
      return made.map(({ component = [] }) => component.map(({ valueQuantity }) => valueQuantity?.value ?? null));
    });
  const one = '1.2.1.1';
  const two = '1.3.1.1';
  assert.deepEqual(pressures(['s', '120', one], ['d', '***', one], ['s', '80', two], ['d', '40', two]), [
    [120, null],
    [80, 40],
  ]);
  assert.deepEqual(pressures(['s', '120', one], ['s', '80', two], ['m', '55', two], ['d', '70', one], ['d', '40', two]), [
    [120, 70],
    [80, 40, 55],
  ]);
  assert.deepEqual(pressures(['s', '120', ''], ['d', '***', ''], ['s', '80', ''], ['d', '40', '']), [
    [120, null],
    [80, 40],
  ]);
  assert.deepEqual(pressures(['s', '120', ''], ['d', '***', ''], ['s', '***', ''], ['d', '40', '']), [
    [120, null],
    [null, 40],
  ]);
  assert.deepEqual(pressures(['s', '120', ''], ['d', '70', ''], ['m', '90', '']), [[120, 70, 90]]);
});

test('single measurements are kept apart from the continuous ones, which they outlive', () => {
  const { records } = read(oru(spo2('97'), obx('150021^s^MDC', '120', MMHG), obx('150022^d^MDC', '80', MMHG)));
  assert.deepEqual(
    records.map((record) => [record.class, record.readings.length]),
    [
      ['continuous', 1],
      ['spot', 2],
    ],
  );
});

test('a bad OBX among good ones costs itself only', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  const bytes = oru(spo2('97'), spo2('abc'), obx('150456', '96', PERCENT), 'OBX|x', 'IN1|1', 'TXA', spo2('96', { 4: '1.1.1.2' }));
  assert.deepEqual(
    readings(bytes).map(({ value }) => value),
    [97, 96],
  );
  assert.deepEqual(rejections(bytes), [
    'DECODE-FIELD OBX[2]',
    'DECODE-UNKNOWN-CODE OBX[3]',
    'HL7-SEGMENT segment[9]',
    'HL7-SEGMENT segment[10]',
  ]);
});

test('texts, codes and waveforms are counted; one that looks like a number is kept', () => {
  verifies('NO-SILENT-DROP');
  const { records, rejected } = read(
    oru(spo2('1^2^3', { 2: 'NA' }), spo2('good', { 2: 'TX' }), spo2('97', { 2: 'ST' }), spo2('97', { 2: '' })),
  );
  assert.deepEqual(records, []);
  assert.deepEqual(
    rejected.map(({ code, part, raw }) => `${code} ${part}${raw ? '+' : ''}`),
    ['HL7-VALUE-TYPE OBX[1]', 'HL7-VALUE-TYPE OBX[2]', 'HL7-VALUE-TYPE OBX[3]+', 'HL7-VALUE-TYPE OBX[4]+'],
  );
});

test('device text is data: limits are cut and cleaned', () => {
  verifies('DEVICE-TEXT-IS-DATA');
  const limits = (text: string): string | undefined => first(oru(spo2('97', { 7: text })))?.limits;
  assert.equal(limits('50-120'), '50-120');
  assert.equal(limits('50\x00\x1b[31m-\x07120'), '50 [31m- 120');
  assert.equal(limits('a\\T\\b\\X0D0A\\c'), 'a&b c');
  assert.equal(limits('x'.repeat(5000))?.length, 64);
  assert.equal(limits(' \x01 '), undefined);
});

test('settings are never vital signs: by their code or by their method, known ones are read as what they are', () => {
  verifies('SETTINGS-APART', 'NOTHING-INVENTED');
  const vt = '152000^MDC_VENT_VOL_MINUTE_EXP^MDC';
  const [mL, percent] = ['263762^MDC_DIM_MILLI_L^MDC', PERCENT];
  const counted = (row: string): unknown => {
    const { records, rejected } = read(oru(row));
    return [records.length, rejected.map(({ code, part, raw }) => [code, part, raw === undefined])];
  };
  const aside = [0, [['HL7-SETTING', 'OBX[1]', true]]];
  // 151980 + 16 777 216 is in the table; 152000, 150456 and 57676 (a bare term) + 16 777 216 are not.
  assert.deepEqual(first(oru(obx('16929196^MDC_VENT_VOL_TIDAL_SETTING^MDC', '450', mL))), {
    ...first(oru(obx('16929196^^MDC', '450', mL))),
    vital: 'vt_set',
  });
  for (const code of [16_777_216 + 152_000, 16_777_216 + 150_456, 16_777_216 + 57_676, 33_554_431])
    assert.deepEqual(counted(obx(`${code}^MDC_X_SETTING^MDC`, '97', percent)), aside, `${code}`);
  assert.deepEqual(counted(obx('16929192^MDC_X_SETTING^MDC', '50005^MODE^MDC', '', { 2: 'CWE' })), aside);
  assert.deepEqual(counted(obx('16929192^MDC_X_SETTING^MDC', '', '', { 2: '', 11: 'X' })), aside);
  for (const method of ['MSET', 'RSET^remote-setting^MDC', 'aset', 'X~MSET']) {
    assert.deepEqual(counted(obx(SPO2, '97', percent, { 17: method })), aside, method);
    assert.equal(first(oru(obx('16929196^^MDC', '450', mL, { 17: method })))?.vital, 'vt_set');
  }
  for (const method of ['AMEAS^auto-measurement^MDC', 'MMEAS', '^APERIODIC', '']) {
    assert.equal(first(oru(obx(SPO2, '97', percent, { 17: method })))?.vital, 'spo2', method);
  }
  // Private partitions stand above all settings: such a code is unknown, and kept.
  for (const code of [vt.replace('152000', '67174404'), '0401-0b54^x^MDIL'])
    assert.deepEqual(rejections(oru(obx(code, '97', percent))), ['DECODE-UNKNOWN-CODE OBX[1]'], code);
});
