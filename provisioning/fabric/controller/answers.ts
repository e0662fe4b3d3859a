import { newIdentityId } from '../ca.ts';

/** What an endpoint answers, before it is written. */
export interface Answer {
  status: number;
  /** An empty `content-type` stands for none. */
  headers?: Readonly<Record<string, string>>;
  /** JSON unless it is text; undefined is an empty body. */
  body: unknown;
}

/** `cause` of an error: a field with what is wrong about it, or a text. */
export type Cause = { field: string; reason: string; value: string } | { code: 'UNHANDLED'; message: string };

const VERSIONS = { apiEnrollmentVersion: '0.0.1', apiVersion: '0.0.1' };

/** Codes and texts of the real controller (openziti-wire.md §1, openziti-network.md §1.3). */
const MESSAGES = {
  NOT_FOUND: 'The resource requested was not found or is no longer available',
  METHOD_NOT_ALLOWED: 'The resource requested does not support this HTTP verb',
  UNAUTHORIZED: 'The request could not be completed. The session is not authorized or the credentials are invalid',
  INVALID_AUTH: 'The authentication request failed',
  INVALID_ENROLLMENT_TOKEN: 'The supplied token is not valid',
  COULD_NOT_PROCESS_CSR: 'The supplied csr could not be processed',
  INVALID_CLIENT_CERT: 'The provided client certificate is invalid',
  CAN_NOT_UPDATE_AUTHENTICATOR: 'The authenticator cannot be updated in this fashion',
  COULD_NOT_VALIDATE: 'The supplied request contains an invalid document or no valid accept content were available, see cause',
  COULD_NOT_PARSE_BODY: 'The body of the request could not be parsed',
  INVALID_FILTER: 'The filter query supplied is invalid',
  INVALID_SORT_IDENTIFIER: 'The sort order supplied is invalid',
  INVALID_FIELD: 'The field contains an invalid value',
  ENTITY_CAN_NOT_BE_DELETED: 'The entity requested for delete can not be deleted',
  ENTITY_CAN_NOT_BE_UPDATED: 'The entity requested for update can not be updated',
  ENROLLMENT_EXISTS: 'ENROLLMENT_EXISTS',
  MAX_AUTHENTICATOR_METHODS_REACHED: 'The identity already has the maximum authenticators of the specified method',
  SERVER_TOO_MANY_REQUESTS: 'Too many requests to alter state have been issued. Please slow your request rate or try again later.',
  UNHANDLED: 'An unhandled error occurred',
} as const;

export type ApiErrorCode = keyof typeof MESSAGES;

/** `{data, meta}` with status 200 unless told. */
export function data(
  value: unknown,
  { status = 200, headers, meta = {} }: { status?: number; headers?: Record<string, string>; meta?: unknown } = {},
): Answer {
  return { status, body: { data: value, meta }, ...(headers && { headers }) };
}

/** The error body that every endpoint has. */
export function refusal(status: number, code: ApiErrorCode, cause?: Cause, headers?: Record<string, string>): Answer {
  const error = { ...(cause && { cause }), code, message: MESSAGES[code], requestId: newIdentityId() };
  return { status, body: { error, meta: VERSIONS }, ...(headers && { headers }) };
}

export function unhandled(message: string): Cause {
  return { code: 'UNHANDLED', message };
}

/** 404 for an entity; the caller may not see it, or it does not exist: the answer does not tell which. */
export function notFound(entity: string, id: string): Answer {
  return refusal(404, 'NOT_FOUND', unhandled(`${entity} with id ${id} not found`));
}

/** 401 for a call with no token, and with one that is not good (openziti-wire.md §2a, §2b). */
export function unauthorized(how: 'missing' | 'zt-session' | 'bearer' | 'bearer-expired'): Answer {
  if (how === 'zt-session')
    return refusal(401, 'UNAUTHORIZED', undefined, {
      'www-authenticate': 'zt-session realm="zt-session" error="invalid" error_description="token is invalid"',
    });
  if (how === 'bearer' || how === 'bearer-expired') {
    const why =
      how === 'bearer' ? 'error="invalid" error_description="token is invalid"' : 'error="expired" error_description="token expired"';
    return refusal(401, 'UNAUTHORIZED', undefined, { 'www-authenticate': `Bearer realm="openziti-oidc" ${why}` });
  }
  const missing = 'error="missing" error_description="no matching token was provided"';
  return refusal(401, 'UNAUTHORIZED', unhandled('unauthenticated for invalid credentials'), {
    'www-authenticate': `zt-session realm="zt-session" ${missing},Bearer realm="openziti-oidc" ${missing}`,
  });
}
