import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REQUIREMENTS } from './requirements.ts';

test('every requirement is cited by a test, and every citation is a requirement', () => {
  const cited = new Set<string>();
  for (const file of globSync('**/*.test.ts', { cwd: import.meta.dirname }).concat(
    globSync('{contract,counterpart}/*.ts', { cwd: import.meta.dirname }),
  )) {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8');
    for (const [, ids = ''] of text.matchAll(/verifies\(([^)]*)\)/g)) {
      for (const [, id = ''] of ids.matchAll(/'([A-Z0-9-]+)'/g)) cited.add(id);
    }
  }
  const promised = Object.keys(REQUIREMENTS);
  assert.deepEqual(
    promised.filter((id) => !cited.has(id)),
    [],
    'cited by no test',
  );
  assert.deepEqual(
    [...cited].filter((id) => !promised.includes(id)),
    [],
    'not a requirement',
  );
});
