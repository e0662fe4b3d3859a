import { PasswordCheck } from '../../passwords.ts';
import { type Answer, data, refusal, unhandled } from '../answers.ts';
import type { Call, Endpoint } from '../call.ts';
import { apiSessionJson } from '../entities.ts';
import { jsonObject } from '../json-body.ts';
import { authenticate as authenticateByCertificate } from '../sign-in.ts';

/** One for the process: passwords are slow on purpose, and all share its threads. */
const checks = new PasswordCheck();
const MAX_CHARACTERS = 1024;

/** POST authenticate?method=password {username, password}; the other methods as for clients. Why not is told nobody but the log. */
export const authenticate: Endpoint = {
  takes: ['application/json'],
  open: (call) => {
    if (call.query.get('method') === 'password') return byPassword(call);
    return 'open' in authenticateByCertificate ? authenticateByCertificate.open(call) : refusal(401, 'INVALID_AUTH');
  },
};

async function byPassword(call: Call): Promise<Answer> {
  const body = jsonObject(call.body);
  if (!body) return refusal(400, 'COULD_NOT_PARSE_BODY', unhandled('parsing auth body from "" failed, because it is no JSON object'));
  const { username, password } = body;
  if (typeof username !== 'string' || typeof password !== 'string')
    return refusal(400, 'COULD_NOT_VALIDATE', unhandled('username and password fields are required'));
  if (username.length > MAX_CHARACTERS || password.length > MAX_CHARACTERS) return refusal(401, 'INVALID_AUTH');
  const { state, log, refusals } = call.parts;
  const known = state.authenticators.byUsername(username)?.password ?? undefined;
  const outcome = await checks.check(password, known);
  if (outcome === 'busy') return refusal(429, 'SERVER_TOO_MANY_REQUESTS');
  // Read again after the wait: it may have been taken away meanwhile, or another password set.
  const authenticator = state.authenticators.byUsername(username);
  const identity = authenticator && state.directory.identity(authenticator.identityId);
  if (outcome === 'wrong' || authenticator?.password !== known || !identity || identity.disabled) {
    if (refusals.due('password')) log.warn('sign-in by password refused');
    return refusal(401, 'INVALID_AUTH');
  }
  const { session, token } = state.sessions.signIn({
    identityId: identity.id,
    authenticatorId: authenticator.id,
    fingerprint: authenticator.fingerprint,
    configTypes: [],
  });
  log.info({ identity: identity.id, session: session.id }, 'identity signed in by password');
  const json = { ...apiSessionJson(session, identity, token, call.address), isCertExtendable: false };
  return data(json, { headers: { 'zt-session': token } });
}
