import type { Database } from '../../../shared/storage/database.ts';
import { behind } from '../first-behind.ts';
import { PLACING_SQL } from '../placing/statements.ts';
import { SQL } from '../statements.ts';
import { turn } from '../walks.ts';
import type { Amendment, KeptAmendment, Selection } from './amend.ts';
import { type AmendmentRow, isOfSeries, keptOf, ruleOfStretch } from './rules.ts';
import { AMEND_SQL, numbersOf } from './statements.ts';

type Stretch = Exclude<Selection, { observations: unknown }>;

/** By which of `amendedRow` a decision is found: in force, and undone. */
const SIGNS = [1, -1];

/**
 * By which all of a stretch is void already, within the transaction of the caller: one decision of all of it, and no row of it that counts. Undefined where there is none, so that it
 * is to be decided. What movements brought since, or was given here, may not be void by it.
 */
export function voidBefore(
  database: Pick<Database, 'prepare'>,
  { tenant, kind }: Pick<Amendment, 'tenant' | 'kind'>,
  selection: Stretch,
): AmendmentRow | undefined {
  if (kind !== 'void') return undefined;
  const { patient, device = null, vital = null, from, to } = selection;
  const whose = [tenant, ...numbersOf(tenant, patient)];
  const which = [...whose, from, to, device, vital, ...whose];
  const covering = database.prepare<(string | number | null)[], AmendmentRow>(AMEND_SQL.voidOfAll).get(...which);
  return covering === undefined || counts(database, tenant, selection) ? undefined : covering;
}

/** Whether any row of a stretch is not void. */
function counts(database: Pick<Database, 'prepare'>, tenant: string, selection: Stretch): boolean {
  const { patient, from, to } = selection;
  const rule = ruleOfStretch(selection);
  const key = database.prepare<[string, string], { key: number }>(SQL.findPatient).get(tenant, patient)?.key;
  if (key === undefined) return false;
  type Series = { vital: string; device: string };
  const next = database.prepare<(string | number)[], Series>(PLACING_SQL.nextSeries);
  const one = database.prepare<(string | number)[]>(AMEND_SQL.anyNotVoid);
  for (let at: Series | undefined = { vital: '', device: '' }; ; ) {
    at = next.get(...behind([key], [at.vital, at.device]));
    if (at === undefined) return false;
    if (isOfSeries(rule, at) && one.get(key, at.vital, at.device, from, to) !== undefined) return true;
  }
}

/** `AmendStore.holding` of an SQLite store, a page in a turn. */
export async function holdingOf(database: Database, tenant: string, id: string): Promise<readonly KeptAmendment[]> {
  const page = database.prepare<(string | number)[], { key: number; others: string }>(AMEND_SQL.othersPage);
  const byKey = database.prepare<[number], AmendmentRow>(AMEND_SQL.byKey);
  const others = new Set<number>();
  for (const sign of SIGNS) {
    for (let after = 0; ; ) {
      const found = database.read(() => page.all(sign, tenant, id, after));
      for (const row of found) for (const other of JSON.parse(row.others) as number[]) others.add(other);
      const last = found.at(-1);
      if (last === undefined) break;
      after = last.key;
      await turn();
    }
  }
  const kept = [...others].sort((a, b) => a - b).flatMap((key) => database.read(() => byKey.get(key)) ?? []);
  return kept.filter(({ undoneAt }) => undoneAt === null).map(keptOf);
}
