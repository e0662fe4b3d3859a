import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { inDoubt, retimed } from '../../../agent/boots/retime.ts';
import { normalize } from '../../../agent/normalize.ts';
import { decodeRecord, encodeRecord, type Reading, type ReadingRecord } from '../../../shared/reading.ts';
import { sortTimeOf } from '../../../shared/sort-time.ts';
import { markedRecord } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';

const FLOOR = Date.UTC(2026, 10, 1);
const TRUE_TIME = Date.UTC(2027, 2, 1, 12);
const SHIFT = TRUE_TIME - FLOOR;
const MINUTE_MS = 60_000;
const SURE = { shift: SHIFT, inDoubt: false };

function received(...readings: Reading[]): ReadingRecord {
  return { ...markedRecord(1), receivedAt: FLOOR, readings };
}

const orderOf = ({ receivedAt, readings: [reading] }: ReadingRecord) =>
  sortTimeOf(reading?.effective ?? receivedAt, receivedAt, reading?.flags ?? []);

describe('a row that was received before the time was known', () => {
  test('of a device without a clock: its time is the true time of receipt', () => {
    verifies('NO-CLOCK-RETIMED');
    const record = retimed(received({ vital: 'spo2', value: 97, flags: ['clockless'] }), SURE);
    assert.deepEqual([record.receivedAt, orderOf(record).sortTime], [TRUE_TIME, TRUE_TIME]);
    const [resource] = normalize(record, { agent: 'gateway', epoch: '0000000000000', seq: 1 });
    assert.equal(resource?.effectiveDateTime, '2027-03-01T12:00:00.000+00:00');
    assert.equal(resource?.issued, '2027-03-01T12:00:00.000+00:00');
  });

  test('of a device whose own clock is good: its time stays, and is believed by the true time of receipt, not by the wrong one', () => {
    verifies('NO-CLOCK-DEVICE-TIME');
    const before = received({ vital: 'spo2', value: 97, effective: TRUE_TIME - 1000 });
    assert.deepEqual(orderOf(before).flags, ['clock'], 'judged by the floor it would be set aside');
    const record = retimed(before, SURE);
    assert.deepEqual(orderOf(record), { sortTime: TRUE_TIME - 1000, flags: [] });
    assert.deepEqual(record.readings, before.readings);
  });

  test('of a device whose clock is wrong: it is found out by the true time of receipt', () => {
    verifies('NO-CLOCK-DEVICE-TIME');
    const record = retimed(received({ vital: 'spo2', value: 97, effective: TRUE_TIME + 3 * MINUTE_MS }), SURE);
    assert.deepEqual(orderOf(record), { sortTime: TRUE_TIME, flags: ['clock'] });
  });

  test('of whose receipt nobody knows the time: marked clock and out of a memory, so that it never becomes the latest; its own time stays', () => {
    verifies('NO-CLOCK-BOUNDED-TIME');
    const before = received({ vital: 'spo2', value: 97, effective: TRUE_TIME, flags: ['motion'] });
    const record = retimed(before, { shift: 1000, inDoubt: true });
    assert.equal(record.receivedAt, FLOOR + 1000);
    assert.deepEqual(record.readings, [{ vital: 'spo2', value: 97, effective: TRUE_TIME, flags: ['motion', 'clock', 'memory'] }]);
  });

  test('what surely was received no earlier says so, but for what a device had in its own memory', () => {
    verifies('NO-CLOCK-BOUNDED-TIME', 'BOUND-AFTER-BINDING');
    const before = received(
      { vital: 'spo2', value: 97 },
      { vital: 'spo2', value: 96, flags: ['memory'] },
      { vital: 'spo2', value: 95, effective: FLOOR + 5000 },
      { vital: 'spo2', value: 94, effective: FLOOR - 60 * MINUTE_MS },
    );
    const { readings } = retimed(before, { shift: 1000, inDoubt: true, notEarlier: true });
    assert.deepEqual(
      readings.map(({ flags }) => flags),
      [
        ['clock', 'memory', 'not-earlier'],
        ['memory', 'clock'],
        ['clock', 'memory', 'not-earlier'],
        ['clock', 'memory'],
      ],
    );
  });

  test('a movement keeps when it happened by its message; without that it happened when it came', () => {
    verifies('NO-CLOCK-RETIMED');
    const record: ReadingRecord = { ...received(), class: 'movement', movement: { event: 'A02', parties: [] } };
    assert.deepEqual(retimed(record, SURE).movement, { event: 'A02', parties: [] });
    assert.equal(retimed(record, SURE).receivedAt, TRUE_TIME);
    assert.deepEqual(retimed(record, { shift: 0, inDoubt: true }).movement, { event: 'A02', parties: [], flags: ['clock'] });
  });

  test('a gap is where the rows were that it stands for', () => {
    verifies('NO-CLOCK-RETIMED');
    const gap = { reason: 'space', lost: 'spot', from: FLOOR - 5000, to: FLOOR - 1000, rows: 4, values: 4, vitals: ['spo2'] } as const;
    const record = retimed({ ...received(), class: 'gap', gap }, SURE);
    assert.deepEqual([record.gap?.from, record.gap?.to], [TRUE_TIME - 5000, TRUE_TIME - 1000]);
  });

  test('nothing else changes, and it is the same when it is read again', () => {
    verifies('NO-CLOCK-RETIMED');
    const reading = fc.record(
      { vital: fc.constant('spo2'), value: fc.integer({ min: 0, max: 100 }), effective: fc.integer({ min: 0, max: 2 * TRUE_TIME }) },
      { requiredKeys: ['vital', 'value'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(reading, { minLength: 1, maxLength: 4 }), fc.integer({ min: -SHIFT, max: SHIFT }), (readings, shift) => {
        const before = received(...readings);
        const record = retimed(decodeRecord(encodeRecord(before)), { shift, inDoubt: false });
        assert.deepEqual(record, { ...before, receivedAt: before.receivedAt + shift });
        assert.deepEqual(decodeRecord(encodeRecord(record)), record);
      }),
    );
  });

  test('what is in doubt is marked once', () => {
    const record = inDoubt(inDoubt(received({ vital: 'spo2', value: 97 })));
    assert.deepEqual(record.readings[0]?.flags, ['clock']);
  });
});
