import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deeperThan } from '../../shared/json-depth.ts';

test('depth counts brackets that are structure, and no others', () => {
  const depthOf = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 0;
    return 1 + Math.max(0, ...Object.values(value).map(depthOf));
  };
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const depth = depthOf(value);
      const json = JSON.stringify(value);
      assert.equal(deeperThan(json, depth), false);
      if (depth > 0) assert.equal(deeperThan(json, depth - 1), true);
    }),
    { numRuns: 200 },
  );
  assert.equal(deeperThan('{"a":"[[[[\\"[[[["}', 1), false);
});
