import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { AuditEvent } from '../access/access.ts';
import { isNobody } from '../store/placing/placing.ts';
import type { Arrival, ArrivalResult, EventArrival, Refusal } from '../store/store.ts';

/** Who sent it, and when the hub had it. */
export interface SentBy {
  tenant: string;
  /** Id of the principal. */
  principal: string;
  /** `Policy.version` of the one that it was decided by. */
  policy: string;
  at: Instant;
}

/** The gateway may not write it. All else is wrong with what it wrote. */
const DENIED: readonly ErrorCode[] = ['INGEST-NOT-BOUND', 'INGEST-NOT-ADOPTED', 'INGEST-FOREIGN-ID', 'INGEST-ERASED'];

/** One entry for what was taken, and one for each reason for which something was refused. */
export function batchEvidence(
  by: SentBy,
  arrivals: readonly (Arrival | EventArrival)[],
  refusals: readonly Refusal[],
  results: readonly ArrivalResult[],
): AuditEvent[] {
  const events: AuditEvent[] = [];
  const taken = arrivals.filter((_, i) => results[i] !== 'reused' && results[i] !== 'erased');
  if (taken.length > 0) {
    const [first] = taken;
    const of = first && taken.every((arrival) => arrival.patient === first.patient) ? first.patient : null;
    const patient = of === null || isNobody(of) ? null : of;
    const count = results.filter((result) => result === 'stored').length;
    events.push(writeEvidence(by, { patient, outcome: 'allowed', reason: 'granted', count }));
  }
  const refused = new Map<ErrorCode, number>();
  for (const { code } of refusals) refused.set(code, (refused.get(code) ?? 0) + 1);
  for (const [result, code] of [['reused', 'UPLINK-KEY-REUSED'] as const, ['erased', 'INGEST-ERASED'] as const]) {
    const rows = results.filter((one) => one === result).length;
    if (rows > 0) refused.set(code, rows);
  }
  for (const [reason, count] of refused) {
    const outcome = DENIED.includes(reason) ? 'denied' : 'failed';
    events.push(writeEvidence(by, { outcome, reason, count }));
  }
  return events;
}

/** One entry of a gateway's write. */
export function writeEvidence(
  { tenant, principal, policy, at }: SentBy,
  { patient = null, count = 0, ...outcome }: Pick<AuditEvent, 'outcome' | 'reason'> & Partial<AuditEvent>,
): AuditEvent {
  const detail = { credential: { kind: 'overlay', overlay: principal }, policy } as const;
  return { at, tenant, principal, role: 'gateway', action: 'observations.write', patient, count, channel: 'uplink', detail, ...outcome };
}
