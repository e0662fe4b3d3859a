import type { FabricPolicy } from '../contract.ts';
import type { PolicyRecord, RouterPolicy, Tags } from '../state/records.ts';
import type { Network } from './network.ts';
import { Refused, unknown } from './refused.ts';
import { checkFree, checkName, rolesOf, tagsOf } from './rules.ts';

/** What of a service policy is chosen. */
export interface PolicyFields {
  name: string;
  type: FabricPolicy['type'];
  semantic: FabricPolicy['semantic'];
  identityRoles: readonly string[];
  serviceRoles: readonly string[];
  postureCheckRoles: readonly string[];
  tags: Tags;
}

export const POLICY_DEFAULTS = { identityRoles: [], serviceRoles: [], postureCheckRoles: [], tags: {} } as const;

export function createPolicy(
  { state: { directory } }: Network,
  fields: Omit<PolicyFields, keyof typeof POLICY_DEFAULTS> & Partial<PolicyFields>,
): PolicyRecord {
  const { name, ...rest } = fields;
  checkName(name);
  checkFree(directory, 'policy', name);
  return directory.createPolicy({ name, ...checkedPolicy(directory, { ...POLICY_DEFAULTS, ...rest }) });
}

/** Changes what is given. What only the changed policy allowed ends at once. */
export function changePolicy({ state: { directory } }: Network, id: string, { name, ...fields }: Partial<PolicyFields>): void {
  if (!directory.get('policy', id)) throw unknown('servicePolicies', id);
  if (name !== undefined) {
    checkName(name);
    checkFree(directory, 'policy', name, { but: id });
  }
  directory.update('policy', id, { ...checkedPolicy(directory, fields), ...(name !== undefined && { name }) });
}

export function deletePolicy({ state: { directory } }: Network, id: string): void {
  if (!directory.get('policy', id)) throw unknown('servicePolicies', id);
  directory.delete('policy', id);
}

/** What of a router policy is chosen; `roles` are of identities or of services, as its kind says. */
export interface RouterPolicyFields {
  name: string;
  semantic: FabricPolicy['semantic'];
  routerRoles: readonly string[];
  roles: readonly string[];
  tags: Tags;
}

export const ROUTER_POLICY_DEFAULTS = { routerRoles: [], roles: [], tags: {} } as const;

/** How the real one calls them. */
const WORDS = {
  identity: { many: 'edgeRouterPolicies', one: 'edgeRouterPolicy', field: 'identityRoles' },
  service: { many: 'serviceEdgeRouterPolicies', one: 'serviceEdgeRouterPolicy', field: 'serviceRoles' },
} as const;

export function createRouterPolicy(
  { state: { directory } }: Network,
  kind: RouterPolicy['kind'],
  { name, ...fields }: Pick<RouterPolicyFields, 'name' | 'semantic'> & Partial<RouterPolicyFields>,
): string {
  checkName(name);
  checkFree(directory, 'routerPolicy', name, { within: kind });
  const checked = checkedRouterPolicy(directory, kind, { ...ROUTER_POLICY_DEFAULTS, ...fields });
  return directory.create('routerPolicy', { kind, name, isSystem: false, ...checked }).id;
}

export function changeRouterPolicy(
  { state: { directory } }: Network,
  kind: RouterPolicy['kind'],
  id: string,
  { name, ...fields }: Partial<RouterPolicyFields>,
): void {
  const policy = routerPolicy(directory, kind, id);
  if (policy.isSystem) throw system('ENTITY_CAN_NOT_BE_UPDATED', 'update', policy);
  if (name !== undefined) {
    checkName(name);
    checkFree(directory, 'routerPolicy', name, { but: id, within: kind });
  }
  directory.update('routerPolicy', id, { ...checkedRouterPolicy(directory, kind, fields), ...(name !== undefined && { name }) });
}

export function deleteRouterPolicy({ state: { directory } }: Network, kind: RouterPolicy['kind'], id: string): void {
  const policy = routerPolicy(directory, kind, id);
  if (policy.isSystem) throw system('ENTITY_CAN_NOT_BE_DELETED', 'delete', policy);
  directory.delete('routerPolicy', id);
}

function routerPolicy(directory: Network['state']['directory'], kind: RouterPolicy['kind'], id: string): RouterPolicy {
  const policy = directory.get('routerPolicy', id);
  if (policy?.kind !== kind) throw unknown(WORDS[kind].many, id);
  return policy;
}

function system(code: 'ENTITY_CAN_NOT_BE_UPDATED' | 'ENTITY_CAN_NOT_BE_DELETED', verb: string, { kind, id }: RouterPolicy): Refused {
  return new Refused(400, code, {
    code: 'UNHANDLED',
    message: `cannot ${verb} system ${WORDS[kind].one} in a non-system context (id=${id})`,
  });
}

function checkedPolicy<F extends Partial<Omit<PolicyFields, 'name'>>>(directory: Network['state']['directory'], fields: F): F {
  const { identityRoles, serviceRoles, postureCheckRoles, tags } = fields;
  return {
    ...fields,
    ...(identityRoles && { identityRoles: rolesOf(directory, 'identity', 'identityRoles', identityRoles) }),
    ...(serviceRoles && { serviceRoles: rolesOf(directory, 'service', 'serviceRoles', serviceRoles) }),
    ...(postureCheckRoles && { postureCheckRoles: rolesOf(directory, 'postureCheck', 'postureCheckRoles', postureCheckRoles) }),
    ...(tags && { tags: tagsOf(tags) }),
  };
}

function checkedRouterPolicy<F extends Partial<Omit<RouterPolicyFields, 'name'>>>(
  directory: Network['state']['directory'],
  kind: RouterPolicy['kind'],
  fields: F,
): F {
  const { routerRoles, roles, tags } = fields;
  return {
    ...fields,
    ...(routerRoles && { routerRoles: rolesOf(directory, 'router', 'edgeRouterRoles', routerRoles) }),
    ...(roles && { roles: rolesOf(directory, kind, WORDS[kind].field, roles) }),
    ...(tags && { tags: tagsOf(tags) }),
  };
}
