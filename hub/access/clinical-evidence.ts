import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Store } from '../store/store.ts';
import type { AuditEvent } from './access.ts';
import { decide } from './decide.ts';
import type { Policy } from './policy.ts';
import { operatorPrincipal } from './principals.ts';

/** The files of a site's own clinical rules. */
export type ClinicalFile = 'limits' | 'support' | 'expected';

export interface ClinicalEvidence {
  tenants: readonly string[];
  /** Which file of clinical rules. */
  row: ClinicalFile;
  revision: string;
  /** User id of the hub's process, to whose files whoever changed them had access. */
  uid: number;
  at: Instant;
  policy: Policy;
}

/** Decides and records that the site's clinical rules are others, in each tenant; resolves after the commit, before they come into force. Throws ACCESS-DENIED, STORAGE-*: then they must not. */
export async function recordClinical(
  store: Pick<Store, 'record'>,
  { tenants, row, revision, uid, at, policy }: ClinicalEvidence,
): Promise<void> {
  const events = tenants.map((tenant): AuditEvent => {
    const principal = operatorPrincipal(uid, tenant);
    const { allow, reason } = decide(principal, 'registry.change', { tenant }, { at, policy });
    return {
      ...{ at, tenant, principal: principal.id, role: principal.role, action: 'registry.change', patient: null },
      ...{ outcome: allow ? 'allowed' : 'denied', reason: allow ? 'changed' : reason, count: 1, channel: 'operator' },
      detail: { credential: { kind: 'local' }, policy: policy.version, args: { row, id: revision } },
    };
  });
  if (events.length > 0) await store.record(events);
  if (events.some(({ outcome }) => outcome === 'denied')) throw new VitalmeshError('ACCESS-DENIED');
}
