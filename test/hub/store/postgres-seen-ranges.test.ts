import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SeenRange, withRows } from '../../../hub/store/postgres/seen-ranges.ts';
import { partsOf } from '../../../hub/store/seen-ranges.ts';
import { verifies } from '../../requirements.ts';

/** Every key that ranges tell of. */
function keysOf(ranges: readonly SeenRange[]): string[] {
  return ranges.flatMap(({ first, last, parts }) =>
    Array.from({ length: last - first + 1 }, (_, i) => [...partsOf(parts)].map((part) => `${first + i} ${part}`)).flat(),
  );
}

test('ranges with more rows in them tell of all that they told of before and of these, each once, ascending, as few as can be', () => {
  verifies('EXACTLY-ONCE');
  const rows = fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1 })));
  fc.assert(
    fc.property(fc.array(rows, { maxLength: 6 }), (steps) => {
      let ranges: SeenRange[] = [];
      const expected = new Set<string>();
      for (const step of steps) {
        const added = new Map<number, number[]>();
        for (const [seq, parts] of step) added.set(seq, [...(added.get(seq) ?? []), ...parts]);
        for (const [seq, parts] of added) for (const part of parts) expected.add(`${seq} ${part}`);
        ranges = withRows(ranges, added);
      }
      const told = keysOf(ranges);
      assert.deepEqual([...told].sort(), [...expected].sort());
      for (const [i, { first, last, parts }] of ranges.entries()) {
        const before = ranges[i - 1];
        assert.ok(first <= last && (before === undefined || before.last < first));
        assert.ok(before === undefined || before.last + 1 < first || before.parts !== parts, 'two that could be one');
      }
    }),
  );
});
