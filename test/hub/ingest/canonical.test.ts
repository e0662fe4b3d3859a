import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../../hub/ingest/canonical.ts';

/** RFC 8785, word for word and without haste. */
function slowly(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(slowly).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${slowly(member)}`).join(',')}}`;
}

const parsed = (text: string): unknown => JSON.parse(text);

test('the same content gives the same text, whatever the order of its members', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      assert.equal(canonicalJson(parsed(JSON.stringify(value))), slowly(value));
    }),
    { numRuns: 300 },
  );
  const names = ['url', 'system', '10', '9', '', 'a"b', 'a\u0000b', '__proto__', 'constructor', '\ud800'];
  fc.assert(
    fc.property(fc.shuffledSubarray(names), (some) => {
      const text = `{${some.map((name, i) => `${JSON.stringify(name)}:{"b":${i},"a":"${i}"}`).join(',')}}`;
      const inOrder = [...some].sort((a, b) => (a < b ? -1 : 1));
      const expected = `{${inOrder.map((name) => `${JSON.stringify(name)}:{"a":"${some.indexOf(name)}","b":${some.indexOf(name)}}`).join(',')}}`;
      assert.equal(canonicalJson(parsed(text)), expected);
      assert.equal(canonicalJson(parsed(text)), expected, 'the second time, from memory');
    }),
    { numRuns: 300 },
  );
});

test('objects that are told apart by a character are not mixed up', () => {
  assert.equal(canonicalJson({ 'b\u0000c': 1, a: 2 }), '{"a":2,"b\\u0000c":1}');
  assert.equal(canonicalJson({ b: 1, 'c\u0000a': 2 }), '{"b":1,"c\\u0000a":2}');
});

test('who sends ever other names gets the same texts, and no memory', () => {
  const many = (from: number): unknown[] =>
    Array.from({ length: 5000 }, (_, i) => ({ [`z${from + i}`]: 1, [`a${from + i}`]: [{ [`y${'y'.repeat(70)}`]: 2, x: 3 }] }));
  for (const value of [...many(0), ...many(2500)]) assert.equal(canonicalJson(value), slowly(value));
});
