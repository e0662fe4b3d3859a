import type { Instant } from '../../../shared/clock.ts';
import type { AuditEvent } from '../../access/access.ts';
import { type KeptUsage, MS_A_DAY, type UsageSince } from '../../audit/usage.ts';
import { OWN_TENANT, secured } from './own-tenant.ts';
import type { Transaction } from './transaction.ts';

const TABLES = ['usage', 'usage_other'];

/** As hub/audit/usage.ts has it for SQLite. */
export const USAGE_STEP = `
CREATE TABLE usage (
  tenant text COLLATE "C" NOT NULL,
  principal text COLLATE "C" NOT NULL,
  day bigint NOT NULL,
  calls bigint NOT NULL,
  PRIMARY KEY (tenant, principal, day)
);
CREATE TABLE usage_other (
  tenant text COLLATE "C" NOT NULL,
  principal text COLLATE "C" NOT NULL,
  subject bigint NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (tenant, principal, subject)
);
${secured(TABLES, `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
`;

/** What the hub's role may do with them; `role` is an identifier, quoted. */
export function usageGrantsTo(role: string): string {
  return `\nGRANT SELECT, INSERT, UPDATE ON ${TABLES.join(', ')} TO ${role};`;
}

/** Statements on it. */
export const USAGE_PG = {
  addCalls: `
    INSERT INTO usage (tenant, principal, day, calls) SELECT $1, p, d, sum(c) FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS u (p, d, c) GROUP BY p, d
    ON CONFLICT (tenant, principal, day) DO UPDATE SET calls = usage.calls + excluded.calls`,
  setOthers: `
    INSERT INTO usage_other (tenant, principal, subject, at)
    SELECT $1, p, s, max(a) FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS u (p, s, a) GROUP BY p, s
    ON CONFLICT (tenant, principal, subject) DO UPDATE SET at = excluded.at`,
  calls: 'SELECT day, calls FROM usage WHERE tenant = $1 AND principal = $2 AND day >= $3 ORDER BY day',
  others: `
    SELECT k.patient, o.at FROM usage_other o JOIN patient_key k ON k.key = o.subject
    WHERE o.tenant = $1 AND o.principal = $2 AND o.at > $3 ORDER BY o.at, k.patient`,
};

/** Counts what events say of their callers' usage; `subjectOf` gives the number of an event's patient. Within the transaction of the events. */
export async function countUsage(
  transaction: Transaction,
  events: readonly AuditEvent[],
  subjectOf: (event: AuditEvent) => number | undefined,
): Promise<void> {
  const counted = events.filter(({ usage }) => usage !== undefined);
  for (const tenant of new Set(counted.map((event) => event.tenant))) {
    const own = counted.filter((event) => event.tenant === tenant);
    await transaction.as(tenant);
    const calls = own.filter(({ usage }) => usage?.calls === 1);
    if (calls.length > 0) {
      const days = calls.map(({ at }) => Math.floor(at / MS_A_DAY));
      await transaction.query(USAGE_PG.addCalls, [tenant, calls.map(({ principal }) => principal), days, calls.map(() => 1)]);
    }
    const others = own.flatMap((event) => {
      const subject = event.usage?.other ? subjectOf(event) : undefined;
      return subject === undefined ? [] : [{ principal: event.principal, subject, at: event.at }];
    });
    if (others.length > 0) {
      const bound = [others.map((one) => one.principal), others.map(({ subject }) => subject), others.map(({ at }) => at)];
      await transaction.query(USAGE_PG.setOthers, [tenant, ...bound]);
    }
  }
}

/** Within a transaction of the tenant. */
export async function readUsage(transaction: Transaction, tenant: string, principal: string, { day, at }: UsageSince): Promise<KeptUsage> {
  const calls = await transaction.query<{ day: number; calls: number }>(USAGE_PG.calls, [tenant, principal, day]);
  const others = await transaction.query<{ patient: string; at: Instant }>(USAGE_PG.others, [tenant, principal, at - MS_A_DAY]);
  return { calls: calls.map((row) => [row.day, row.calls]), others: others.map((row) => [row.patient, row.at]) };
}
