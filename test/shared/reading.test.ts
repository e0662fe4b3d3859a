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

test('a row of version 2, each reading with a time of its own, is still read', () => {
  const readings = '["spo2",97,-459,60],["hr","unknown",-459,60,["motion"]],["rr",15]';
  const row = `{"s":"s","p":"hl7","d":["SN-1","serial",null,null],"t":1795310815000,"u":{},"r":[${readings}]}`;
  assert.deepEqual(decodeRecord(Buffer.concat([Buffer.of(2), Buffer.from(row)])).readings, [
    { vital: 'spo2', value: 97, effective: 1795310814541, offsetMin: 60 },
    { vital: 'hr', absent: 'unknown', effective: 1795310814541, offsetMin: 60, flags: ['motion'] },
    { vital: 'rr', value: 15 },
  ]);
});

test('the time that all readings of a row have stands in it once', () => {
  verifies('NOTHING-INVENTED');
  const time = { effective: 1795310814541, offsetMin: 60 };
  const record: ReadingRecord = {
    ...{
      source: 's',
      profile: 'hl7',
      device: { id: 'SN-1', idType: 'serial' as const },
      receivedAt: 1795310815000,
      subject: {},
      test: false,
    },
    class: 'continuous' as const,
    readings: [
      { vital: 'hr', value: 72, ...time },
      { vital: 'spo2', absent: 'error', ...time, flags: ['motion'] },
    ],
  };
  const written = encodeRecord(record);
  assert.equal(
    written.toString('utf8', 1),
    '{"s":"s","p":"hl7","d":["SN-1","serial",null,null],"t":1795310815000,"u":{},"e":[-459,60],"r":[["hr",72],["spo2","error",null,null,["motion"]]]}',
  );
  assert.equal(written[0], 3);
  assert.deepEqual(decodeRecord(written), record);
  const [first, second] = record.readings;
  const others: ReadingRecord['readings'][] = [
    [first ?? { vital: 'hr' }, { ...second, vital: 'spo2', offsetMin: 0 }],
    [first ?? { vital: 'hr' }, { vital: 'spo2', value: 97 }],
    [{ vital: 'spo2', value: 97 }, first ?? { vital: 'hr' }],
  ];
  for (const readings of others) {
    const apart = encodeRecord({ ...record, readings });
    assert.equal(apart[0], 2);
    assert.deepEqual(decodeRecord(apart).readings, readings);
  }
});

test('a row whose version and time do not go together is damaged, and none of its readings loses its time', () => {
  verifies('NOTHING-INVENTED');
  const row = (version: number, time: string): Buffer =>
    Buffer.concat([
      Buffer.of(version),
      Buffer.from(`{"s":"s","p":"hl7","d":["SN-1","serial",null,null],"t":1795310815000,"u":{}${time},"r":[["hr",72],["spo2",97]]}`),
    ]);
  const times = [
    ',"e":[-459,60]',
    ',"e":[-459,null]',
    '',
    ',"e":null',
    ',"e":[]',
    ',"e":[null,null]',
    ',"e":[-459]',
    ',"e":[0.5,60]',
    ',"e":[0,"60"]',
  ];
  const isRead = (version: number, time: string): boolean => {
    try {
      decodeRecord(row(version, time));
      return true;
    } catch (thrown) {
      assert.equal((thrown as { code?: string }).code, 'OUTBOX-DAMAGED-ROW');
      return false;
    }
  };
  for (const version of [1, 2])
    assert.deepEqual(
      times.filter((time) => isRead(version, time)),
      [''],
      `${version}`,
    );
  assert.deepEqual(
    times.filter((time) => isRead(3, time)),
    times.slice(0, 2),
  );
});

test('a row holds nothing of a reading that is not there', () => {
  const record: ReadingRecord = {
    ...{ source: 's', profile: 'hl7', device: { id: 'SN-1', idType: 'serial' as const }, receivedAt: 1795310815000, subject: {} },
    ...{ test: false, class: 'continuous' as const, readings: [{ vital: 'hr', value: 72, effective: 1795310814000, offsetMin: 0 }] },
  };
  assert.match(encodeRecord(record).toString('utf8', 1), /"r":\[\["hr",72,-1000,0\]\]/);
});
