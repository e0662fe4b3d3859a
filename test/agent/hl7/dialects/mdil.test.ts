import assert from 'node:assert/strict';
import { test } from 'node:test';
import { philipsEfficia } from '../../../../agent/hl7/dialects/philips-efficia.ts';
import { philipsIic } from '../../../../agent/hl7/dialects/philips-iic.ts';
import { verifies } from '../../../requirements.ts';
import { readBy } from './dialect.ts';

const HEADERS = {
  'hl7-philips-iic': 'MSH|^~\\&|||||||ORU^R01|HP1|P|2.5||||||8859/1',
  'hl7-philips-efficia': 'MSH|^~\\&|^EfficiaCM||||20261121100000||ORU^R01^ORU_R01|CN900000010000000001|P|2.4',
} as const;
const NAMES = Object.keys(HEADERS) as (keyof typeof HEADERS)[];

const read = (name: keyof typeof HEADERS, obr: string, ...rows: string[]) =>
  readBy(name, [HEADERS[name], 'PID|||P-0001', `OBR||||${obr}|||20261121100000`, ...rows]);
const nm = (code: string, value: string, unit: string, status = 'F', access = ''): string =>
  `OBX||NM|${code}^x^MDIL|0|${value}|${unit}|||||${status}||${access}`;

const BPM = '0004-0aa0^bpm^MDIL';
const RPM = '0004-0ae0^rpm^MDIL';
const MMHG = '0004-0f20^mmHg^MDIL';
const PERCENT = '0004-0220^%^MDIL';
const CELSIUS = '0004-17a0^\u00b0C^MDIL';

/** MDIL code, unit, vital sign: devices.md §2.2, each code in decimal beside it. */
// biome-ignore format: one row a line, as the table in the manual
const CODES = [
  ['0002-4182', BPM, 'hr'],        // 147842
  ['0002-480a', BPM, 'pr'],        // 149514
  ['0002-5000', RPM, 'rr'],        // 151552, the rate by Philips
  ['0002-500a', RPM, 'rr'],        // 151562
  ['0002-4bb8', PERCENT, 'spo2'],  // 150456
  ['0002-4bb0', '0004-0200^^MDIL', 'pi_ph'], // 150448
  ['0002-4a05', MMHG, 'nibp_s'],   // 150021
  ['0002-4a06', MMHG, 'nibp_d'],
  ['0002-4a07', MMHG, 'nibp_m'],
  ['0002-4a15', MMHG, 'abp_s'],    // 150037
  ['0002-4a16', MMHG, 'abp_d'],
  ['0002-4a17', MMHG, 'abp_m'],
  ['0002-4a1d', MMHG, 'pap_s'],    // 150045
  ['0002-4a1e', MMHG, 'pap_d'],
  ['0002-4a1f', MMHG, 'pap_m'],
  ['0002-4a47', MMHG, 'cvp_m'],    // 150087
  ['0002-50b0', MMHG, 'etco2_p'],  // 151728
  ['0002-4b60', CELSIUS, 't_core'], // 150368
] as const;

for (const name of NAMES) {
  test(`${name}: every code of the table, its value, its absence, a unit that is none of its own`, () => {
    verifies('DIALECT-BY-TABLE', 'NOTHING-INVENTED');
    for (const [code, unit, vital] of CODES) {
      assert.deepEqual(read(name, 'MONITOR', nm(code, '36', unit)), { readings: [`${vital}=36`], alerts: [], rejected: [] }, code);
      assert.deepEqual(read(name, 'MONITOR', nm(code, '', unit, 'X')).readings, [`${vital}=!unknown`], code);
      assert.deepEqual(read(name, 'MONITOR', nm(code, '36', unit, 'X')).readings, [`${vital}=!unknown`], 'invalid, whatever stands there');
      assert.deepEqual(read(name, 'MONITOR', nm(code, '36', '')).readings, [`${vital}=36 unit-assumed`], code);
      for (const wrong of ['0004-9999^x^MDIL', unit === MMHG ? BPM : MMHG])
        assert.deepEqual(read(name, 'MONITOR', nm(code, '36', wrong)).rejected, ['DECODE-UNIT OBX[1]+'], `${code} ${wrong}`);
    }
  });

  test(`${name}: private codes, labels and other systems are refused and kept`, () => {
    verifies('DIALECT-BY-TABLE', 'NO-SILENT-DROP');
    for (const code of [
      '0401-4182^HR^MDIL',
      '0402-4182^HR^MDIL',
      '0007-f0c7^T1^MDIL',
      '0002-f0c7^T1^MDIL',
      '0002-4183^HR^MDIL',
      '0102-4182^HR^MDIL',
      '0002-4182^HR',
      '0002-4182^HR^MDIL2',
      '0002-4182^HR^MDIL^147842^MDC_ECG_HEART_RATE^MDC',
      '0004-0aa0^bpm^MDIL',
      '0002-418^HR^MDIL',
      '147842^MDC_ECG_HEART_RATE^MDC',
      'HR',
      '',
    ])
      assert.deepEqual(read(name, 'MONITOR', `OBX||NM|${code}|0|72|${BPM}|||||F`), {
        readings: [],
        alerts: [],
        rejected: ['DECODE-UNKNOWN-CODE OBX[1]+'],
      });
  });

  test(`${name}: settings and configuration are counted, never vital signs`, () => {
    verifies('DIALECT-BY-TABLE');
    assert.deepEqual(
      read(name, 'MONITOR', nm('0002-4182', '120', BPM, 'F', 'SETTING'), nm('0002-4182', '50', BPM, 'F', ' configuration ')),
      { readings: [], alerts: [], rejected: ['HL7-SETTING OBX[1]', 'HL7-ASIDE OBX[2]'] },
    );
  });

  test(`${name}: alarms with the level that is written down; every other level is unknown`, () => {
    verifies('ALERTS-RELAYED');
    const alarm = (id: string, text: string, rest = ''): string => `OBX||TX|${id}||${text}||||||F${rest}`;
    const { readings, alerts, rejected } = read(
      name,
      'ALARM',
      alarm('2^Yellow Alarm^MDIL-ALERT', 'HR Low, HR=48 /min'),
      alarm('5^HardInop^MDIL-ALERT', 'ECG  Leads\\T\\Cable Off', '|||20261121095959'),
      alarm('1^Red Alarm^MDIL-ALERT', 'Apnea'),
      alarm('2^Red Alarm^MDIL-ALERT', 'Apnea'),
      nm('0002-4182', '48', BPM),
    );
    assert.deepEqual([readings, rejected], [['hr=48'], []]);
    const common = { phase: 'present', state: 'unknown', offsetMin: 60 } as const;
    const at = Date.UTC(2026, 10, 21, 9);
    const code = (own: string) => ({ system: 'MDIL-ALERT', code: own });
    assert.deepEqual(alerts, [
      { code: code('2'), text: 'HR Low, HR=48 /min', ...common, priority: 'medium', type: 'physiological', effective: at },
      { code: code('5'), text: 'ECG Leads&Cable Off', ...common, priority: 'unknown', type: 'technical', effective: at - 1000 },
      { code: code('1'), text: 'Apnea', ...common, priority: 'unknown', type: 'unknown', effective: at },
      { code: code('2'), text: 'Apnea', ...common, priority: 'unknown', type: 'unknown', effective: at },
    ]);
  });

  test(`${name}: what is no whole alarm is kept, and never shown as one`, () => {
    verifies('ALERTS-RELAYED', 'NO-SILENT-DROP');
    for (const row of [
      'OBX||TX|2^Yellow Alarm^MDIL-ALERT||||||||F',
      'OBX||TX|2^Yellow Alarm^MDIL-ALERT||""||||||F',
      'OBX||TX|^Yellow Alarm^MDIL-ALERT||HR Low||||||F',
      'OBX||TX|2^Yellow Alarm^MDIL-ALERT||HR Low||||||D',
      'OBX||TX|2^Yellow Alarm^MDIL-ALERT||HR Low||||||X',
      'OBX||NM|2^Yellow Alarm^MDIL-ALERT||48||||||F',
      'OBX||TX|2^Yellow Alarm^||HR Low||||||F',
    ])
      assert.deepEqual(read(name, 'ALARM', row), { readings: [], alerts: [], rejected: ['DECODE-FIELD OBX[1]+'] }, row);
  });
}

test('plain PCD-01 reads MDIL codes as it did, the rate under MDC_RESP among them', () => {
  const rows = [nm('0002-4bb8', '96', PERCENT), nm('0002-5000', '20', RPM)];
  assert.deepEqual(readBy('hl7-pcd01', [HEADERS['hl7-philips-iic'], 'PID|||P-0001', 'OBR|1', ...rows]).readings, [
    'spo2=96 clockless',
    'rr=20 clockless',
  ]);
});

test('MSH-18 8859/1: the sign of degrees in a unit and in an alarm', () => {
  const { readings, alerts } = read(
    'hl7-philips-iic',
    '',
    nm('0002-4b60', '98.6', '0004-1140^\u00b0F^MDIL'),
    'OBX||TX|2^Yellow Alarm^MDIL-ALERT||Tcore 39 > 38 \u00b0C||||||F',
  );
  assert.deepEqual([readings, alerts[0]?.text], [['t_core=37'], 'Tcore 39 > 38 \u00b0C']);
});

test('the serial answer of Efficia is refused, and both say that they call us', () => {
  const serial = [
    HEADERS['hl7-philips-efficia'].replace('ORU^R01^ORU_R01', 'ORF^R04'),
    'MSA|AA|Q',
    'PID|||P-0001',
    nm('0002-4182', '60', BPM),
  ];
  assert.deepEqual(readBy('hl7-philips-efficia', serial).rejected, ['HL7-TYPE message+']);
  assert.ok(philipsEfficia.limits?.some((text) => text.includes('ORF^R04')));
  assert.deepEqual([philipsIic.connects, philipsEfficia.connects], [{ senderCalls: true }, { senderCalls: true }]);
});
