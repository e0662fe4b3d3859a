import type { Registry } from '../../registry/registry.ts';
import type { AuditEvent } from '../access.ts';
import { isOwn } from '../decide.ts';
import type { Call } from '../evidence-of-call.ts';
import { resourceOf } from '../resource.ts';
import type { Budgets } from './budgets.ts';
import { limitsOf } from './limits.ts';

/** How a call that was let through is counted, in the evidence of each patient it is about. */
export type Counted = (patient?: string | null) => Pick<AuditEvent, 'usage'>;

/** So many patients of others in a list count as a call of their own: they are shown with what there is of them, and without a value. */
export const LISTED_A_CALL = 20;

/**
 * Takes a call about these patients out of what its caller has left; `listed`: whom it shows in a list besides. Rejects with AccessLimit. A read of what the
 * caller has subscribed to takes nothing but patients: it was counted when it subscribed, and goes by the interval of the notifications.
 */
export async function spend(
  call: Call,
  { patients, listed = [] }: { patients: readonly string[]; listed?: readonly string[] },
  { budgets, registry }: { budgets: Budgets; registry: Pick<Registry, 'patient' | 'patients'> },
): Promise<Counted> {
  const { principal, policy, at, context } = call;
  const limits = limitsOf(policy, principal);
  if (limits === undefined) return () => ({});
  const { tenant } = principal;
  const isOther = (patient: string): boolean => !isOwn(principal, resourceOf(registry, tenant, patient));
  const others = patients.filter(isOther);
  let calls = context.followed ? 0 : 1 + Math.floor(listed.filter(isOther).length / LISTED_A_CALL);
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
