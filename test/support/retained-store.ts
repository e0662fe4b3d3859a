import assert from 'node:assert/strict';
import { staleAfterMs } from '../../hub/clinical/staleness.ts';
import { RETAINED, type RetentionOrder, type RetentionPolicy } from '../../hub/store/retention.ts';
import { HOUR_MS, MINUTE_MS } from '../../hub/store/roll.ts';
import type { ArrivedBatch, Store } from '../../hub/store/store.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { TEST_NOW } from './hub.ts';

/** A store that is filled batch by batch, each of a number and of its time, while the retention follows close behind. */
const APART_MS = 20_000;
const SERIES = [
  { patient: 'pat-icu-01', vital: 'hr', device: 'a' },
  { patient: 'pat-icu-01', vital: 'pr_nibp', device: 'a' },
  { patient: 'pat-icu-02', vital: 'hr', device: 'b' },
] as const;
const FROM = Math.floor(TEST_NOW / HOUR_MS) * HOUR_MS;

const timeOf = (number: number): number => FROM + number * APART_MS;
const valueIn = (number: number): number => 40 + ((number * 7) % 100);

/** A value of each series. */
export function numberedBatch(number: number): ArrivedBatch {
  const at = timeOf(number);
  const arrivals = SERIES.map(({ patient, ...of }, i) =>
    arrivalOf({ ...of, seq: 1 + number * SERIES.length + i, value: valueIn(number), effective: at, receivedAt: at, patientId: patient }),
  );
  return batchOf(arrivals, { at });
}

/** What is due once this batch was stored: monitors keep three of them, cuffs six, and minutes become hours after three minutes. */
export function orderAt(number: number): RetentionOrder {
  const forever = Object.fromEntries(RETAINED.map((name) => [name, null])) as RetentionPolicy;
  const policy = { ...forever, continuous: 3 * APART_MS, spot: 6 * APART_MS, minute: 3 * MINUTE_MS };
  return { policy, now: timeOf(number) };
}

/** What a store was found to hold. */
export interface Retained {
  /** Batches of which each value counts once, in rows or rollups; and how many of their values are still rows. */
  batches: number;
  rows: number;
}

/**
 * Judges a store that was filled by `numberedBatch` in the order of numbers, of which the first so many were answered for: each value counts once, in
 * its row or its rollup, its key is known (each so many are sent again, and the last), and all that is kept twice agrees.
 */
export async function judgeRetained(store: Store, answered: number, every = 1): Promise<Retained> {
  const found = await Promise.all(SERIES.map((series) => summed(store, series)));
  const batches = found[0]?.n ?? 0;
  assert.ok(batches >= answered, `${answered - batches} of ${answered} values that were answered for count nowhere`);
  const values = Array.from({ length: batches }, (_, i) => valueIn(i));
  const sum = values.reduce((total, value) => total + value, 0);
  const expected = { n: batches, sum, least: Math.min(...values), greatest: Math.max(...values), last: values.at(-1) };
  for (const one of batches === 0 ? [] : found) assert.deepEqual(one, expected, 'a value counts twice, or nowhere');
  assert.deepEqual((await store.verify()).findings, []);
  const { observations } = await store.counts('clinic', (rows) => event(rows));
  for (const number of Array.from({ length: batches }, (_, i) => i).filter((i) => i % every === 0 || i >= batches - 10))
    assert.deepEqual(
      (await store.storeBatch(numberedBatch(number))).results,
      SERIES.map(() => 'held'),
      `batch ${number} again`,
    );
  return { batches, rows: observations };
}

interface Summed {
  n: number;
  sum: number;
  least: number;
  greatest: number;
  last: number | undefined;
}

async function summed(store: Store, { patient, vital, device }: (typeof SERIES)[number]): Promise<Summed> {
  const edges = Array.from({ length: 25 }, (_, i) => FROM + i * HOUR_MS);
  const query = { patient, vital, device, edges, reachMs: staleAfterMs(vital, 'bed'), now: edges.at(-1) ?? 0 } as const;
  const { series } = await store.trend('clinic', query, (rows) => event(rows));
  const buckets = series.flatMap((one) => one.buckets).filter(({ n }) => n > 0);
  const add = (of: (bucket: (typeof buckets)[number]) => number): number => buckets.reduce((sum, bucket) => sum + of(bucket), 0);
  return {
    n: add(({ n }) => n),
    sum: Math.round(add(({ n, mean }) => n * (mean ?? 0)) * 1000) / 1000,
    least: Math.min(...buckets.map(({ min }) => min ?? Number.POSITIVE_INFINITY)),
    greatest: Math.max(...buckets.map(({ max }) => max ?? Number.NEGATIVE_INFINITY)),
    last: buckets.at(-1)?.last ?? undefined,
  };
}
