import type { Instant } from '../../../shared/clock.ts';
import type { DueReading } from '../due-reading.ts';
import { HOUR_MS, minuteOf, type RollupKey } from '../roll.ts';
import { rolledFrom, type Series } from '../rolled-from.ts';
import type { Commit } from './commits.ts';
import { RETENTION_PG } from './retention-statements.ts';

/** Notes of readings that are removed in which rollup they are to be found. */
export async function noteRolledFrom(commit: Commit, tenant: string, readings: readonly DueReading[]): Promise<void> {
  const rows = rolledFrom(readings);
  if (rows.length === 0) return;
  await commit.query(RETENTION_PG.noteRolledFrom, [
    tenant,
    rows.map(({ patient }) => patient),
    rows.map(({ vital }) => vital),
    rows.map(({ device }) => device),
    rows.map(({ test }) => test === 1),
    rows.map(({ effective }) => effective),
    rows.map(({ preliminary }) => preliminary === 1),
    rows.map(({ start }) => start),
  ]);
}

/** As with the other engine. */
export async function startsRolledFrom(
  commit: Commit,
  { patient, vital, device, test }: Series,
  effective: Instant,
  which: 'any' | 'preliminary',
): Promise<Instant[]> {
  const wanted = [patient, vital, device, test === 1, minuteOf(effective), which === 'preliminary'];
  return (await commit.query<{ start: Instant }>(RETENTION_PG.rolledFrom, wanted)).map(({ start }) => start);
}

/** Drops what was noted of rollups that go. */
export async function dropRolledFrom(commit: Commit, rollups: readonly RollupKey[]): Promise<void> {
  const hours = rollups.filter(({ width }) => width === HOUR_MS);
  if (hours.length === 0) return;
  await commit.query(RETENTION_PG.dropRolledFrom, [
    hours.map(({ patient }) => patient),
    hours.map(({ vital }) => vital),
    hours.map(({ device }) => device),
    hours.map(({ test }) => test === 1),
    hours.map(({ start }) => start),
  ]);
}
