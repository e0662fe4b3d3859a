import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefusalTally } from '../../../hub/mcp/refusal-tally.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { TestClock } from '../../support/hub.ts';

type Step = { add: string } | { wait: number } | 'sweep' | 'fails' | 'works';

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ add: fc.constantFrom('a', 'b', 'c') }) },
  fc.record({ wait: fc.integer({ min: 1, max: 70_000 }) }),
  fc.constantFrom('sweep' as const, 'fails' as const, 'works' as const),
);

test('however refusals come, and even where the store fails for a while: the first of a minute is told at once, and all are told in the end', async () => {
  verifies('REFUSALS-COUNTED');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = new TestClock();
      let fails = false;
      const told = new Map<string, number>();
      const turnAway = async (_: unknown, reason: string, __: unknown, args?: Readonly<Record<string, unknown>>): Promise<void> => {
        if (fails) throw new Error('full');
        told.set(reason, (told.get(reason) ?? 0) + Number(args?.more ?? 1));
      };
      const tally = new RefusalTally({ door: { turnAway }, clock, log: silentLogger });
      const caused = new Map<string, number>();
      for (const next of steps) {
        if (next === 'sweep') await tally.sweep();
        else if (next === 'fails' || next === 'works') fails = next === 'fails';
        else if ('wait' in next) clock.advance(next.wait);
        else {
          const before = told.get(next.add) ?? 0;
          caused.set(next.add, (caused.get(next.add) ?? 0) + 1);
          const isFirst = await tally.add(next.add, { rows: [], reason: next.add, context: { channel: 'mcp-2026' } });
          if (isFirst && !fails) assert.ok((told.get(next.add) ?? 0) > before);
          assert.ok((told.get(next.add) ?? 0) <= (caused.get(next.add) ?? 0));
        }
      }
      fails = false;
      await tally.flush();
      assert.deepEqual(told, caused);
    }),
    { numRuns: 500 },
  );
});

test('more kinds of refusals than are kept at once are told all the same', async () => {
  verifies('REFUSALS-COUNTED');
  let told = 0;
  const turnAway = async (_: unknown, __: string, ___: unknown, args?: Readonly<Record<string, unknown>>): Promise<void> => {
    told += Number(args?.more ?? 1);
  };
  const tally = new RefusalTally({ door: { turnAway }, clock: new TestClock(), log: silentLogger });
  for (const _ of [1, 2, 3])
    for (let i = 0; i < 1_500; i += 1) await tally.add(`${i}`, { rows: [], reason: 'limit', context: { channel: 'mcp-2026' } });
  await tally.flush();
  assert.equal(told, 4_500);
});
