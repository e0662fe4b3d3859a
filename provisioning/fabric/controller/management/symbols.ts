import type { Dates } from '../../state/directory.ts';
import type { Config, ConfigType, IdentityRecord, PolicyRecord, RouterPolicy, ServiceRecord, Tags } from '../../state/records.ts';
import type { Symbols } from '../select.ts';
import type { KnownRouter } from './network.ts';

// By what lists are filtered and sorted: the very symbols of the real one (`filterableFields`).

interface Base extends Dates {
  id: string;
  tags?: Tags;
}

const nothing = (): null => null;
const no = (): false => false;

/** What every entity is filtered by. */
export const BASE: Symbols<Base> = {
  id: ({ id }) => id,
  createdAt: ({ createdAt }) => new Date(createdAt),
  updatedAt: ({ updatedAt }) => new Date(updatedAt),
  tags: ({ tags }) => tags ?? {},
  isSystem: no,
};

export const NAMED: Symbols<Base & { name: string }> = { ...BASE, name: ({ name }) => name };

export const IDENTITY: Symbols<IdentityRecord> = {
  ...NAMED,
  authPolicyId: () => 'default',
  externalId: ({ externalId }) => externalId ?? null,
  isAdmin: ({ isAdmin }) => isAdmin,
  isDefaultAdmin: ({ isDefaultAdmin }) => isDefaultAdmin,
  roleAttributes: ({ attributes }) => attributes,
  type: ({ typeId }) => typeId,
};

export const SERVICE: Symbols<ServiceRecord> = {
  ...NAMED,
  configs: ({ configs }) => configs,
  roleAttributes: ({ attributes }) => attributes,
  terminatorStrategy: ({ terminatorStrategy }) => terminatorStrategy,
};

export const POLICY: Symbols<PolicyRecord> = {
  ...NAMED,
  identities: ({ identityRoles }) => idsOf(identityRoles),
  identityRoles: ({ identityRoles }) => identityRoles,
  postureCheckRoles: ({ postureCheckRoles }) => postureCheckRoles,
  semantic: ({ semantic }) => semantic,
  serviceRoles: ({ serviceRoles }) => serviceRoles,
  services: ({ serviceRoles }) => idsOf(serviceRoles),
  type: ({ type }) => type,
};

const ROUTER_POLICY: Symbols<RouterPolicy> = {
  ...NAMED,
  edgeRouterRoles: ({ routerRoles }) => routerRoles,
  isSystem: ({ isSystem }) => isSystem,
  semantic: ({ semantic }) => semantic,
};

export const EDGE_ROUTER_POLICY: Symbols<RouterPolicy> = { ...ROUTER_POLICY, identityRoles: ({ roles }) => roles };
export const SERVICE_EDGE_ROUTER_POLICY: Symbols<RouterPolicy> = { ...ROUTER_POLICY, serviceRoles: ({ roles }) => roles };

export const TRANSIT_ROUTER: Symbols<KnownRouter> = {
  ...NAMED,
  cost: ({ cost }) => cost,
  ctrlChanListeners: nothing,
  disabled: ({ disabled }) => disabled,
  fingerprint: nothing,
  noTraversal: ({ noTraversal }) => noTraversal,
};

export const EDGE_ROUTER: Symbols<KnownRouter> = {
  ...TRANSIT_ROUTER,
  connected: ({ running }) => running?.online ?? false,
  isTunnelerEnabled: ({ isTunnelerEnabled }) => isTunnelerEnabled,
  isVerified: ({ slot }) => slot !== undefined,
  online: ({ running }) => running?.online ?? false,
  roleAttributes: ({ attributes }) => attributes,
};

export const CONFIG_TYPE: Symbols<ConfigType> = { ...NAMED, schema: nothing };
export const CONFIG: Symbols<Config> = { ...NAMED, type: ({ configTypeId }) => configTypeId };

function idsOf(roles: readonly string[]): string[] {
  return roles.filter((role) => role.startsWith('@')).map((role) => role.slice(1));
}
