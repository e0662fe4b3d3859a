import type { Amendment, KeptAmendment, Selection } from '../amend/amend.ts';
import { type AmendmentRow, isOfSeries, keptOf, ruleOfStretch } from '../amend/rules.ts';
import { AMEND_PG } from './amend-statements.ts';
import { PLACING_PG } from './placing-statements.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

type Stretch = Exclude<Selection, { observations: unknown }>;

/** As `voidBefore` of an SQLite store, within a transaction of the tenant. */
export async function voidBefore(
  transaction: Transaction,
  { tenant, kind }: Pick<Amendment, 'tenant' | 'kind'>,
  selection: Stretch,
): Promise<AmendmentRow | undefined> {
  if (kind !== 'void') return undefined;
  const { patient, device = null, vital = null, from, to } = selection;
  const [covering] = await transaction.query<AmendmentRow>(AMEND_PG.voidOfAll, [tenant, patient, from, to, device, vital]);
  return covering === undefined || (await counts(transaction, tenant, selection)) ? undefined : covering;
}

async function counts(transaction: Transaction, tenant: string, selection: Stretch): Promise<boolean> {
  const { patient, from, to } = selection;
  const rule = ruleOfStretch(selection);
  const [known] = await transaction.query<{ key: number }>(PG.findPatients, [tenant, [patient]]);
  if (known === undefined) return false;
  for (let at = { vital: '', device: '' }; ; ) {
    const [next] = await transaction.query<typeof at>(PLACING_PG.nextSeries, [known.key, at.vital, at.device]);
    if (next === undefined) return false;
    at = next;
    if (!isOfSeries(rule, at)) continue;
    const [one] = await transaction.query(AMEND_PG.anyNotVoid, [known.key, at.vital, at.device, from, to]);
    if (one !== undefined) return true;
  }
}

/** `AmendStore.holding` of a store in PostgreSQL. */
export async function holdingOf(transaction: Transaction, tenant: string, id: string): Promise<readonly KeptAmendment[]> {
  return (await transaction.query<AmendmentRow>(AMEND_PG.holding, [tenant, id])).map(keptOf);
}
