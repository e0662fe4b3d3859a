import type { Database } from '../../../shared/storage/database.ts';
import { formatObservationId } from '../../../shared/uplink/key.ts';
import { SQL } from '../statements.ts';
import { turn } from '../walks.ts';
import type { Changed, OfSomebody } from './amend.ts';
import { AMEND_SQL } from './statements.ts';

/** The parts of an observation's id. */
export interface IdRow {
  agent: string;
  epoch: string;
  seq: number;
  part: number;
}

/** By which the key of an amendment is multiplied in `amendedRow`. */
const [IN_FORCE, UNDONE] = [1, -1];

export function idOfRow({ agent, epoch, seq, part }: IdRow): string {
  return formatObservationId({ agent, epoch, seq, index: part });
}

/** `AmendStore.changed` of an SQLite store, a page in a turn. */
export async function changedBy(database: Database, tenant: string, id: string, most: number): Promise<Changed> {
  const observations: string[] = [];
  const page = database.prepare<(string | number)[], IdRow & { key: number }>(AMEND_SQL.idPage);
  const { rows } = database.read(() => database.prepare<[string, string], { rows: number }>(AMEND_SQL.countChanged).get(tenant, id)) ?? {
    rows: 0,
  };
  for (const sign of [IN_FORCE, UNDONE]) {
    for (let after = 0; observations.length < most; ) {
      const found = database.read(() => page.all(sign, tenant, id, after));
      for (const row of found) observations.push(idOfRow(row));
      const last = found.at(-1);
      if (last === undefined) break;
      after = last.key;
      await turn();
    }
  }
  const { removedUpTo } = database.read(() => database.prepare<[], { removedUpTo: number }>(AMEND_SQL.removedUpTo).get()) ?? {
    removedUpTo: 0,
  };
  return { rows, observations: observations.slice(0, most), removedUpTo };
}

/** `AmendStore.idsOf` of an SQLite store, each vital sign and device in a turn of its own. */
export async function idsOfSomebody(
  database: Database,
  tenant: string,
  { patient, device, from, to }: OfSomebody,
  most: number,
): Promise<readonly string[]> {
  const key = database.read(() => database.prepare<[string, string], { key: number }>(SQL.findPatient).get(tenant, patient)?.key);
  const observations: string[] = [];
  if (key === undefined) return observations;
  type Series = { vital: string; device: string };
  const next = database.prepare<(string | number)[], Series>(AMEND_SQL.seriesBehind);
  const ids = database.prepare<(string | number)[], IdRow>(AMEND_SQL.idsOfSeries);
  const until = to ?? Number.MAX_SAFE_INTEGER;
  for (let at: Series | undefined = { vital: '', device: '' }; observations.length < most; ) {
    const { vital, device: of }: Series = at;
    at = database.read(() => next.get(key, vital, of, key, vital));
    if (at === undefined) break;
    if (device !== null && at.device !== device) continue;
    const series: Series = at;
    const found = database.read(() => ids.all(key, series.vital, series.device, from, until, most - observations.length));
    for (const row of found) observations.push(idOfRow(row));
    await turn();
  }
  return observations;
}
