import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { shown, type Told, told } from './told.ts';

/** Ann under two numbers: `dup`, which somebody opened by mistake, and her own. */
const CLOSED: Told[] = [
  ['08:00', 'A01', { who: 'dup', bed: 'ER-1', visit: 'v1' }],
  ['09:00', 'A03', { who: 'dup', visit: 'v1' }],
  ['10:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v2' }],
  ['11:00', 'A40', { who: 'ann', was: 'dup' }],
];
const BY_HAND: Told[] = [
  ['08:00', 'A01', { who: 'dup', bed: 'ER-1' }],
  ['09:00', 'A03', { who: 'dup' }],
  ['08:30', 'A01', { who: 'ann', bed: 'ICU-1' }],
  ['11:00', 'A40', { who: 'ann', was: 'dup' }],
];
const LIES_THERE = { 'ER-1': ['08:00–09:00 ann'], 'ICU-1': ['10:00– ann'] };
const THREE: Told[] = ['ann', 'bea', 'cay'].map((who, i): Told => [`08:0${i}`, 'A01', { who, bed: `B${i}` }]);

const CASES: { name: string; said: Told[]; beds: Record<string, string[]> }[] = [
  { name: 'a duplicate that was closed leaves the survivor in bed', said: CLOSED, beds: LIES_THERE },
  {
    name: 'of two numbers in beds at once neither bed is sure, and where one was closed the other is sure again',
    said: [
      ['08:00', 'A01', { who: 'dup', bed: 'ER-1', visit: 'v1' }],
      ['08:30', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v2' }],
      ['09:00', 'A03', { who: 'dup', visit: 'v1' }],
      ['11:00', 'A40', { who: 'ann', was: 'dup' }],
    ],
    beds: { 'ER-1': ['08:00–08:30 ann', '08:30–09:00 ann?'], 'ICU-1': ['08:30–09:00 ann?', '09:00– ann'] },
  },
  {
    name: 'the same without visits, as it is said by hand: the discharge of the one is none of the other',
    said: BY_HAND,
    beds: { 'ER-1': ['08:00–08:30 ann', '08:30–09:00 ann?'], 'ICU-1': ['08:30–09:00 ann?', '09:00– ann'] },
  },
  {
    name: 'a transfer of the one that says nothing of the other',
    said: [
      ['08:00', 'A01', { who: 'dup', bed: 'ER-1', visit: 'v1' }],
      ['08:10', 'A02', { who: 'dup', bed: 'ER-2', priorBed: 'ER-1', visit: 'v1' }],
      ['08:20', 'A03', { who: 'dup', bed: 'ER-2', visit: 'v1' }],
      ['07:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v2' }],
      ['11:00', 'A40', { who: 'ann', was: 'dup' }],
    ],
    beds: {
      'ER-1': ['08:00–08:10 ann?'],
      'ER-2': ['08:10–08:20 ann?'],
      'ICU-1': ['07:00–08:00 ann', '08:00–08:20 ann?', '08:20– ann'],
    },
  },
  {
    name: 'a second discharge of the visit of the duplicate, by its number, ends no other stay',
    said: [...CLOSED, ['12:00', 'A03', { who: 'dup', visit: 'v1' }]],
    beds: LIES_THERE,
  },
  {
    name: 'the same by the number that stays',
    said: [...CLOSED, ['12:00', 'A03', { who: 'ann', visit: 'v1' }]],
    beds: LIES_THERE,
  },
  {
    name: 'the same with the bed that it left',
    said: [...CLOSED, ['12:00', 'A03', { who: 'ann', bed: 'ER-1', visit: 'v1' }]],
    beds: LIES_THERE,
  },
  ...(['dup', 'ann'] as const).map((who) => ({
    name: `a visit of the duplicate that never had a bed ends no stay that names no visit; whether it was of that one nobody knows, told of ${who}`,
    said: [
      ['08:00', 'A04', { who: 'dup', visit: 'v1' }],
      ['10:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['11:00', 'A40', { who: 'ann', was: 'dup' }],
      ['12:00', 'A03', { who, visit: 'v1' }],
    ] satisfies Told[],
    beds: { 'ICU-1': ['10:00–12:00 ann', '12:00– ann?'] },
  })),
  {
    name: 'one that was closed before the merge, whatever it says of itself later, ends no stay that names no visit',
    said: [
      ['08:00', 'A01', { who: 'dup', bed: 'ER-1', visit: 'v1' }],
      ['09:00', 'A03', { who: 'dup', visit: 'v1' }],
      ['10:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['11:00', 'A40', { who: 'ann', was: 'dup' }],
      ['12:00', 'A03', { who: 'dup', visit: 'v1' }],
      ['12:30', 'A03', { who: 'ann', visit: 'v1' }],
    ],
    beds: LIES_THERE,
  },
  {
    name: 'a discharge by the number that ceased is of the visit that this number had',
    said: [...CLOSED, ['12:00', 'A03', { who: 'dup' }]],
    beds: LIES_THERE,
  },
  {
    name: 'a discharge by the number that ceased, of which nobody can say what it ends, leaves nothing sure and ends nothing',
    said: [...BY_HAND, ['12:00', 'A03', { who: 'dup' }]],
    beds: { 'ICU-1': ['08:30–09:00 ann?', '09:00–12:00 ann', '12:00– ann?'] },
  },
  {
    name: 'a discharge from the bed that the duplicate had left ends no stay in another one',
    said: [...BY_HAND, ['12:00', 'A03', { who: 'ann', bed: 'ER-1' }]],
    beds: { 'ICU-1': ['08:30–09:00 ann?', '09:00– ann'] },
  },
  {
    name: 'a discharge by the number that stays ends the stay that began under the other one',
    said: [
      ['08:00', 'A01', { who: 'dup', bed: 'ER-1' }],
      ['09:00', 'A40', { who: 'ann', was: 'dup' }],
      ['10:00', 'A03', { who: 'ann' }],
    ],
    beds: { 'ER-1': ['08:00–10:00 ann'] },
  },
  {
    name: 'the own discharge ends the own stay',
    said: [...CLOSED, ['12:00', 'A03', { who: 'ann', visit: 'v2' }]],
    beds: { 'ER-1': ['08:00–09:00 ann'], 'ICU-1': ['10:00–12:00 ann'] },
  },
  {
    name: 'a discharge that the duplicate is told of and that is taken back was none; of both beds neither is sure',
    said: [...CLOSED, ['11:30', 'A13', { who: 'ann', bed: 'ER-1', visit: 'v1' }]],
    beds: { 'ER-1': ['08:00–10:00 ann', '10:00–11:30 ann?', '11:30– ann'], 'ICU-1': ['10:00–11:30 ann?'] },
  },
  {
    name: 'a later merge of a third number leaves what was sure since the first one',
    said: [
      ['08:00', 'A01', { who: 'dup', bed: 'ER-1' }],
      ['09:00', 'A40', { who: 'ann', was: 'dup' }],
      ['10:00', 'A02', { who: 'ann', bed: 'ICU-1', priorBed: 'ER-1' }],
      ['15:00', 'A40', { who: 'ann', was: 'old' }],
    ],
    beds: { 'ER-1': ['08:00–10:00 ann'], 'ICU-1': ['10:00– ann'] },
  },
  {
    name: 'a merge that is told again leaves what was sure since it was told first',
    said: [
      ['08:00', 'A01', { who: 'dup', bed: 'ER-1' }],
      ['09:00', 'A40', { who: 'ann', was: 'dup' }],
      ['10:00', 'A02', { who: 'ann', bed: 'ICU-1', priorBed: 'ER-1' }],
      ['15:00', 'A40', { who: 'ann', was: 'dup' }],
    ],
    beds: { 'ER-1': ['08:00–10:00 ann'], 'ICU-1': ['10:00– ann'] },
  },
  {
    name: 'unmerged after further movements: each keeps what was said by its number',
    said: [
      ['08:00', 'A01', { who: 'dup', bed: 'ER-1' }],
      ['09:00', 'A40', { who: 'ann', was: 'dup' }],
      ['10:00', 'A02', { who: 'ann', bed: 'ICU-1' }],
      ['11:00', 'A02', { who: 'ann', bed: 'ICU-2' }],
      ['12:00', 'A37', { who: 'ann' }, { who: 'dup' }],
    ],
    beds: { 'ER-1': ['08:00– dup'], 'ICU-1': ['10:00–11:00 ann'], 'ICU-2': ['11:00– ann'] },
  },
  {
    name: 'swapped three times is swapped',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'B1' }],
      ['08:00', 'A01', { who: 'bob', bed: 'B2' }],
      ['12:00', 'A17', { who: 'ann', bed: 'B2' }, { who: 'bob', bed: 'B1' }],
      ['13:00', 'A17', { who: 'ann', bed: 'B1' }, { who: 'bob', bed: 'B2' }],
      ['14:00', 'A17', { who: 'ann', bed: 'B2' }, { who: 'bob', bed: 'B1' }],
    ],
    beds: {
      B1: ['08:00–12:00 ann', '12:00–13:00 bob', '13:00–14:00 ann', '14:00– bob'],
      B2: ['08:00–12:00 bob', '12:00–13:00 ann', '13:00–14:00 bob', '14:00– ann'],
    },
  },
  {
    name: 'merged in a circle of three: the last word says who stays, and all are one',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'B1' }],
      ['08:10', 'A03', { who: 'ann' }],
      ['08:20', 'A01', { who: 'bea', bed: 'B1' }],
      ['08:30', 'A03', { who: 'bea' }],
      ['08:40', 'A01', { who: 'cay', bed: 'B1' }],
      ['09:00', 'A40', { who: 'bea', was: 'ann' }],
      ['10:00', 'A40', { who: 'cay', was: 'bea' }],
      ['11:00', 'A40', { who: 'ann', was: 'cay' }],
    ],
    beds: { B1: ['08:00–08:10 ann', '08:20–08:30 ann', '08:40– ann'] },
  },
  {
    name: 'of two that were merged over a third one, the first is its own again when they are parted',
    said: [
      ...THREE,
      ['09:00', 'A40', { who: 'bea', was: 'ann' }],
      ['10:00', 'A40', { who: 'cay', was: 'bea' }],
      ['11:00', 'A37', { who: 'cay' }, { who: 'ann' }],
    ],
    beds: { B0: ['08:00– ann'], B1: ['08:01–08:02 cay', '08:02– cay?'], B2: ['08:02– cay?'] },
  },
  {
    name: 'of two that were merged into a third one, each is its own again when they are parted',
    said: [
      ...THREE,
      ['09:00', 'A40', { who: 'cay', was: 'ann' }],
      ['10:00', 'A40', { who: 'cay', was: 'bea' }],
      ['11:00', 'A37', { who: 'ann' }, { who: 'bea' }],
    ],
    beds: { B0: ['08:00– ann'], B1: ['08:01– bea'], B2: ['08:02– cay'] },
  },
];

for (const { name, said, beds } of CASES)
  test(`who lay where under several numbers: ${name}`, () => {
    verifies('STAYS-FROM-MOVEMENTS', 'MERGED-STAYS-OWN');
    const known = told(...said);
    for (const [bed, expected] of Object.entries(beds)) assert.deepEqual(shown(known, bed), expected, bed);
  });
