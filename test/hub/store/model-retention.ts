import fc from 'fast-check';
import { RETAINED, type RetentionOrder, type RetentionPolicy } from '../../../hub/store/retention.ts';
import { MINUTE_MS } from '../../../hub/store/roll.ts';
import { TEST_NOW } from '../../support/hub.ts';
import type { CrashingStore } from './crashing-store.ts';
import type { Cutoffs } from './model.ts';
import { assertSeries, assertTrend, type Run, type Step, step } from './model-agree.ts';
import { oneIn, VITALS } from './model-sent.ts';

const DAY_MS = 24 * 3_600_000;
const LATER = TEST_NOW + 10 * DAY_MS;

/** Up to when each goes; hours are counted from their beginning, so they go all or none. */
type Removal = Cutoffs & { minute?: number; hour?: number };

function orderOf(removal: Removal): RetentionOrder {
  const policy = Object.fromEntries(
    RETAINED.map((name) => {
      const cutoff = removal[name as keyof Removal];
      return [name, cutoff === undefined ? null : LATER - cutoff];
    }),
  ) as RetentionPolicy;
  return { policy, now: LATER };
}

/** Does step by step all that is due, what was kept back and is rolled up last too; false when the disk had no room for one of them. */
async function finished(real: CrashingStore, removal: Removal): Promise<boolean> {
  for (;;) {
    const done = await real.done(real.store.retain(orderOf(removal)));
    if (done === undefined) return false;
    const { removed, more } = done.value;
    if (!more && Object.keys(removed).length === 0) return true;
  }
}

/** How it is done: `crash`: the process dies in the middle; `full`: the disk is, and whatever needs no room may be done. */
interface Way {
  how: 'whole' | 'crash' | 'full';
  steps: number;
  turns: number;
}

async function removed(run: Run, real: CrashingStore, removal: Removal, { how, steps, turns }: Way): Promise<void> {
  if (how === 'crash') {
    for (let i = 0; i < steps; i += 1) await real.done(real.store.retain(orderOf(removal)));
    const going = Promise.allSettled([real.store.retain(orderOf(removal))]);
    await real.crash(turns);
    await going;
    real.met.retentionsCut += 1;
  }
  if (how === 'full') {
    real.setFull(true);
    await finished(real, removal);
    real.met.retentionsFull += 1;
    real.setFull(false);
  }
  // Whatever became of it: what is not kept any more counts in its rollup, and nothing in both.
  if (how !== 'whole' && removal.hour === undefined && removal.minute === undefined)
    for (const vital of VITALS) await real.withRoom(() => assertSeries(run.model, real, vital));
  if (!(await finished(real, removal))) {
    real.setFull(false);
    await finished(real, removal);
  }
  real.met.removed += run.model.retain(removal);
  // A minute goes when its end is older.
  if (removal.minute !== undefined) real.met.thinned += run.model.rolled.thin(removal.minute - MINUTE_MS);
  if (removal.hour !== undefined) run.model.rolled.dropHours();
  for (const vital of VITALS) await real.withRoom(() => assertTrend(run.model, real, vital));
}

/** So many of the batches that were sent last are younger; `undefined`: it is kept for ever. */
const anyAge = fc.option(
  fc.nat({ max: 3 }).map((age) => age - 1),
  { nil: undefined, freq: 5 },
);
const anyWay: fc.Arbitrary<Way> = fc.record({
  how: fc.constantFrom('whole', 'crash', 'full'),
  steps: fc.nat({ max: 2 }),
  turns: fc.nat({ max: 2 }),
});

export const retentionCommands: fc.Arbitrary<Step>[] = [
  fc.record({ continuous: anyAge, spot: anyAge, alert: anyAge, gap: anyAge, quarantine: anyAge, way: anyWay }).map(({ way, ...ages }) =>
    step(`retain ${JSON.stringify(ages)}, ${JSON.stringify(way)}`, async (run, real) => {
      const entries = Object.entries(ages).flatMap(([name, age]) =>
        age === undefined ? [] : [[name, TEST_NOW + Math.max(0, run.batches - age)] as const],
      );
      await removed(run, real, Object.fromEntries(entries), way);
    }),
  ),
  fc.record({ minutes: fc.nat({ max: 4 }), hours: oneIn(4), way: anyWay }).map(({ minutes, hours, way }) =>
    step(
      `remove readings and thin ${hours ? 'all and drop the hours' : `what is ${minutes} minutes old`}, ${JSON.stringify(way)}`,
      async (run, real) => {
        const old = hours ? { minute: LATER, hour: LATER } : { minute: TEST_NOW - minutes * MINUTE_MS };
        await removed(run, real, { continuous: LATER, spot: LATER, ...old }, way);
      },
    ),
  ),
];
