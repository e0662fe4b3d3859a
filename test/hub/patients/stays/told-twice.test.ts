import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recordKey, type Statement } from '../../../../hub/patients/stays/statement.ts';
import { staysOf } from '../../../../hub/patients/stays/stays.ts';
import { verifies } from '../../../requirements.ts';
import { seedOf } from '../../../support/seed.ts';

const ANN = recordKey({ authority: 'HOSP', value: 'ann' });
const GAP_MIN = 10;

type Said = Pick<Statement, 'says' | 'visit'> & { bed?: string; act?: 'admit' | 'transfer' | 'leave' };

function told(by: string, at: number, said: Said, heard = at): Statement {
  return { ...said, record: ANN, at, heard, by, key: `${String(heard).padStart(9, '0')} ${by} ${at}` } as Statement;
}

const shown = (statements: readonly Statement[]): string[] =>
  staysOf(statements).map(({ bed, from, to, sure }) => `${bed} ${from}–${to ?? ''}${sure ? '' : '?'}`);

const ADMIT: Said = { says: 'admit', bed: 'B1', visit: 'v' };
const MOVE: Said = { says: 'transfer', bed: 'B2', visit: 'v' };
const CANCEL_ADMIT: Said = { says: 'cancel', act: 'admit', visit: 'v' };
const CANCEL_MOVE: Said = { says: 'cancel', act: 'transfer', visit: 'v' };

const CASES: { name: string; said: Statement[]; stays: string[] }[] = [
  {
    name: 'one cancel of either gateway takes back what both told',
    said: [told('a', 10, ADMIT), told('b', 13, ADMIT), told('a', 30, CANCEL_ADMIT)],
    stays: [],
  },
  {
    name: 'a second cancel of the same takes back nothing else',
    said: [
      ...[told('a', 10, ADMIT), told('a', 20, MOVE), told('a', 30, { ...MOVE, bed: 'B3' }), told('b', 31, { ...MOVE, bed: 'B3' })],
      ...[told('a', 40, CANCEL_MOVE), told('b', 42, CANCEL_MOVE)],
    ],
    stays: ['B1 10–20', 'B2 20–'],
  },
  {
    name: 'what one gateway tells with its own time, later than the cancel, was heard before that',
    said: [told('a', 10, ADMIT), told('b', 33, ADMIT, 11), told('a', 30, CANCEL_ADMIT)],
    stays: [],
  },
  {
    name: 'what is told late by the second gateway, with the time of the event, is no other admission',
    said: [told('a', 10, ADMIT), told('a', 30, CANCEL_ADMIT), told('b', 10, ADMIT, 50)],
    stays: [],
  },
  {
    name: 'whoever says it again after it was taken back means it',
    said: [told('a', 10, ADMIT), told('b', 11, ADMIT), told('a', 30, CANCEL_ADMIT), told('a', 40, ADMIT)],
    stays: ['B1 40–'],
  },
  {
    name: 'there and back by turns of two gateways is there and back',
    said: [told('a', 10, ADMIT), told('b', 20, MOVE), told('b', 30, { ...MOVE, bed: 'B1' })],
    stays: ['B1 10–20', 'B2 20–30', 'B1 30–'],
  },
  {
    name: 'of another visit, or another bed, it is another event',
    said: [told('a', 10, ADMIT), told('b', 12, { ...ADMIT, visit: 'w' }), told('a', 30, { ...CANCEL_ADMIT, visit: 'w' })],
    stays: ['B1 10–'],
  },
];

for (const { name, said, stays } of CASES)
  test(`told by two gateways: ${name}`, () => {
    verifies('TOLD-BY-TWO');
    assert.deepEqual(shown(said), stays);
    assert.deepEqual(shown([...said].reverse()), stays);
  });

const act = fc.constantFrom<Said>(
  ADMIT,
  { ...ADMIT, bed: 'B2' },
  MOVE,
  { ...MOVE, bed: 'B3' },
  { says: 'leave', visit: 'v' },
  CANCEL_ADMIT,
  CANCEL_MOVE,
  { says: 'cancel', act: 'leave', visit: 'v' },
);

const twice = fc
  .array(fc.record({ said: act, isAgain: fc.boolean(), lateMin: fc.nat(GAP_MIN - 1) }), { minLength: 1, maxLength: 12 })
  .chain((events) =>
    fc.record({
      events: fc.constant(events),
      order: fc.shuffledSubarray([...Array(2 * events.length).keys()], { minLength: 2 * events.length }),
    }),
  );

test('whatever a second gateway tells again, with its own times and in whatever order it arrives, changes nothing', (context) => {
  verifies('TOLD-BY-TWO');
  fc.assert(
    fc.property(twice, ({ events, order }) => {
      const first = events.map(({ said }, i) => told('a', i * GAP_MIN, said));
      const second = events.map(({ said, isAgain, lateMin }, i) => (isAgain ? [told('b', i * GAP_MIN + lateMin, said)] : []));
      const arrived = order.flatMap((i) => (i < events.length ? (first[i] ?? []) : (second[i - events.length] ?? [])));
      assert.deepEqual(shown(arrived), shown(first));
    }),
    { seed: seedOf(context), numRuns: 500 },
  );
});
