import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TOOLS } from '../../hub/mcp/surface/tools.ts';
import { verifies } from '../requirements.ts';
import { pageTable } from '../support/connect-page.ts';
import { SiteProcess } from '../support/fabric-site.ts';
import { LATEST, McpSite, PATIENT } from '../support/mcp-site.ts';
import { assertInstalled } from './mcp-clients/cache.ts';
import { inspector } from './mcp-clients/inspector.ts';
import { python } from './mcp-clients/python.ts';
import { sdk1, sdk2 } from './mcp-clients/sdks.ts';
import type { Era, ForeignClient, Place } from './mcp-clients/visit.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const [OLD, NEW] = ['2025-11-25', '2026-07-28'];

/** Which revision each comes to when it is told this. docs/connect.md says the same. */
const CLIENTS: [string, ForeignClient, Partial<Record<Era, string>>][] = [
  ['MCP Inspector 2.12.0 (mcpdo)', inspector, { legacy: OLD, modern: NEW, auto: NEW }],
  ['TypeScript SDK 1.32.2', sdk1, { legacy: OLD }],
  ['TypeScript SDK 2.4.0', sdk2, { legacy: OLD, modern: NEW, auto: NEW }],
  ['Python SDK 2.3.0', python, { legacy: OLD, modern: NEW, auto: NEW }],
];

function packageJson(path: string): { dependencies?: Record<string, string>; devDependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as ReturnType<typeof packageJson>;
}

describe('clients of others list, read, call and follow over the embedded network', { timeout: 600_000 }, () => {
  const stack = new AsyncDisposableStack();
  const places: Partial<Record<'bridge' | 'connect', Place>> = {};

  before(async () => {
    verifies('MCP-FOREIGN-CLIENTS');
    assertInstalled();
    const site = stack.use(await McpSite.open());
    places.bridge = site.command('bridge');
    const connect = stack.use(new SiteProcess('provisioning', [...site.command('connect').args, '--json']));
    const [said] = await connect.says(/^\{.*\}$/m);
    places.connect = JSON.parse(said) as { url: string; bearer: string };
  });

  after(() => stack.disposeAsync());

  test('docs/connect.md says of each what is seen here, and every one is named with its version', () => {
    const told = pageTable('client |').map(([name = '', ...cells]) => [name.replaceAll('`', ''), ...cells]);
    const seen = CLIENTS.map(([name, , { modern }]) => [name, 'yes', 'yes', ...(modern ? ['yes', 'yes'] : ['does not know it', ''])]);
    assert.deepEqual(told, seen);
    const { dependencies, devDependencies } = packageJson('package.json');
    const python = /^mcp==(.*)$/m.exec(readFileSync(join(ROOT, 'test/counterpart/mcp-clients/requirements.txt'), 'utf8'))?.[1];
    const versions = [
      packageJson('test/counterpart/mcp-clients/package.json').dependencies?.['@modelcontextprotocol/inspector'],
      devDependencies?.['@modelcontextprotocol/sdk'],
      dependencies?.['@modelcontextprotocol/client'],
      python,
    ];
    assert.deepEqual(
      CLIENTS.map(([name]) => / (\d+\.\d+\.\d+)/.exec(name)?.[1]),
      versions,
    );
  });

  for (const [name, visit, eras] of CLIENTS)
    for (const [era, revision] of Object.entries(eras) as [Era, string][])
      for (const wire of ['bridge', 'connect'] as const)
        test(`${name}, told ${era}, by ${wire}`, async () => {
          const place = places[wire] ?? assert.fail();
          const seen = await visit({ place, era, patient: PATIENT, uri: LATEST, updates: 3 });
          assert.equal(seen.revision, revision);
          assert.deepEqual(
            seen.tools,
            TOOLS.map((tool) => tool.name),
          );
          assert.ok(seen.resources.includes(LATEST));
          for (const latest of [seen.read, seen.called]) {
            assert.equal(latest.patient, PATIENT);
            const { vitals } = latest as { vitals: { vital: string; value: unknown }[] };
            assert.deepEqual(vitals.map(({ vital }) => vital).sort(), ['pr_oxi', 'spo2']);
          }
          assert.deepEqual(seen.updates, [LATEST, LATEST, LATEST]);
        });
});
