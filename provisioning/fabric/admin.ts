import { type Clock, type Instant, systemClock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { FabricIdentity, FabricPolicy, FabricService } from './contract.ts';
import type { TokenKey } from './jwt.ts';
import { offerToken } from './operations/enrolments.ts';
import * as identities from './operations/identities.ts';
import type { Network } from './operations/network.ts';
import * as policies from './operations/policies.ts';
import * as services from './operations/services.ts';
import type { IdentityRecord } from './state/records.ts';
import type { FabricState } from './state/state.ts';

export interface NewIdentity {
  name: string;
  attributes?: readonly string[];
}

export interface NewService {
  name: string;
  /** End-to-end encryption; true unless told. */
  encryptionRequired?: boolean;
  attributes?: readonly string[];
}

export interface NewPolicy {
  name: string;
  type: 'Dial' | 'Bind';
  /** AnyOf unless told. */
  semantic?: 'AnyOf' | 'AllOf';
  /** `#attribute`, `#all`, or `@` with a name or id, which is resolved to the id. */
  identityRoles: readonly string[];
  serviceRoles: readonly string[];
}

/** An identity's one-time token (JWT, kind ott, good for three hours). It is a secret until it is spent. */
export interface Enrolment {
  id: string;
  jwt: string;
}

/** An identity as an operator sees it. */
export interface ListedIdentity extends FabricIdentity {
  /** Until when its one-time token may be used, or could have been; undefined when there is none that is not spent. */
  tokenExpiresAt: Instant | undefined;
}

/**
 * What an operator may do with an embedded network. `which` is an id or a name. Throws FABRIC-NAME (taken, or not allowed),
 * FABRIC-ROLE (a role or attribute of another form), FABRIC-UNKNOWN (no such identity, service, policy) and STORAGE-*.
 */
export interface FabricAdmin {
  createIdentity(identity: NewIdentity): Promise<Enrolment>;
  listIdentities(): Promise<ListedIdentity[]>;
  disableIdentity(which: string): Promise<void>;
  enableIdentity(which: string): Promise<void>;
  deleteIdentity(which: string): Promise<void>;
  /** A new token: for an identity that did not enrol in time, or whose certificate is to be replaced. An earlier one is not good any more. */
  reissueToken(which: string): Promise<Enrolment>;
  createService(service: NewService): Promise<FabricService>;
  listServices(): Promise<FabricService[]>;
  deleteService(which: string): Promise<void>;
  createPolicy(policy: NewPolicy): Promise<FabricPolicy>;
  listPolicies(): Promise<FabricPolicy[]>;
  deletePolicy(which: string): Promise<void>;
}

/** No control or format characters, no spaces at the ends, no sign that means a role. */
const NAME = /^(?![@#\s])[^\p{C}\p{Zl}\p{Zp}]{1,128}(?<!\s)$/u;
const ATTRIBUTE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MAX_ATTRIBUTES = 64;
const MAX_ROLES = 256;

/**
 * The operator's part over a state that this process owns, by the operations of the management API. It is stricter than those: a name must
 * be fit for a command line.
 */
export function createAdmin(state: FabricState, tokens: TokenKey, clock: Clock = systemClock): FabricAdmin {
  const { directory } = state;
  const network: Network = { state, tokens, clock };
  const identityId = (which: string): string => resolve('identity', which, directory.identities().filter(isMember));
  const serviceId = (which: string): string => resolve('service', which, directory.services());
  const enrolment = (id: string): Enrolment => ({ id, jwt: offerToken(network, id).jwt });

  return {
    createIdentity: async ({ name, attributes = [] }) =>
      enrolment(identities.createIdentity(network, { name: nameOf(name), attributes: attributesOf(attributes) })),
    listIdentities: async () => {
      const open = new Map(state.enrolments.all().map(({ identityId: of, expiresAt }) => [of, expiresAt]));
      return directory
        .identities()
        .filter(isMember)
        .map(({ id, name, attributes, disabled, enrolledAt }) => {
          return { id, name, attributes, disabled, enrolledAt, tokenExpiresAt: open.get(id) };
        });
    },
    disableIdentity: async (which) => identities.disableIdentity(network, identityId(which)),
    enableIdentity: async (which) => identities.enableIdentity(network, identityId(which)),
    deleteIdentity: async (which) => identities.deleteIdentity(network, identityId(which)),
    reissueToken: async (which) => enrolment(identityId(which)),
    createService: async ({ name, encryptionRequired = true, attributes = [] }) =>
      serviceOf(services.createService(network, { name: nameOf(name), attributes: attributesOf(attributes), encryptionRequired })),
    listServices: async () => directory.services().map(serviceOf),
    deleteService: async (which) => services.deleteService(network, serviceId(which)),
    createPolicy: async ({ name, type, semantic = 'AnyOf', identityRoles, serviceRoles }) =>
      policyOf(
        policies.createPolicy(network, {
          name: nameOf(name),
          type,
          semantic,
          identityRoles: rolesOf(identityRoles, identityId),
          serviceRoles: rolesOf(serviceRoles, serviceId),
        }),
      ),
    listPolicies: async () => directory.policies().map(policyOf),
    deletePolicy: async (which) => policies.deletePolicy(network, resolve('policy', which, directory.policies())),
  };
}

/** Who has a place in the overlay: not the administrator that was made with the network, nor what stands for a router. */
function isMember({ isDefaultAdmin, typeId }: IdentityRecord): boolean {
  return !isDefaultAdmin && typeId === 'Default';
}

function serviceOf({ id, name, attributes, encryptionRequired, terminatorStrategy }: FabricService): FabricService {
  return { id, name, attributes, encryptionRequired, terminatorStrategy };
}

function policyOf({ id, name, type, semantic, identityRoles, serviceRoles }: FabricPolicy): FabricPolicy {
  return { id, name, type, semantic, identityRoles, serviceRoles };
}

/** An id counts before a name: ids are drawn, names are chosen. */
function resolve(kind: string, which: string, all: readonly { id: string; name: string }[]): string {
  const found = all.find(({ id }) => id === which) ?? all.find(({ name }) => name === which);
  if (!found) throw new VitalmeshError('FABRIC-UNKNOWN', { detail: `${kind} ${which.slice(0, 128)}` });
  return found.id;
}

function nameOf(name: string): string {
  if (!NAME.test(name))
    throw new VitalmeshError('FABRIC-NAME', {
      detail: 'a name has 1 to 128 characters, no control characters, no space at either end, and no @ or # in front',
    });
  return name;
}

function attributesOf(attributes: readonly string[]): string[] {
  const unique = [...new Set(attributes)];
  const wrong = unique.find((attribute) => !isAttribute(attribute));
  if (wrong !== undefined || unique.length > MAX_ATTRIBUTES)
    throw new VitalmeshError('FABRIC-ROLE', {
      detail: `an attribute has 1 to 64 letters, digits, dots, dashes and underscores, no #, and is not "all"; at most ${MAX_ATTRIBUTES}`,
    });
  return unique;
}

/** "all" would be everybody in a role. */
function isAttribute(text: string): boolean {
  return ATTRIBUTE.test(text) && text !== 'all';
}

function rolesOf(roles: readonly string[], idOf: (which: string) => string): string[] {
  if (roles.length === 0 || roles.length > MAX_ROLES)
    throw new VitalmeshError('FABRIC-ROLE', { detail: `1 to ${MAX_ROLES} roles are needed` });
  return [
    ...new Set(
      roles.map((role) => {
        if (role.startsWith('@')) return `@${idOf(role.slice(1))}`;
        if (role === '#all' || (role.startsWith('#') && isAttribute(role.slice(1)))) return role;
        throw new VitalmeshError('FABRIC-ROLE', { detail: `role ${role.slice(0, 128)}: expected #attribute, #all or @name` });
      }),
    ),
  ];
}
