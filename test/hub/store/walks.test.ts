import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrivalOf, batchOf, event } from '../../contract/store.ts';
import { gathered, TEST_NOW, testHub } from '../../support/hub.ts';

const PATIENTS = 40;
const ROUNDS = 100;
const patientOf = (i: number): string => `pat-walk-${String(i).padStart(2, '0')}`;

test('what is read patient by patient reads each row once, however the rows of all lie between each other', async () => {
  await using hub = testHub();
  for (let round = 0; round < ROUNDS; round += 1) {
    const rows = Array.from({ length: PATIENTS }, (_, i) =>
      arrivalOf({
        ...{ seq: round * PATIENTS + i + 1, patientId: patientOf(i) },
        // Out of order, and at one time; of the first patient several series.
        effective: TEST_NOW - ((round * 7) % 50) * 1000,
        ...(i === 0 && { vital: round % 3 === 0 ? 'hr' : 'pr_oxi', device: `m-${round % 2}`, test: round % 5 === 0 }),
      }),
    );
    await hub.store.storeBatch(batchOf(rows));
  }
  const all = await gathered(await hub.store.observations('clinic', {}, () => event(1)));
  const read = (i: number) => hub.store.observations('clinic', { patient: patientOf(i) }, () => event(1));
  const commits = await turnsOf(async () => {
    for (let i = 0; i < PATIENTS; i += 1) await read(i);
  });
  const turns = await turnsOf(async () => {
    for (let i = 0; i < PATIENTS; i += 1) {
      const own = await gathered(await read(i));
      assert.deepEqual(
        own.map(({ id }) => id),
        all.filter(({ patient }) => patient === patientOf(i)).map(({ id }) => id),
      );
      assert.equal(own.length, ROUNDS);
    }
  });
  // A page of keys and one of rows for most; by the rows of all it would be five pages for each.
  assert.ok(turns - commits <= PATIENTS * 3, `${turns} turns, ${commits} without the rows`);
  assert.deepEqual(await gathered(await hub.store.observations('other', { patient: patientOf(1) }, () => event(1))), []);
});

/** How often others had their turn between the reads of a piece of work, which is once a page. */
async function turnsOf(work: () => Promise<void>): Promise<number> {
  const { setImmediate: real } = globalThis;
  let turns = 0;
  globalThis.setImmediate = ((...args: Parameters<typeof real>) => {
    turns += 1;
    return real(...args);
  }) as typeof real;
  try {
    await work();
    return turns;
  } finally {
    globalThis.setImmediate = real;
  }
}
