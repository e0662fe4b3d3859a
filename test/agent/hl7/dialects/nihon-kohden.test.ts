import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nihonKohden } from '../../../../agent/hl7/dialects/nihon-kohden.ts';
import { hl7Profile } from '../../../../agent/hl7/read.ts';
import { verifies } from '../../../requirements.ts';
import { CONTEXT, RECEIVED_AT } from '../../decode/decoding.ts';
import { readBy } from './dialect.ts';

const MSH =
  'MSH|^~\\&|NIHON KOHDEN|NIHON KOHDEN|CLIENT APP|CLIENT FACILITY|20261121100000||ORU^R01^ORU_R01|20261121000007|P|2.4|||NE|AL||ASCII||ASCII';
const PV1 = 'PV1||I|^^BED-001^10.0.0.1:1';
const row = (code: string, value: string, unit: string): string => `OBX|1|NM|${code}|1|${value}|${unit}|||||F|||20261121100000|||`;
const read = (...rows: string[]) =>
  readBy('hl7-nihon-kohden', [MSH, 'PID|||P-0001', PV1, 'ORC|RE', 'OBR|1|||VITAL|||20261121100000', ...rows]);

/** devices.md §2.2. */
const CODES = [
  ['001000^VITAL HR', '/min', 'hr'],
  ['007000^VITAL SpO2', '%', 'spo2'],
  ['007001^VITAL PR(spo2)', '/min', 'pr_oxi'],
  ['009000^NIBP SYS', 'mmHg', 'nibp_s'],
  ['009001^NIBP DIAS', 'mmHg', 'nibp_d'],
  ['009002^NIBP MEAN', 'mmHg', 'nibp_m'],
  ['014000^VITAL TRECT', '\u00b0C', 't_rect'],
] as const;

test('every code of the table: its value, its absence, a missing unit, and one that is none of its own', () => {
  verifies('DIALECT-BY-TABLE', 'NOTHING-INVENTED');
  for (const [code, unit, vital] of CODES) {
    assert.deepEqual(read(row(code, '37', unit)), { readings: [`${vital}=37`], alerts: [], rejected: [] }, code);
    assert.deepEqual(read(row(code, '', unit)).readings, [`${vital}=!unknown`], code);
    assert.deepEqual(read(row(code, '37', '')).readings, [`${vital}=37 unit-assumed`], code);
    for (const wrong of ['points', unit === 'mmHg' ? '/min' : 'mmHg'])
      assert.deepEqual(read(row(code, '37', wrong)).rejected, ['DECODE-UNIT OBX[1]+'], `${code} ${wrong}`);
  }
  assert.deepEqual(read(row('001000^VITAL HR', '72', 'bpm')).readings, ['hr=72']);
});

test('code and text must agree; what is not in the table is refused and kept', () => {
  verifies('DIALECT-BY-TABLE', 'NO-SILENT-DROP');
  for (const code of [
    '001000^VITAL SpO2',
    '007000^VITAL HR',
    '009000^NIBP DIAS',
    '001000',
    '^VITAL HR',
    '1000^VITAL HR',
    '001000^vital hr',
    '001000^VITAL HR^MDC',
    '001000^VITAL rHR',
    '072007^VITAL rpr',
    '072007^VITAL r',
    '072007^VITAL PR(spo2)',
    '020000^VITAL EtCO2',
    '058000^VITAL ICP(S)',
    '147842^MDC_ECG_HEART_RATE^MDC',
  ])
    assert.deepEqual(read(row(code, '72', '/min')), { readings: [], alerts: [], rejected: ['DECODE-UNKNOWN-CODE OBX[1]+'] }, code);
});

test('a value that comes twice is counted, not read', () => {
  verifies('DIALECT-BY-TABLE', 'NO-SILENT-DROP');
  assert.deepEqual(read(row('007001^VITAL PR(spo2)', '77', '/min'), row('072007^VITAL rPR(spo2)', '77', '/min')), {
    readings: ['pr_oxi=77'],
    alerts: [],
    rejected: ['HL7-ASIDE OBX[2]'],
  });
});

test('the bed is that of PV1-3, without the address of the monitor', () => {
  const bytes = Buffer.from([MSH, 'PID|||P-0001', PV1, 'OBR|1', row('007000^VITAL SpO2', '97', '%'), ''].join('\r'));
  const { records } = hl7Profile(nihonKohden).read(bytes, RECEIVED_AT, CONTEXT);
  assert.deepEqual(records[0]?.subject, { patient: { value: 'P-0001', authority: '' }, bed: 'BED-001' });
});

test('we call it, at its port; it says nothing about alarms, and its control ids are not trusted to be unique', () => {
  const { connects, alarms, uniqueControlIds } = nihonKohden;
  assert.deepEqual(
    [connects, alarms.form, alarms.says, uniqueControlIds],
    [{ senderCalls: false, senderListensAt: 7998 }, 'none', [], false],
  );
});
