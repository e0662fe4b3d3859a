import type { OthersStored } from '../open-store.ts';
import type { Currency, CurrencyChange } from '../store.ts';
import { PLACING_PG } from './placing-statements.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';

interface Reassigned {
  /** Of the patient. */
  key: number;
  patient: string;
  at: number;
  vitals: string;
  gone: string;
}

/** From behind one position up to another, by other hubs than this. */
export interface Stretch {
  tenant: string;
  from: number;
  until: number;
  hub: string;
}

/** Whose rows other hubs moved, and what is current of them by now; undefined where none did. Within a transaction of the tenant. */
export async function correctedIn(transaction: Transaction, { tenant, from, until, hub }: Stretch): Promise<OthersStored | undefined> {
  const rows = await transaction.query<Reassigned>(PLACING_PG.reassigned, [tenant, from, until, hub]);
  if (rows.length === 0) return undefined;
  const patients: OthersStored['patients'][number][] = [];
  const currencies: CurrencyChange[] = [];
  const current = await transaction.query<Currency>(PG.current, [[...new Set(rows.map(({ key }) => key))]]);
  for (const [patient, of] of Map.groupBy(rows, (row) => row.patient)) {
    const vitals = [...new Set(of.flatMap((row) => JSON.parse(row.vitals) as string[]))].sort();
    patients.push({ tenant, patient, kind: 'corrected', vitals, at: Math.max(...of.map(({ at }) => at)) });
    const own = current.filter((row) => row.patient === patient);
    currencies.push(...own.filter(({ vital }) => vitals.includes(vital)));
    const gone = new Set(of.flatMap((row) => (JSON.parse(row.gone) as unknown[]).map((series) => JSON.stringify(series))));
    for (const { vital, device } of own) gone.delete(JSON.stringify([vital, device]));
    for (const series of gone) {
      const [vital, device] = JSON.parse(series) as [string, string];
      currencies.push({ tenant, patient, vital, device, gone: true });
    }
  }
  return { patients, currencies };
}
