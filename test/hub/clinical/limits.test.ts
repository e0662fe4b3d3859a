import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BUILT_IN, limitsFor, rangesFor, unlistedGroups } from '../../../hub/clinical/limits/limits.ts';
import { limitsSchema, NO_LIMITS } from '../../../hub/clinical/limits/schema.ts';
import { parseSiteFile, SiteFile } from '../../../hub/clinical/site-file.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { TestClock } from '../../support/hub.ts';

const FILE = `
version: ward-2026-11
stale:
  wards: { icu: { classes: { continuous: 30s } } }
  panels:
    heart: { classes: { spot: 48h }, vitals: { weight: 3d } }
    dialysis: { classes: { spot: 4d } }
  patients: { pat-icu-01: { vitals: { nibp: 30m } } }
ranges:
  wards: { icu: { hr: { low: 50, high: 120 }, spo2: { low: 90 } } }
  patients: { pat-icu-01: { hr: { high: 140 } } }
`;
const rules = parseSiteFile(limitsSchema, FILE, 'limits.yaml').rules;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

test('the nearest line counts, the vital sign before its class, and of several panels the shortest', () => {
  verifies('STALE-SITE-LIMITS');
  const of = limitsFor(rules, { patient: 'pat-icu-01', ward: 'icu', panels: ['heart', 'dialysis'] });
  assert.deepEqual(of({ vital: 'nibp', place: 'bed' }), { ms: 30 * MINUTE_MS, by: 'patient' });
  assert.deepEqual(of({ vital: 'hr', place: 'bed' }), { ms: 30_000, by: 'ward' });
  assert.deepEqual(of({ vital: 'temp', place: 'home' }), { ms: 48 * HOUR_MS, by: 'panel' });
  assert.deepEqual(of({ vital: 'weight', place: 'home' }), { ms: 72 * HOUR_MS, by: 'panel' });
  assert.deepEqual(of({ vital: 'peep_set', place: 'bed' }), { ms: 60_000, by: 'class' });
  assert.deepEqual(of({ vital: 'nothing', place: 'bed' }), { ms: 30_000, by: 'ward' }, 'what is not in the table is as short as anything');
  const other = limitsFor(rules, { patient: 'constructor', ward: 'toString', panels: ['valueOf'] });
  assert.equal(other, BUILT_IN);
  assert.equal(limitsFor(NO_LIMITS, { patient: 'pat-icu-01', ward: 'icu' }), BUILT_IN);
});

test('of whoever lies nowhere for sure the shortest limit of all wards counts in which they may lie, and the table where one of them says nothing', () => {
  verifies('STALE-UNCERTAIN-WARD');
  const { rules } = parseSiteFile(
    limitsSchema,
    `version: v1
stale:
  wards:
    fast: { vitals: { hr: 20s } }
    slow: { classes: { continuous: 10m, spot: 4h } }
  patients: { pat-icu-01: { vitals: { spo2: 15s } } }
`,
    'limits.yaml',
  );
  const of = (...wards: (string | undefined)[]) =>
    limitsFor(rules, { patient: 'pat-icu-01', possible: wards.map((ward) => (ward === undefined ? {} : { ward })) });
  const hr = { vital: 'hr', place: 'bed' } as const;
  assert.deepEqual(of('slow', 'fast')(hr), { ms: 20_000, by: 'ward' });
  assert.deepEqual(of('fast', 'slow')(hr), { ms: 20_000, by: 'ward' });
  assert.deepEqual(of('slow')(hr), { ms: 10 * MINUTE_MS, by: 'ward' });
  assert.deepEqual(of('slow', undefined)(hr), { ms: MINUTE_MS, by: 'class' }, 'a bed in no ward');
  assert.deepEqual(of('slow', 'other')(hr), { ms: MINUTE_MS, by: 'class' }, 'a ward without a line');
  assert.deepEqual(of('slow', 'fast')({ ...hr, vital: 'nibp' }), { ms: 2 * HOUR_MS, by: 'class' });
  assert.deepEqual(of('slow', 'fast')({ ...hr, vital: 'spo2' }), { ms: 15_000, by: 'patient' }, 'their own line counts before any ward');
  assert.deepEqual(limitsFor(rules, { patient: 'pat-icu-02', ward: 'slow', possible: [{ ward: 'fast' }] })(hr), {
    ms: 10 * MINUTE_MS,
    by: 'ward',
  });
});

test("a site's ranges are its own, the nearest of each vital sign; none is built in", () => {
  verifies('ALERT-SITE-RANGES');
  assert.deepEqual(rangesFor(rules, { patient: 'pat-icu-01', ward: 'icu' }), [
    { vital: 'hr', low: null, high: 140, by: 'patient' },
    { vital: 'spo2', low: 90, high: null, by: 'ward' },
  ]);
  assert.deepEqual(rangesFor(NO_LIMITS, { patient: 'pat-icu-01', ward: 'icu' }), []);
});

test('a limit outside its bounds, of an unknown vital sign or class, or of a mistyped patient refuses the file, and nothing of it is repeated', () => {
  verifies('STALE-SITE-LIMITS');
  const bad = [
    'stale: { wards: { icu: { classes: { continuous: 9s } } } }',
    'stale: { wards: { icu: { classes: { continuous: 11m } } } }',
    'stale: { wards: { icu: { classes: { spot: 9d } } } }',
    'stale: { wards: { icu: { classes: { spot: 9m } } } }',
    'stale: { wards: { icu: { vitals: { hr: 2h } } } }',
    'stale: { wards: { icu: { vitals: { mustermann: 2h } } } }',
    'stale: { wards: { icu: { classes: { often: 30s } } } }',
    'stale: { wards: { icu: {} } }',
    'stale: { wards: { icu: { classes: { continuous: 1.5m } } } }',
    'stale: { wards: { icu: { classes: { continuous: 030s } } } }',
    'stale: { patients: { "Erika Mustermann": { classes: { spot: 2h } } } }',
    'sources: { gateway: 2h }',
    'ranges: { wards: { icu: { hr: { low: 120, high: 50 } } } }',
    'ranges: { wards: { icu: { hr: {} } } }',
    'ranges: { wards: { icu: { nibp: { low: 1 } } } }\nmore: 1',
  ];
  for (const text of bad)
    assert.throws(
      () => parseSiteFile(limitsSchema, `version: v1\n${text}`, 'limits.yaml'),
      (thrown) =>
        thrown instanceof VitalmeshError &&
        thrown.code === 'CLINICAL-INVALID' &&
        !/mustermann/i.test(`${thrown.message} ${thrown.detail ?? ''}`),
      text,
    );
  assert.throws(() => parseSiteFile(limitsSchema, 'stale: {', 'limits.yaml'), { code: 'CLINICAL-INVALID' });
  assert.throws(() => parseSiteFile(limitsSchema, 'stale: {}', 'limits.yaml'), { code: 'CLINICAL-INVALID' }, 'no version');
});

test('a changed file comes into force at a reload once that is recorded; one that is refused leaves the last good one there', async () => {
  verifies('STALE-SITE-LIMITS');
  const folder = mkdtempSync(join(tmpdir(), 'vm-limits-'));
  try {
    const path = join(folder, 'limits.yaml');
    writeFileSync(path, FILE);
    const recorded: string[] = [];
    let isDown = false;
    const record = async (revision: string): Promise<void> => {
      if (isDown) throw new Error('no store');
      recorded.push(revision);
    };
    const file = new SiteFile({ schema: limitsSchema, path, none: NO_LIMITS, record, clock: new TestClock(), log: silentLogger });
    assert.equal(file.current.rules.version, 'ward-2026-11');
    assert.equal(await file.reload(), false, 'nothing changed');
    writeFileSync(path, FILE.replace('ward-2026-11', 'ward-2026-12'));
    isDown = true;
    assert.equal(await file.reload(), false);
    assert.equal(file.current.rules.version, 'ward-2026-11');
    isDown = false;
    assert.equal(await file.reload(), true);
    assert.equal(file.current.rules.version, 'ward-2026-12');
    assert.deepEqual(recorded, [file.current.revision]);
    writeFileSync(path, 'version: [');
    assert.equal(await file.reload(), false);
    assert.equal(file.current.rules.version, 'ward-2026-12');
    assert.deepEqual(
      file.notInForce().map(({ code }) => code),
      ['CLINICAL-INVALID'],
    );
    writeFileSync(path, FILE);
    assert.equal(await file.reload(), true);
    assert.deepEqual(file.notInForce(), []);
    rmSync(path);
    await file.reload();
    assert.equal(file.current.rules.version, 'ward-2026-11', 'a file that is gone takes no limit away');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('wards and panels that the registry does not list are counted, never named', () => {
  verifies('STALE-SITE-LIMITS');
  const listed = (...names: string[]) => unlistedGroups(rules, () => new Set(names));
  assert.equal(listed('icu', 'heart', 'dialysis'), undefined);
  assert.equal(listed('icu'), 'the file of limits names what registry.yaml does not list: 2 of 2 panels');
  assert.equal(listed('heart'), 'the file of limits names what registry.yaml does not list: 1 of 1 wards, 1 of 2 panels');
  assert.equal(
    unlistedGroups(NO_LIMITS, () => new Set()),
    undefined,
  );
  const registry = parseRegistry(
    'gateways: [{ identity: gw-icu, tenant: clinic, beds: { A: pat-icu-01 } }]\nwards: { icu: { tenant: clinic, beds: [A] } }\n',
  );
  assert.deepEqual([[...registry.groupNames('wards')], [...registry.groupNames('panels')]], [['icu'], []]);
});

test('without a file the table of classes holds, for good', async () => {
  const file = new SiteFile({ schema: limitsSchema, path: undefined, none: NO_LIMITS, clock: new TestClock(), log: silentLogger });
  assert.equal(await file.reload(), false);
  assert.deepEqual(file.current, { revision: 'built-in', rules: NO_LIMITS });
});
