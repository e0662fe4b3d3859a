import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Dialect, MDC_ROWS } from '../../../agent/hl7/dialect.ts';
import { pcd01 } from '../../../agent/hl7/dialects/pcd01.ts';
import { hl7Profile } from '../../../agent/hl7/read.ts';
import { verifies } from '../../requirements.ts';
import { CONTEXT, RECEIVED_AT } from '../decode/decoding.ts';
import { message, OBR, obx, oru, PERCENT, PID, SPO2 } from './oru.ts';

/** A sender whose rows under `99X` are alarms, and who says in OBR-4 how bad they are. */
const dialect: Dialect = {
  ...pcd01,
  name: 'hl7-x',
  obx: {
    ...MDC_ROWS,
    use: (row) => (row.component(3, 3) === '99X' ? 'alarm' : row.component(3, 3) === '99Y' ? 'aside' : 'value'),
    alarm: (row, { obr, header }) =>
      row.field(5) === ''
        ? undefined
        : {
            code: { system: '99X', code: row.component(3, 1) },
            text: row.field(5),
            phase: 'present',
            state: 'unknown',
            priority: obr?.component(4, 1) === 'RED' ? 'high' : 'unknown',
            type: header.component(10, 1) === 'M1' ? 'physiological' : 'unknown',
          },
  },
};
const read = (bytes: Uint8Array) => hl7Profile(dialect).read(bytes, RECEIVED_AT, CONTEXT);
const alarm = (text: string, fields: Record<number, string> = {}): string => obx('7^own^99X', text, '', { 2: 'TX', ...fields });

test('alarm rows of a vendor become alerts beside the readings, of the same patient and device', () => {
  verifies('ALERTS-RELAYED');
  const { records, rejected } = read(
    oru('OBX|1||1^MDS^99|1.0.0.0|||||||X|||||||MON-7', obx(SPO2, '85', PERCENT), 'OBR|2|||RED|||20261121100005+0100', alarm('SpO2 low')),
  );
  assert.deepEqual(rejected, []);
  const [readings, alerts] = records;
  assert.ok(readings && alerts);
  assert.deepEqual([readings.class, alerts.class], ['continuous', 'alert']);
  assert.deepEqual([alerts.subject, alerts.device], [readings.subject, readings.device]);
  assert.deepEqual(alerts.device, { id: 'MON-7', idType: 'serial' });
  assert.deepEqual(alerts.readings, []);
  assert.deepEqual(alerts.alerts, [
    {
      code: { system: '99X', code: '7' },
      text: 'SpO2 low',
      phase: 'present',
      state: 'unknown',
      priority: 'high',
      type: 'physiological',
      effective: Date.UTC(2026, 10, 21, 9, 0, 5),
      offsetMin: 60,
    },
  ]);
});

test('an alarm row that cannot be read is kept; a row that is aside is counted', () => {
  verifies('ALERTS-RELAYED', 'NO-SILENT-DROP', 'GOOD-PARTS-SURVIVE');
  const { records, rejected } = read(oru(alarm(''), alarm('x'.repeat(500)), alarm('a\u0007b'), obx('1^own^99Y', '5', ''), alarm('Apnoea')));
  assert.deepEqual(
    records.flatMap(({ alerts = [] }) => alerts.map(({ text }) => text)),
    ['Apnoea'],
  );
  assert.deepEqual(
    rejected.map(({ code, part, raw }) => [code, part, raw !== undefined]),
    [
      ['DECODE-FIELD', 'OBX[1]', true],
      ['DECODE-FIELD', 'OBX[2]', true],
      ['DECODE-FIELD', 'OBX[3]', true],
      ['HL7-ASIDE', 'OBX[4]', false],
    ],
  );
});

test('an alarm of a demonstration is test data, and one behind a damaged PID is nobody’s', () => {
  verifies('ALERTS-RELAYED', 'TEST-TAGGED');
  assert.deepEqual(
    read(oru(alarm('one'), alarm('two', { 8: 'DEMO' }))).records.map(({ test: isTest, alerts }) => [isTest, alerts?.[0]?.text]),
    [
      [false, 'one'],
      [true, 'two'],
    ],
  );
  const header = 'MSH|^~\\&|X||||20261121100000+0100||ORU^R01|M1|P|2.6';
  const damaged = read(message(header, PID, OBR, alarm('one'), 'PID|||\u0001^^^HOSP', OBR, alarm('two')));
  assert.deepEqual(
    damaged.records.flatMap(({ alerts = [] }) => alerts.map(({ text }) => text)),
    ['one'],
  );
  assert.deepEqual(
    damaged.rejected.map(({ code, part }) => [code, part]),
    [['DECODE-FIELD', 'PID-3']],
  );
});
