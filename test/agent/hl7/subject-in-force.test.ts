import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { MSH, message, OBR, oru, PID, PID_2, PV1, read, rejections, spo2, stored, WHOSE } from './oru.ts';

test('whose: PID-3 with its authority, PV1-3 and PV1-19, else what the configuration says', () => {
  const subject = (...segments: string[]) =>
    read(message(MSH, ...segments, OBR, spo2('97')), { patient: { value: 'P-9', authority: 'HOME' }, bed: 'B-9' }).records[0]?.subject;
  assert.deepEqual(subject(PID, PV1), { patient: { value: 'P-0001', authority: 'HOSP' }, bed: 'ICU^101^BED-01' });
  assert.deepEqual(subject('PID|||X1^^^OTHER^PI~P-0001^^^HOSP&1.2.3&ISO^MR', 'PV1||I|ICU^101||||||||||||||||V-77'), {
    patient: { value: 'P-0001', authority: '1.2.3' },
    bed: 'ICU^101',
    visit: 'V-77',
  });
  assert.deepEqual(subject('PID|||', 'PV1||I|'), { patient: { value: 'P-9', authority: 'HOME' }, bed: 'B-9' });
  assert.deepEqual(subject(), { patient: { value: 'P-9', authority: 'HOME' }, bed: 'B-9' });
});

test('a message about somebody whom no identifier names is nobody’s: least of all of who the configuration says', () => {
  verifies('SUBJECT-BY-HUB', 'NOTHING-INVENTED');
  const subject = (pid: string) =>
    read(message(MSH, pid, OBR, spo2('97')), { patient: { value: 'P-9', authority: '' }, bed: 'B-9' }).records[0]?.subject;
  for (const pid of [
    'PID|||||Miller^Anna',
    'PID|||||^Anna',
    'PID|||""||Miller&van',
    'PID||||ALT-7',
    'PID||||||||||||||||||A-1',
    'PID|||||~Miller',
  ])
    assert.deepEqual(subject(pid), { bed: 'B-9' }, pid);
  for (const pid of ['PID', 'PID|1||^^^HOSP^MR||^^^^^^U', 'PID|||""||""', 'PID|||||||19500102|F'])
    assert.deepEqual(subject(pid), { patient: { value: 'P-9', authority: '' }, bed: 'B-9' }, pid);
  const two = message(MSH, 'PID|||', OBR, spo2('97'), 'PID|||||Miller', OBR, spo2('91'));
  assert.deepEqual(
    read(two, { patient: { value: 'P-9', authority: '' } }).records.map(({ subject: whose }) => whose),
    [{}, {}],
  );
});

test('an identifier that cannot be one is never mended, nor replaced by another hint: what follows is kept and given to nobody', () => {
  verifies('SUBJECT-BY-HUB', 'NO-SILENT-DROP');
  for (const id of ['P-00\x0101', 'x'.repeat(129), 'P\\X00\\1']) {
    const { records, rejected } = read(message(MSH, `PID|||${id}^^^HOSP^MR`, OBR, spo2('97')), {
      patient: { value: 'P-9', authority: '' },
      bed: 'B-9',
    });
    assert.deepEqual(records, []);
    assert.deepEqual(
      rejected.map(({ code, part, raw }) => [code, part, Buffer.from(raw ?? []).includes('OBX|1|NM|150456')]),
      [['DECODE-FIELD', 'PID-3', true]],
    );
  }
});

test('several patients in one message stay apart', () => {
  const { records } = read(oru(spo2('97'), 'PID|||P-0002^^^HOSP^MR', OBR, spo2('91')));
  assert.deepEqual(
    records.map(({ subject, readings: all }) => [subject.patient?.value, subject.bed, all[0]?.value]),
    [
      ['P-0001', 'ICU^101^BED-01', 97],
      ['P-0002', undefined, 91],
    ],
  );
});

test('who is named: nulls are nobody, PID-2 where PID-3 is empty, and what stands before the PID is given to nobody', () => {
  verifies('SUBJECT-BY-HUB', 'NO-SILENT-DROP');
  const patient = (pid: string): unknown => read(message(MSH, pid, OBR, spo2('97')), WHOSE).records[0]?.subject.patient?.value;
  assert.equal(patient('PID|||""^^^HOSP^MR'), 'P-9');
  assert.equal(patient('PID|||""~P-0002^^^HOSP^PI'), 'P-0002');
  assert.equal(patient('PID|||""^^^HOSP^MR~ ~P-0002^^^HOSP^PI'), 'P-0002');
  assert.equal(patient('PID||P-0002'), 'P-0002');
  assert.equal(patient('PID||P-0002|""'), 'P-0002');
  assert.equal(patient('PID||P-0002|P-0003'), 'P-0003');
  const late = message(MSH, OBR, spo2('60'), PID_2, OBR, spo2('97'));
  assert.deepEqual(stored(late, WHOSE), [['P-0002', undefined, '00A037FFFE000001', 97]]);
  assert.deepEqual(rejections(late, WHOSE), ['HL7-SEGMENT OBX[1]']);
  assert.deepEqual(
    stored(message(MSH, PID, spo2('97'), 'PID|||', spo2('60')), WHOSE).map((record) => (record as unknown[])[0]),
    ['P-0001', undefined],
    'a message that names patients names nobody by leaving it out',
  );
});

test('where: unit, room and bed, since rooms have beds of the same name; an unreadable place is none', () => {
  verifies('SUBJECT-BY-HUB');
  const bed = (place: string): string | undefined => read(message(MSH, PID, `PV1||I|${place}`, spo2('97')), WHOSE).records[0]?.subject.bed;
  assert.equal(bed('ICU^101^A'), 'ICU^101^A');
  assert.equal(bed('ICU^102^A'), 'ICU^102^A');
  assert.equal(bed('ICU^^BED-1'), 'ICU^^BED-1');
  assert.equal(bed('^101^A'), '^101^A');
  assert.equal(bed('^^BED-1^HOSP'), 'BED-1');
  assert.equal(bed('""^""^BED-1'), 'BED-1');
  assert.equal(bed('ICU^101'), 'ICU^101');
  assert.equal(bed('ICU'), 'ICU');
  assert.equal(bed('""'), 'B-9');
  for (const place of ['ICU^101^BE\x01D', 'x'.repeat(200), 'ICU\\S\\101^^A']) {
    assert.equal(bed(place), undefined, place);
    assert.deepEqual(rejections(message(MSH, PID, `PV1||I|${place}`, spo2('97')), WHOSE), ['DECODE-FIELD PV1-3']);
  }
});
