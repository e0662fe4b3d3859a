import type { FabricPolicy } from './contract.ts';

/** What roles are compared with. */
export interface RoleBearer {
  id: string;
  /** Without '#'. */
  attributes: readonly string[];
}

/**
 * Whether roles name an entity: `#all` names everybody, `#attribute` whoever bears it, `@id` that one. AnyOf needs one of them, AllOf every
 * one; no roles name nobody (openziti-network.md §1.11).
 */
export function rolesName(roles: readonly string[], semantic: FabricPolicy['semantic'], entity: RoleBearer): boolean {
  if (roles.length === 0) return false;
  const names = (role: string): boolean => role === '#all' || role === `@${entity.id}` || attributeOf(role, entity);
  return semantic === 'AllOf' ? roles.every(names) : roles.some(names);
}

/** Whether one policy of that type lets the identity dial or bind the service. */
export function permits(policies: Iterable<FabricPolicy>, identity: RoleBearer, service: RoleBearer, type: FabricPolicy['type']): boolean {
  for (const policy of policies) {
    if (policy.type !== type) continue;
    if (rolesName(policy.identityRoles, policy.semantic, identity) && rolesName(policy.serviceRoles, policy.semantic, service)) return true;
  }
  return false;
}

function attributeOf(role: string, { attributes }: RoleBearer): boolean {
  return role.startsWith('#') && attributes.includes(role.slice(1));
}
