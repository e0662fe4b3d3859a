import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import type { Segment } from '../agent/hl7/segment.ts';
import { PROFILES, profile } from '../agent/profiles.ts';
import { FAMILIES } from '../scripts/device-families.ts';
import { devicePages, mdcCodes, mdil } from '../scripts/device-pages.ts';
import { agentConfig } from './agent/simulate/agent-end.ts';
import { verifies } from './requirements.ts';

const folder = join(import.meta.dirname, '..', 'docs', 'devices');

describe('device pages', () => {
  test('are what the tables say: `npm run docs` makes them anew', () => {
    verifies('DEVICE-PAGES');
    const pages = devicePages();
    assert.deepEqual(readdirSync(folder).sort(), [...pages.keys()].sort());
    for (const [file, content] of pages) assert.equal(readFileSync(join(folder, file), 'utf8'), content, file);
  });

  test('there is one for each profile', () => {
    assert.deepEqual(
      FAMILIES.flatMap(({ profiles }) => profiles.map(({ profile }) => profile)).sort(),
      PROFILES.map(({ name }) => name).sort(),
    );
  });

  test('every code that a page lists is read as the vital sign that it lists', () => {
    const separators = { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' };
    const row = { field: () => '', component: () => '', repetitions: () => [] } as unknown as Segment;
    const wrong: string[] = [];
    for (const { profile: name, reads } of FAMILIES.flatMap(({ profiles }) => profiles)) {
      const known = profile(name);
      if (known.kind !== 'hl7' || (reads !== 'mdc' && reads !== 'mdil')) continue;
      for (const [{ code, refid }, { key }] of mdcCodes()) {
        const field = reads === 'mdc' ? `${code}^${refid}^MDC` : `${mdil(code)}^${refid}^MDIL`;
        const { rows } = known.dialect.obx.vital(field, separators, row);
        const isListed = reads === 'mdc' || Math.floor(code / 65_536) === 2;
        if (rows.some((read) => read.key === key) !== isListed) wrong.push(`${name} ${field}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  for (const { file, title, profiles } of FAMILIES) {
    test(`${title}: the configuration on the page is valid, and of that profile`, () => {
      verifies('DEVICE-PAGES');
      const content = readFileSync(join(folder, file), 'utf8');
      const blocks = [...content.matchAll(/```yaml\n([^`]*)```/g)].map(([, yaml = '']) => parse(yaml) as { sources: unknown[] });
      assert.equal(blocks.length, profiles.length);
      for (const [i, { sources }] of blocks.entries()) {
        const [source] = agentConfig(sources).sources;
        const named = source && ('profile' in source ? source.profile : 'mapping' in source ? source.mapping : undefined);
        assert.ok(named === profiles[i]?.profile || (profiles[i]?.reads === 'site' && named?.endsWith('.yaml')));
      }
      assert.match(content, /not a medical device and not an alarm system/);
    });
  }
});
