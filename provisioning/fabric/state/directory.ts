import { VitalmeshError } from '../../../shared/errors.ts';
import { newIdentityId } from '../ca.ts';
import type { FabricIdentity, FabricPolicy, FabricService } from '../contract.ts';
import { newEntityId } from '../ids.ts';
import { permits, rolesName } from '../policies.ts';
import type { StateFile } from './file.ts';
import {
  CONFIG_COLUMNS,
  CONFIG_TYPE_COLUMNS,
  type Config,
  type ConfigType,
  IDENTITY_COLUMNS,
  type IdentityRecord,
  POLICY_COLUMNS,
  type PolicyRecord,
  ROUTER_COLUMNS,
  ROUTER_POLICY_COLUMNS,
  type RouterPolicy,
  type RouterRecord,
  SERVICE_COLUMNS,
  type ServiceRecord,
} from './records.ts';
import { Table } from './table.ts';

/** When an entity was made and last changed. */
export interface Dates {
  createdAt: number;
  updatedAt: number;
}

/** What the directory holds, by kind. */
export interface Kinds {
  identity: IdentityRecord;
  service: ServiceRecord;
  policy: PolicyRecord;
  router: RouterRecord;
  routerPolicy: RouterPolicy;
  configType: ConfigType;
  config: Config;
}

export type Kind = keyof Kinds;

/** What an entity is made of, without what is made for it. */
type Fresh<R> = Omit<R, 'id' | 'createdAt' | 'updatedAt'>;

/** Identities, services, policies, routers and configs: what an operator creates, changes and deletes. Names are unique within a kind. */
export class Directory {
  readonly #file: StateFile;
  #changing = false;
  readonly #tables: { [K in Kind]: Table<Kinds[K]> };

  constructor(file: StateFile) {
    this.#file = file;
    this.#tables = {
      identity: new Table(file, 'identity', IDENTITY_COLUMNS),
      service: new Table(file, 'service', SERVICE_COLUMNS),
      policy: new Table(file, 'policy', POLICY_COLUMNS),
      router: new Table(file, 'router', ROUTER_COLUMNS),
      routerPolicy: new Table(file, 'router_policy', ROUTER_POLICY_COLUMNS),
      configType: new Table(file, 'config_type', CONFIG_TYPE_COLUMNS),
      config: new Table(file, 'config', CONFIG_COLUMNS),
    };
  }

  /** Ordered by id, as the real controller lists. */
  all<K extends Kind>(kind: K): readonly Kinds[K][] {
    return this.#tables[kind].all();
  }

  get<K extends Kind>(kind: K, id: string): Kinds[K] | undefined {
    return this.#tables[kind].get(id);
  }

  /** Those of that name: one at most, or, of router policies, one of each kind. */
  named<K extends Kind>(kind: K, name: string): Kinds[K][] {
    return this.#tables[kind].named(name);
  }

  /** Ordered by name. */
  identities(): IdentityRecord[] {
    return this.all('identity').toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  identity(id: string): IdentityRecord | undefined {
    const identity = this.#tables.identity.get(id);
    if (!identity?.disabledUntil || identity.disabledUntil > this.#file.clock.now()) return identity;
    this.setDisabled(id, false);
    return this.#tables.identity.get(id);
  }

  services(): readonly ServiceRecord[] {
    return this.all('service');
  }

  service(id: string): ServiceRecord | undefined {
    return this.services().find((service) => service.id === id);
  }

  policies(): readonly PolicyRecord[] {
    return this.all('policy');
  }

  /** Whether the identity exists, is enabled, and a policy lets it dial or bind the service. */
  allows(identityId: string, serviceId: string, type: FabricPolicy['type']): boolean {
    const identity = this.identity(identityId);
    const service = this.service(serviceId);
    return identity !== undefined && !identity.disabled && service !== undefined && permits(this.policies(), identity, service, type);
  }

  /** Whether a policy lets the identity use the edge router. */
  identityMayUse(identityId: string, routerId: string): boolean {
    return this.#mayUse('identity', this.identity(identityId), routerId);
  }

  /** Whether a policy lets the service be reached by the edge router. */
  serviceMayUse(serviceId: string, routerId: string): boolean {
    return this.#mayUse('service', this.service(serviceId), routerId);
  }

  /** Throws FABRIC-NAME when the name, or the external id, is taken. */
  createIdentity(identity: Pick<FabricIdentity, 'name' | 'attributes'> & Partial<Fresh<IdentityRecord>>, id?: string): IdentityRecord {
    const fresh = {
      typeId: 'Default' as const,
      isAdmin: false,
      isDefaultAdmin: false,
      externalId: undefined,
      tags: {},
      appData: {},
      disabled: false,
      disabledAt: undefined,
      disabledUntil: undefined,
      enrolledAt: undefined,
      ...identity,
    };
    return this.create('identity', fresh, id);
  }

  /** A disabled identity keeps its certificate; its sessions end. `forMs`: after how long it is enabled again. Throws FABRIC-UNKNOWN. */
  setDisabled(id: string, disabled: boolean, forMs?: number): void {
    const now = this.#file.clock.now();
    const until = forMs === undefined ? undefined : now + forMs;
    this.together(() => {
      this.update('identity', id, { disabled, disabledAt: disabled ? now : undefined, disabledUntil: disabled ? until : undefined });
      if (disabled) this.#file.sql<[string]>('DELETE FROM api_session WHERE identity_id = ?').run(id);
    });
  }

  /** Enables whose time is over. */
  enableDue(): void {
    const now = this.#file.clock.now();
    for (const { id, disabledUntil } of this.all('identity'))
      if (disabledUntil !== undefined && disabledUntil <= now) this.setDisabled(id, false);
  }

  /** Throws FABRIC-NAME when the name is taken. */
  createService(service: Omit<FabricService, 'id'> & Partial<Fresh<ServiceRecord>>): ServiceRecord {
    return this.create('service', { tags: {}, configs: [], maxIdleTimeMs: 0, ...service });
  }

  /** Throws FABRIC-NAME when the name is taken. Roles are `#…` or `@id`; whether the ids exist is for the caller to check. */
  createPolicy(policy: Omit<FabricPolicy, 'id'> & Partial<Fresh<PolicyRecord>>): PolicyRecord {
    return this.create('policy', { tags: {}, postureCheckRoles: [], ...policy });
  }

  /** A new entity with a drawn id, unless one is given. Throws FABRIC-NAME when the name is taken. */
  create<K extends Kind>(kind: K, fresh: Fresh<Kinds[K]>, id = newId(kind)): Kinds[K] {
    const now = this.#file.clock.now();
    const made = { ...fresh, id, createdAt: now, updatedAt: now } as unknown as Kinds[K];
    return this.together(() => {
      this.#refuseTaken(kind, made, undefined);
      this.#tables[kind].insert(made);
      return made;
    });
  }

  /** Changes fields. Throws FABRIC-UNKNOWN, FABRIC-NAME when the new name is taken. */
  update<K extends Kind>(kind: K, id: string, changes: Partial<Kinds[K]>): void {
    this.together(() => {
      const before = this.#tables[kind].get(id);
      if (!before) throw new VitalmeshError('FABRIC-UNKNOWN', { detail: `${kind} ${id}` });
      const after = { ...before, ...changes, updatedAt: this.#file.clock.now() };
      this.#refuseTaken(kind, after, id);
      this.#tables[kind].update(after);
    });
  }

  /** Deletes it with all that hangs on it. Throws FABRIC-UNKNOWN. */
  delete(kind: Kind, id: string): void {
    this.together(() => {
      if (!this.#tables[kind].delete(id)) throw new VitalmeshError('FABRIC-UNKNOWN', { detail: `${kind} ${id}` });
      if (kind === 'config') this.#detachConfig(id);
      else this.#dropRole(`@${id}`);
    });
  }

  /** Several changes in one commit: all of them, or none. */
  together<T>(work: () => T): T {
    if (this.#changing) return work();
    this.#changing = true;
    try {
      return this.#file.changeRights(work);
    } finally {
      this.#changing = false;
    }
  }

  #mayUse(kind: RouterPolicy['kind'], entity: IdentityRecord | ServiceRecord | undefined, routerId: string): boolean {
    const router = this.all('router').find(({ id }) => id === routerId);
    if (!entity || !router || router.disabled) return false;
    return this.all('routerPolicy').some(
      (policy) =>
        policy.kind === kind && rolesName(policy.routerRoles, policy.semantic, router) && rolesName(policy.roles, policy.semantic, entity),
    );
  }

  #detachConfig(id: string): void {
    for (const service of this.services())
      if (service.configs.includes(id))
        this.#tables.service.update({ ...service, configs: service.configs.filter((other) => other !== id) });
  }

  /** Out of AnyOf policies alone: an AllOf policy with one role fewer would let more in than before. */
  #dropRole(role: string): void {
    const updatedAt = this.#file.clock.now();
    const without = (roles: readonly string[]): readonly string[] => roles.filter((other) => other !== role);
    for (const policy of this.policies()) {
      const { semantic, identityRoles, serviceRoles } = policy;
      if (semantic !== 'AnyOf' || (!identityRoles.includes(role) && !serviceRoles.includes(role))) continue;
      const roles = { identityRoles: without(identityRoles), serviceRoles: without(serviceRoles) };
      this.#tables.policy.update({ ...policy, ...roles, updatedAt });
    }
    for (const policy of this.all('routerPolicy')) {
      const { semantic, routerRoles, roles } = policy;
      if (semantic !== 'AnyOf' || (!routerRoles.includes(role) && !roles.includes(role))) continue;
      this.#tables.routerPolicy.update({ ...policy, routerRoles: without(routerRoles), roles: without(roles), updatedAt });
    }
  }

  #refuseTaken<K extends Kind>(kind: K, entity: Kinds[K], own: string | undefined): void {
    const taken = this.#tables[kind].named(entity.name).some((other) => other.id !== own && kindOf(other) === kindOf(entity));
    if (taken) throw new VitalmeshError('FABRIC-NAME', { detail: `${kind} ${entity.name}` });
  }
}

function newId(kind: Kind): string {
  return kind === 'identity' || kind === 'router' ? newIdentityId() : newEntityId();
}

/** Router policies of the two kinds have names of their own. */
function kindOf(entity: Kinds[Kind]): string | undefined {
  return 'kind' in entity ? entity.kind : undefined;
}
