import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Identification, recordKey } from '../../../hub/patients/stays/statement.ts';
import { nameOf, tiedNumbers, whoseNumbers } from '../../../hub/privacy/whose-numbers.ts';
import { verifies } from '../../requirements.ts';

const his = (value: string): string => nameOf({ authority: 'HIS', value });
const lab = (value: string): string => nameOf({ authority: 'LAB', value });
const none: readonly string[] = [];

function merge(from: string, into: string, at = 1): Identification {
  const key = (value: string): string => recordKey({ authority: 'HIS', value });
  return { says: 'merge', from: key(from), into: key(into), at, heard: at, key: `${at}` };
}

function decided(
  own: Record<string, number>,
  { ofOthers = none, merges = [], also = none }: { ofOthers?: readonly string[]; merges?: Identification[]; also?: readonly string[] } = {},
) {
  const { sure, ambiguous } = whoseNumbers(new Map(Object.entries(own)), new Set(ofOthers), tiedNumbers(merges), also);
  return { sure: [...sure].sort(), ambiguous: ambiguous.map(({ number, rows, withOthers }) => [number, rows, withOthers]) };
}

test('one number of each authority is the person’s; with somebody else’s rows, or beside another of its authority, it is not surely', () => {
  verifies('ERASE-NUMBERS');
  assert.deepEqual(decided({ [his('1')]: 9, [lab('1')]: 2 }), { sure: [his('1'), lab('1')].sort(), ambiguous: [] });
  assert.deepEqual(decided({ [his('1')]: 9, [his('2')]: 1, [lab('7')]: 1 }), {
    sure: [lab('7')],
    ambiguous: [
      ['HIS|1', 9, false],
      ['HIS|2', 1, false],
    ],
  });
  // Once it is clear whose the other is, what is left is the person's.
  assert.deepEqual(decided({ [his('1')]: 9, [his('2')]: 1 }, { ofOthers: [his('2')] }), {
    sure: [his('1')],
    ambiguous: [['HIS|2', 1, true]],
  });
  assert.deepEqual(decided({ [his('1')]: 9 }, { ofOthers: [his('1')] }), { sure: [], ambiguous: [['HIS|1', 9, true]] });
  // Without an authority as well.
  const bare = (value: string): string => nameOf({ authority: '', value });
  assert.deepEqual(decided({ [bare('1')]: 1, [bare('2')]: 1 }).sure, []);
});

test('merges are followed both ways, by however many steps, and what one of the merged numbers shares the others do, too', () => {
  verifies('ERASE-NUMBERS');
  const merges = [merge('1', '2'), merge('2', '3', 2), merge('8', '9')];
  const all = [his('1'), his('2'), his('3')];
  for (const value of ['1', '2', '3']) assert.deepEqual(decided({ [his(value)]: 1 }, { merges }), { sure: all, ambiguous: [] });
  assert.deepEqual(decided({ [his('1')]: 1, [his('3')]: 4 }, { merges }), { sure: all, ambiguous: [] });
  assert.deepEqual(decided({ [his('1')]: 1 }, { merges, ofOthers: [his('3')] }), { sure: [], ambiguous: [['HIS|1', 1, true]] });
  assert.deepEqual(decided({ [his('1')]: 1, [his('8')]: 1 }, { merges }).sure, []);
  const parted: Identification = {
    says: 'part',
    one: recordKey({ authority: 'HIS', value: '1' }),
    other: recordKey({ authority: 'HIS', value: '2' }),
    ...{ at: 5, heard: 5, key: '5' },
  };
  assert.deepEqual(decided({ [his('1')]: 1 }, { merges: [...merges, parted] }).sure, [his('1')]);
});

test('what the operator names is the person’s, with all that merges tie to it unless it is shared; the rest stays as it was', () => {
  verifies('ERASE-NUMBERS');
  const own = { [his('1')]: 9, [his('2')]: 1 };
  assert.deepEqual(decided(own, { also: [his('1')] }), { sure: [his('1')], ambiguous: [['HIS|2', 1, false]] });
  assert.deepEqual(decided(own, { also: [his('1'), his('2')] }).ambiguous, []);
  assert.deepEqual(decided({}, { also: [his('5')], merges: [merge('5', '6')] }).sure, [his('5'), his('6')]);
  assert.deepEqual(decided({}, { also: [his('5')], merges: [merge('5', '6')], ofOthers: [his('6')] }).sure, [his('5')]);
});

test('nothing is ever both, nothing of others is sure unless it was named, and what nobody named or has is nowhere', () => {
  verifies('ERASE-NUMBERS');
  const values = fc.constantFrom('1', '2', '3', '4', '5', '6');
  const someNames = fc.uniqueArray(fc.oneof(values.map(his), values.map(lab)), { maxLength: 5 });
  const someMerges = fc.array(fc.tuple(values, values), { maxLength: 4 });
  fc.assert(
    fc.property(someNames, someNames, someNames, someMerges, (own, others, also, pairs) => {
      const merges = pairs.flatMap(([from, into], i) => (from === into ? [] : [merge(from, into, i + 1)]));
      const rows = new Map(own.map((name) => [name, 1]));
      const { sure, ambiguous } = whoseNumbers(rows, new Set(others), tiedNumbers(merges), also);
      const tied = tiedNumbers(merges);
      const left = new Set(ambiguous.map(({ number }) => number));
      assert.equal(sure.size + left.size, new Set([...sure, ...left]).size);
      for (const name of also) assert.ok(sure.has(name));
      for (const name of sure) {
        if (also.includes(name)) continue;
        assert.ok(!tied.allOf(name).some((one) => others.includes(one)));
        assert.ok([...own, ...also].some((one) => tied.personOf(one) === tied.personOf(name)));
      }
      for (const name of own) assert.ok(sure.has(name) !== left.has(name.replace(/^urn:vitalmesh:authority:/, '')));
    }),
  );
});
