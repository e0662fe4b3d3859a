import { MAX_AHEAD_MS } from '../../clinical/sort-time.ts';
import { STEP_MS } from '../../clinical/staleness.ts';
import type { Findings } from '../findings.ts';
import { MAX_LATEST } from '../statements.ts';
import type { Standing } from './standing.ts';
import { PG } from './statements.ts';
import type { Transaction } from './transaction.ts';
import { VERIFY_PG } from './verify-statements.ts';

interface Current {
  vital: string;
  device: string;
  test: boolean;
  sortTime: number;
  observation: number;
  /** Of the observation itself; null when there is none of this patient, vital sign, device and time. */
  standing: number | null;
  ownTest: boolean | null;
}

/** Compares the rows of `latest` of one patient with what its observations say; gives how many there are. */
export async function verifyLatest(transaction: Transaction, patient: number, findings: Findings): Promise<number> {
  const rows = await transaction.query<Current>(VERIFY_PG.current, [patient]);
  const wrong = (key: number): void => findings.add('VERIFY-LATEST', `patient ${patient}, observation ${key}`);
  for (const row of rows) if (row.standing !== 1 || row.ownTest !== row.test) wrong(row.observation);
  const current = new Map(rows.map((row) => [JSON.stringify([row.vital, row.device]), row.observation]));
  for (let series = { vital: '', device: '' }; ; ) {
    const [next] = await transaction.query<typeof series>(VERIFY_PG.nextSeries, [patient, series.vital, series.device]);
    if (next === undefined) return rows.length;
    series = next;
    const which = [patient, series.vital, series.device];
    const [best] = await transaction.query<Standing>(PG.bestOf, which);
    const shown = current.get(JSON.stringify([series.vital, series.device]));
    if (best === undefined || shown === best.key) continue;
    if (shown === undefined ? rows.length < MAX_LATEST : !(await isFromAhead(transaction, which, best))) wrong(best.key);
  }
}

/** Whether the best by its time was stored while the hub's clock was ahead, so that what came later takes its place (`supersedes`). */
async function isFromAhead(transaction: Transaction, series: readonly (number | string)[], best: Standing): Promise<boolean> {
  const { key, sortTime, storedAt } = best;
  const found = await transaction.query(VERIFY_PG.steppedBack, [...series, key, sortTime - MAX_AHEAD_MS, storedAt - STEP_MS]);
  return found.length > 0;
}
