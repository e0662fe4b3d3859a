import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeRecord, encodeRecord, type ReadingRecord } from '../../shared/reading.ts';
import { verifies } from '../requirements.ts';
import { anyRecord } from '../support/records.ts';

test('a record that was written is read as it was', () => {
  verifies('NOTHING-INVENTED');
  fc.assert(
    fc.property(anyRecord, (record) => {
      assert.deepEqual(decodeRecord(encodeRecord(record)), JSON.parse(JSON.stringify(record)));
    }),
    { numRuns: 100 },
  );
});

test('a row of before, which tells no measurements apart, is still read', () => {
  const row = '{"s":"s","p":"hl7","d":["SN-1","serial",null,null],"t":7,"u":{},"r":[["abp_s",120,null,null,null,null,null,null,null]]}';
  const record: ReadingRecord = {
    source: 's',
    profile: 'hl7',
    device: { id: 'SN-1', idType: 'serial' },
    receivedAt: 7,
    subject: {},
    test: false,
    class: 'continuous',
    readings: [{ vital: 'abp_s', value: 120 }],
  };
  assert.deepEqual(decodeRecord(Buffer.concat([Buffer.of(1), Buffer.from(row)])), record);
});
