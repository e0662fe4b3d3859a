import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Condition, FILTER_LIMITS, type Literal, parseFilter, parseSort } from '../../../../provisioning/fabric/controller/filter.ts';
import { orderOf, type Symbols, testOf } from '../../../../provisioning/fabric/controller/select.ts';
import { verifies } from '../../../requirements.ts';

interface Thing {
  id: string;
  name: string;
  cost: number;
  on: boolean;
  at: Date;
  roles: readonly string[];
  tags: Record<string, unknown>;
  note: string | null;
}

const SYMBOLS: Symbols<Thing> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  cost: ({ cost }) => cost,
  on: ({ on }) => on,
  at: ({ at }) => at,
  roles: ({ roles }) => roles,
  tags: ({ tags }) => tags,
  note: ({ note }) => note,
  'owner.name': ({ name }) => `owner of ${name}`,
};

const THINGS: readonly Thing[] = [
  {
    id: '1',
    name: 'alpha',
    cost: 5,
    on: true,
    at: new Date('2026-01-01T00:00:00Z'),
    roles: ['a', 'b'],
    tags: { site: 's1', n: 3 },
    note: null,
  },
  { id: '2', name: 'Beta', cost: 0, on: false, at: new Date('2026-06-01T00:00:00Z'), roles: ['b'], tags: {}, note: 'x"y\\z' },
  { id: '3', name: 'gamma', cost: 9, on: true, at: new Date('2027-01-01T00:00:00Z'), roles: [], tags: { site: 's2', up: true }, note: '' },
];

function chosen(filter: string): string[] | string {
  const query = parseFilter(filter);
  if ('fault' in query) return query.fault;
  const holds = testOf(query.condition, SYMBOLS);
  if (typeof holds === 'object') return holds.fault;
  const order = orderOf(query.sort, SYMBOLS);
  if (typeof order === 'object') return order.fault;
  return THINGS.filter(holds)
    .toSorted(order)
    .map(({ id }) => id);
}

describe('the filter language', () => {
  const table: [filter: string, ids: string[]][] = [
    ['', ['1', '2', '3']],
    ['true', ['1', '2', '3']],
    ['false', []],
    ['name="alpha"', ['1']],
    ['name = "alpha"', ['1']],
    ['name != "alpha"', ['2', '3']],
    ['not name="alpha"', ['2', '3']],
    ['name contains "a"', ['1', '2', '3']],
    ['name contains "et"', ['2']],
    ['name icontains "BET"', ['2']],
    ['name not contains "et"', ['1', '3']],
    ['name in ["alpha","gamma"]', ['1', '3']],
    ['name not in ["alpha", "gamma"]', ['2']],
    ['cost > 0', ['1', '3']],
    ['cost >= 5 and cost < 9', ['1']],
    ['cost between 5 and 9', ['1']],
    ['cost = "5"', []],
    ['on', ['1', '3']],
    ['on = false', ['2']],
    ['not on', ['2']],
    ['at > datetime(2026-03-01T00:00:00Z)', ['2', '3']],
    ['at <= datetime(2026-01-01T01:00:00+01:00)', ['1']],
    ['anyOf(roles) = "a"', ['1']],
    ['allOf(roles) = "b"', ['2', '3']],
    ['isEmpty(roles)', ['3']],
    ['not isEmpty(roles)', ['1', '2']],
    ['count(roles) = 2', ['1']],
    ['roles = "b"', ['1', '2']],
    ['isEmpty(note)', ['1', '3']],
    ['note = null', ['1']],
    ['note != null', ['2', '3']],
    ['note = "x\\"y\\\\z"', ['2']],
    ['tags.site = "s1"', ['1']],
    ['tags[site] = "s1"', ['1']],
    ['tags.site != null', ['1', '3']],
    ['tags.n = 3', []],
    ['tags.up = true', ['3']],
    ['tags.nothing = null', ['1', '2', '3']],
    ['tags.constructor = null', ['1', '2', '3']],
    ['owner.name contains "alpha"', ['1']],
    ['name="alpha" or name="gamma"', ['1', '3']],
    ['name="alpha" or on and cost=9', ['1', '3']],
    ['(name="alpha" or on) and cost=9', ['3']],
    ['not (name="alpha" or name="Beta")', ['3']],
    ['NOT name = "alpha" AND on', ['3']],
    ['true sort by name desc', ['3', '1', '2']],
    ['on sort by cost desc', ['3', '1']],
    ['sort by on, name desc', ['2', '3', '1']],
    ['sort by note', ['1', '3', '2']],
  ];
  for (const [filter, ids] of table)
    test(filter === '' ? 'nothing' : filter, () => {
      assert.deepEqual(chosen(filter), ids);
    });

  test('skip and limit stand at the end', () => {
    assert.partialDeepStrictEqual(parseFilter('true sort by name desc skip 1 limit 2'), { skip: 1, limit: 2 });
    assert.partialDeepStrictEqual(parseFilter('name="x" limit none'), { skip: undefined, limit: -1 });
    assert.partialDeepStrictEqual(parseFilter('limit 5'), { limit: 5 });
    assert.deepEqual(parseSort('name desc, cost'), [
      { symbol: 'name', descending: true },
      { symbol: 'cost', descending: false },
    ]);
  });

  const faults: [filter: string, fault: string][] = [
    ['name=', 'Unexpected symbol: "<EOF>" at line: 1 column: 5. line: 1, column: 5, symbol: <EOF>'],
    ["name='rec-a'", `Unexpected symbol: "'" at line: 1 column: 5. line: 1, column: 5, symbol: '`],
    ['nosuch="x"', "unknown symbol 'nosuch'"],
    ['type.name="x"', "unknown symbol 'type.name'"],
    ['tags="x"and nosuch.tag', "unknown symbol 'nosuch.tag'"],
    ['constructor="x"', "unknown symbol 'constructor'"],
    ['true sort by nosuch', "unknown symbol 'nosuch'"],
  ];
  for (const [filter, fault] of faults)
    test(`${filter} is refused`, () => {
      assert.equal(chosen(filter), fault);
    });

  test('what is no filter is refused, however it is wrong', () => {
    verifies('FABRIC-MANAGEMENT-BOUNDED');
    for (const filter of [
      'name="',
      '(name="a"',
      'name="a")',
      'name="a" and',
      'and',
      'name in []',
      'name in ["a"',
      'name in ["a",]',
      'not',
      '=',
      'name = datetime(x)',
    ])
      assert.equal(typeof chosen(filter), 'string', filter);
    for (const filter of [
      'name not = "a"',
      'isEmpty()',
      'anyOf(roles',
      'cost between 1',
      'sort name',
      'limit x',
      'skip',
      'true true',
      'at = datetime(2026-99-99T00:00:00Z)',
    ])
      assert.equal(typeof chosen(filter), 'string', filter);
    assert.equal(typeof chosen('limit 99999999999999999999'), 'string');
  });

  test('is bounded in length and depth', () => {
    verifies('FABRIC-MANAGEMENT-BOUNDED');
    const half = FILTER_LIMITS.characters / 2;
    for (const filter of [
      '('.repeat(half),
      'not '.repeat(half / 4),
      '"'.repeat(half),
      `name="${'\\'.repeat(half)}`,
      `${' '.repeat(half)}x`,
    ])
      assert.equal(typeof chosen(filter), 'string');
    assert.equal(chosen(`name="${'x'.repeat(FILTER_LIMITS.characters)}"`), 'the filter is too long');
    const deep = FILTER_LIMITS.depth - 1;
    assert.deepEqual(chosen(`${'('.repeat(deep)}on${')'.repeat(deep)}`), ['1', '3']);
  });

  test('any text is a query or a fault', () => {
    verifies('FABRIC-MANAGEMENT-BOUNDED');
    const words = [
      'name',
      'roles',
      'tags.a',
      'and',
      'or',
      'not',
      '(',
      ')',
      '[',
      ']',
      ',',
      '=',
      '!=',
      '<',
      'in',
      'contains',
      '"x"',
      '1',
      'null',
      'true',
      'sort',
      'by',
      'limit',
      'none',
    ];
    const text = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(text, (filter) => {
        const ids = chosen(filter);
        assert.ok(typeof ids === 'string' || ids.every((id) => THINGS.some((thing) => thing.id === id)));
      }),
      { numRuns: 200 },
    );
  });

  test('a condition that was written down is read as itself', () => {
    const literal: fc.Arbitrary<Literal> = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
    );
    const operand = fc.record({
      symbol: fc.constantFrom('name', 'tags.site', 'roles'),
      over: fc.constantFrom(undefined, 'anyOf', 'allOf', 'count'),
    });
    const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
      condition: fc.oneof(
        { depthSize: 'small' },
        fc.record({
          kind: fc.constant('compare'),
          operand,
          comparator: fc.constantFrom('=', '!=', '<', '<=', '>', '>=', 'contains', 'icontains'),
          to: literal,
        }),
        fc.record({ kind: fc.constant('in'), operand, among: fc.array(literal, { minLength: 1, maxLength: 3 }) }),
        fc.record({ kind: fc.constant('between'), operand, low: literal, high: literal }),
        fc.record({ kind: fc.constant('isEmpty'), symbol: fc.constantFrom('name', 'roles') }),
        fc.record({ kind: fc.constant('not'), of: tie('condition') }),
        fc.record({ kind: fc.constantFrom('and', 'or'), all: fc.array(tie('condition'), { minLength: 2, maxLength: 3 }) }),
      ) as fc.Arbitrary<Condition>,
    }));
    fc.assert(
      fc.property(condition, (generated) => {
        const written = structuredClone(generated);
        const read = parseFilter(textOf(written));
        assert.ok(!('fault' in read), 'fault' in read ? read.fault : '');
        assert.deepEqual(read.condition, written);
      }),
      { numRuns: 200 },
    );
  });
});

function textOf(condition: Condition): string {
  switch (condition.kind) {
    case 'constant':
      return String(condition.value);
    case 'not':
      return `not (${textOf(condition.of)})`;
    case 'and':
    case 'or':
      return condition.all.map((part) => `(${textOf(part)})`).join(` ${condition.kind} `);
    case 'isEmpty':
      return `isEmpty(${condition.symbol})`;
    case 'compare':
      return `${operandText(condition.operand)} ${condition.comparator} ${literalText(condition.to)}`;
    case 'in':
      return `${operandText(condition.operand)} in [${condition.among.map(literalText).join(', ')}]`;
    case 'between':
      return `${operandText(condition.operand)} between ${literalText(condition.low)} and ${literalText(condition.high)}`;
  }
}

function operandText({ symbol, over }: { symbol: string; over: string | undefined }): string {
  return over === undefined ? symbol : `${over}(${symbol})`;
}

function literalText(literal: Literal): string {
  if (literal instanceof Date) return `datetime(${literal.toISOString()})`;
  return typeof literal === 'string' ? `"${literal.replace(/["\\]/g, '\\$&')}"` : String(literal);
}
