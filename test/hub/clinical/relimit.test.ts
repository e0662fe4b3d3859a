import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openClinical } from '../../../hub/clinical/open-clinical.ts';
import { type Change, Feed } from '../../../hub/feed.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import type { Currency } from '../../../hub/store/store.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { boundSinceEver, TEST_NOW } from '../../support/hub.ts';
import { TestTimer, WallClock } from './wall-clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'vm-relimit-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'limits.yaml');

const registryOf = (ward: string): string => `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { A: pat-icu-01, B: pat-icu-02 } }
wards:
  fast: { tenant: clinic, beds: [${ward}] }
`;
const LIMITS = 'version: v1\nstale: { wards: { fast: { classes: { continuous: 20s } } } }\n';

async function site() {
  writeFileSync(path, LIMITS);
  const clock = new WallClock();
  const timer = new TestTimer(clock);
  const feed = new Feed();
  const told: Change[] = [];
  feed.subscribe((change) => change.kind !== 'sources' && change.kind !== 'patients' && told.push(change));
  const registry = boundSinceEver(parseRegistry(registryOf('A')));
  const recorded: string[] = [];
  const clinical = openClinical(
    { limits: path },
    {
      ...{
        store: { currencies: () => [], distrust: async () => undefined },
        registry,
        feed,
        clock,
        timer,
        zone: 'Europe/Berlin',
        log: silentLogger,
      },
      ...{ record: async (row) => void recorded.push(row), isAlone: true, isBound: () => true, overdueSince: () => undefined },
    },
  );
  await clinical.staleness.start(new AbortController().signal);
  const row = (patient: string): Currency => ({
    ...{ tenant: 'clinic', patient, vital: 'hr', device: `of-${patient}`, place: 'bed', freshAt: clock.now(), storedAt: clock.now() },
  });
  clinical.staleness.changed([row('pat-icu-01'), row('pat-icu-02')]);
  const take = () => told.splice(0).map(({ kind, patient, at }) => [kind, patient, (at - TEST_NOW) / 1000]);
  return { timer, feed, registry, clinical, recorded, take, [Symbol.asyncDispose]: () => clinical.staleness[Symbol.asyncDispose]() };
}

test('the watch goes by the limit of the ward, and tells at it', async () => {
  verifies('STALE-SITE-LIMITS', 'STALE-IS-NULL');
  await using s = await site();
  s.timer.pass(61_000);
  assert.deepEqual(s.take(), [
    ['stale', 'pat-icu-01', 20],
    ['stale', 'pat-icu-02', 60],
  ]);
});

test('whoever is moved to another ward has its limits at once, shorter ones and longer ones', async () => {
  verifies('STALE-SITE-LIMITS');
  await using s = await site();
  s.timer.pass(30_000);
  assert.deepEqual(s.take(), [['stale', 'pat-icu-01', 20]]);
  const next = parseRegistry(registryOf('B'));
  for (const moved of s.registry.replace(next, [])) s.feed.publish({ ...moved, kind: 'patients', vitals: [], at: TEST_NOW + 30_000 });
  assert.deepEqual(s.take().sort(), [
    ['stale', 'pat-icu-02', 30],
    ['stored', 'pat-icu-01', 30],
  ]);
  s.timer.pass(31_000);
  assert.deepEqual(s.take(), [['stale', 'pat-icu-01', 60]]);
});

test('another file in force is recorded first, and what is stale or current again by it is told at once', async () => {
  verifies('STALE-SITE-LIMITS');
  await using s = await site();
  s.timer.pass(30_000);
  s.take();
  writeFileSync(path, LIMITS.replace('v1', 'v2').replace('20s', '2m'));
  await s.clinical.reload();
  assert.deepEqual(s.recorded, ['limits']);
  assert.deepEqual(s.take(), [['stored', 'pat-icu-01', 30]]);
  assert.equal(s.clinical.surroundings.limits({ patient: 'pat-icu-01', bed: 'A', ward: 'fast' }).version, 'v2');
  s.timer.pass(91_000);
  assert.deepEqual(s.take(), [
    ['stale', 'pat-icu-02', 60],
    ['stale', 'pat-icu-01', 120],
  ]);
  writeFileSync(path, 'version: [');
  await s.clinical.reload();
  assert.equal(s.clinical.notInForce()[0]?.code, 'CLINICAL-INVALID');
});
