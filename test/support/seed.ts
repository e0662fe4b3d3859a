import type { TestContext } from 'node:test';

const VARIABLE = 'VITALMESH_TEST_SEED';

/** The seed of what a test draws by lot: another one at each run, printed; `VITALMESH_TEST_SEED=…` draws the same again. */
export function seedOf(context?: Pick<TestContext, 'diagnostic'>): number {
  const given = process.env[VARIABLE];
  const seed = given === undefined ? Date.now() & 0xffff : Number(given);
  context?.diagnostic(`seed ${seed}`);
  return seed;
}
