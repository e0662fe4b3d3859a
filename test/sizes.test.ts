import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PLANS } from './bench/overlay-fleet.ts';

const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');

/** The rows of README's table, each as its cells. */
function sizes(): string[][] {
  const section = /^## Sizes$([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
  return [...section.matchAll(/^\| ([\d,]+ \|.*) \|$/gm)].map(([, row = '']) => row.split(' | '));
}

/** First number of a cell, as in `1,024 MB`. */
function numberIn(cell = ''): number {
  return Number(/[\d,]+/.exec(cell)?.[0].replaceAll(',', ''));
}

test('the benchmark of fleets does what the README tells of, and its bars are what was measured, with half as much again and room', () => {
  const rows = sizes();
  assert.deepEqual(
    rows.map(([gateways]) => numberIn(gateways)),
    PLANS.map(({ gateways }) => gateways),
  );
  for (const [index, { withinMs, mostConnectS, mostHubMB, restarts }] of PLANS.entries()) {
    const [, within, connected, hub, , router, away] = rows[index] ?? [];
    assert.equal(withinMs / 1000, numberIn(within));
    assert.ok(mostConnectS >= 1.5 * numberIn(connected), `${mostConnectS} s`);
    assert.ok(mostHubMB > numberIn(hub), `${mostHubMB} MB`);
    for (const measured of [router, ...(away ?? '').split(', ')]) assert.ok(restarts.mostBackS >= 1.5 * numberIn(measured), measured);
  }
});
