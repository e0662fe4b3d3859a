import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { outcome } from '../decode/decoding.ts';
import { MSH, mdsRow, message, OBR, obx, oru, PID, PID_2, PV1, read, readings, rejections, SPO2, spo2, stored, WHOSE } from './oru.ts';

test('nothing of one patient holds for the next: device, bed, time', () => {
  verifies('SUBJECT-BY-HUB', 'NOTHING-INVENTED');
  const bytes = oru(mdsRow('D1'), spo2('97'), PID_2, 'OBR|1', mdsRow('D2'), spo2('60'));
  assert.deepEqual(stored(bytes, WHOSE), [
    ['P-0001', 'ICU^101^BED-01', 'D1', 97],
    ['P-0002', undefined, 'D2', 60],
  ]);
  assert.deepEqual(stored(oru(mdsRow('D1'), spo2('97'), PID_2, 'OBR|1', spo2('60')))[1], ['P-0002', undefined, '00A037FFFE000001', 60]);
});

test('behind a segment that cannot be named nothing says whose the rest is: it is kept, and given to nobody up to the next PID', () => {
  verifies('SUBJECT-BY-HUB', 'NO-SILENT-DROP', 'GOOD-PARTS-SURVIVE');
  for (const damaged of [
    'pid|||P-0002^^^HOSP^MR',
    ' PID|||P-0002',
    'PlD|||P-0002',
    'PID |||P-0002',
    '\0PID|||P-0002',
    'PXD|||P-0002',
    'pv1||I|ICU^102^B',
    'PR1||I|ICU^102^B',
    'P-0002^^^HOSP^MR',
  ]) {
    const bytes = oru(spo2('97'), damaged, OBR, spo2('60'), 'PID|||P-0003^^^HOSP^MR', OBR, spo2('91'), spo2('x'));
    assert.deepEqual(
      stored(bytes, WHOSE).map((record) => (record as unknown[]).filter((part) => part !== '00A037FFFE000001')),
      [
        ['P-0001', 'ICU^101^BED-01', 97],
        ['P-0003', undefined, 91],
      ],
      damaged,
    );
    const [rest] = read(bytes).rejected;
    assert.equal(Buffer.from(rest?.raw ?? []).toString('latin1'), [damaged, OBR, spo2('60')].join('\r'));
    assert.deepEqual(rejections(bytes), ['HL7-SEGMENT segment[6]', 'DECODE-FIELD OBX[4]'], 'rows are counted as the sender does');
    assert.deepEqual(stored(message(MSH, damaged, OBR, spo2('60')), WHOSE), [], 'nor to the patient of the configuration');
    assert.deepEqual(stored(message(MSH, damaged, 'PID|||', spo2('60')), WHOSE), [[undefined, undefined, '00A037FFFE000001', 60]]);
  }
});

test('a damaged header inside a message is one: not even the next PID is of this message', () => {
  verifies('SUBJECT-BY-HUB');
  for (const header of [`\xef\xbb\xbf${MSH}`, MSH.replace('MSH', 'NSH'), `\0${MSH}`, MSH.replace('MSH', 'msh')]) {
    const bytes = oru(spo2('97'), header, PID_2, spo2('60'));
    assert.deepEqual(
      readings(bytes).map(({ value }) => value),
      [97],
    );
    assert.deepEqual(rejections(bytes), ['HL7-SEGMENT segment[6]']);
  }
});

test('test and demonstration data is marked, apart from the real', () => {
  const tests = (bytes: Buffer, context = {}): boolean[] => read(bytes, context).records.map((record) => record.test);
  assert.deepEqual(tests(message(MSH.replace('|P|2.6', '|T|2.6'), PID, spo2('97'))), [true]);
  assert.deepEqual(tests(message(MSH.replace('|P|2.6', '|D^A|2.6'), PID, spo2('97'))), [true]);
  assert.deepEqual(tests(oru(spo2('97', { 8: 'DEMO' }), spo2('96'))), [true, false]);
  assert.deepEqual(tests(oru(spo2('97')), { test: true }), [true]);
});

test('a line feed inside a text makes no reading; one that may hide another patient leaves the rest to nobody', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP', 'SUBJECT-BY-HUB');
  const note = oru(`NTE|1||a\n${spo2('12')}`, spo2('97'));
  assert.deepEqual(
    readings(note).map(({ value }) => value),
    [97],
  );
  assert.deepEqual(rejections(note), ['HL7-SEGMENT segment[5]']);
  const mixed = oru(spo2('97'), `${spo2('96')}\n${PID_2}`, spo2('60'), 'PID|||P-0003', spo2('91'));
  assert.deepEqual(
    stored(mixed).map((record) => [(record as unknown[])[0], (record as unknown[])[3]]),
    [
      ['P-0001', 97],
      ['P-0003', 91],
    ],
  );
  assert.deepEqual(rejections(mixed), ['HL7-SEGMENT segment[6]']);
  const header = oru(spo2('97'), `NTE|1||a\n${PID}\n${MSH}`, PID_2, spo2('60'));
  assert.deepEqual(
    readings(header).map(({ value }) => value),
    [97],
    'nor is the next PID of this message when a header may stand between',
  );
});

test('a line end that was lost makes no patient’s value another’s, and a word that ends as a segment begins costs nothing', () => {
  verifies('SUBJECT-BY-HUB', 'NO-SILENT-DROP', 'GOOD-PARTS-SURVIVE');
  const next = ['PID|1||P-0002^^^HOSP^MR', 'OBR|1', spo2('60'), 'PID|1||P-0003', spo2('91')].join('\r');
  for (const row of [
    spo2('96'),
    spo2('96', { 12: '' }),
    spo2('96', { 14: '20261121100000+0100' }),
    obx(SPO2, '96', '', { 11: '' }),
    'NTE|1||70',
    'OBR|2',
    'PV1||I|^^B2',
  ])
    for (const lost of ['', 'M', '-', '\u001d']) {
      const bytes = Buffer.from(`${[MSH, PID, PV1, OBR, spo2('97'), `${row}${lost}${next}`].join('\r')}\r`, 'latin1');
      const patients = read(bytes, WHOSE).records.flatMap(({ subject, readings: all }) =>
        all.map(({ value }) => [subject.patient?.value, value]),
      );
      assert.deepEqual(
        patients,
        [
          ['P-0001', 97],
          ['P-0003', 91],
        ],
        `${row}${lost}`,
      );
      assert.deepEqual(rejections(bytes, WHOSE), ['HL7-SEGMENT segment[6]']);
    }
  for (const header of [`${MSH}|||NE|AL`, `${MSH}|||||USA|UNICODE UTF-8`, `${MSH}|`]) {
    const bytes = Buffer.from(`${header}${[PID, OBR, spo2('97')].join('\r')}\r`);
    assert.deepEqual([stored(bytes, WHOSE), rejections(bytes, WHOSE)], [[], ['HL7-SEGMENT MSH']], header);
  }
  const place = Buffer.from(`${[MSH, `${PID}${PV1}`, OBR, spo2('97')].join('\r')}\r`);
  assert.deepEqual(
    [stored(place, WHOSE), rejections(place, WHOSE)],
    [[], ['HL7-SEGMENT segment[2]']],
    'nor is it in the bed of the configuration',
  );
  for (const word of [
    'OBX|2|ST|1^LIPID||RAPID|||A|||F',
    'OBX|2|TX|5^DX||PID||||||F',
    'OBR|2|||LIPID|||20261121100000+0100',
    'NTE|1||STUPID|RE',
    'NK1|1|CUPID|MTH',
  ])
    assert.deepEqual(
      stored(oru(word, spo2('97')), WHOSE).map((record) => (record as unknown[]).at(-1)),
      [97],
      word,
    );
  assert.equal(stored(message(MSH, 'PID|||P-0001||CUPID|PSYCHE', OBR, spo2('97')), WHOSE).length, 1);
  assert.equal(stored(message(MSH.replace('|ICU|', '|RAPID|'), PID, OBR, spo2('97')), WHOSE).length, 1);
});

test('rows behind another line end are kept, whatever segment they hide in', () => {
  verifies('NO-SILENT-DROP');
  for (const bytes of [
    Buffer.from(`${MSH}\n${[PID, OBR, spo2('97')].join('\r')}\r`),
    Buffer.from(`${[MSH, `${PID}\n${OBR}`, spo2('97')].join('\r')}\r`),
    Buffer.from(`${[MSH, PID, `${OBR}\n${spo2('96')}`, spo2('97')].join('\r')}\r`),
  ]) {
    assert.deepEqual(stored(bytes), []);
    assert.ok(read(bytes).rejected.some(({ raw }) => Buffer.from(raw ?? []).includes('|97|')));
  }
  const two = oru(`${spo2('96', { 14: '20261121100000+0100' })}\n${spo2('60')}`, spo2('97'));
  assert.deepEqual(
    readings(two).map(({ value }) => value),
    [97],
  );
  assert.deepEqual(rejections(two), ['HL7-SEGMENT segment[5]']);
});

test('a second MSH inside a message: two that ran into each other, and nothing of the second is taken for the first patient', () => {
  verifies('GOOD-PARTS-SURVIVE');
  const bytes = Buffer.concat([oru(spo2('97')), message(MSH, OBR, spo2('50'))]);
  assert.deepEqual(
    readings(bytes).map(({ value }) => value),
    [97],
  );
  assert.deepEqual(rejections(bytes), ['HL7-SEGMENT MSH[2]']);
});

test('a message of thousands of OBX makes records that hold no more than the wire takes', () => {
  const rows = Array.from({ length: 2500 }, () => spo2('97'));
  const { records } = outcome([read(oru(...rows))]);
  assert.equal(
    records.reduce((sum, record) => sum + record.readings.length, 0),
    2500,
  );
  assert.ok(records.every((record) => record.readings.length <= 1000));
});
