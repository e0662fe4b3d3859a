import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { z } from 'zod';
import { expectedSchema } from '../../../hub/clinical/due/schema.ts';
import { limitsSchema } from '../../../hub/clinical/limits/schema.ts';
import { parseSiteFile } from '../../../hub/clinical/site-file.ts';
import { supportSchema } from '../../../hub/clinical/support/schema.ts';

const TEXT = readFileSync(new URL('../../../docs/clinical.md', import.meta.url), 'utf8');
/** A file that is shown has its schema here. */
const SCHEMAS: Readonly<Record<string, z.ZodType<{ version: string }>>> = {
  'limits.yaml': limitsSchema,
  'support.yaml': supportSchema,
  'expected.yaml': expectedSchema,
};

test('every file that docs/clinical.md shows is one that the hub takes', () => {
  const blocks = [...TEXT.matchAll(/```yaml\n# (\S+)\n([^`]*)```/g)].map(([, name = '', text = '']) => [name, text] as const);
  assert.equal(blocks.length, [...TEXT.matchAll(/```yaml/g)].length, 'each names its file');
  for (const [name, text] of blocks) {
    assert.ok(parseSiteFile(SCHEMAS[name] ?? assert.fail(name), text, name).rules.version);
  }
});
