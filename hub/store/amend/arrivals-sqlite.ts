import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { patientKey } from '../placing/keep-sqlite.ts';
import { type Arrival, type ArrivedBatch, isEvent } from '../store.ts';
import { type AmendedArrival, amendedArrival, type Measurement, type RuleInForce, ruleOfMeasurement } from './rules.ts';
import { AMEND_SQL, numbersOf } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;

/** What people had decided about what comes with one batch, within its transaction. */
export class AmendedArrivals {
  readonly #database: Writing;
  readonly #tenant: string;
  readonly #earliest: Instant;
  readonly #rules = new Map<string, readonly RuleInForce[]>();

  constructor(database: Writing, { tenant, arrivals }: Pick<ArrivedBatch, 'tenant' | 'arrivals'>) {
    this.#database = database;
    this.#tenant = tenant;
    this.#earliest = earliestOf(arrivals);
  }

  of(arrival: Arrival): AmendedArrival | undefined {
    return amendedArrival(arrival, (patient) => this.#rulesOf(patient));
  }

  /** Notes what was done to a row that is stored with it; `placed`: its bed and whom it states. Gives those that it is stored with. */
  stored(
    { key, arrival }: { key: number; arrival: Arrival },
    { by }: AmendedArrival,
    [bed, stated]: readonly [number | null, number | null],
  ): readonly [number | null, number | null] {
    const add = this.#database.prepare<(number | null)[]>(AMEND_SQL.addRow);
    const { vital, device, effective } = arrival;
    let from = bed;
    for (const { amendment, of, isGiven, isOdd } of by) {
      add.run(key, amendment, ...(isGiven ? [patientKey(this.#database, this.#tenant, of), from] : [null, null]));
      if (isGiven) from = null;
      const measurement = { patient: of, vital, device, test: Number(arrival.test), effective };
      if (isOdd) addMeasurement(this.#database, { key: amendment, tenant: this.#tenant }, measurement);
    }
    return [from, stated];
  }

  #rulesOf(patient: string): readonly RuleInForce[] {
    let rules = this.#rules.get(patient);
    if (rules === undefined) {
      const of = [this.#tenant, ...numbersOf(this.#tenant, patient), this.#earliest];
      rules = this.#database.prepare<(string | Instant)[], RuleInForce>(AMEND_SQL.rulesOf).all(...of);
      this.#rules.set(patient, rules);
    }
    return rules;
  }
}

/** Makes an amendment one of a measurement, too; true where it was not. */
export function addMeasurement(
  database: Writing,
  { key, tenant }: { key: number; tenant: string },
  { patient, ...measurement }: Measurement,
): boolean {
  const { vital, device, test, effective } = measurement;
  const has = database.prepare<(string | number)[]>(AMEND_SQL.hasRule);
  if (has.get(tenant, patient, effective + 1, key, device, vital, test) !== undefined) return false;
  const rule = ruleOfMeasurement(measurement);
  database
    .prepare<(string | number | null)[]>(AMEND_SQL.addRule)
    .run(key, tenant, patient, rule.device, rule.vital, rule.test, rule.effective, rule.start, rule.until, null);
  return true;
}

/** Before which nothing of a batch was measured. Pure. */
export function earliestOf(arrivals: ArrivedBatch['arrivals']): Instant {
  return arrivals.reduce(
    (earliest, one) => (isEvent(one) ? earliest : Math.min(earliest, one.sortTime, one.effective)),
    Number.MAX_SAFE_INTEGER,
  );
}
