import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { movementTimeOf } from '../../../../hub/patients/movement-time.ts';
import { readSaid, type ToldMovement } from '../../../../hub/patients/said.ts';
import { TenantPlaces } from '../../../../hub/patients/whereabouts/tenant-places.ts';
import { movementResource } from '../../../../shared/movement-resource.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_EPOCH, TEST_NOW } from '../../../support/hub.ts';
import { seedOf } from '../../../support/seed.ts';
import { BEDS, type Happening, happenings, NOW } from './scenario.ts';

const [MIN_MS, DAY_MS] = [60_000, 86_400_000];
const STEPS = 60;

/** Admissions of strangers by a clock that is days or years behind. */
const strangers = fc.array(
  fc.record({ bed: fc.constantFrom<string>(...BEDS), behindDays: fc.integer({ min: 3, max: 4000 }), heardAt: fc.nat(STEPS) }),
  { minLength: 1, maxLength: 4 },
);

function admitted(i: number, { bed, behindDays, heardAt }: { bed: string; behindDays: number; heardAt: number }): ToldMovement {
  const receivedAt = TEST_NOW + heardAt * MIN_MS;
  const effective = receivedAt - behindDays * DAY_MS;
  const id = `gw-adt.${TEST_EPOCH}.${(1000 + i).toString(36)}.0`;
  const parties = [{ patient: { value: `stranger-${i}`, authority: 'HOSP' }, bed }];
  const about = { id, source: 'adt', profile: 'adt', receivedAt, offsetMin: 0, test: false };
  const resource = movementResource({ event: 'A01', effective, offsetMin: 0, parties }, about);
  const sortTime = movementTimeOf({ effective, receivedAt, flags: [], at: receivedAt, sentAt: receivedAt });
  return { id, gateway: 'gw-adt', sortTime, receivedAt, test: false, resource };
}

function known(movements: readonly ToldMovement[]): TenantPlaces {
  const places = new TenantPlaces(() => new Map());
  for (const movement of movements) {
    const said = readSaid(movement);
    if (!said) continue;
    for (const { authority, value } of said.records) places.people.add({ authority, value }, `p-${authority}-${value}`);
    places.learning([said], NOW).learn();
  }
  return places;
}

const scenario = fc
  .record({ told: happenings, strangers })
  .map(({ told, strangers: came }) => ({
    told: told.flatMap((one: Happening) => (one.kind === 'movement' ? [one.movement] : [])),
    came: came.map((one, i) => ({ ...one, movement: admitted(i, one) })),
  }))
  .chain(({ told, came }) => {
    const all = [...told, ...came.map(({ movement }) => movement)];
    return fc.record({
      ...{ told: fc.constant(told), came: fc.constant(came) },
      order: fc.shuffledSubarray(all, { minLength: all.length }),
    });
  });

test('whoever is told of days or years too late takes nothing from anybody who lay there until it was heard, in whatever order it arrives', (context) => {
  verifies('MOVEMENT-TOO-OLD', 'PLACING-ORDER-FREE');
  fc.assert(
    fc.property(scenario, ({ told, came, order }) => {
      const [without, withThem, again] = [known(told), known(order), known([...told, ...came.map(({ movement }) => movement)])];
      for (const bed of BEDS)
        for (let step = -STEPS; step < STEPS; step += 1) {
          const at = TEST_NOW + step * MIN_MS;
          const [before, after] = [without.ruleAt(bed, at), withThem.ruleAt(bed, at)];
          const first = Math.min(...came.filter((one) => one.bed === bed).map(({ heardAt }) => heardAt));
          if (step < first && before.who) assert.equal(after.who?.id, before.who.id, `${bed} at ${step}`);
          if (step < first && after.certainty === 'sure' && !before.who) assert.match(after.who.id, /stranger/, `${bed} at ${step}`);
          assert.deepEqual([after.certainty, after.who?.id], [again.ruleAt(bed, at).certainty, again.ruleAt(bed, at).who?.id]);
        }
    }),
    { seed: seedOf(context), numRuns: 200 },
  );
});
