import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { withoutContradictions } from '../../../../hub/patients/hand/census.ts';
import { parseCensusCsv } from '../../../../hub/patients/hand/census-csv.ts';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { verifies } from '../../../requirements.ts';

const HEAD = 'bed,authority,number\n';
const row = (line: number, bed: string, value: string, authority = 'HOSP') => ({ line, bed, authority, value });

test('a census is read line by line, its columns in any order, quoted as CSV is', () => {
  verifies('CENSUS-READ');
  const text = '\uFEFFnumber,since,bed,authority,visit\r\n4711,2026-11-21T09:00:00+01:00,ICU^1^A,HOSP,V-1\r\n\r\n"47""12",,"ICU,2",,\r\n';
  assert.deepEqual(parseCensusCsv(text), {
    rows: [
      { ...row(2, 'ICU^1^A', '4711'), visit: 'V-1', since: Date.UTC(2026, 10, 21, 8) },
      { line: 4, bed: 'ICU,2', authority: '', value: '47"12' },
    ],
    faults: [],
    claims: [],
  });
});

test('a bad line is told by its number and its fault, and costs none of the good ones', () => {
  verifies('CENSUS-READ');
  const bad = [
    ['A,HOSP', 'columns'],
    ['A,HOSP,1,2', 'columns'],
    [',HOSP,1', 'bed'],
    ['A,HOSP,', 'number'],
    ['A,HOSP,\u00071', 'number'],
    [`A,${'x'.repeat(129)},1`, 'authority'],
    ['"A,HOSP,1', 'quotes'],
    ['"A"x,HOSP,1', 'quotes'],
  ] as const;
  for (const [line, fault] of bad) {
    const { rows, faults } = parseCensusCsv(`${HEAD}A,HOSP,1\n${line}\nB,HOSP,2\n`);
    assert.deepEqual(faults, [{ line: 3, fault }], line);
    assert.deepEqual(rows, [row(2, 'A', '1'), row(4, 'B', '2')], line);
  }
  const since = (text: string) => parseCensusCsv(`bed,authority,number,since\nA,HOSP,1,${text}\n`).faults;
  for (const text of ['yesterday', '2026-11-21', '2026-11-21T09:00:00']) assert.deepEqual(since(text), [{ line: 2, fault: 'since' }], text);
});

test('what has no header of a census is none, and nothing of it is repeated', () => {
  verifies('CENSUS-READ');
  for (const text of [
    '',
    'bed,number\nA,1\n',
    'bed,authority,number,name\nA,H,1,Mustermann\n',
    'bed,bed,authority,number\n',
    'A,HOSP,4711\n',
  ])
    assert.throws(
      () => parseCensusCsv(text),
      (error) => error instanceof VitalmeshError && error.code === 'PATIENT-CENSUS' && !/4711|Mustermann/.test(error.message),
    );
});

test('of lines that contradict each other none is believed', () => {
  verifies('CENSUS-READ');
  const text = `${HEAD}A,HOSP,1\nA,HOSP,2\nB,HOSP,3\nC,HOSP,3\nD,HOSP,4\nD,HOSP,4\nE,OTHER,4\n`;
  assert.deepEqual(withoutContradictions(parseCensusCsv(text)), {
    rows: [row(6, 'D', '4'), row(7, 'D', '4'), row(8, 'E', '4', 'OTHER')],
    faults: [
      { line: 2, fault: 'bedTwice' },
      { line: 3, fault: 'bedTwice' },
      { line: 4, fault: 'personTwice' },
      { line: 5, fault: 'personTwice' },
    ],
    claims: [],
  });
});

test('what a faulty line says of bed and number contradicts the others all the same', () => {
  verifies('CENSUS-READ');
  const text =
    'bed,authority,number,visit,since\nA,HOSP,7,,notatime\nA,HOSP,8,,\nB,HOSP,9,,notatime\nC,HOSP,9,,\nD,HOSP,5,,notatime\nD,HOSP,5,,\n';
  const { rows, faults } = withoutContradictions(parseCensusCsv(text));
  assert.deepEqual(rows, [row(7, 'D', '5')]);
  assert.deepEqual(
    faults.map(({ line, fault }) => [line, fault]),
    [
      [2, 'since'],
      [3, 'bedTwice'],
      [4, 'since'],
      [5, 'personTwice'],
      [6, 'since'],
    ],
  );
});

test('two numbers of one person are one: in two beds each of their lines is left out, in one bed none', () => {
  verifies('CENSUS-READ');
  const census = parseCensusCsv(`${HEAD}A,HOSP,1\nB,HOSP,2\nC,HOSP,3\nC,HOSP,4\n`);
  const people = new Map([
    [2, 'p-one'],
    [3, 'p-one'],
    [4, 'p-two'],
    [5, 'p-two'],
  ]);
  const { rows, faults } = withoutContradictions(census, people);
  assert.deepEqual(rows, [row(4, 'C', '3'), row(5, 'C', '4')]);
  assert.deepEqual(faults, [
    { line: 2, fault: 'personTwice' },
    { line: 3, fault: 'personTwice' },
  ]);
});

test('of quotes that go over several lines each line is told, and nobody vanishes', () => {
  verifies('CENSUS-READ');
  const quotes = (...lines: number[]) => lines.map((line) => ({ line, fault: 'quotes' }));
  const over = parseCensusCsv(`${HEAD}"A,HOSP,1\nB,HOSP,9\nD,HOSP,8"\nC,HOSP,3\n`);
  assert.deepEqual(over.faults, quotes(2, 3, 4));
  assert.deepEqual(over.rows, [row(5, 'C', '3')]);
  const open = parseCensusCsv(`${HEAD}"A,HOSP,1\nB,HOSP,9" x\nB,HOSP,"9\nC,HOSP,3\n`);
  assert.deepEqual(open.faults, quotes(2, 3, 4));
  assert.deepEqual(open.rows, [row(5, 'C', '3')]);
});

test('whatever is written as CSV is read back, and any text is read to its end', () => {
  verifies('CENSUS-READ');
  const cell = fc
    .string({ unit: fc.constantFrom('a', '1', ',', '"', ' ', 'ß', '^'), minLength: 1, maxLength: 6 })
    .filter((text) => text.trim() !== '')
    .map((text) => text.trim());
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }), (people) => {
      const text = HEAD + people.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('');
      const { rows, faults } = parseCensusCsv(text);
      assert.deepEqual(faults, []);
      assert.deepEqual(
        rows.map(({ bed, authority, value }) => [bed, authority, value]),
        people,
      );
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r') }), (text) => {
      const { rows, faults } = parseCensusCsv(HEAD + text);
      const lines = [...rows, ...faults].map(({ line }) => line);
      assert.equal(new Set(lines).size, lines.length);
    }),
  );
});
