import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Store } from '../store/store.ts';
import type { Action, AuditDetail, AuditEvent } from './access.ts';
import { decide } from './decide.ts';
import { DEFAULT_POLICY } from './default-policy.ts';
import type { Policy } from './policy.ts';
import { operatorPrincipal } from './principals.ts';

/** What concerns a store as a whole. */
export interface Maintenance {
  /** Every tenant that has data in it. */
  tenants: readonly string[];
  /** User id of whoever does it, at the machine. */
  uid: number;
  action: Extract<Action, `store.${string}`>;
  at: Instant;
  /** What else is to be known of it. */
  args?: AuditDetail['args'];
  /** The built-in one unless given: a store that is restored has no hub yet. */
  policy?: Policy;
}

/**
 * Decides and records what is done to a store as a whole, in each of its tenants; resolves after the commit, before it is done. Throws
 * ACCESS-DENIED, STORAGE-*: then it must not be done.
 */
export async function recordMaintenance(
  store: Pick<Store, 'record'>,
  { tenants, uid, action, at, args, policy = DEFAULT_POLICY }: Maintenance,
): Promise<void> {
  const events = tenants.map((tenant): AuditEvent => {
    const { id, role, ...principal } = operatorPrincipal(uid, tenant);
    const { allow, reason } = decide({ id, role, ...principal }, action, { tenant }, { at, policy });
    const outcome = allow ? 'allowed' : 'denied';
    const detail = { credential: { kind: 'local' }, policy: policy.version, ...(args && { args }) } as const;
    return { at, tenant, principal: id, role, action, patient: null, outcome, reason, count: 0, channel: 'operator', detail };
  });
  await store.record(events);
  if (events.some(({ outcome }) => outcome === 'denied')) throw new VitalmeshError('ACCESS-DENIED');
}
