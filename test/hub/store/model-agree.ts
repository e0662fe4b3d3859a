import assert from 'node:assert/strict';
import type fc from 'fast-check';
import { verifyAudit } from '../../../hub/audit/chain.ts';
import { staleAfterMs } from '../../../hub/clinical/staleness.ts';
import { HOUR_MS, MINUTE_MS } from '../../../hub/store/roll.ts';
import { event } from '../../contract/store.ts';
import { gathered, TEST_NOW } from '../../support/hub.ts';
import type { CrashingStore } from './crashing-store.ts';
import { latestOf, type Model, type Summary, seqOf } from './model.ts';
import { PATIENTS } from './model-sent.ts';

export interface Run {
  model: Model;
  /** Says what is sent under each number. */
  plan: number;
  batches: number;
  /** The greatest that was answered. */
  position: number;
}

export type Step = fc.AsyncCommand<Run, CrashingStore>;

/** A command, behind which everything that can be read is as the model says. */
export function step(name: string, run: (run: Run, real: CrashingStore) => Promise<void>): Step {
  const checked = async (state: Run, real: CrashingStore): Promise<void> => {
    await run(state, real);
    await real.withRoom(() => assertAgree(state.model, real));
  };
  return { check: () => true, run: checked, toString: () => name };
}

/** Everything that can be read of the real one is as the model says. */
async function assertAgree(model: Model, { store }: CrashingStore): Promise<void> {
  const seen = (rows: number) => event(rows);
  for (const patient of PATIENTS) assert.deepEqual(latestOf(await store.latest('clinic', patient, seen)), model.latest(patient));
  const rows = await gathered(await store.observations('clinic', {}, seen));
  assert.deepEqual(
    rows.map(({ id, value, patient, storedAt }) => [seqOf(id), value, patient, storedAt]),
    model.rows.map(({ seq, value, patient, at }) => [seq, value, patient, at]),
  );
  const events = await gathered(await store.events('clinic', {}, seen));
  assert.deepEqual(
    events.map(({ id }) => seqOf(id)),
    model.events.map(({ seq }) => seq),
  );
  const { observations, duplicates, quarantined, events: eventCount } = await store.counts('clinic', seen);
  assert.deepEqual(
    [observations, duplicates, quarantined, eventCount],
    [model.rows.length, model.held, model.refused.size, model.events.length],
  );
  model.entries += PATIENTS.length + 3;
}

const MINUTES = Array.from({ length: 6 }, (_, i) => TEST_NOW - 5 * MINUTE_MS + i * MINUTE_MS);
const HOURS = [TEST_NOW - HOUR_MS, TEST_NOW];

/** A trend is as of all that was ever stored and not dropped with its hours, whatever of it was rolled up; with the gaps that are kept. */
export async function assertTrend(model: Model, real: CrashingStore, vital: string): Promise<void> {
  const gaps = await assertSeries(model, real, vital);
  for (const [i, patient] of PATIENTS.entries()) assert.deepEqual(gaps[i], vital === 'hr' ? model.gaps(patient).sort() : []);
}

/** The same of its series alone; gives the gaps beside them, patient by patient. */
export async function assertSeries(model: Model, { store }: CrashingStore, vital: string): Promise<number[][]> {
  const told: number[][] = [];
  // An hour counts where it begins.
  const edges = model.rolled.hasHours ? HOURS : MINUTES;
  for (const patient of PATIENTS) {
    const query = { patient, vital, edges, reachMs: staleAfterMs(vital, 'bed'), now: TEST_NOW };
    const { series, gaps } = await store.trend('clinic', query, (rows) => event(rows));
    model.entries += 1;
    const span = [edges[0] ?? 0, edges.at(-1) ?? 0] as const;
    const expected = edges.slice(1).map((to, i) => model.summary(patient, vital, [edges[i] ?? 0, to], span));
    const found = edges.slice(1).map((_, bucket) => {
      const shown = series.flatMap(({ device, buckets }) =>
        buckets
          .filter(({ index, n }) => index === bucket && n > 0)
          .map(({ n, min, max, mean, last, flags }): [string, Summary] => {
            const lasts = expected[bucket]?.[device]?.lasts.includes(last) ? expected[bucket][device].lasts : [last];
            return [device, { numbers: [n, min, max, mean], lasts, isDoubtful: flags.includes('questionable') }];
          }),
      );
      return Object.fromEntries(shown);
    });
    assert.deepEqual(found, expected);
    told.push(gaps.map(({ id }) => seqOf(id)).sort());
  }
  return told;
}

/** The evidence is a chain, an entry for each that the model counted. */
export async function assertChain(model: Model, { store }: CrashingStore): Promise<void> {
  const verdict = await verifyAudit(store.audit(), store.storeId);
  assert.ok(verdict.intact && verdict.entries === model.entries, `${JSON.stringify(verdict)}, not ${model.entries}`);
}
