import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { decoded, short } from '../decode/decoding.ts';
import { message } from './oru.ts';

test('with separators of its own a message says the same, however the stream is cut', () => {
  verifies('DECODE-STABLE');
  const outcome = decoded(
    hl7Pcd01,
    message(
      'MSH#*:!$#MON*00A037FFFE000001*EUI-64#ICU###20261121100000+0100##ORU*R01#M1#P#2.6',
      // The escape sequences are those separators; the usual ones are letters like others.
      'PID###P!S!1|!F!2!E!3!T!4!R!5***HOSP*MR:OTHER***HOSP*PI',
      'PV1##I#ICU*1*A&B',
      'OBR#1###MON###20261121095958+0100',
      'OBX#1#NM#150456*MDC_PULS_OXIM_SAT_O2*MDC#1.1.1.1#97#262688*MDC_DIM_PERCENT*MDC#90!F!100#QUES:ALACT###R',
    ),
  );
  assert.deepEqual(short(outcome), ['spo2=97 questionable device-alarm']);
  const [record] = outcome.records;
  assert.deepEqual([record?.subject.patient, record?.subject.bed], [{ value: 'P*1|#2!3$4:5', authority: 'HOSP' }, 'ICU^1^A&B']);
  assert.deepEqual([record?.device.id, record?.readings[0]?.limits, outcome.rejected], ['00A037FFFE000001', '90#100', []]);
});

test('sub-components that are not there, or a separator that MSH-2 leaves out, separate nothing', () => {
  const outcome = decoded(
    hl7Pcd01,
    message('MSH|^|MON||||20261121100000+0100||ORU^R01|M1|P|2.6', 'PID|||P~1\\F\\&2', 'OBX|1|NM|150456^^MDC|1.1.1.1|97|%|||||R'),
  );
  assert.deepEqual([short(outcome), outcome.records[0]?.subject.patient?.value], [['spo2=97'], 'P~1\\F\\&2']);
});
