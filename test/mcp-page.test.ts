import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PROMPTS } from '../hub/mcp/surface/prompts.ts';
import { RESOURCES, templateOf } from '../hub/mcp/surface/resources.ts';
import { TOOLS } from '../hub/mcp/surface/tools.ts';
import { KINDS } from '../hub/mcp/uris.ts';
import { errors } from '../scripts/mcp-page/chapters.ts';
import { shortJson } from '../scripts/mcp-page/markdown.ts';
import { exampleOf } from '../scripts/mcp-page/run.ts';
import { mcpPage } from '../scripts/mcp-page.ts';
import { MCP_ERRORS } from '../shared/errors/mcp.ts';
import { CALLS, PROMPTED, READS } from './hub/mcp/documented/examples.ts';
import { verifies } from './requirements.ts';

const file = join(import.meta.dirname, '..', 'docs', 'mcp.md');

describe('the page of MCP', () => {
  test('is what is registered, and what its examples give: `npm run docs` makes it anew', async () => {
    verifies('MCP-DOCUMENTED');
    const page = await mcpPage();
    assert.equal(readFileSync(file, 'utf8'), page, 'docs/mcp.md is stale: npm run docs');
    for (const kind of KINDS) assert.ok(page.includes(`### \`${templateOf(kind)}\``), kind);
    for (const { name } of [...TOOLS, ...PROMPTS]) assert.ok(page.includes(`### ${name}\n`), name);
  });

  test('has an example of everything that is served, and of nothing else', () => {
    verifies('MCP-DOCUMENTED');
    assert.deepEqual(Object.keys(READS).sort(), Object.keys(RESOURCES).sort());
    assert.deepEqual(
      Object.keys(CALLS).sort(),
      TOOLS.map(({ name }) => name),
    );
    assert.deepEqual(
      Object.keys(PROMPTED).sort(),
      PROMPTS.map(({ name }) => name),
    );
    assert.throws(() => exampleOf(CALLS, 'get_something_new'), /get_something_new has no example/);
    assert.throws(() => exampleOf(CALLS, 'toString'), RangeError);
  });

  test('lists every error of MCP that a caller can be told, with what to do', () => {
    verifies('MCP-DOCUMENTED');
    const said = errors().join('\n');
    for (const [code, { advice }] of Object.entries(MCP_ERRORS)) {
      if (!code.startsWith('MCP-') || ['MCP-PEER', 'MCP-CONFORMANCE'].includes(code)) continue;
      assert.ok(said.includes(`\`${code}\``) && said.includes(advice.replaceAll('|', '\\|')), code);
    }
  });
});

test('JSON of an example is as it was, but for long lists of things and long texts, which say that they were cut', () => {
  const small = { a: [1, 2, 3, 4, 5], b: { c: null }, d: 'x' };
  assert.deepEqual(JSON.parse(shortJson(small)), small);
  const rows = Array.from({ length: 5 }, (_, i) => ({ i }));
  assert.match(shortJson({ rows }), /\/\/ and 2 more\n/);
  assert.match(shortJson({ text: 'x'.repeat(500) }), /x…"/);
});
