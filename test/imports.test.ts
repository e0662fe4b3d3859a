import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { verifies } from './requirements.ts';

const root = join(import.meta.dirname, '..');

/** What the files of a folder may import, besides themselves, node: and packages. The longest prefix counts. */
const ALLOWED: Record<string, readonly string[]> = {
  'agent/devices/': ['shared/', 'agent/devices/', 'agent/framing/', 'agent/decoding.ts'],
  'agent/framing/': ['shared/', 'agent/framing/'],
  'agent/': ['shared/', 'agent/'],
  'hub/': ['shared/', 'hub/'],
  'shared/': ['shared/'],
  'provisioning/': ['shared/', 'agent/', 'hub/', 'provisioning/'],
};

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)].map(([, path]) =>
    relative(root, join(root, dirname(file), path ?? '')),
  );
}

test('imports follow the arrows agent → shared ← hub, provisioning → all', () => {
  verifies('IMPORT-DIRECTIONS');
  const files = globSync('{agent,hub,shared,provisioning}/**/*.ts', { cwd: root });
  assert.ok(files.length > 20);
  const wrong: string[] = [];
  for (const file of files) {
    const prefix = Object.keys(ALLOWED)
      .filter((p) => file.startsWith(p))
      .sort((a, b) => b.length - a.length)[0];
    for (const target of importsOf(file)) {
      if (!ALLOWED[prefix ?? '']?.some((p) => target.startsWith(p))) wrong.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('a wrong arrow would be found', () => {
  assert.deepEqual(importsOf('test/imports.test.ts'), ['test/requirements.ts']);
});
