import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSaid } from '../../../../hub/patients/said.ts';
import type { Losses } from '../../../../hub/patients/whereabouts/lost.ts';
import { TenantPlaces } from '../../../../hub/patients/whereabouts/tenant-places.ts';
import type { MovementEvent } from '../../../../shared/movement.ts';
import { movementResource } from '../../../../shared/movement-resource.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_EPOCH, TEST_NOW } from '../../../support/hub.ts';
import { seedOf } from '../../../support/seed.ts';

const BEDS = ['B1', 'B2', 'B3'] as const;
const PEOPLE = ['ann', 'bob', 'cay', 'dee'] as const;
/** Far enough apart for a clock to be a little wrong. */
const STEP_MS = 10 * 60_000;
const STEPS = 24;

interface Told {
  step: number;
  event: MovementEvent;
  who: string;
  bed: string;
}

/** What a hospital in which everybody is in one bed at most, and every bed has one at most, tells of each movement; and who lay where after each. */
function hospital(choices: readonly { step: number; who: string; bed: string; update: boolean }[]): {
  told: Told[];
  lay: Map<string, string>[];
} {
  const told: Told[] = [];
  const lay: Map<string, string>[] = [];
  let now = new Map<string, string>();
  for (let step = 0; step < STEPS; step += 1) {
    const choice = choices.find((one) => one.step === step);
    if (choice) {
      const { who, bed, update } = choice;
      const here = [...now].find(([, lies]) => lies === who)?.[0];
      const next = new Map(now);
      if (here !== undefined && (update || (here !== bed && now.has(bed)))) told.push({ step, event: 'A08', who, bed: here });
      else if (here === bed) {
        next.delete(bed);
        told.push({ step, event: 'A03', who, bed });
      } else if (!now.has(bed)) {
        if (here !== undefined) next.delete(here);
        next.set(bed, who);
        told.push({ step, event: here === undefined ? 'A01' : 'A02', who, bed });
      }
      now = next;
    }
    lay.push(now);
  }
  return { told, lay };
}

const at = (step: number): number => TEST_NOW + step * STEP_MS;

const scenario = fc
  .record({
    choices: fc.uniqueArray(
      fc.record({ step: fc.nat(STEPS - 1), who: fc.constantFrom(...PEOPLE), bed: fc.constantFrom(...BEDS), update: fc.boolean() }),
      { maxLength: STEPS, selector: ({ step }) => step },
    ),
    from: fc.nat(STEPS - 4),
    length: fc.integer({ min: 1, max: 10 }),
    again: fc.array(fc.boolean(), { minLength: STEPS, maxLength: STEPS }),
    order: fc.shuffledSubarray([...Array(STEPS).keys()], { minLength: STEPS }),
  })
  .map(({ choices, from, length, again, order }) => ({
    ...hospital(choices),
    from,
    until: Math.min(STEPS - 2, from + length),
    again,
    order,
  }));

/** Knows everything but what was lost and did not come again. */
function known(told: readonly Told[], losses: Losses, isKnown: (told: Told) => boolean, order: readonly number[]): TenantPlaces {
  const places = new TenantPlaces(
    () => new Map(),
    () => losses,
  );
  for (const i of order) {
    const one = told[i];
    if (!one || !isKnown(one)) continue;
    const { step, event, who, bed } = one;
    const id = `gw-adt.${TEST_EPOCH}.${(i + 1).toString(36)}.0`;
    const patient = { value: who, authority: 'HOSP' };
    const movement = { event, effective: at(step), offsetMin: 0, parties: [{ patient, bed }] };
    const resource = movementResource(movement, { id, source: 'adt', profile: 'adt', receivedAt: at(step), offsetMin: 0, test: false });
    const said = readSaid({ id, gateway: 'gw-adt', sortTime: at(step), receivedAt: at(step), test: false, resource });
    if (!said) assert.fail();
    for (const number of said.records) places.people.add(number, number.value);
    places.learning([said], at(STEPS)).learn();
  }
  return places;
}

function lost(from: number, until: number): Losses {
  const all = [{ from: at(from) + STEP_MS / 2, found: at(until) + STEP_MS / 2, until: at(until) + STEP_MS / 2 }];
  return { all, of: () => all, tellers: new Set(['gw-adt']) };
}

/** Whom a bed surely is in the middle of each step. */
function sureIn(places: TenantPlaces, bed: string): (string | undefined)[] {
  return Array.from({ length: STEPS }, (_, step) => {
    const rule = places.ruleAt(bed, at(step) + STEP_MS / 2);
    return rule.certainty === 'sure' ? rule.who.id : undefined;
  });
}

test('whatever was lost and came again, in whatever order: nobody is ever surely where they were not', (context) => {
  verifies('PUT-BACK-FOLLOWED');
  fc.assert(
    fc.property(scenario, ({ told, lay, from, until, again, order }) => {
      const isKnown = ({ step }: Told): boolean => step <= from || step > until || again[step] === true;
      const places = known(told, lost(from, until), isKnown, order);
      for (const bed of BEDS)
        for (const [step, who] of sureIn(places, bed).entries())
          if (who !== undefined) assert.equal(who, lay[step]?.get(bed), `${bed} in step ${step} of ${from}–${until}`);
    }),
    { seed: seedOf(context), numRuns: 1500 },
  );
});

test('once all of it came again, and one movement behind it, everybody is surely where they were', (context) => {
  verifies('PUT-BACK-FOLLOWED');
  fc.assert(
    fc.property(scenario, ({ told, lay, from, until, order }) => {
      fc.pre(told.some(({ step }) => step > until));
      const places = known(told, lost(from, until), () => true, order);
      for (const bed of BEDS)
        assert.deepEqual(
          sureIn(places, bed),
          lay.map((now) => now.get(bed)),
        );
    }),
    { seed: seedOf(context), numRuns: 500 },
  );
});
