import type { Database } from '../../../shared/storage/database.ts';
import type { Amendment } from './amend.ts';
import { type NamedRow, refuseConfirm, type Which } from './confirm.ts';
import type { AmendmentRow, Named } from './rules.ts';
import { AMEND_SQL, numbersOf } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;

/** `decidedBefore` of each of some readings, or nothing of any where one cannot be confirmed. */
export function allDecidedBefore(
  database: Writing,
  asked: Pick<Amendment, 'tenant' | 'kind'>,
  named: readonly Named[],
): (AmendmentRow | undefined)[] {
  return named.map((one, at) => decidedBefore(database, asked, one, { at, of: named.length }));
}

/**
 * The decision of the same kind that a reading is void or confirmed by already, within the transaction of the caller; undefined where there is none, so that it is to be decided. Throws
 * AMEND-UNKNOWN, AMEND-VOID, AMEND-REPLACED, AMEND-NOT-DOUBTFUL for one that cannot be confirmed.
 */
function decidedBefore(
  database: Writing,
  { tenant, kind }: Pick<Amendment, 'tenant' | 'kind'>,
  named: Named,
  which: Which,
): AmendmentRow | undefined {
  if (kind === 'reassign') return undefined;
  const voided = inForce(database, tenant, 'void', named);
  if (kind === 'void') return voided;
  const confirmed = inForce(database, tenant, 'confirm', named);
  const row = database.prepare<[number], NamedRow>(AMEND_SQL.named).get(named.key);
  refuseConfirm(row, { isVoid: voided !== undefined, isConfirmed: confirmed !== undefined }, which);
  return confirmed;
}

/** By which a reading is void or confirmed, or will be once it is carried out. */
function inForce(database: Writing, tenant: string, kind: 'void' | 'confirm', { key, ...of }: Named): AmendmentRow | undefined {
  const done = database.prepare<[number, string], AmendmentRow>(AMEND_SQL.doneTo).get(key, kind);
  if (done !== undefined) return done;
  const rule = [tenant, ...numbersOf(tenant, of.patient), of.effective + 1, of.device, of.vital, of.test, kind];
  return database.prepare<(string | number)[], AmendmentRow>(AMEND_SQL.dueOf).get(...rule);
}
