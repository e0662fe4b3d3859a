import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { Migration } from '../../shared/storage/migrations.ts';
import type { AuditEvent } from '../access/access.ts';

/** What the store has counted of one caller. */
export interface KeptUsage {
  /** Calls by day of UTC, as days since 1970, from the day that was asked for on. */
  calls: readonly (readonly [day: number, calls: number])[];
  /** Patients of others, each with when it was last counted: within 24 hours before what was asked for. */
  others: readonly (readonly [patient: string, at: Instant])[];
}

/** From when on usage is wanted. */
export interface UsageSince {
  day: number;
  at: Instant;
}

/** How much each caller asked for, counted in the commit of its evidence. A patient stands there by the number that the evidence has, which says nothing once the patient's key is gone. */
export const USAGE_STEP: Migration = `
CREATE TABLE usage (
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  day INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (tenant, principal, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE usageOther (
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  subject INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant, principal, subject)
) STRICT, WITHOUT ROWID;
`;

/** Statements on it. */
export const USAGE_SQL = {
  addCalls: `
    INSERT INTO usage (tenant, principal, day, calls) VALUES (?, ?, ?, ?)
    ON CONFLICT (tenant, principal, day) DO UPDATE SET calls = calls + excluded.calls`,
  setOther: 'INSERT OR REPLACE INTO usageOther (tenant, principal, subject, at) VALUES (?, ?, ?, ?)',
  calls: 'SELECT day, calls FROM usage WHERE tenant = ? AND principal = ? AND day >= ? ORDER BY day',
  others: `
    SELECT k.patient, o.at FROM usageOther o JOIN patientKey k ON k.key = o.subject
    WHERE o.tenant = ? AND o.principal = ? AND o.at > ? ORDER BY o.at, k.patient`,
};

export const MS_A_DAY = 86_400_000;

/** Counts what an event says of its caller's usage; `subject` is the number of its patient. Within the transaction of the event. */
export function countUsage(
  database: Pick<Database, 'prepare'>,
  { usage, tenant, principal, at }: AuditEvent,
  subject: number | undefined,
): void {
  if (usage === undefined) return;
  const { calls, other } = usage;
  if (calls > 0)
    database.prepare<[string, string, number, number]>(USAGE_SQL.addCalls).run(tenant, principal, Math.floor(at / MS_A_DAY), calls);
  if (other && subject !== undefined)
    database.prepare<[string, string, number, number]>(USAGE_SQL.setOther).run(tenant, principal, subject, at);
}

export function readUsage(database: Pick<Database, 'prepare'>, tenant: string, principal: string, { day, at }: UsageSince): KeptUsage {
  const calls = database.prepare<[string, string, number], { day: number; calls: number }>(USAGE_SQL.calls).all(tenant, principal, day);
  const others = database
    .prepare<[string, string, number], { patient: string; at: Instant }>(USAGE_SQL.others)
    .all(tenant, principal, at - MS_A_DAY);
  return { calls: calls.map((row) => [row.day, row.calls]), others: others.map((row) => [row.patient, row.at]) };
}
