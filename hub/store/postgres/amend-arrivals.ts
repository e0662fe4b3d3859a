import { earliestOf } from '../amend/arrivals-sqlite.ts';
import { type AmendedArrival, amendedArrival, type Measurement, type RuleInForce, ruleOfMeasurement } from '../amend/rules.ts';
import { type Arrival, type ArrivedBatch, isEvent } from '../store.ts';
import { AMEND_PG } from './amend-statements.ts';
import type { Commit } from './commits.ts';

/** What people had decided about what comes with a batch, by arrival; empty where nothing was. The commit is of the tenant. */
export async function amendedArrivals(commit: Commit, { tenant, arrivals }: ArrivedBatch): Promise<Map<Arrival, AmendedArrival>> {
  const amended = new Map<Arrival, AmendedArrival>();
  const readings = arrivals.filter((one): one is Arrival => !isEvent(one));
  const patients = [...new Set(readings.map(({ patient }) => patient))];
  const earliest = earliestOf(arrivals);
  if (patients.length === 0 || (await commit.query(AMEND_PG.anyRule, [tenant, patients, earliest])).length === 0) return amended;
  const rules = new Map<string, readonly RuleInForce[]>();
  for (const unread = [...patients]; ; ) {
    const patient = unread.pop();
    if (patient === undefined) break;
    if (rules.has(patient)) continue;
    const found = await commit.query<RuleInForce>(AMEND_PG.rulesOf, [tenant, patient, earliest]);
    rules.set(patient, found);
    unread.push(...found.flatMap(({ toPatient }) => toPatient ?? []));
  }
  for (const arrival of readings) {
    const by = amendedArrival(arrival, (patient) => rules.get(patient) ?? []);
    if (by !== undefined) amended.set(arrival, by);
  }
  return amended;
}

/** Makes an amendment one of a measurement, too; true where it was not. */
export async function addMeasurement(
  commit: Commit,
  { key, tenant }: { key: number; tenant: string },
  { patient, ...measurement }: Measurement,
): Promise<boolean> {
  const { vital, device, effective } = measurement;
  const test = measurement.test === 1;
  if ((await commit.query(AMEND_PG.hasRule, [tenant, patient, effective + 1, key, device, vital, test])).length > 0) return false;
  const rule = ruleOfMeasurement(measurement);
  await commit.query(AMEND_PG.addRule, [key, tenant, patient, device, vital, test, rule.effective, rule.start, rule.until, null]);
  return true;
}
