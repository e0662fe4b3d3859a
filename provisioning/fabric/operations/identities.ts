import type { IdentityRecord, Tags } from '../state/records.ts';
import type { Network } from './network.ts';
import { invalid, Refused, unhandledRefusal, unknown } from './refused.ts';
import { attributesOf, checkFree, checkName, tagsOf } from './rules.ts';

/** What of an identity is chosen. */
export interface IdentityFields {
  name: string;
  attributes: readonly string[];
  isAdmin: boolean;
  externalId: string | undefined;
  tags: Tags;
  appData: Tags;
}

const MINUTE_MS = 60_000;
/** A year; beyond that "for ever" is meant. */
const MAX_DISABLED_MINUTES = 525_600;

export function createIdentity(
  { state: { directory } }: Network,
  { name, ...fields }: Pick<IdentityFields, 'name'> & Partial<IdentityFields>,
): string {
  // The real one's answer to this is no validation error.
  if (name === '') throw unhandledRefusal('index on identities.name does not allow null or empty values');
  checkName(name);
  checkFree(directory, 'identity', name);
  return directory.createIdentity({ name, ...checked(directory, undefined, { attributes: [], ...fields }) }).id;
}

/** Changes what is given. */
export function changeIdentity({ state: { directory } }: Network, id: string, { name, ...fields }: Partial<IdentityFields>): void {
  const identity = identityOf({ directory }, id);
  if (identity.typeId === 'Router')
    throw new Refused(400, 'ENTITY_CAN_NOT_BE_UPDATED', { code: 'UNHANDLED', message: 'the identity of a router changes with its router' });
  if (identity.isDefaultAdmin && fields.isAdmin === false) throw invalid('isAdmin', 'the default admin stays an admin', false);
  if (name !== undefined) {
    checkName(name);
    checkFree(directory, 'identity', name, { but: id });
  }
  const changes = checked(directory, id, fields);
  directory.update('identity', id, { ...changes, ...(name !== undefined && { name }) });
}

/** `minutes` 0 is until it is enabled. Its sessions, channels and circuits end at once. */
export function disableIdentity({ state: { directory } }: Network, id: string, minutes = 0): void {
  const { isDefaultAdmin, typeId } = identityOf({ directory }, id);
  if (isDefaultAdmin || typeId === 'Router')
    throw new Refused(400, 'ENTITY_CAN_NOT_BE_UPDATED', {
      code: 'UNHANDLED',
      message: isDefaultAdmin
        ? 'the default admin cannot be disabled: nobody could enable it'
        : 'the identity of a router is disabled with its router',
    });
  if (!Number.isInteger(minutes) || minutes < 0 || minutes > MAX_DISABLED_MINUTES)
    throw invalid('durationMinutes', `durationMinutes in body should be 0 to ${MAX_DISABLED_MINUTES}`, minutes);
  directory.setDisabled(id, true, minutes === 0 ? undefined : minutes * MINUTE_MS);
}

export function enableIdentity({ state: { directory } }: Network, id: string): void {
  identityOf({ directory }, id);
  directory.setDisabled(id, false);
}

export function deleteIdentity({ state: { directory } }: Network, id: string): void {
  const { isDefaultAdmin, typeId, name } = identityOf({ directory }, id);
  if (isDefaultAdmin) throw new Refused(400, 'ENTITY_CAN_NOT_BE_DELETED');
  if (typeId === 'Router')
    throw new Refused(400, 'ENTITY_CAN_NOT_BE_DELETED', {
      code: 'UNHANDLED',
      message: `cannot delete router identity ${name} until associated router is deleted`,
    });
  directory.delete('identity', id);
}

function identityOf({ directory }: Pick<Network['state'], 'directory'>, id: string): IdentityRecord {
  const identity = directory.identity(id);
  if (!identity) throw unknown('identity', id);
  return identity;
}

function checked<F extends Partial<Omit<IdentityFields, 'name'>>>(
  directory: Network['state']['directory'],
  own: string | undefined,
  fields: F,
): F {
  const { attributes, externalId, tags, appData } = fields;
  if (externalId && directory.all('identity').some((other) => other.externalId === externalId && other.id !== own))
    throw invalid('externalId', `duplicate value '${externalId.slice(0, 128)}' in unique index on identities store`, externalId);
  return {
    ...fields,
    ...(attributes && { attributes: attributesOf(attributes) }),
    ...(externalId === '' && { externalId: undefined }),
    ...(tags && { tags: tagsOf(tags) }),
    ...(appData && { appData: tagsOf(appData, 'appData') }),
  };
}
