import type { Instant } from '../../../shared/clock.ts';
import type { Observation } from '../../../shared/fhir.ts';
import { isRevision } from '../../clinical/sort-time.ts';
import { unpackReceived } from '../observation-row.ts';
import { type KeptVersion, standingsOf } from '../placing/standing-again.ts';
import type { Commit } from './commits.ts';
import { PLACING_PG } from './placing-statements.ts';
import { PG } from './statements.ts';

/** A version with where its resource is: what is preliminary stands in that alone once it was settled. */
export interface VersionRow extends Omit<KeptVersion, 'revises' | 'preliminary'> {
  sortTime: Instant;
  batch: number;
  storedAt: Instant;
  firstKey: number;
}

export type Version = VersionRow & KeptVersion;

/** Adds to versions what their resources say. The commit is of the tenant. */
export async function withStatus<T extends VersionRow>(commit: Commit, rows: readonly T[]): Promise<(T & KeptVersion)[]> {
  if (rows.length === 0) return [];
  const wanted = [rows.map(({ batch }) => batch), rows.map(({ storedAt }) => storedAt)];
  const packed = await commit.query<{ batch: number; received: Buffer }>(PG.received, wanted);
  const lines = new Map(packed.map(({ batch, received }) => [batch, unpackReceived(received)]));
  return rows.map((row) => {
    const status = statusIn(lines.get(row.batch)?.[row.key - row.firstKey]);
    return { ...row, revises: Number(isRevision(status)), preliminary: Number(status === 'preliminary') };
  });
}

/** A row that is kept has its resource; without it nothing is set aside for it. */
function statusIn(text: string | undefined): Observation['status'] {
  return text ? (JSON.parse(text) as Observation).status : 'final';
}

/** Of which measurements; of one patient, vital sign and device. */
interface Measurements {
  patient: number;
  vital: string;
  device: string;
  rows: readonly { test: boolean; effective: Instant }[];
}

/** Lets the versions of measurements stand as people decided about them. The commit is of the tenant. */
export async function standAsAmended(commit: Commit, tenant: string, { patient, vital, device, rows }: Measurements): Promise<void> {
  const which = [patient, vital, device, rows.map(({ test }) => test), rows.map(({ effective }) => effective)];
  type Row = VersionRow & { test: boolean; effective: Instant };
  const versions = await withStatus(commit, await commit.query<Row>(PLACING_PG.versionsOfSome, which));
  const changed: { key: number; sortTime: Instant; standing: number }[] = [];
  const preliminary: (Row & KeptVersion)[] = [];
  for (const of of Map.groupBy(versions, ({ test, effective }) => `${test} ${effective}`).values()) {
    const standings = standingsOf(of);
    for (const one of of) {
      const standing = standings.get(one.key) ?? 0;
      if (standing !== one.standing) changed.push({ key: one.key, sortTime: one.sortTime, standing });
      if (one.preliminary === 1 && standing === 1) preliminary.push(one);
    }
  }
  const keys = [changed.map(({ key }) => key), changed.map(({ sortTime }) => sortTime)];
  if (changed.length > 0) await commit.query(PLACING_PG.setStandings, [...keys, changed.map(({ standing }) => standing)]);
  await commit.query(PLACING_PG.dropPreliminaryOfSome, which);
  for (const { test, effective, writer, seq, part, key, sortTime } of preliminary)
    await commit.query(PG.addPreliminary, [tenant, patient, vital, device, test, effective, writer, seq, part, key, sortTime]);
}
