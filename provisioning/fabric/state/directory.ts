import { VitalmeshError } from '../../../shared/errors.ts';
import { newIdentityId } from '../ca.ts';
import type { FabricIdentity, FabricPolicy, FabricService } from '../contract.ts';
import { newEntityId } from '../ids.ts';
import { permits } from '../policies.ts';
import type { StateFile } from './file.ts';

/** When an entity was made and last changed. */
export interface Dates {
  createdAt: number;
  updatedAt: number;
}

interface IdentityRow {
  id: string;
  name: string;
  attributes: string;
  disabled: number;
  enrolled_at: number | null;
  created_at: number;
  updated_at: number;
}

interface ServiceRow {
  id: string;
  name: string;
  attributes: string;
  encryption_required: number;
  terminator_strategy: FabricService['terminatorStrategy'];
  created_at: number;
  updated_at: number;
}

interface PolicyRow {
  id: string;
  name: string;
  type: FabricPolicy['type'];
  semantic: FabricPolicy['semantic'];
  identity_roles: string;
  service_roles: string;
  created_at: number;
  updated_at: number;
}

type Kind = 'identity' | 'service' | 'policy';

/** Identities, services and policies: what an operator creates and deletes. Names are unique within a kind. */
export class Directory {
  readonly #file: StateFile;
  readonly #services: () => readonly (FabricService & Dates)[];
  readonly #policies: () => readonly (FabricPolicy & Dates)[];

  constructor(file: StateFile) {
    this.#file = file;
    this.#services = keptWhile(file, () => file.sql<[], ServiceRow>('SELECT * FROM service ORDER BY id').all().map(serviceOf));
    this.#policies = keptWhile(file, () => file.sql<[], PolicyRow>('SELECT * FROM policy ORDER BY id').all().map(policyOf));
  }

  identities(): (FabricIdentity & Dates)[] {
    return this.#file.read(() => this.#file.sql<[], IdentityRow>('SELECT * FROM identity ORDER BY name').all().map(identityOf));
  }

  identity(id: string): (FabricIdentity & Dates) | undefined {
    const row = this.#file.read(() => this.#file.sql<[string], IdentityRow>('SELECT * FROM identity WHERE id = ?').get(id));
    return row && identityOf(row);
  }

  /** Ordered by id, as the real controller lists them. */
  services(): readonly (FabricService & Dates)[] {
    return this.#services();
  }

  service(id: string): (FabricService & Dates) | undefined {
    return this.#services().find((service) => service.id === id);
  }

  policies(): readonly (FabricPolicy & Dates)[] {
    return this.#policies();
  }

  /** Whether the identity exists, is enabled, and a policy lets it dial or bind the service. */
  allows(identityId: string, serviceId: string, type: FabricPolicy['type']): boolean {
    const identity = this.identity(identityId);
    const service = this.service(serviceId);
    return identity !== undefined && !identity.disabled && service !== undefined && permits(this.#policies(), identity, service, type);
  }

  /** Throws FABRIC-NAME when the name is taken. */
  createIdentity({ name, attributes }: Pick<FabricIdentity, 'name' | 'attributes'>): FabricIdentity {
    const id = newIdentityId();
    const now = this.#file.clock.now();
    this.#file.changeRights(() => {
      this.#refuseTaken('identity', name);
      this.#file
        .sql<[string, string, string, number, number]>(
          'INSERT INTO identity (id, name, attributes, created_at, updated_at) VALUES (?, ?, ?, ?, ?)',
        )
        .run(id, name, JSON.stringify(attributes), now, now);
    });
    return { id, name, attributes, disabled: false, enrolledAt: undefined };
  }

  /** A disabled identity keeps its certificate; its sessions end. Throws FABRIC-UNKNOWN. */
  setDisabled(id: string, disabled: boolean): void {
    this.#file.changeRights(() => {
      const { changes } = this.#file
        .sql<[number, number, string]>('UPDATE identity SET disabled = ?, updated_at = ? WHERE id = ?')
        .run(Number(disabled), this.#file.clock.now(), id);
      if (changes === 0) throw new VitalmeshError('FABRIC-UNKNOWN', { detail: `identity ${id}` });
      if (disabled) this.#file.sql<[string]>('DELETE FROM api_session WHERE identity_id = ?').run(id);
    });
  }

  /** Throws FABRIC-NAME when the name is taken. */
  createService(service: Omit<FabricService, 'id'>): FabricService {
    const id = newEntityId();
    const now = this.#file.clock.now();
    this.#file.changeRights(() => {
      this.#refuseTaken('service', service.name);
      this.#file
        .sql<[string, string, string, number, string, number, number]>('INSERT INTO service VALUES (?, ?, ?, ?, ?, ?, ?)')
        .run(
          id,
          service.name,
          JSON.stringify(service.attributes),
          Number(service.encryptionRequired),
          service.terminatorStrategy,
          now,
          now,
        );
    });
    return { id, ...service };
  }

  /** Throws FABRIC-NAME when the name is taken. Roles are `#…` or `@id`; whether the ids exist is for the caller to check. */
  createPolicy(policy: Omit<FabricPolicy, 'id'>): FabricPolicy {
    const id = newEntityId();
    const now = this.#file.clock.now();
    const roles = [JSON.stringify(policy.identityRoles), JSON.stringify(policy.serviceRoles)] as const;
    this.#file.changeRights(() => {
      this.#refuseTaken('policy', policy.name);
      this.#file
        .sql<[string, string, string, string, string, string, number, number]>('INSERT INTO policy VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
        .run(id, policy.name, policy.type, policy.semantic, ...roles, now, now);
    });
    return { id, ...policy };
  }

  /** Deletes it with all that hangs on it. Throws FABRIC-UNKNOWN. */
  delete(kind: Kind, id: string): void {
    this.#file.changeRights(() => {
      const { changes } = this.#file.sql<[string]>(DELETE[kind]).run(id);
      if (changes === 0) throw new VitalmeshError('FABRIC-UNKNOWN', { detail: `${kind} ${id}` });
      if (kind !== 'policy') this.#dropRole(`@${id}`);
    });
  }

  /** Out of AnyOf policies alone: an AllOf policy with one role fewer would let more in than before. */
  #dropRole(role: string): void {
    for (const row of this.#file.sql<[], PolicyRow>("SELECT * FROM policy WHERE semantic = 'AnyOf'").all()) {
      const { identityRoles, serviceRoles } = policyOf(row);
      if (!identityRoles.includes(role) && !serviceRoles.includes(role)) continue;
      const without = (roles: readonly string[]): string => JSON.stringify(roles.filter((other) => other !== role));
      this.#file
        .sql<[string, string, number, string]>('UPDATE policy SET identity_roles = ?, service_roles = ?, updated_at = ? WHERE id = ?')
        .run(without(identityRoles), without(serviceRoles), this.#file.clock.now(), row.id);
    }
  }

  #refuseTaken(kind: Kind, name: string): void {
    if (this.#file.sql<[string]>(BY_NAME[kind]).get(name)) throw new VitalmeshError('FABRIC-NAME', { detail: `${kind} ${name}` });
  }
}

const BY_NAME: Record<Kind, string> = {
  identity: 'SELECT 1 FROM identity WHERE name = ?',
  service: 'SELECT 1 FROM service WHERE name = ?',
  policy: 'SELECT 1 FROM policy WHERE name = ?',
};

const DELETE: Record<Kind, string> = {
  identity: 'DELETE FROM identity WHERE id = ?',
  service: 'DELETE FROM service WHERE id = ?',
  policy: 'DELETE FROM policy WHERE id = ?',
};

/** Reads once and again after each write: these lists are asked for at every dial. */
function keptWhile<T>(file: StateFile, read: () => T): () => T {
  let kept: { value: T; revision: number } | undefined;
  return () => {
    if (kept?.revision !== file.revision) kept = { value: file.read(read), revision: file.revision };
    return kept.value;
  };
}

function listOf(json: string): readonly string[] {
  return JSON.parse(json) as string[];
}

function identityOf(row: IdentityRow): FabricIdentity & Dates {
  return {
    id: row.id,
    name: row.name,
    attributes: listOf(row.attributes),
    disabled: row.disabled !== 0,
    enrolledAt: row.enrolled_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function serviceOf(row: ServiceRow): FabricService & Dates {
  return {
    id: row.id,
    name: row.name,
    attributes: listOf(row.attributes),
    encryptionRequired: row.encryption_required !== 0,
    terminatorStrategy: row.terminator_strategy,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function policyOf(row: PolicyRow): FabricPolicy & Dates {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    semantic: row.semantic,
    identityRoles: listOf(row.identity_roles),
    serviceRoles: listOf(row.service_roles),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
