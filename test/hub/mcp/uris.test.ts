import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTemplate, KINDS, latestUri, onlyUri, PATIENTS_URI, parseUri, TEMPLATES, uriOf } from '../../../hub/mcp/uris.ts';

const value = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });

test('a URI means one thing, and one URI means it', () => {
  fc.assert(
    fc.property(value, (id) => {
      assert.deepEqual(parseUri(latestUri(id)), { kind: 'latest', vars: { id } });
    }),
    { numRuns: 200 },
  );
  for (const uri of [
    '',
    'vitals://patients/',
    'VITALS://patients',
    'vitals://patients?x',
    'vitals://patient//latest',
    'vitals://patient/a/b/latest',
    'vitals://patient/a/latest/',
    'vitals://patient/%70at/latest',
    'vitals://patient/%zz/latest',
    `vitals://patient/${'x'.repeat(1000)}/latest`,
  ]) {
    assert.equal(parseUri(uri), undefined, uri);
  }
});

test('every template is read back from what it makes, whatever its variables are', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), fc.infiniteStream(value), (kind, values) => {
      const names = [...TEMPLATES[kind].matchAll(/\w+(?=[,}])/g)].map(([name]) => name);
      const vars = Object.fromEntries(names.map((name) => [name, values.next().value]));
      // As the template names them.
      assert.deepEqual(parseUri(uriOf(kind, vars as never)), { kind, vars });
    }),
    { numRuns: 300 },
  );
  assert.equal(isTemplate('health'), false);
  assert.equal(isTemplate('latest'), true);
  assert.deepEqual(parseUri(PATIENTS_URI), { kind: 'patients', vars: {} });
  assert.deepEqual(
    KINDS.map(onlyUri)
      .filter((uri) => uri !== undefined)
      .sort(),
    ['fleet://agents', 'hub://health', PATIENTS_URI],
  );
});
