import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dialect } from '../../../../agent/hl7/dialect.ts';
import { continuaWan } from '../../../../agent/hl7/dialects/continua-wan.ts';
import { ge } from '../../../../agent/hl7/dialects/ge.ts';
import { mindrayEgateway } from '../../../../agent/hl7/dialects/mindray-egateway.ts';
import { pcd01 } from '../../../../agent/hl7/dialects/pcd01.ts';
import { hl7Profile } from '../../../../agent/hl7/read.ts';
import type { ReadingRecord } from '../../../../shared/reading.ts';
import { verifies } from '../../../requirements.ts';
import { CONTEXT, outcome, RECEIVED_AT } from '../../decode/decoding.ts';
import { MMHG, MSH, message, oru as ORU, obx, PERCENT, PID, SPO2 } from '../oru.ts';

const HEART_RATE = '147842^MDC_ECG_HEART_RATE^MDC';
const PER_MIN = '264864^MDC_DIM_BEAT_PER_MIN^MDC';

const records = (dialect: Dialect, bytes: Uint8Array): ReadingRecord[] =>
  outcome([hl7Profile(dialect).read(bytes, RECEIVED_AT, CONTEXT)]).records;
const codes = (dialect: Dialect, bytes: Uint8Array): string[] =>
  hl7Profile(dialect)
    .read(bytes, RECEIVED_AT, CONTEXT)
    .rejected.map(({ code, part, raw }) => `${code} ${part}${raw ? ' kept' : ''}`);
/** Device and readings of each record: `MON-1 spo2,hr`. */
const devices = (dialect: Dialect, bytes: Uint8Array): string[] =>
  records(dialect, bytes).map(({ device, readings }) => `${device.idType} ${device.id} ${readings.map(({ vital }) => vital).join()}`);

test('OBX-18: an EUI-64 wherever it stands, else the identifier; who gave it is no device', () => {
  verifies('NOTHING-INVENTED');
  const device = (id: string): string | undefined => devices(pcd01, ORU(obx(SPO2, '97', PERCENT, { 18: id })))[0];
  assert.equal(device('F037EF2X^DEVICE^mindray.com^DNS'), 'serial F037EF2X spo2');
  assert.equal(device('2000009264^Eagle^masimo.com'), 'serial 2000009264 spo2');
  assert.equal(device('A1^^1.2.840.1^ISO'), 'serial A1 spo2');
  assert.equal(device('^^urn:uuid:381a5f0b-b319-4db3-b100-4b5efa76147e^URN'), 'serial urn:uuid:381a5f0b-b319-4db3-b100-4b5efa76147e spo2');
  for (const id of ['00A037^BIG_DIPPER^00A037^EUI-64', 'A1^^00A037^EUI-64', '00A037^EUI-64', '00A037^^EUI-64', '^^00A037^EUI64'])
    assert.equal(device(id), 'eui64 00A037 spo2', id);
});

test('GE: the number in OBX-18 is that of MSH-3, and of its kind; invasive pressures come under their own codes', () => {
  const header = MSH.replace('MON^00A037FFFE000001', 'VSP^080019FFFE0000A1');
  const row = (code: string, value: string): string => obx(code, value, MMHG, { 18: '080019FFFE0000A1^B40_GE' });
  const [record] = records(
    ge,
    message(header, PID, row('150033^MDC_PRESS_BLD_ART_SYS^MDC', '121'), row('150035^MDC_PRESS_BLD_ART_MEAN^MDC', '87')),
  );
  assert.deepEqual(record?.device, { id: '080019FFFE0000A1', idType: 'eui64' });
  assert.deepEqual(
    record?.readings.map(({ vital, mdc, value }) => [vital, mdc, value]),
    [
      ['art_s', 150033, 121],
      ['art_m', 150035, 87],
    ],
  );
  assert.equal(ge.uniqueControlIds, false, 'MSH-10 is the hardware address: the second message of a monitor is no duplicate');
});

test('Mindray: OBX-18 of the first row holds for its MDS, until another one, group or patient', () => {
  verifies('NOTHING-INVENTED');
  const spo2 = (fields = {}): string => obx(SPO2, '97', PERCENT, { 4: '1.3.1.150456', ...fields });
  const hr = (fields = {}): string => obx(HEART_RATE, '60', PER_MIN, { 4: '1.7.4.147842', ...fields });
  const once = ORU(spo2({ 18: 'MON-1' }), hr());
  assert.deepEqual(devices(mindrayEgateway, once), ['serial MON-1 spo2,hr']);
  assert.deepEqual(devices(pcd01, once), ['serial MON-1 spo2', 'eui64 00A037FFFE000001 hr'], 'a difference of this dialect');
  assert.deepEqual(devices(mindrayEgateway, ORU(spo2({ 18: 'MON-1' }), hr(), spo2({ 18: 'MON-2' }), hr())), [
    'serial MON-1 spo2,hr',
    'serial MON-2 spo2,hr',
  ]);
  assert.deepEqual(devices(mindrayEgateway, ORU(spo2({ 18: 'MON-1' }), hr({ 4: '2.7.4.147842' }))), [
    'serial MON-1 spo2',
    'eui64 00A037FFFE000001 hr',
  ]);
  for (const next of ['OBR|2', PID])
    assert.deepEqual(
      devices(mindrayEgateway, ORU(spo2({ 18: 'MON-1' }), next, hr())),
      ['serial MON-1 spo2', 'eui64 00A037FFFE000001 hr'],
      next,
    );
  // The first row names the device also where it is refused, left aside, or a text.
  for (const first of ['999^MNDRY_NEW^99MNDRY', '108^MNDRY_ECG_PAUSE_RATE^99MNDRY']) {
    const row = obx(first, '1', PER_MIN, { 4: '1.1.1.999', 18: 'MON-2' });
    assert.deepEqual(devices(mindrayEgateway, ORU(row, hr())), ['serial MON-2 hr'], first);
    assert.deepEqual(devices(mindrayEgateway, ORU(spo2({ 18: 'MON-1' }), row, hr())), ['serial MON-1 spo2', 'serial MON-2 hr'], first);
  }
  assert.deepEqual(devices(mindrayEgateway, ORU(spo2({ 2: 'ST', 5: 'ok', 18: 'MON-2' }), hr())), ['serial MON-2 hr']);
  assert.deepEqual(devices(mindrayEgateway, ORU(spo2({ 5: 'bad', 18: 'M\u0001' }), hr())), []);
  const unreadable = ORU(spo2({ 18: 'M\u0001' }), hr());
  assert.deepEqual(codes(mindrayEgateway, unreadable), ['DECODE-FIELD OBX[1] kept', 'DECODE-FIELD OBX[2] kept']);
});

test('Mindray: its own codes are never mapped; known counts are left aside; a cuff keeps its older time', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP', 'THREE-INSTANTS');
  const own = (code: string): Buffer => ORU(obx(code, '0', PER_MIN));
  assert.deepEqual(codes(mindrayEgateway, own('108^MNDRY_ECG_PAUSE_RATE^99MNDRY')), ['HL7-ASIDE OBX[1]']);
  for (const code of ['147842^MNDRY_ECG_HEART_RATE^99MNDRY', '108^MNDRY_OTHER^99MNDRY', '109^MNDRY_ECG_PAUSE_RATE^99MNDRY'])
    assert.deepEqual(codes(mindrayEgateway, own(code)), ['DECODE-UNKNOWN-CODE OBX[1] kept'], code);
  const cuff = obx('150301^MDC_PRESS_CUFF_SYS^MDC', '166', MMHG, { 14: '20261121095008+0100', 17: '^APERIODIC' });
  assert.deepEqual(records(mindrayEgateway, ORU(cuff))[0]?.readings, [
    { vital: 'cuff_s', value: 166, effective: Date.UTC(2026, 10, 21, 8, 50, 8), offsetMin: 60 },
  ]);
});

test('Continua: the clock’s rows are counted; each device of each group has its own readings', () => {
  verifies('NO-SILENT-DROP');
  const sync = 'OBX|1|CWE|68220^MDC_TIME_SYNC_PROTOCOL^MDC|0.0.0.1|532224^MDC_TIME_SYNC_NONE^MDC||||||R';
  const clock = 'OBX|2|DTM|67975^MDC_ATTR_TIME_ABS^MDC|1.0.0.1|20091028123702||||||R|||20091028173702+0000';
  assert.deepEqual(codes(continuaWan, ORU(sync, clock)), ['HL7-ASIDE OBX[1]', 'HL7-ASIDE OBX[2]']);
  const device = (mds: string, id: string): string => `OBX|1||528399^MDC_DEV_SPEC_PROFILE_SCALE^MDC|${mds}|||||||X|||||||${id}^EUI-64`;
  const fat = (mds: string): string => obx('57676^MDC_BODY_FAT^MDC', '21.5', PERCENT, { 4: `${mds}.0.0.1` });
  assert.deepEqual(devices(continuaWan, ORU(device('1', 'AA01'), fat('1'), 'OBR|2', device('2', 'AA02'), fat('2'))), [
    'eui64 AA01 fat',
    'eui64 AA02 fat',
  ]);
});

test('what a dialect says about alarms is what it reads', () => {
  verifies('ALERTS-RELAYED');
  for (const { name, messages, alarms, obx: rules } of [pcd01, ge, mindrayEgateway, continuaWan]) {
    const reads = messages.some(({ use }) => use === 'alerts');
    assert.equal(alarms.form, reads ? 'IHE PCD-04' : 'none', name);
    assert.equal(rules.alarm, undefined, name);
    assert.ok(alarms.limits.length > 20, name);
  }
});
