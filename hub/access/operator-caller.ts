import { VitalmeshError } from '../../shared/errors.ts';
import type { Principal } from './access.ts';
import { operatorPrincipal } from './principals.ts';

/** The user id of whoever is at the operator's socket, out of `local:<uid>`. */
export function uidOf(principal: string): number {
  return Number(principal.slice('local:'.length));
}

/** The user of this id acting within the tenant that was named, or the only one there is. Throws USAGE. */
export function operatorWithin(tenants: readonly string[], uid: number, named: string | undefined): Principal {
  const [only, ...more] = tenants;
  const tenant = named ?? (more.length === 0 ? only : undefined);
  if (tenant === undefined || !tenants.includes(tenant))
    throw new VitalmeshError('USAGE', { detail: `--tenant is one of: ${tenants.join(', ')}` });
  return operatorPrincipal(uid, tenant);
}
