import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Store } from '../store/store.ts';
import type { AuditEvent } from './access.ts';
import { decide } from './decide.ts';
import type { Policy } from './policy.ts';
import { operatorPrincipal } from './principals.ts';

export interface ToolsEvidence {
  tenants: readonly string[];
  /** SHA-256, in hex, over what is said of the tools that are served from now on. */
  fingerprint: string;
  /** User id of the hub's process: whoever started it. */
  uid: number;
  at: Instant;
  policy: Policy;
}

/**
 * Decides and records, in each tenant, that its AI clients are served other tools than at the start before, with both fingerprints (`was`, `id`), or are served any for the first time;
 * nothing where they are the same. Resolves after the commit, before anybody is served. Throws ACCESS-DENIED, STORAGE-*: then nobody must be.
 */
export async function recordTools(
  store: Pick<Store, 'record' | 'serveTools'>,
  { tenants, fingerprint, uid, at, policy }: ToolsEvidence,
): Promise<void> {
  for (const tenant of tenants) {
    const principal = operatorPrincipal(uid, tenant);
    const { allow, reason } = decide(principal, 'registry.change', { tenant }, { at, policy });
    const told = (was: string | null): AuditEvent => ({
      ...{ at, tenant, principal: principal.id, role: principal.role, action: 'registry.change', patient: null, channel: 'operator' },
      ...(allow ? { outcome: 'allowed', reason: was === null ? 'loaded' : 'changed', count: 1 } : { outcome: 'denied', reason, count: 0 }),
      detail: {
        credential: { kind: 'local' },
        policy: policy.version,
        args: { row: 'tools', id: fingerprint, ...(was !== null && { was }) },
      },
    });
    if (!allow) {
      await store.record([told(null)]);
      throw new VitalmeshError('ACCESS-DENIED');
    }
    await store.serveTools(tenant, fingerprint, told);
  }
}
