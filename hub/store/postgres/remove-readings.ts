import { type DueBatch, type DueReading, type ReadingClass, readingClassOf } from '../due-reading.ts';
import { packReceived, unpackReceived } from '../observation-row.ts';
import { Rolling } from '../roll.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';
import { RETENTION_PG } from './retention-statements.ts';
import { noteRolledFrom } from './rolled-from.ts';
import { writeRollups } from './rollups.ts';
import { addToRanges } from './seen-ranges.ts';
import { PG } from './statements.ts';

interface ReadingRow extends DueReading {
  /** Whether it is the current one of its device. */
  current: boolean;
}

/** Removes the readings of a class from batches of a tenant, but for the current ones: these are noted, to be looked at again. Gives how many. */
export async function removeReadings(commit: Commit, tenant: string, batches: readonly DueBatch[], wanted: ReadingClass): Promise<number> {
  const rows = (await readingsOf(commit, batches)).filter(({ vital }) => readingClassOf(vital) === wanted);
  const kept = rows.filter(({ current }) => current);
  if (kept.length > 0)
    await commit.query(RETENTION_PG.keepBack, [
      tenant,
      kept.map(({ key }) => key),
      kept.map(({ sortTime }) => sortTime),
      kept.map(({ batch }) => batch),
    ]);
  const due = rows.filter(({ current }) => !current);
  await remove(commit, tenant, batches, due);
  return due.length;
}

/** Removes readings that were kept back and are no longer current; gives how many of each class. */
export async function removeKeptBack(
  commit: Commit,
  tenant: string,
  batches: readonly DueBatch[],
  keys: readonly number[],
): Promise<Partial<Record<ReadingClass, number>>> {
  const due = (await readingsOf(commit, batches)).filter(({ key, current }) => !current && keys.includes(key));
  await commit.query(RETENTION_PG.dropKeptBack, [due.map(({ key }) => key)]);
  await remove(commit, tenant, batches, due);
  const removed: Partial<Record<ReadingClass, number>> = {};
  for (const { vital } of due) removed[readingClassOf(vital)] = (removed[readingClassOf(vital)] ?? 0) + 1;
  return removed;
}

async function readingsOf(commit: Commit, batches: readonly DueBatch[]): Promise<ReadingRow[]> {
  if (batches.length === 0) return [];
  const first = Math.min(...batches.map(({ firstKey }) => firstKey));
  const last = Math.max(...batches.map(({ lastKey }) => lastKey));
  return await commit.query<ReadingRow>(RETENTION_PG.readings, [first, last, batches.map(({ key }) => key)]);
}

async function remove(commit: Commit, tenant: string, batches: readonly DueBatch[], due: readonly ReadingRow[]): Promise<void> {
  if (due.length === 0) return;
  const rolling = new Rolling();
  for (const row of due) rolling.reading(row);
  await writeRollups(commit, tenant, [...rolling.collected()]);
  await commit.query(AMEND_PG.dropRowsOf, [due.map(({ key }) => key)]);
  await commit.query(RETENTION_PG.dropObservations, [due.map(({ key }) => key), due.map(({ sortTime }) => sortTime)]);
  const keys = [due.map(({ writer }) => writer), due.map(({ seq }) => seq), due.map(({ part }) => part)];
  await noteRolledFrom(commit, tenant, due);
  const versions = [
    due.map(({ patient }) => patient),
    due.map(({ vital }) => vital),
    due.map(({ device }) => device),
    due.map(({ test }) => test === 1),
    due.map(({ effective }) => effective),
    ...keys,
  ];
  await commit.query(RETENTION_PG.dropRevisions, versions);
  await commit.query(RETENTION_PG.dropPreliminary, versions);
  await commit.query(RETENTION_PG.dropSeen, keys);
  await addToRanges(commit, due);
  await repack(commit, batches, due);
  await commit.query(RETENTION_PG.lessTotals, [tenant, due.length, 0, 0]);
}

/** The lines of what was removed go out of the batches' resources; the others keep their numbers. */
async function repack(commit: Commit, batches: readonly DueBatch[], due: readonly ReadingRow[]): Promise<void> {
  const goneOf = Map.groupBy(due, ({ batch }) => batch);
  const whole = batches.filter(({ key, rows }) => (goneOf.get(key)?.length ?? 0) >= rows);
  if (whole.length > 0) {
    const keys = whole.map(({ key }) => key);
    await commit.query(RETENTION_PG.dropPacked, [keys, whole.map(({ storedAt }) => storedAt)]);
    await commit.query(RETENTION_PG.dropBatches, [keys]);
  }
  const parted = batches.filter((batch) => goneOf.has(batch.key) && !whole.includes(batch));
  if (parted.length === 0) return;
  const packed = await commit.query<{ batch: number; received: Buffer }>(PG.received, [
    parted.map(({ key }) => key),
    parted.map(({ storedAt }) => storedAt),
  ]);
  const received = new Map(packed.map((row) => [row.batch, row.received]));
  for (const { key, storedAt, firstKey, rows } of parted) {
    const gone = goneOf.get(key) ?? [];
    const bytes = received.get(key);
    const lines = bytes ? unpackReceived(bytes) : [];
    for (const row of gone) lines[row.key - firstKey] = '';
    await commit.query(RETENTION_PG.repack, [key, storedAt, packReceived(lines)]);
    await commit.query(RETENTION_PG.setRows, [key, rows - gone.length]);
  }
}
