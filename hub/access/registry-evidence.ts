import type { Instant } from '../../shared/clock.ts';
import { type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { type RegistryChange, registryChanges } from '../registry/changes.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import type { AuditEvent } from './access.ts';
import { decide } from './decide.ts';
import type { Policy } from './policy.ts';
import { operatorPrincipal } from './principals.ts';

export interface RegistryEvidence {
  /** In force until now; undefined at a start, when it is not known. */
  before: Registry | undefined;
  next: Registry;
  /** User id of the hub's process, to whose files whoever changed them had access. */
  uid: number;
  at: Instant;
  /** In force until now. */
  policy: Policy;
  /** In force with `next`; the same one unless given. */
  nextPolicy?: Policy;
  /** Why all this did not come into force although it was recorded before: recorded as failed. */
  failed?: ErrorCode;
}

/**
 * Decides and records what a registry, and a policy with it, changes in the rights of clients, gateways and tokens, and at a start how many it lists; resolves after the commit, before it
 * comes into force. Throws ACCESS-DENIED, STORAGE-*: then it must not.
 */
export async function recordRegistry(
  store: Pick<Store, 'record'>,
  { before, next, uid, at, policy, nextPolicy = policy, failed }: RegistryEvidence,
): Promise<void> {
  const rows = before ? registryChanges(before, next).map((change) => changed(change, next.revision)) : loaded(next);
  const told = [...rows, ...(nextPolicy.version === policy.version ? [] : repolicied(next, nextPolicy))];
  const events = told.map(({ tenant, patient, reason, count, args }): AuditEvent => {
    const principal = operatorPrincipal(uid, tenant);
    const { allow, reason: refusal } = decide(principal, 'registry.change', { tenant }, { at, policy });
    return {
      at,
      tenant,
      principal: principal.id,
      role: principal.role,
      action: 'registry.change',
      patient,
      ...(failed === undefined
        ? { outcome: allow ? 'allowed' : 'denied', reason: allow ? reason : refusal, count }
        : { outcome: 'failed', reason: failed, count: 0 }),
      channel: 'operator',
      detail: { credential: { kind: 'local' }, policy: policy.version, args },
    };
  });
  if (events.length > 0) await store.record(events);
  if (events.some(({ outcome }) => outcome === 'denied')) throw new VitalmeshError('ACCESS-DENIED');
}

interface Told {
  tenant: string;
  patient: string | null;
  reason: string;
  count: number;
  args: Record<string, string | number>;
}

function changed({ tenant, what, row, id, fields }: RegistryChange, registry: string): Told {
  return { tenant, patient: row === 'patient' ? id : null, reason: what, count: 1, args: { row, id, fields: fields.join(','), registry } };
}

/** Another policy changes what every role may do. */
function repolicied(next: Registry, { version }: Policy): Told[] {
  return next.tenants().map((tenant) => ({ tenant, patient: null, reason: 'changed', count: 1, args: { row: 'policy', id: version } }));
}

function loaded(next: Registry): Told[] {
  return next.tenants().map((tenant) => {
    const [clients = 0, gateways = 0] = [next.clients(), next.gateways()].map((rows) => rows.filter((row) => row.tenant === tenant).length);
    return { tenant, patient: null, reason: 'loaded', count: clients + gateways, args: { registry: next.revision, clients, gateways } };
  });
}
