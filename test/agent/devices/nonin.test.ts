import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noninAscii } from '../../../agent/devices/nonin-ascii.ts';
import { noninDf1 } from '../../../agent/devices/nonin-df1.ts';
import { noninDf8 } from '../../../agent/devices/nonin-df8.ts';
import { verifies } from '../../requirements.ts';
import { decoded, RECEIVED_AT, short } from '../decode/decoding.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

test('DF8: pulse 72, saturation 97, smart point', () => {
  const outcome = decoded(noninDf8, hex('80 48 61 20'), { patient: { value: 'P-0001', authority: '' }, bed: 'B-1' });
  assert.deepEqual(outcome, {
    records: [
      {
        source: 'line-1',
        profile: 'nonin-df8',
        device: { id: 'line-1', idType: 'config', vendor: 'Nonin' },
        receivedAt: RECEIVED_AT,
        subject: { patient: { value: 'P-0001', authority: '' }, bed: 'B-1' },
        test: false,
        class: 'continuous',
        readings: [
          { vital: 'pr_oxi', value: 72, flags: ['clockless'] },
          { vital: 'spo2', value: 97, flags: ['clockless'] },
        ],
      },
    ],
    rejected: [],
  });
});

test('DF8: nine bits of pulse, and what the status bits say', () => {
  const one = (frame: string): string[] => short(decoded(noninDf8, hex(frame)));
  assert.deepEqual(one('82 2C 61 20'), ['pr_oxi=300 clockless', 'spo2=97 clockless']);
  assert.deepEqual(one('A0 48 61 20'), ['pr_oxi=72 clockless searching', 'spo2=97 clockless searching']);
  assert.deepEqual(one('98 48 61 20'), ['pr_oxi=72 clockless low-perfusion', 'spo2=97 clockless low-perfusion']);
  assert.deepEqual(one('84 48 61 00'), ['pr_oxi=72 clockless motion', 'spo2=97 clockless motion']);
  assert.deepEqual(one('80 48 61 29'), ['pr_oxi=72 clockless device-alarm low-battery', 'spo2=97 clockless device-alarm low-battery']);
});

test('DF8: a sentinel is no value, with the reason that the device gives', () => {
  verifies('NOTHING-INVENTED');
  const one = (frame: string): string[] => short(decoded(noninDf8, hex(frame)));
  assert.deepEqual(one('83 7F 7F 00'), ['pr_oxi=!unknown clockless', 'spo2=!unknown clockless']);
  assert.deepEqual(one('A3 7F 7F 00'), ['pr_oxi=!temp-unknown clockless searching', 'spo2=!temp-unknown clockless searching']);
  assert.deepEqual(one('83 7F 7F 08'), ['pr_oxi=!error clockless device-alarm', 'spo2=!error clockless device-alarm']);
  assert.deepEqual(one('80 48 7F 00'), ['pr_oxi=72 clockless', 'spo2=!unknown clockless']);
});

test('DF1: the example packets of the manual', () => {
  const stream = hex('80 48 61  82 2C 61  C3 7F 7F');
  assert.deepEqual(short(decoded(noninDf1, stream)), [
    'pr_oxi=72 clockless',
    'spo2=97 clockless',
    'pr_oxi=300 clockless',
    'spo2=97 clockless',
    'pr_oxi=!temp-unknown clockless sensor-off',
    'spo2=!temp-unknown clockless sensor-off',
  ]);
});

test('DF8: noise and cut frames cost themselves only', () => {
  verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
  const outcome = decoded(noninDf8, hex('61 20  80 48 61 20  80 48  80 49 62 20  80'));
  assert.deepEqual(short(outcome), ['pr_oxi=72 clockless', 'spo2=97 clockless', 'pr_oxi=73 clockless', 'spo2=98 clockless']);
  assert.deepEqual(outcome.rejected, ['DECODE-GARBAGE frame 2', 'DECODE-TRUNCATED frame 2', 'DECODE-TRUNCATED frame 1']);
});

test('ASCII printout: values, no data, time of day and marks', () => {
  const outcome = decoded(noninAscii, ascii('SPO2=097 HR=072\r\n08:12:21 SPO2=--- HR=--- *\r\nSPO2=100 HR=118*\r\n'));
  assert.deepEqual(short(outcome), [
    'spo2=97 clockless',
    'pr_oxi=72 clockless',
    'spo2=!unknown clockless',
    'pr_oxi=!unknown clockless',
    'spo2=100 clockless',
    'pr_oxi=118 clockless',
  ]);
  assert.deepEqual(outcome.rejected, []);
});

test('ASCII printout: a header block is passed over, a broken value costs itself, a lost line end costs both lines', () => {
  verifies('GOOD-PARTS-SURVIVE');
  const outcome = decoded(
    noninAscii,
    ascii('NONIN 8500\r\n\r\nSPO2=09 HR=072\r\nSPO2=097 HR=0SPO2=096 HR=071\r\nSPO2=0#7 HR=073\r\nSPO2=097 HR=0'),
  );
  assert.deepEqual(short(outcome), ['pr_oxi=72 clockless', 'pr_oxi=73 clockless']);
  assert.deepEqual(outcome.rejected, [
    'DECODE-GARBAGE line 10',
    'DECODE-FIELD SPO2 2+',
    'DECODE-FIELD line 28+',
    'DECODE-FIELD SPO2 3+',
    'DECODE-TRUNCATED frame 13',
  ]);
});

test('a line that broke off inside a key and the next one are nobody’s', () => {
  verifies('NOTHING-INVENTED');
  for (const line of ['SPO2=097 HRSPO2=098 HR=073', 'SPO2=097 HSPO2=098 HR=073', 'SPSPO2=098 HR=073']) {
    assert.deepEqual(decoded(noninAscii, ascii(`${line}\r\n`)), { records: [], rejected: [`DECODE-FIELD line ${line.length}+`] });
  }
});

test('a device that the source does not list is refused', () => {
  const outcome = decoded(noninDf8, hex('80 48 61 20'), { devices: ['OX-2'], deviceId: 'OX-1' });
  assert.deepEqual(outcome, { records: [], rejected: ['DECODE-DEVICE-UNKNOWN frame 4+'] });
  assert.equal(decoded(noninDf8, hex('80 48 61 20'), { devices: ['OX-1'], deviceId: 'OX-1' }).records[0]?.device.id, 'OX-1');
});
