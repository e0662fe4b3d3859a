import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Stretches } from '../../../agent/uplink/stretches.ts';

test('a set of stretches holds exactly what was put in, in as few stretches as there can be', () => {
  const stretch = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 8 }));
  fc.assert(
    fc.property(fc.array(stretch, { maxLength: 12 }), (added) => {
      const stretches = new Stretches();
      const model = new Set<number>();
      for (const [after, length] of added) {
        stretches.add(after, after + length);
        for (let n = after + 1; n <= after + length; n += 1) model.add(n);
      }
      for (let n = 0; n <= 40; n += 1) assert.equal(stretches.has(n), model.has(n), String(n));
      assert.equal(stretches.size, [...model].filter((n) => !model.has(n - 1)).length);
    }),
  );
});
