import type { ArrivedBatch } from '../store.ts';
import type { Commit } from './commits.ts';
import { weekOf } from './schema.ts';
import { PG } from './statements.ts';

/** Sees to it within a commit that there are partitions for what a batch brings. `known` are weeks of which they are on disk. */
export async function makeWeeks(commit: Commit, { at, arrivals }: ArrivedBatch, known: Set<number>): Promise<void> {
  if (arrivals.length === 0) return;
  const wanted = new Set([at, ...arrivals.map(({ sortTime }) => sortTime)].map(weekOf));
  for (const week of [...wanted].filter((one) => !known.has(one)).sort((a, b) => a - b)) {
    await commit.query(PG.makeWeek, [week]);
    commit.afterwards(() => known.add(week));
  }
}
