import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { asVitalmeshError, ERRORS, type ErrorCode, isErrorCode, VitalmeshError } from '../../shared/errors.ts';

test('every row says what happened and what to do, in whole sentences', () => {
  for (const [code, { message, advice }] of Object.entries(ERRORS)) {
    assert.match(code, /^[A-Z0-9]+(-[A-Z0-9]+)*$/);
    assert.match(message, /^[A-Z].*\.$/, code);
    assert.match(advice, /^\S.*\.$/, code);
  }
});

test('an error carries code, advice and whether to try again', () => {
  const error = new VitalmeshError('STORAGE-FULL', { detail: 'outbox.db' });
  assert.deepEqual([error.code, error.message, error.retryable], ['STORAGE-FULL', 'The disk is full: outbox.db', true]);
  assert.equal(asVitalmeshError(error), error);
  assert.equal(asVitalmeshError(new TypeError('x')).code, 'INTERNAL');
  assert.ok(isErrorCode('USAGE') && !isErrorCode('toString'));
});

test('every code of the table is used by the product, and no plain Error is thrown', () => {
  const root = join(import.meta.dirname, '..', '..');
  const files = globSync('{agent,hub,shared,provisioning}/**/*.ts', { cwd: root }).filter((file) => !file.startsWith('shared/errors'));
  const text = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  const unused = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => !text.includes(`'${code}'`));
  assert.deepEqual(unused, []);
  assert.doesNotMatch(text, /throw new (?:Type|Range|Syntax)?Error\(/);
});
