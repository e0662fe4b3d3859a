import type { Instant } from '../../../shared/clock.ts';
import type { Amendment } from '../amend/amend.ts';
import { type NamedRow, refuseConfirm, type Which } from '../amend/confirm.ts';
import type { AmendmentRow, Named } from '../amend/rules.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Transaction } from './transaction.ts';

/** A reading that is named, with the time by which its row is found. */
export type NamedAt = Named & { sortTime: Instant };

/** As `allDecidedBefore` of an SQLite store, within a transaction of the tenant. */
export async function allDecidedBefore(
  transaction: Transaction,
  asked: Pick<Amendment, 'tenant' | 'kind'>,
  named: readonly NamedAt[],
): Promise<(AmendmentRow | undefined)[]> {
  const before: (AmendmentRow | undefined)[] = [];
  for (const [at, one] of named.entries()) before.push(await decidedBefore(transaction, asked, one, { at, of: named.length }));
  return before;
}

async function decidedBefore(
  transaction: Transaction,
  { tenant, kind }: Pick<Amendment, 'tenant' | 'kind'>,
  named: NamedAt,
  which: Which,
): Promise<AmendmentRow | undefined> {
  if (kind === 'reassign') return undefined;
  const voided = await inForce(transaction, tenant, 'void', named);
  if (kind === 'void') return voided;
  const confirmed = await inForce(transaction, tenant, 'confirm', named);
  const [row] = await transaction.query<NamedRow>(AMEND_PG.named, [named.key, named.sortTime]);
  refuseConfirm(row, { isVoid: voided !== undefined, isConfirmed: confirmed !== undefined }, which);
  return confirmed;
}

async function inForce(
  transaction: Transaction,
  tenant: string,
  kind: 'void' | 'confirm',
  { key, patient, vital, device, test, effective }: NamedAt,
): Promise<AmendmentRow | undefined> {
  const [done] = await transaction.query<AmendmentRow>(AMEND_PG.doneTo, [key, kind]);
  if (done !== undefined) return done;
  const rule = [tenant, patient, effective + 1, device, vital, test === 1, kind];
  return (await transaction.query<AmendmentRow>(AMEND_PG.dueOf, rule))[0];
}
