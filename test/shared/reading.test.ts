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

test('a row of version 1, whose times count from 1970, is still read', () => {
  const reading = '["spo2",97,1795310814244,60,["motion"],"corrected",150456,[0.97,"1"],"90-100",1]';
  const row = `{"s":"s","p":"hl7","d":["SN-1","serial",null,null],"t":1795310815000,"u":{},"r":[${reading}]}`;
  assert.deepEqual(decodeRecord(Buffer.concat([Buffer.of(1), Buffer.from(row)])).readings, [
    {
      ...{ vital: 'spo2', value: 97, effective: 1795310814244, offsetMin: 60, flags: ['motion'], status: 'corrected', mdc: 150456 },
      ...{ original: { value: 0.97, unit: '1' }, limits: '90-100', measurement: 1 },
    },
  ]);
});

test('a row holds nothing of a reading that is not there', () => {
  const record: ReadingRecord = {
    ...{ source: 's', profile: 'hl7', device: { id: 'SN-1', idType: 'serial' as const }, receivedAt: 1795310815000, subject: {} },
    ...{ test: false, class: 'continuous' as const, readings: [{ vital: 'hr', value: 72, effective: 1795310814000, offsetMin: 0 }] },
  };
  assert.match(encodeRecord(record).toString('utf8', 1), /"r":\[\["hr",72,-1000,0\]\]/);
});
