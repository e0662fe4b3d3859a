import type { Registry } from '../../registry/registry.ts';
import type { AuditEvent } from '../access.ts';
import { isOwn } from '../decide.ts';
import type { Call } from '../evidence-of-call.ts';
import { resourceOf } from '../resource.ts';
import type { Budgets } from './budgets.ts';
import { limitsOf } from './limits.ts';

/** How a call that was let through is counted, in the evidence of each patient it is about. */
export type Counted = (patient?: string | null) => Pick<AuditEvent, 'usage'>;

/**
 * Takes a call about these patients out of what its caller has left. Rejects with AccessLimit. A read of what the caller has subscribed to takes nothing
 * but patients: it was counted when it subscribed, and goes by the interval of the notifications.
 */
export async function spend(
  call: Call,
  patients: readonly string[],
  { budgets, registry }: { budgets: Budgets; registry: Pick<Registry, 'patient' | 'patients'> },
): Promise<Counted> {
  const { principal, policy, at, context } = call;
  const limits = limitsOf(policy, principal);
  if (limits === undefined) return () => ({});
  const { tenant } = principal;
  const others = patients.filter((patient) => !isOwn(principal, resourceOf(registry, tenant, patient)));
  let calls: 0 | 1 = context.followed ? 0 : 1;
  if (calls === 0 && others.length === 0) return () => ({});
  const now = { at, atMs: call.clock.monotonicMs(), patients: registry.patients(tenant).length };
  const added = await budgets.take(principal, { calls, others }, limits, now);
  return (patient = null) => {
    const usage = { calls, other: patient !== null && added.has(patient) };
    // Of a call about several patients the first entry counts it.
    calls = 0;
    return usage.calls === 0 && !usage.other ? {} : { usage };
  };
}
