import type { Changed, OfSomebody } from '../amend/amend.ts';
import { type IdRow, idOfRow } from '../amend/ids-sqlite.ts';
import { AMEND_PG } from './amend-statements.ts';
import { PLACING_PG } from './placing-statements.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

/** `AmendStore.changed` of a store in PostgreSQL. */
export async function changedBy(transaction: Transaction, tenant: string, id: string, most: number): Promise<Changed> {
  const [counted] = await transaction.query<{ rows: number }>(AMEND_PG.countChanged, [tenant, id]);
  const found = most > 0 ? await transaction.query<IdRow>(AMEND_PG.idsChanged, [tenant, id, most]) : [];
  const [removed] = await transaction.query<{ removedUpTo: number }>(AMEND_PG.removedUpTo, [tenant]);
  return { rows: counted?.rows ?? 0, observations: found.map(idOfRow), removedUpTo: removed?.removedUpTo ?? 0 };
}

/** `AmendStore.idsOf` of a store in PostgreSQL. */
export async function idsOfSomebody(
  transaction: Transaction,
  tenant: string,
  { patient, device, from, to }: OfSomebody,
  most: number,
): Promise<readonly string[]> {
  const [known] = await transaction.query<{ key: number }>(PG.findPatients, [tenant, [patient]]);
  const observations: string[] = [];
  if (known === undefined) return observations;
  const until = to ?? Number.MAX_SAFE_INTEGER;
  for (let at = { vital: '', device: '' }; observations.length < most; ) {
    const [next] = await transaction.query<typeof at>(PLACING_PG.nextSeries, [known.key, at.vital, at.device]);
    if (next === undefined) break;
    at = next;
    if (device !== null && at.device !== device) continue;
    const which = [known.key, at.vital, at.device, from, until, most - observations.length];
    for (const row of await transaction.query<IdRow>(AMEND_PG.idsOfSeries, which)) observations.push(idOfRow(row));
  }
  return observations;
}
