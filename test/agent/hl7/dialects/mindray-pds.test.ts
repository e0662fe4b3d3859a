import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mindrayPds } from '../../../../agent/hl7/dialects/mindray-pds.ts';
import { verifies } from '../../../requirements.ts';
import { readBy } from './dialect.ts';

const msh = (control: string): string => `MSH|^~\\&|||||||ORU^R01|${control}|P|2.3.1|`;
const row = (code: string, module: string, value: string, unit = ''): string => `OBX||NM|${code}|${module}|${value}|${unit}|||||F`;
const read = (control: string, ...rows: string[]) => readBy('hl7-mindray-pds', [msh(control), ...rows]);

/** Code with its text, module, a unit of its quantity, vital sign: devices.md §2.2 and samples of a BeneView T8. */
const CODES = [
  ['101^HR', '2101', '/min', 'hr'],
  ['151^RR', '2102', '/min', 'rr'],
  ['160^SpO2', '2103', '%', 'spo2'],
  ['161^PR', '2103', '/min', 'pr_oxi'],
  ['162^PI', '2103', '%', 'pi'],
  ['170^Sys', '2105', 'mmHg', 'nibp_s'],
  ['171^Dia', '2105', 'mmHg', 'nibp_d'],
  ['172^Mean', '2105', 'mmHg', 'nibp_m'],
  ['200^T1', '2104', '\u00b0C', 'temp_u'],
  ['201^T2', '2104', '\u00b0C', 'temp_u'],
  ['250^EtCO2', '2106', 'mmHg', 'etco2'],
  ['500^Sys', '2116', 'mmHg', 'art_s'],
  ['501^Mean', '2116', 'mmHg', 'art_m'],
  ['502^Dia', '2116', 'mmHg', 'art_d'],
  ['503^Sys', '2117', 'mmHg', 'pap_s'],
  ['504^Mean', '2117', 'mmHg', 'pap_m'],
  ['505^Dia', '2117', 'mmHg', 'pap_d'],
] as const;

test('every code of the table: its value, the sentinel, a unit that is none of its own, another module', () => {
  verifies('DIALECT-BY-TABLE', 'NOTHING-INVENTED');
  for (const [code, module, unit, vital] of CODES) {
    const value = `${vital}=12 unit-assumed clockless`;
    assert.deepEqual(read('204', row(code, module, '12')), { readings: [value], alerts: [], rejected: [] }, code);
    assert.deepEqual(read('204', row(code, '', '12')).readings, [value], 'no module given');
    assert.deepEqual(read('204', row(code.replace(/\^.*/, '^'), module, '12')).readings, [value], 'no text given');
    for (const sentinel of ['-100', '-100.00', ''])
      assert.deepEqual(read('204', row(code, module, sentinel)).readings, [`${vital}=!unknown clockless`], `${code} ${sentinel}`);
    assert.deepEqual(read('204', row(code, module, '12', unit)).readings, [`${vital}=12 clockless`], code);
    for (const wrong of ['points', unit === 'mmHg' ? '/min' : 'mmHg'])
      assert.deepEqual(read('204', row(code, module, '12', wrong)).rejected, ['DECODE-UNIT OBX[1]+'], code);
    for (const other of [module === '2101' ? '2102' : '2101', '2199', '0', 'ECG'])
      assert.deepEqual(read('204', row(code, other, '12')).rejected, ['DECODE-UNKNOWN-CODE OBX[1]+'], `${code} ${other}`);
  }
  assert.equal(CODES.length, 17);
});

test('a number that is in no row, or whose text says something else, is refused and kept', () => {
  verifies('DIALECT-BY-TABLE', 'NO-SILENT-DROP');
  for (const [code, module] of [
    ['102^PVCs', '2101'],
    ['202^TD', '2104'],
    ['0^RR', '0'],
    ['600^PR', '2115'],
    ['500^Dia', '2116'],
    ['170^Mean', '2105'],
    ['200^Tskin', '2104'],
    ['0101^HR', '2101'],
    ['101^HR^MDC', '2101'],
    ['147842^MDC_ECG_HEART_RATE^MDC', '2101'],
    ['', '2101'],
  ] as const)
    assert.deepEqual(read('204', row(code, module, '12')), { readings: [], alerts: [], rejected: ['DECODE-UNKNOWN-CODE OBX[1]+'] }, code);
});

test('a blood pressure with its own time; one that was not measured is absent, and its time in doubt', () => {
  verifies('NOTHING-INVENTED');
  const nibp = (code: string, value: string, time: string): string => `OBX||NM|${code}|2105|${value}||||||F||APERIODIC|${time}`;
  const at = '20261121095500';
  assert.deepEqual(read('503', nibp('171^Dia', '80', at), nibp('172^Mean', '93', at), nibp('170^Sys', '120', at)).readings, [
    'nibp_d=80 unit-assumed',
    'nibp_m=93 unit-assumed',
    'nibp_s=120 unit-assumed',
  ]);
  assert.deepEqual(read('503', nibp('170^Sys', '-100', '00000000000000')), {
    readings: ['nibp_s=!unknown clock'],
    alerts: [],
    rejected: ['DECODE-TIME OBX[1]-14'],
  });
});

test('alarms of messages 54 and 56, as the monitor shows them; what is about the alarm system is counted', () => {
  verifies('ALERTS-RELAYED', 'NO-SILENT-DROP');
  const common = { phase: 'present', state: 'unknown', priority: 'unknown' } as const;
  const physiological = read('54', 'OBX||CE|2|1|10076^**T1 Too Low||||||F|||20261121095950|', 'OBX||CE|2040^||0^||||||F');
  assert.deepEqual(physiological, {
    readings: [],
    rejected: ['HL7-ASIDE OBX[2]'],
    alerts: [
      {
        ...{ code: { system: 'MINDRAY-PDS', code: '10076' }, text: '**T1 Too Low', ...common, type: 'physiological' },
        ...{ effective: Date.UTC(2026, 10, 21, 8, 59, 50), offsetMin: 60 },
      },
    ],
  });
  const technical = read('56', 'OBX||CE|4||205^SpO2 Sensor Off||||||F', 'OBX||CE|2041^||0^||||||F');
  assert.deepEqual(technical, {
    readings: [],
    rejected: ['HL7-ASIDE OBX[2]'],
    alerts: [{ code: { system: 'MINDRAY-PDS', code: '205' }, text: 'SpO2 Sensor Off', ...common, type: 'technical', flags: ['clockless'] }],
  });
  for (const bad of ['OBX||CE|2|1|^HR||||||F', 'OBX||CE|2|1|10076^||||||F', 'OBX||NM|101^HR|2101|60||||||F', 'OBX||CE|2|1|1^HR||||||X'])
    assert.deepEqual(read('54', bad), { readings: [], alerts: [], rejected: ['DECODE-FIELD OBX[1]+'] }, bad);
  assert.deepEqual(read('54'), { readings: [], alerts: [], rejected: [] }, 'a list of no alarms');
});

test('heartbeats are answered, limits are counted, other kinds of message are refused and kept', () => {
  verifies('NO-SILENT-DROP');
  assert.deepEqual(read('106').rejected, []);
  assert.deepEqual(read('205', 'OBX||CE|2037^|101|3^||||||F').rejected, ['HL7-TYPE message']);
  for (const kind of ['53', '', '2040', '104'])
    assert.deepEqual(read(kind, row('101^HR', '2101', '60')).rejected, ['HL7-TYPE message+'], kind);
});

test('we call it, at its port; its control ids name no message', () => {
  const { connects, uniqueControlIds, alarms } = mindrayPds;
  assert.deepEqual([connects, uniqueControlIds], [{ senderCalls: false, senderListensAt: 4601 }, false]);
  assert.deepEqual([alarms.form, alarms.says], ['vendor', ['phase', 'type']]);
});
