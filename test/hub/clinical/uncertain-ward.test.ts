import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { replayed } from '../../../hub/audit/replay.ts';
import { limitsInForce } from '../../../hub/clinical/clinical.ts';
import { limitsSchema } from '../../../hub/clinical/limits/schema.ts';
import { NO_SURROUNDINGS, type Surroundings } from '../../../hub/clinical/surroundings.ts';
import type { PatientPlace } from '../../../hub/registry/registry.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, idOf, measure, minute, tell } from '../../support/following.ts';
import { gathered, TestClock, testHub } from '../../support/hub.ts';

const REGISTRY = `${FOLLOWING_REGISTRY}
wards:
  fast: { tenant: clinic, beds: [ICU-01] }
  slow: { tenant: clinic, beds: [ICU-02] }
`;
const RULES = limitsSchema.parse({
  version: 'v1',
  stale: { wards: { fast: { classes: { continuous: '20s' } }, slow: { classes: { continuous: '5m' } } } },
});
const surroundings: Surroundings = { ...NO_SURROUNDINGS, limits: (place: PatientPlace) => limitsInForce(RULES, place) };
const context = { channel: 'mcp-2026' } as const;

/** A hub in which Ann was measured in bed ICU-01, of the ward whose values are soon old, and was there a minute later. */
async function site() {
  const clock = new TestClock(minute(0));
  const hub = testHub({ clock, registry: REGISTRY, surroundings });
  await tell(hub, 1, 0, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  clock.set(minute(1));
  await measure(hub, 1, 1, { bed: 'ICU-01' });
  clock.set(minute(2));
  await tell(hub, 2, 2, 'A08', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  const reader = hub.registry.principal('ai-monitor') ?? assert.fail();
  const ann = await idOf(hub, 'ann');
  return {
    ...{ clock, hub, reader, ann },
    limit: async () => (await hub.door.latest(reader, ann, context)).vitals[0]?.limit,
    /** Which changes of Ann the feed had since. */
    listen: () => {
      const told: string[] = [];
      hub.feed.subscribe(({ patient, kind }) => patient === ann && told.push(kind));
      return told;
    },
    [Symbol.asyncDispose]: () => hub.close(),
  };
}

test('an update that names another bed: the shorter limit of both wards holds, and the change is told', async () => {
  verifies('STALE-UNCERTAIN-WARD');
  await using s = await site();
  assert.deepEqual(await s.limit(), { seconds: 20, by: 'ward' });
  const told = s.listen();
  s.clock.set(minute(3));
  await tell(s.hub, 3, 3, 'A08', { who: 'ann', bed: 'ICU-02', visit: 'v' });
  assert.ok(told.includes('patients'), 'so that the watch over silence goes by it');
  assert.deepEqual(await s.limit(), { seconds: 20, by: 'ward' });
  const place = s.hub.registry.patient('clinic', s.ann);
  assert.deepEqual(place?.possible, [
    { bed: 'ICU-01', ward: 'fast' },
    { bed: 'ICU-02', ward: 'slow' },
  ]);
  s.clock.set(minute(4));
  await tell(s.hub, 4, 4, 'A02', { who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01', visit: 'v' });
  assert.deepEqual(await s.limit(), { seconds: 300, by: 'ward' }, 'once it is sure, that of the ward');
  assert.equal(s.hub.registry.patient('clinic', s.ann)?.possible, undefined);
});

test('what was shown while the ward was not sure is made again with the limits of then', async () => {
  verifies('STALE-UNCERTAIN-WARD', 'AUDIT-REPLAY');
  await using s = await site();
  s.clock.set(minute(3));
  await tell(s.hub, 3, 3, 'A08', { who: 'ann', bed: 'ICU-02', visit: 'v' });
  await s.limit();
  s.clock.set(minute(4));
  await tell(s.hub, 4, 4, 'A02', { who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01', visit: 'v' });
  const reads = (await gathered(s.hub.store.evidence('clinic', {}))).filter(({ event }) => event.action === 'vitals.read');
  const caller = { principal: operatorPrincipal(1000, 'clinic'), context: { channel: 'operator' } } as const;
  const steps = await gathered(
    replayed(
      (async function* () {
        yield* reads;
      })(),
      { ...s.hub, zone: 'UTC', surroundings },
      caller,
    ),
  );
  assert.deepEqual(
    steps.map(({ rebuilt, shown }) => [rebuilt, shown.length]),
    [['same', 1]],
  );
});

test('the coverage of a trend goes by the limit that is in force for the patient, not by that of the class', async () => {
  verifies('TREND-COVERAGE', 'STALE-SITE-LIMITS');
  await using s = await site();
  s.clock.set(minute(3));
  const covered = async () => {
    const { series } = await s.hub.door.trend(s.reader, s.ann, { vital: 'hr', from: minute(1), to: minute(2), points: 1 }, context);
    return series[0]?.buckets[0]?.coverage;
  };
  assert.equal(await covered(), 20 / 60);
  await tell(s.hub, 3, 3, 'A02', { who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01', visit: 'v' });
  assert.equal(await covered(), 1);
});
