import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { holdings, laidOver, occupancies, occupancyAt, type PersonStay } from '../../../../hub/patients/stays/occupancy.ts';
import { recordKey } from '../../../../hub/patients/stays/statement.ts';
import type { MovementEvent } from '../../../../shared/movement.ts';
import { verifies } from '../../../requirements.ts';
import { clock, HOSPITAL, heard, shown, type Told, told } from './told.ts';

const CASES: { name: string; said: Told[]; beds: Record<string, string[]> }[] = [
  {
    name: 'admitted, transferred, discharged',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ER-1', visit: 'v1' }],
      ['10:00', 'A02', { who: 'ann', bed: 'ICU-1', priorBed: 'ER-1', visit: 'v1' }],
      ['18:00', 'A03', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
    ],
    beds: { 'ER-1': ['08:00–10:00 ann'], 'ICU-1': ['10:00–18:00 ann'] },
  },
  {
    name: 'a transfer that is told an hour late is put where it happened',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['10:00', 'A01', { who: 'bob', bed: 'ICU-1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2' }],
    ],
    beds: { 'ICU-1': ['08:00–09:00 ann', '10:00– bob'], 'ICU-2': ['09:00– ann'] },
  },
  {
    name: 'two lie in one bed until one is known to have left: it is nobody’s then',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['10:00', 'A01', { who: 'bob', bed: 'ICU-1' }],
      ['10:20', 'A03', { who: 'ann' }],
    ],
    beds: { 'ICU-1': ['08:00–10:00 ann', '10:00–10:20 ann+bob', '10:20– bob'] },
  },
  {
    name: 'two are swapped and swapped back',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['08:00', 'A01', { who: 'bob', bed: 'ICU-2' }],
      ['12:00', 'A17', { who: 'ann', bed: 'ICU-2' }, { who: 'bob', bed: 'ICU-1' }],
      ['13:00', 'A17', { who: 'ann', bed: 'ICU-1' }, { who: 'bob', bed: 'ICU-2' }],
    ],
    beds: {
      'ICU-1': ['08:00–12:00 ann', '12:00–13:00 bob', '13:00– ann'],
      'ICU-2': ['08:00–12:00 bob', '12:00–13:00 ann', '13:00– bob'],
    },
  },
  {
    name: 'an admission that is cancelled never was, nor what came of it',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2', visit: 'v1' }],
      ['09:30', 'A11', { who: 'ann', visit: 'v1' }],
    ],
    beds: { 'ICU-1': [], 'ICU-2': [] },
  },
  {
    name: 'a cancelled transfer leaves the patient where it was; told twice it takes back one',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2' }],
      ['10:00', 'A02', { who: 'ann', bed: 'ICU-3' }],
      ['10:30', 'A12', { who: 'ann', bed: 'ICU-2' }],
      ['10:30', 'A12', { who: 'ann', bed: 'ICU-2' }],
    ],
    beds: { 'ICU-1': ['08:00–09:00 ann'], 'ICU-2': ['09:00– ann'], 'ICU-3': [] },
  },
  {
    name: 'a transfer told twice and cancelled once is cancelled',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2' }],
      ['10:30', 'A12', { who: 'ann', bed: 'ICU-1' }],
    ],
    beds: { 'ICU-1': ['08:00– ann'], 'ICU-2': [] },
  },
  {
    name: 'a cancelled discharge: the stay went on',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['09:00', 'A03', { who: 'ann' }],
      ['09:30', 'A13', { who: 'ann', bed: 'ICU-1' }],
    ],
    beds: { 'ICU-1': ['08:00– ann'] },
  },
  {
    name: 'a transfer from another bed shows that one was missed: neither bed is sure since the last word that agreed',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['09:00', 'A08', { who: 'ann', bed: 'ICU-1' }],
      ['12:00', 'A02', { who: 'ann', bed: 'ICU-3', priorBed: 'ICU-2' }],
    ],
    beds: { 'ICU-1': ['08:00–09:00 ann', '09:00–12:00 ann?'], 'ICU-2': ['09:00–12:00 ann?'], 'ICU-3': ['12:00– ann'] },
  },
  {
    name: 'an update that names another bed moves nobody there for sure',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['12:00', 'A08', { who: 'ann', bed: 'ICU-2' }],
    ],
    beds: { 'ICU-1': ['08:00–12:00 ann?'], 'ICU-2': ['08:00– ann?'] },
  },
  {
    name: 'an update after the discharge puts nobody back into the bed',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['12:00', 'A03', { who: 'ann', visit: 'v1' }],
      ['12:30', 'A01', { who: 'bob', bed: 'ICU-1', visit: 'v2' }],
      ['14:00', 'A08', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
    ],
    beds: { 'ICU-1': ['08:00–12:00 ann', '12:30– bob'] },
  },
  {
    name: 'a discharge of an earlier visit does not end the next one',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['12:00', 'A01', { who: 'ann', bed: 'ICU-2', visit: 'v2' }],
      ['12:10', 'A03', { who: 'ann', visit: 'v1' }],
    ],
    beds: { 'ICU-1': ['08:00–12:00 ann'], 'ICU-2': ['12:00– ann'] },
  },
  {
    name: 'whoever is expected is not here, and who has no bed is in none',
    said: [
      ['08:00', 'A05', { who: 'ann', bed: 'ICU-1' }],
      ['08:00', 'A01', { who: 'bob', bed: 'ICU-2' }],
      ['09:00', 'A02', { who: 'bob', bed: '' }],
    ],
    beds: { 'ICU-1': [], 'ICU-2': ['08:00–09:00 bob'] },
  },
  {
    name: 'two numbers that are merged were one person from the beginning',
    said: [
      ['08:00', 'A01', { who: 'unknown-1', bed: 'ER-1' }],
      ['09:00', 'A40', { who: 'ann', was: 'unknown-1' }],
      ['10:00', 'A02', { who: 'ann', bed: 'ICU-1', priorBed: 'ER-1' }],
    ],
    beds: { 'ER-1': ['08:00–10:00 ann'], 'ICU-1': ['10:00– ann'] },
  },
  {
    name: 'unmerged, they are two again',
    said: [
      ['08:00', 'A01', { who: 'bea', bed: 'ICU-1' }],
      ['08:30', 'A01', { who: 'ann', bed: 'ICU-2' }],
      ['09:00', 'A40', { who: 'ann', was: 'bea' }],
      ['10:00', 'A37', { who: 'ann' }, { who: 'bea' }],
    ],
    beds: { 'ICU-1': ['08:00– bea'], 'ICU-2': ['08:30– ann'] },
  },
  {
    name: 'a number that was merged away and survives later is no circle',
    said: [
      ['08:00', 'A01', { who: 'bea', bed: 'ICU-1' }],
      ['09:00', 'A40', { who: 'ann', was: 'bea' }],
      ['10:00', 'A40', { who: 'bea', was: 'ann' }],
    ],
    beds: { 'ICU-1': ['08:00– bea'] },
  },
  {
    name: 'nor is one that was merged into a third number in between',
    said: [
      ['08:00', 'A01', { who: 'bea', bed: 'ICU-1' }],
      ['09:00', 'A40', { who: 'ann', was: 'bea' }],
      ['10:00', 'A40', { who: 'zoe', was: 'ann' }],
      ['11:00', 'A40', { who: 'bea', was: 'ann' }],
    ],
    beds: { 'ICU-1': ['08:00– bea'] },
  },
  {
    name: 'a visit that was somebody else’s was so from its beginning',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['09:00', 'A45', { who: 'bob', was: 'ann', prior: { visit: 'v1' } }],
      ['10:00', 'A02', { who: 'bob', bed: 'ICU-2', visit: 'v1' }],
    ],
    beds: { 'ICU-1': ['08:00–10:00 bob'], 'ICU-2': ['10:00– bob'] },
  },
  {
    name: 'of what happened in one minute, what was said later counts',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2', priorBed: 'ICU-1', visit: 'v1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-3', priorBed: 'ICU-2', visit: 'v1' }],
      ['10:00', 'A01', { who: 'bob', bed: 'ICU-1', visit: 'v2' }],
      ['10:00', 'A03', { who: 'bob', bed: 'ICU-1', visit: 'v2' }],
    ],
    beds: { 'ICU-1': ['08:00–09:00 ann'], 'ICU-2': [], 'ICU-3': ['09:00– ann'] },
  },
  {
    name: 'what only followed from a cancelled discharge is not itself what is cancelled next',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2', visit: 'v1' }],
      ['10:00', 'A03', { who: 'ann', visit: 'v1' }],
      ['10:10', 'A13', { who: 'ann', bed: 'ICU-2', visit: 'v1' }],
      ['10:20', 'A12', { who: 'ann', visit: 'v1' }],
    ],
    beds: { 'ICU-1': ['08:00– ann'], 'ICU-2': [] },
  },
  {
    name: 'a discharge from this very bed under another visit leaves nobody surely there',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['10:00', 'A03', { who: 'ann', bed: 'ICU-1', visit: 'v2' }],
    ],
    beds: { 'ICU-1': ['08:00–10:00 ann', '10:00– ann?'] },
  },
  {
    name: 'a visit that becomes another one in the same bed ends with that one',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['09:00', 'A07', { who: 'ann', visit: 'v2' }],
      ['10:00', 'A03', { who: 'ann', bed: 'ICU-1', visit: 'v2' }],
      ['11:00', 'A01', { who: 'bob', bed: 'ICU-1', visit: 'v3' }],
      ['12:00', 'A08', { who: 'bob', bed: 'ICU-1', visit: 'v4' }],
      ['13:00', 'A03', { who: 'bob', bed: 'ICU-1', visit: 'v4' }],
    ],
    beds: { 'ICU-1': ['08:00–10:00 ann', '11:00–13:00 bob'] },
  },
  {
    name: 'an admission that is cancelled takes nothing of the next visit along',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['09:00', 'A01', { who: 'ann', bed: 'ICU-2', visit: 'v2' }],
      ['10:00', 'A02', { who: 'ann', bed: 'ICU-3' }],
      ['11:00', 'A11', { who: 'ann', visit: 'v1' }],
    ],
    beds: { 'ICU-1': [], 'ICU-2': ['09:00–10:00 ann'], 'ICU-3': ['10:00– ann'] },
  },
  {
    name: 'two that turn out to be one, each in a bed of its own, are surely in neither until it is said',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['09:00', 'A01', { who: 'bob', bed: 'ICU-2', visit: 'v2' }],
      ['10:00', 'A40', { who: 'ann', was: 'bob' }],
      ['11:00', 'A03', { who: 'ann', bed: 'ICU-1', visit: 'v1' }],
      ['12:00', 'A02', { who: 'ann', bed: 'ICU-3', priorBed: 'ICU-2', visit: 'v2' }],
    ],
    beds: { 'ICU-1': ['08:00–09:00 ann', '09:00–11:00 ann?'], 'ICU-2': ['09:00–12:00 ann?'], 'ICU-3': ['12:00– ann'] },
  },
  {
    name: 'what is said again after it was taken back at once counts from then on',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['08:00', 'A11', { who: 'ann' }],
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
    ],
    beds: { 'ICU-1': ['08:00– ann'] },
  },
  {
    name: 'what is said again after it was taken back later is as if it had never been taken back',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2' }],
      ['10:30', 'A12', { who: 'ann', bed: 'ICU-1' }],
      ['09:00', 'A02', { who: 'ann', bed: 'ICU-2' }],
    ],
    beds: { 'ICU-1': ['08:00–09:00 ann'], 'ICU-2': ['09:00– ann'] },
  },
  {
    name: 'what is said again can be taken back again, and said once more',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ...Array.from({ length: 2 }, (): Told[] => [
        ['09:00', 'A02', { who: 'ann', bed: 'ICU-2' }],
        ['09:00', 'A12', { who: 'ann' }],
      ]).flat(),
      ['10:00', 'A02', { who: 'ann', bed: 'ICU-3' }],
      ...Array.from({ length: 2 }, (): Told[] => [
        ['11:00', 'A03', { who: 'ann' }],
        ['11:00', 'A13', { who: 'ann' }],
      ]).flat(),
      ['11:00', 'A03', { who: 'ann' }],
    ],
    beds: { 'ICU-1': ['08:00–10:00 ann'], 'ICU-2': [], 'ICU-3': ['10:00–11:00 ann'] },
  },
  {
    name: 'a transfer that nobody heard of and that is taken back leaves nothing sure',
    said: [
      ['08:00', 'A01', { who: 'ann', bed: 'ICU-1' }],
      ['09:00', 'A12', { who: 'ann' }],
    ],
    beds: { 'ICU-1': ['08:00–09:00 ann', '09:00– ann?'] },
  },
];

for (const { name, said, beds } of CASES) {
  test(`who lay where: ${name}`, () => {
    verifies('STAYS-FROM-MOVEMENTS');
    const known = told(...said);
    for (const [bed, expected] of Object.entries(beds)) assert.deepEqual(shown(known, bed), expected, bed);
  });
}

const BEDS = ['B1', 'B2', 'B3', 'B4', 'B5'];
const PEOPLE = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];

/** A day as it was: who was moved where and when, at times that are far enough from each other to be told apart. */
function dayOf(choices: readonly number[]): { said: Told[]; truth: Map<string, { from: number; to: number | null; who: string }[]> } {
  const said: Told[] = [];
  const truth = new Map<string, { from: number; to: number | null; who: string }[]>(BEDS.map((bed) => [bed, []]));
  const bedOf = new Map<string, string>();
  const visitOf = new Map<string, string>();
  const leave = (bed: string, at: number): void => {
    const last = truth.get(bed)?.at(-1);
    if (last) last.to = at;
  };
  const enter = (who: string, bed: string, from: number): void => {
    truth.get(bed)?.push({ from, to: null, who });
    bedOf.set(who, bed);
  };
  for (const [i, choice] of choices.entries()) {
    const minutes = i + 1;
    const time = `${Math.floor(minutes / 60)}:${minutes % 60}`;
    const at = clock(time);
    const who = PEOPLE[choice % PEOPLE.length] ?? 'p1';
    const here = bedOf.get(who);
    const taken = new Set(bedOf.values());
    const free = BEDS.filter((bed) => !taken.has(bed));
    const act = Math.floor(choice / 7) % 4;
    if (here === undefined) {
      const bed = free[choice % Math.max(1, free.length)];
      if (bed === undefined) continue;
      visitOf.set(who, `v${i}`);
      said.push([time, 'A01', { who, bed, visit: `v${i}` }]);
      enter(who, bed, at);
    } else if (act === 0) {
      said.push([time, 'A03', { who, bed: here, visit: visitOf.get(who) ?? '' }]);
      leave(here, at);
      bedOf.delete(who);
    } else if (act === 1) {
      const other = [...bedOf].find(([person]) => person !== who);
      if (!other) continue;
      said.push([
        time,
        'A17',
        { who, bed: other[1], visit: visitOf.get(who) ?? '' },
        { who: other[0], bed: here, visit: visitOf.get(other[0]) ?? '' },
      ]);
      leave(here, at);
      leave(other[1], at);
      enter(who, other[1], at);
      enter(other[0], here, at);
    } else if (act === 2) {
      const bed = free[choice % Math.max(1, free.length)];
      if (bed === undefined) continue;
      said.push([time, 'A02', { who, bed, priorBed: here, visit: visitOf.get(who) ?? '' }]);
      leave(here, at);
      enter(who, bed, at);
    } else said.push([time, 'A08', { who, bed: here, visit: visitOf.get(who) ?? '' }]);
  }
  return { said, truth };
}

test('what is known of a day does not depend on the order in which it was heard, nor on what was heard twice, and is what happened', () => {
  verifies('STAYS-FROM-MOVEMENTS');
  const days = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(days, fc.nat(1_000_000), (choices, luck) => {
      const { said, truth } = dayOf(choices);
      const { statements } = heard(said);
      const again = statements.filter((_, i) => i % 3 === 0).map((statement) => ({ ...statement, key: `${statement.key} again` }));
      const all = [...statements, ...again];
      const known = occupancies(shuffled(all, luck), []);
      for (const bed of BEDS) {
        const expected = (truth.get(bed) ?? []).map(({ from, to, who }) => ({
          from,
          to,
          state: 'occupied',
          persons: [recordKey({ authority: HOSPITAL, value: who })],
        }));
        assert.deepEqual(known.get(bed) ?? [], joined(expected), bed);
      }
    }),
    { numRuns: 300 },
  );
});

/** In some other order, which the seed names. */
function shuffled<T>(list: readonly T[], seed: number): T[] {
  const by = (i: number): number => ((seed + 1) * (i + 7919) * 7_368_787) % 1_000_003;
  return list
    .map((one, i) => ({ one, by: by(i) }))
    .sort((a, b) => a.by - b.by)
    .map(({ one }) => one);
}

/** Two swaps of one minute apart put the same person into the same bed again only after somebody else; equal neighbours are one stay. */
function joined<T extends { from: number; to: number | null; persons: string[] }>(stays: readonly T[]): T[] {
  const result: T[] = [];
  for (const stay of stays) {
    const last = result.at(-1);
    if (last && last.to === stay.from && last.persons[0] === stay.persons[0]) last.to = stay.to;
    else result.push({ ...stay });
  }
  return result;
}

test('whatever is said in whatever order, what is known is the same, in order, without overlap, and nobody surely lies in two beds', () => {
  verifies('STAYS-FROM-MOVEMENTS');
  const bed = fc.constantFrom('B1', 'B2', 'B3', '');
  const party = fc.record(
    {
      who: fc.constantFrom(...PEOPLE.slice(0, 3)),
      bed,
      priorBed: bed,
      visit: fc.constantFrom('v1', 'v2'),
      was: fc.constantFrom(...PEOPLE.slice(0, 3)),
    },
    { requiredKeys: ['who'] },
  );
  const events: MovementEvent[] = ['A01', 'A02', 'A03', 'A04', 'A06', 'A08', 'A11', 'A12', 'A13', 'A17', 'A37', 'A40', 'A45'];
  const message = fc.tuple(
    fc.nat(50).map((minute) => `00:${minute}`),
    fc.constantFrom(...events),
    party.map(({ visit, was, ...rest }) => ({ ...rest, ...(visit && { visit, prior: { visit } }), ...(was && { was }) })),
    party,
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 25 }), fc.nat(1_000_000), (messages, luck) => {
      const { statements, identifications } = heard(messages as unknown as Told[]);
      const known = occupancies(statements, identifications);
      const other = occupancies(shuffled(statements, luck), shuffled(identifications, luck));
      assert.deepEqual(new Map([...other].sort()), new Map([...known].sort()));
      const sure = new Map<string, { from: number; to: number }[]>();
      for (const list of known.values()) {
        let end = Number.NEGATIVE_INFINITY;
        for (const [i, { from, to, state, persons }] of list.entries()) {
          assert.ok(from >= end && (to === null ? i === list.length - 1 : to > from));
          end = to ?? Number.POSITIVE_INFINITY;
          assert.equal(persons.length > 1, state === 'conflict');
          assert.equal(occupancyAt(list, from), list[i]);
          if (to !== null) assert.notEqual(occupancyAt(list, to), list[i]);
          const [person] = persons;
          if (state === 'occupied' && person !== undefined) sure.set(person, [...(sure.get(person) ?? []), { from, to: end }]);
        }
      }
      for (const times of sure.values()) {
        times.sort((a, b) => a.from - b.from);
        for (const [i, { from }] of times.entries()) assert.ok(i === 0 || from >= (times[i - 1]?.to ?? 0));
      }
    }),
    { numRuns: 500 },
  );
});

test('stays laid over each other say at each time who was there, and whose bed it was where that was one', () => {
  verifies('STAYS-FROM-MOVEMENTS');
  const stay = fc.record({
    bed: fc.constant('B1'),
    person: fc.constantFrom(...PEOPLE.slice(0, 4)),
    from: fc.nat(12),
    lasts: fc.option(fc.integer({ min: 1, max: 8 })),
    sure: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(stay, { maxLength: 12 }), (drawn) => {
      const stays = drawn.map(({ lasts, ...one }): PersonStay => ({ ...one, to: lasts === null ? null : one.from + lasts }));
      const [laid, held] = [laidOver(stays), holdings(stays)];
      for (let at = 0; at <= 21; at += 1) {
        const present = stays.filter(({ from, to }) => from <= at && (to === null || to > at));
        const persons = [...new Set(present.map(({ person }) => person))].sort();
        const alone = present.some(({ sure }) => sure) ? 'occupied' : 'unconfirmed';
        const expected = persons.length === 0 ? undefined : { state: persons.length > 1 ? 'conflict' : alone, persons };
        const known = occupancyAt(laid, at);
        assert.deepEqual(known && { state: known.state, persons: known.persons }, expected);
        const holding = held.filter(({ from, to }) => from <= at && (to === null || to > at));
        const person = persons.length === 1 ? persons[0] : undefined;
        assert.deepEqual(
          holding.map((one) => ({ state: one.state, person: one.person })),
          expected === undefined ? [] : [{ state: expected.state, person }],
        );
      }
      for (const [i, next] of held.entries()) {
        const { to, state, person } = held[i - 1] ?? {};
        assert.ok(to !== next.from || state !== next.state || person !== next.person, 'equal neighbours are one');
      }
    }),
    { numRuns: 500 },
  );
});

test('a place from which nobody is ever discharged is looked at once for each stay, and is one conflict', () => {
  verifies('STAYS-NEVER-ENDED');
  const many = 2_000;
  let looks = 0;
  const stays = Array.from({ length: many }, (_, i) => ({
    ...{ bed: 'ED', from: i, to: null, sure: true },
    get person() {
      looks += 1;
      return `p${i}`;
    },
  }));
  assert.deepEqual(holdings(stays), [
    { from: 0, to: 1, state: 'occupied', person: 'p0' },
    { from: 1, to: null, state: 'conflict', person: undefined },
  ]);
  assert.ok(looks <= 2 * many, `${looks} looks`);
});
