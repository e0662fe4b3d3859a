import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesByDevice, changesOf } from '../../../../hub/patients/whereabouts/changes.ts';
import { holderBy, type PersonFacts, type Rule, ruleAt, type Segment, segmentsOf } from '../../../../hub/patients/whereabouts/course.ts';
import { Devices, NOWHERE } from '../../../../hub/patients/whereabouts/devices.ts';
import { silentSince } from '../../../../hub/patients/whereabouts/silence.ts';
import { nobodyIn } from '../../../../hub/store/placing/placing.ts';
import { verifies } from '../../../requirements.ts';

const BED = 'ICU-1';
const NOBODY = nobodyIn(BED);

function person(id: string, { ids = [], saidAt = 0 }: { ids?: string[]; saidAt?: number } = {}): PersonFacts {
  return { key: id, id, ids: new Set([id, ...ids]), authorities: new Set(['HOSP']), saidAt, said: [] };
}

const [ANN, BOB] = [person('ann'), person('bob')];
const statedOf = (id: string) => ({ id, authority: id.startsWith('m-') ? 'MONITORS' : 'HOSP' });

const lies = (from: number, to: number | null, who: PersonFacts, certainty: 'sure' | 'silent' = 'sure'): Segment => ({
  ...{ from, to },
  rule: { certainty, who },
});
const unsure = (from: number, to: number | null): Segment => ({ from, to, rule: { certainty: 'conflict' } });

/** `10–20 ann→bob: nobody named, m-1`. */
function shown(orders: ReturnType<typeof changesOf>): string[] {
  return orders.map(({ from, to, was, is, unnamed, stating, others }) => {
    const { compared = [], whole = [] } = others ?? {};
    const who = [...(unnamed ? [`unnamed, but of ${compared}`] : []), ...stating, ...whole.map((of) => `others of ${of}`)].join(' ');
    return `${from}–${to ?? ''} ${was === NOBODY ? '' : was}→${is === NOBODY ? '' : is}: ${who}`;
  });
}

const CASES: { name: string; before: Segment[]; after: Segment[]; orders: string[] }[] = [
  { name: 'the same is no change', before: [lies(0, 9, ANN)], after: [lies(0, 9, person('ann', { saidAt: 5 }))], orders: [] },
  {
    name: 'somebody lay where nobody was known to: what names nobody, or that one, or cannot be compared, is theirs',
    before: [],
    after: [lies(10, null, ANN)],
    orders: ['10– →ann: unnamed, but of HOSP ann'],
  },
  {
    name: 'one took the other’s place: what names either goes to or from nobody',
    before: [lies(0, null, ANN)],
    after: [lies(0, 10, ANN), lies(10, null, BOB)],
    orders: ['10– ann→bob: unnamed, but of HOSP', '10– ann→: ann', '10– →bob: bob'],
  },
  {
    name: 'two were said to be there: nobody’s',
    before: [lies(0, 20, ANN)],
    after: [lies(0, 10, ANN), unsure(10, 20)],
    orders: ['10–20 ann→: unnamed, but of HOSP ann'],
  },
  {
    name: 'a number more is that person’s: only what names it',
    before: [lies(0, 20, ANN)],
    after: [lies(0, 20, person('ann', { ids: ['cay'] }))],
    orders: ['0–20 →ann: cay'],
  },
  {
    name: 'silence takes what names nobody, and what cannot be compared',
    before: [lies(0, 20, ANN)],
    after: [lies(0, 10, ANN), lies(10, 20, ANN, 'silent')],
    orders: ['10–20 ann→: unnamed, but of HOSP'],
  },
  {
    name: 'whose numbers cannot be compared: the others of each are told apart by its authority',
    before: [lies(0, null, ANN)],
    after: [lies(0, null, { ...person('m-1'), authorities: new Set(['MONITORS']) })],
    orders: ['0– ann→m-1: unnamed, but of HOSP,MONITORS ann m-1', '0– →m-1: others of HOSP', '0– ann→: others of MONITORS'],
  },
  { name: 'nobody is known before and after', before: [unsure(0, 10)], after: [], orders: [] },
  {
    name: 'times that change alike are one',
    before: [lies(0, 10, ANN), lies(10, 20, person('ann', { saidAt: 3 }))],
    after: [],
    orders: ['0–20 ann→: unnamed, but of HOSP ann'],
  },
];

for (const { name, before, after, orders } of CASES)
  test(`what moves: ${name}`, () => {
    verifies('LATE-MOVEMENT-CORRECTS', 'IDENTITY-CONFLICT');
    assert.deepEqual(shown(changesOf(BED, before, after, statedOf)), orders);
  });

test('all rows of a device that stood elsewhere get its bed, those that stay with whom they are, too', () => {
  verifies('DEVICE-BY-HAND');
  const stood = { gateway: 'gw', device: 'vent', bed: 'ICU-2', toBed: BED, from: 5, to: 15 };
  const orders = changesByDevice(stood, [lies(0, null, BOB)], [lies(10, null, ANN)], statedOf);
  assert.deepEqual(
    orders.map(({ gateway, device, toBed, ...order }) => [`${gateway} ${device}`, toBed, ...shown([order])]),
    [
      ['gw vent', BED, '5–10 bob→: unnamed, but of HOSP bob'],
      ['gw vent', BED, `5–10 ${nobodyIn('ICU-2')}→: others of HOSP`],
      ['gw vent', BED, '10–15 bob→ann: unnamed, but of HOSP'],
      ['gw vent', BED, `10–15 ${nobodyIn('ICU-2')}→: others of HOSP`],
      ['gw vent', BED, `10–15 ${nobodyIn('ICU-2')}→ann: ann`],
      ['gw vent', BED, '10–15 bob→: bob'],
    ],
  );
});

test('a row is the occupant’s unless it names somebody else by a comparable number; in silence only if it names the occupant', () => {
  verifies('IDENTITY-CONFLICT', 'IDENTITY-UNCONFIRMED');
  const named = [undefined, { id: 'ann', authority: 'HOSP' }, { id: 'bob', authority: 'HOSP' }, { id: 'm-1', authority: 'MONITORS' }];
  const whose = (rule: Rule) => named.map((stated) => holderBy(rule, stated)?.id ?? null);
  assert.deepEqual(whose({ certainty: 'sure', who: ANN }), ['ann', 'ann', null, 'ann']);
  assert.deepEqual(whose({ certainty: 'silent', who: ANN }), [null, 'ann', null, null]);
  for (const certainty of ['conflict', 'unconfirmed', 'unknown'] as const) assert.deepEqual(whose({ certainty }), [null, null, null, null]);
});

test('segments are cut where movements fell silent, and say at each time what the course says', () => {
  verifies('IDENTITY-UNCONFIRMED');
  const course = [
    { from: 0, to: 10, state: 'occupied' as const, who: ANN },
    { from: 10, to: 20, state: 'conflict' as const, who: undefined },
    { from: 20, to: null, state: 'occupied' as const, who: BOB },
  ];
  const cut = () => [{ from: 5, to: Number.POSITIVE_INFINITY }];
  const segments = segmentsOf(course, cut);
  assert.deepEqual(
    segments.map(({ from, to, rule }) => [from, to, rule.certainty]),
    [
      [0, 5, 'sure'],
      [5, 10, 'silent'],
      [10, 20, 'conflict'],
      [20, null, 'silent'],
    ],
  );
  for (const { from, rule } of segments) assert.deepEqual(ruleAt(course, from, cut), rule);
  assert.deepEqual(ruleAt(course, -1, cut), { certainty: 'unknown' });
});

test('of several gateways the first to fall silent counts, one that never told anything does not, and what was said of somebody holds for as long', () => {
  verifies('IDENTITY-UNCONFIRMED');
  const limits = new Map([
    ['a', 10],
    ['b', 30],
    ['c', 1],
  ]);
  const since = silentSince(
    new Map([
      ['a', 100],
      ['b', 90],
      ['by hand', 500],
    ]),
    limits,
  );
  assert.deepEqual([since(Number.NEGATIVE_INFINITY), since(105)], [110, 115]);
  assert.equal(silentSince(new Map(), limits)(0), Number.POSITIVE_INFINITY);
  assert.equal(silentSince(new Map([['a', 100]]), new Map())(0), Number.POSITIVE_INFINITY);
});

test('a device stands where it was last put, up to the next time, in whatever order that was said', () => {
  verifies('DEVICE-BY-HAND');
  const devices = new Devices();
  devices.add({ gateway: 'gw', device: 'vent', bed: 'B2', at: 20 });
  devices.add({ gateway: 'gw', device: 'vent', bed: null, at: 30 });
  assert.deepEqual(devices.changedBy({ gateway: 'gw', device: 'vent', bed: 'B1', at: 10 }), {
    bed: 'B1',
    from: 10,
    to: 20,
    was: undefined,
  });
  devices.add({ gateway: 'gw', device: 'vent', bed: 'B1', at: 10 });
  assert.deepEqual(
    [9, 10, 20, 30].map((at) => devices.bedOf({ gateway: 'gw', device: 'vent' }, at)),
    [undefined, 'B1', 'B2', NOWHERE],
  );
  devices.add({ gateway: 'gw', device: 'vent', bed: 'B3', at: 20 });
  assert.equal(devices.bedOf({ gateway: 'gw', device: 'vent' }, 25), 'B3', 'of one time the one said last');
});
