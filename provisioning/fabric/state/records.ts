import type { Instant } from '../../../shared/clock.ts';
import type { FabricIdentity, FabricPolicy, FabricService } from '../contract.ts';
import type { Dates } from './directory.ts';
import type { Columns } from './table.ts';

/** An operator's own words about an entity: names with JSON values. */
export type Tags = Readonly<Record<string, unknown>>;

export interface IdentityRecord extends FabricIdentity, Dates {
  /** Router: it stands for an edge router, and lives and dies with it. */
  typeId: 'Default' | 'Router';
  /** May use the management API. */
  isAdmin: boolean;
  /** The administrator that was made with the network; cannot be deleted or disabled. */
  isDefaultAdmin: boolean;
  externalId: string | undefined;
  tags: Tags;
  appData: Tags;
  disabledAt: Instant | undefined;
  /** When it is enabled again; undefined: not by itself. */
  disabledUntil: Instant | undefined;
}

export interface ServiceRecord extends FabricService, Dates {
  tags: Tags;
  /** Ids. */
  configs: readonly string[];
  maxIdleTimeMs: number;
}

export interface PolicyRecord extends FabricPolicy, Dates {
  tags: Tags;
  postureCheckRoles: readonly string[];
}

/** Which edge routers identities may use (`identity`), or services are reached by (`service`). Roles as in FabricPolicy. */
export interface RouterPolicy extends Dates {
  id: string;
  kind: 'identity' | 'service';
  name: string;
  semantic: FabricPolicy['semantic'];
  routerRoles: readonly string[];
  /** Of identities, or of services. */
  roles: readonly string[];
  /** Made with a router that is a tunneller, for its own identity; changed by nobody. */
  isSystem: boolean;
  tags: Tags;
}

export interface RouterRecord extends Dates {
  id: string;
  name: string;
  /** Which of the routers of this process it is; undefined for one that does not run here. */
  slot: string | undefined;
  attributes: readonly string[];
  tags: Tags;
  appData: Tags;
  cost: number;
  noTraversal: boolean;
  disabled: boolean;
  isTunnelerEnabled: boolean;
  /** Enrolment of a router that was created and does not run here. */
  token: string | undefined;
  tokenExpiresAt: Instant | undefined;
}

export interface ConfigType extends Dates {
  id: string;
  name: string;
  /** JSON schema of the configs' data; undefined takes anything. */
  schema: Tags | undefined;
  tags: Tags;
}

export interface Config extends Dates {
  id: string;
  name: string;
  configTypeId: string;
  data: Tags;
  tags: Tags;
}

const DATES = { createdAt: ['created_at', 'plain'], updatedAt: ['updated_at', 'plain'] } as const;
const NAMED = { id: ['id', 'plain'], name: ['name', 'plain'], tags: ['tags', 'json'], ...DATES } as const;

export const IDENTITY_COLUMNS: Columns<IdentityRecord> = {
  ...NAMED,
  attributes: ['attributes', 'json'],
  disabled: ['disabled', 'flag'],
  enrolledAt: ['enrolled_at', 'plain'],
  typeId: ['type_id', 'plain'],
  isAdmin: ['is_admin', 'flag'],
  isDefaultAdmin: ['is_default_admin', 'flag'],
  externalId: ['external_id', 'plain'],
  appData: ['app_data', 'json'],
  disabledAt: ['disabled_at', 'plain'],
  disabledUntil: ['disabled_until', 'plain'],
};

export const SERVICE_COLUMNS: Columns<ServiceRecord> = {
  ...NAMED,
  attributes: ['attributes', 'json'],
  encryptionRequired: ['encryption_required', 'flag'],
  terminatorStrategy: ['terminator_strategy', 'plain'],
  configs: ['configs', 'json'],
  maxIdleTimeMs: ['max_idle_time_ms', 'plain'],
};

export const POLICY_COLUMNS: Columns<PolicyRecord> = {
  ...NAMED,
  type: ['type', 'plain'],
  semantic: ['semantic', 'plain'],
  identityRoles: ['identity_roles', 'json'],
  serviceRoles: ['service_roles', 'json'],
  postureCheckRoles: ['posture_check_roles', 'json'],
};

export const ROUTER_POLICY_COLUMNS: Columns<RouterPolicy> = {
  ...NAMED,
  kind: ['kind', 'plain'],
  semantic: ['semantic', 'plain'],
  routerRoles: ['router_roles', 'json'],
  roles: ['roles', 'json'],
  isSystem: ['is_system', 'flag'],
};

export const ROUTER_COLUMNS: Columns<RouterRecord> = {
  ...NAMED,
  slot: ['slot', 'plain'],
  attributes: ['attributes', 'json'],
  appData: ['app_data', 'json'],
  cost: ['cost', 'plain'],
  noTraversal: ['no_traversal', 'flag'],
  disabled: ['disabled', 'flag'],
  isTunnelerEnabled: ['is_tunneler_enabled', 'flag'],
  token: ['token', 'plain'],
  tokenExpiresAt: ['token_expires_at', 'plain'],
};

export const CONFIG_TYPE_COLUMNS: Columns<ConfigType> = { ...NAMED, schema: ['schema', 'json'] };

export const CONFIG_COLUMNS: Columns<Config> = { ...NAMED, configTypeId: ['config_type_id', 'plain'], data: ['data', 'json'] };
