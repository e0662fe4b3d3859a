import { hashPassword } from '../passwords.ts';
import type { AuthenticatorRecord } from '../state/authenticators.ts';
import type { Network } from './network.ts';
import { invalid, Refused, unknown } from './refused.ts';
import { checkName } from './rules.ts';

/** NIST SP 800-63B §3.1.1.2. */
export const PASSWORD = { min: 8, max: 256 } as const;

/** A name and password by which an identity signs in to the management API. An identity has one. */
export async function addPassword({ state }: Network, identityId: string, username: string, password: string): Promise<string> {
  const identity = state.directory.identity(identityId);
  if (!identity)
    throw new Refused(400, 'INVALID_FIELD', { code: 'UNHANDLED', message: "the value for 'identityId' is invalid: identity not found" });
  if (identity.typeId === 'Router') throw invalid('identityId', 'the identity of a router signs in with no password', identityId);
  const refuseSecond = (): void => {
    if (state.authenticators.all().some((other) => other.identityId === identityId && other.username !== null))
      throw new Refused(409, 'MAX_AUTHENTICATOR_METHODS_REACHED');
    checkUsername(state, username);
  };
  refuseSecond();
  const hash = await hashed(password);
  // Somebody else may have been quicker meanwhile.
  refuseSecond();
  return state.authenticators.addPassword(identityId, username, hash);
}

/** A new password, a new user name, or both. The sessions of before end. */
export async function changePassword(
  { state }: Network,
  id: string,
  { username, password }: { username?: string | undefined; password?: string | undefined },
): Promise<void> {
  const own = passwordOf(state, id);
  if (username !== undefined) checkUsername(state, username, id);
  const hash = password === undefined ? own.password : await hashed(password);
  passwordOf(state, id);
  if (username !== undefined) checkUsername(state, username, id);
  state.authenticators.setPassword(id, username ?? own.username ?? '', hash ?? '');
}

/** A certificate or password is worth nothing from then on, and its sessions end. The default admin keeps its password. */
export function deleteAuthenticator({ state }: Network, id: string): void {
  const authenticator = state.authenticators.get(id);
  if (!authenticator) throw unknown('authenticator', id);
  if (authenticator.username !== null && state.directory.identity(authenticator.identityId)?.isDefaultAdmin)
    throw new Refused(400, 'ENTITY_CAN_NOT_BE_DELETED', {
      code: 'UNHANDLED',
      message: 'the default admin keeps its password; change it instead',
    });
  state.authenticators.delete(id);
}

function passwordOf(state: Network['state'], id: string): AuthenticatorRecord {
  const authenticator = state.authenticators.get(id);
  if (!authenticator) throw unknown('authenticator', id);
  if (authenticator.username === null) throw invalid('id', 'a certificate is extended or enrolled again, and not changed', id);
  return authenticator;
}

function checkUsername(state: Network['state'], username: string, own?: string): void {
  checkName(username);
  const other = state.authenticators.byUsername(username);
  if (other && other.id !== own) throw invalid('username', 'username must be unique', username);
}

/** The password itself is in no answer. */
async function hashed(password: string): Promise<string> {
  if (password.length < PASSWORD.min || password.length > PASSWORD.max)
    throw invalid('password', `a password has ${PASSWORD.min} to ${PASSWORD.max} characters`, '');
  return hashPassword(password);
}
