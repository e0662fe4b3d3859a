import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confirmedOf, confirmingOf } from '../../../../hub/store/amend/confirm.ts';
import { rulesOfNamed } from '../../../../hub/store/amend/rules.ts';
import { verifies } from '../../../requirements.ts';

const version = (key: number, value: number | null, standing = 0, isDone = false) => ({
  ...{ key, value, components: null, standing, isDone },
  isMeant: false,
});
const keys = (found: readonly { key: number }[]): number[] => found.map(({ key }) => key);

test('a confirmation is of the version that was named and of all that say the same, whichever stands', () => {
  verifies('IDENTITY-CONFIRMED-VERSIONS');
  const versions = [version(1, 97.5), { ...version(2, 96), isMeant: true }, version(3, 94.5), version(4, 90, 1)];
  assert.deepEqual(keys(confirmedOf('weight', versions, { meant: 2, last: 9 })), [1, 2, 3]);
  const again = versions.map((one) => ({ ...one, isDone: one.key === 1 || one.key === 2 }));
  assert.deepEqual(keys(confirmedOf('weight', again, { meant: 2, last: 9 })), [3]);
  assert.deepEqual(keys(confirmedOf('weight', again, { meant: null, last: 9 })), [3], 'also where a rule of whoever it became names none');
  const away = again.filter(({ key }) => key !== 2);
  assert.deepEqual(keys(confirmedOf('weight', away, { meant: 2, last: 9 })), [], 'it went: held against those that it is of already');
  assert.deepEqual(keys(confirmedOf('weight', [version(4, 90, 1)], { meant: 2, last: 9 })), [], 'and what nobody named is not confirmed');
  assert.deepEqual(keys(confirmedOf('hr', versions, { meant: 2, last: 9 })), []);
});

test('of a decision that kept no version it is that which stood by then, or the newest of then', () => {
  verifies('IDENTITY-CONFIRMED-VERSIONS');
  const versions = [version(1, 97.5), version(2, 96, 1), version(3, 94.5)];
  assert.deepEqual(keys(confirmedOf('weight', versions, { meant: null, last: 2 })), [1, 2, 3]);
  const replaced = [version(1, 90), version(2, 96), version(3, 94.5, 1)];
  assert.deepEqual(keys(confirmedOf('weight', replaced, { meant: null, last: 2 })), [2, 3]);
  const done = [version(1, 97.5, 0, true), version(2, 96, 0, true), version(3, 94.5, 1)];
  assert.deepEqual(keys(confirmedOf('weight', done, { meant: null, last: 2 })), []);
});

test('what arrives is confirmed by each decision of which it says what was meant; where that is not known, all of it', () => {
  verifies('IDENTITY-CONFIRMED-VERSIONS');
  const confirmed = (amendment: number, value: number, isMeant: number) => ({ amendment, value, components: null, isMeant });
  const by = (kg: number, ...all: ReturnType<typeof confirmed>[]) => confirmingOf('weight', { values: { weight: kg } }, all);
  assert.deepEqual(by(94.5, confirmed(1, 96, 1), confirmed(1, 97.5, 0), confirmed(2, 70, 1)), [1]);
  assert.deepEqual(by(94.5, confirmed(1, 96, 0), confirmed(1, 97.5, 0)), []);
  assert.deepEqual(by(96.5, confirmed(1, 96, 0), confirmed(1, 97.5, 0), confirmed(2, 96, 1)), [1, 2]);
  assert.deepEqual(by(94.5), []);
});

test('of readings that are named each measurement keeps the one that was named first', () => {
  verifies('IDENTITY-CONFIRMED-VERSIONS');
  const named = { patient: 'p-1', vital: 'weight', device: 'WS-1', test: 0, effective: 5 };
  const rules = rulesOfNamed([
    { key: 7, ...named },
    { key: 3, ...named },
    { key: 9, ...named, effective: 6 },
  ]);
  const rule = { vital: 'weight', device: 'WS-1', test: 0, effective: 1 };
  assert.deepEqual(
    [...rules],
    [
      [
        'p-1',
        [
          { ...rule, start: 5, until: 6, meant: 7 },
          { ...rule, start: 6, until: 7, meant: 9 },
        ],
      ],
    ],
  );
});
